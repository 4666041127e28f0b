// A Mirth node as the gateway knows it: where it is, whether it is up, how much is under way to it. Decides up and
// down from what dials, answers and health checks say; flips only after as many of them as the config asks for.
import type { GatewayError } from '../errors.ts';
import type { Channel, Delivery } from './delivery.ts';
import type { UpstreamOwner } from './mllp-upstream.ts';

/** A protocol's way to a node. */
export interface Upstream {
  readonly inFlight: number;
  readonly hasRoom: boolean;
  readonly isFull: boolean;
  readonly openConnections: number;
  send(delivery: Delivery, channel?: Channel): void;
  close(): void;
}

export type NodeState = 'up' | 'down';

export interface NodeOptions {
  readonly name: string;
  readonly pool: string;
  readonly weight: number;
  readonly backup: boolean;
  /** Failures in a row that make it down. */
  readonly fall: number;
  /** Good checks in a row that make it up again. */
  readonly rise: number;
  /** No active check brings it back: it is tried again after this long, then twice as long, and so on. Undefined: a check does. */
  readonly retryMs: number | undefined;
}

export interface NodeWatcher {
  /** There is room for one more message. */
  onRoom(node: Node): void;
  /** `usable` may have changed. */
  onUsable(node: Node): void;
  /** `reason`: an error code, or what a check said. */
  onState(node: Node, state: NodeState, reason: string): void;
  onStrayAnswer(node: Node): void;
}

/** Longest time for which a node without a health check is left alone. */
const MAX_RETRY_MS = 60_000;

export class Node implements UpstreamOwner {
  readonly name: string;
  readonly pool: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly #options: NodeOptions;
  readonly #watcher: NodeWatcher;
  readonly #upstream: Upstream;
  #state: NodeState = 'up';
  #since = Date.now();
  #reason = 'not tried yet';
  #failures = 0;
  #passes = 0;
  #ejections = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  /** When it last gave an answer, in performance.now() milliseconds. */
  lastAnswerAt = Number.NEGATIVE_INFINITY;

  constructor(options: NodeOptions, watcher: NodeWatcher, upstream: (owner: UpstreamOwner) => Upstream) {
    this.name = options.name;
    this.pool = options.pool;
    this.weight = options.weight;
    this.backup = options.backup;
    this.#options = options;
    this.#watcher = watcher;
    this.#upstream = upstream(this);
  }

  get state(): NodeState {
    return this.#state;
  }

  /** What made the state what it is, and since when (milliseconds since 1970). */
  get stateReason(): { readonly reason: string; readonly since: number } {
    return { reason: this.#reason, since: this.#since };
  }

  get inFlight(): number {
    return this.#upstream.inFlight;
  }

  get openConnections(): number {
    return this.#upstream.openConnections;
  }

  /** A message may be given to it, now or once it has room. */
  get usable(): boolean {
    return this.#state === 'up' && !this.#upstream.isFull;
  }

  /** It takes one more message right now. */
  get hasRoom(): boolean {
    return this.#upstream.hasRoom;
  }

  /** Only where `hasRoom`, or on a `channel` that has. */
  send(delivery: Delivery, channel?: Channel): void {
    this.#upstream.send(delivery, channel);
  }

  close(): void {
    clearTimeout(this.#retryTimer);
    this.#upstream.close();
  }

  /** A health check succeeded. */
  passed(): void {
    this.#failures = 0;
    if (this.#state === 'up') return;
    this.#passes++;
    if (this.#passes >= this.#options.rise) this.#become('up', `${this.#passes} good checks`);
  }

  /** A health check, a dial or a connection failed. */
  failedBy(reason: string): void {
    this.#passes = 0;
    this.#failures++;
    if (this.#state === 'up' && this.#failures >= this.#options.fall) this.#become('down', reason);
  }

  onReached(): void {
    // A dial proves little (a hung node accepts too), so it does not end a run of failures.
  }

  onAnswered(): void {
    this.lastAnswerAt = performance.now();
    this.#failures = 0;
    this.#ejections = 0;
  }

  onFailure(error: GatewayError): void {
    // Full is not down (F32): what it has, it serves.
    if (error.code !== 'GW_ERR_NODE_FULL')
      this.failedBy(error.detail === undefined ? error.code : `${error.code} (${error.detail})`);
  }

  onRoom(): void {
    this.#watcher.onRoom(this);
  }

  onFullness(): void {
    this.#watcher.onUsable(this);
  }

  onStrayAnswer(): void {
    this.#watcher.onStrayAnswer(this);
  }

  #become(state: NodeState, reason: string): void {
    this.#state = state;
    this.#since = Date.now();
    this.#reason = reason;
    this.#failures = 0;
    this.#passes = 0;
    const { retryMs, fall } = this.#options;
    if (state === 'down' && retryMs !== undefined) {
      const afterMs = Math.min(retryMs * 2 ** this.#ejections++, MAX_RETRY_MS);
      this.#retryTimer = setTimeout(() => {
        // On probation: one more failure and it is down again, for longer.
        this.#become('up', 'tried again');
        this.#failures = fall - 1;
      }, afterMs);
      this.#retryTimer.unref();
    }
    this.#watcher.onState(this, state, reason);
    this.#watcher.onUsable(this);
  }
}
