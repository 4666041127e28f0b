// The nodes of an HTTP pool as proxied requests see them: which one a request goes to, and waiting where none has
// room. Messages of the same pool go through its queue; both count on the same nodes.
import type { Peer } from '../../routing/message-view.ts';
import type { NodeSelector } from '../../routing/node-selector.ts';
import type { PoolConfig, RouteConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import { nodeToken } from '../http/cookie.ts';
import { TraceContext } from '../observe/traces/trace-context.ts';
import { turnTime } from '../turn.ts';
import type { HttpUpstream } from '../upstream/http/http-upstream.ts';
import type { Node } from '../upstream/node.ts';
import { AttemptHistory } from './retry.ts';
import { type Waitable, type WaitPlace, WaitQueue } from './wait-queue.ts';

export interface NodeChoice {
  readonly node: Node;
  readonly upstream: HttpUpstream;
  readonly selectionReason: string;
}

/** Where a request goes, by the config of that epoch. */
export interface RouteTarget {
  readonly route: RouteConfig;
  readonly pool: HttpScheduler;
  readonly epoch: number;
}

/** What binds a request to a node. */
export interface Binding {
  /** The value of the pool's own cookie. */
  readonly token: string | undefined;
  readonly key: string | undefined;
}

export class HttpScheduler {
  #config: PoolConfig;
  readonly pool: NodeSelector<Node>;
  readonly #upstreams: ReadonlyMap<Node, HttpUpstream>;
  readonly #waiting = new WaitQueue<WaitingRequest>();
  #lastSerial = 0;
  readonly #tokens = new Map<string, string>();

  constructor(config: PoolConfig, pool: NodeSelector<Node>, upstreams: ReadonlyMap<Node, HttpUpstream>) {
    this.#config = config;
    this.pool = pool;
    this.#upstreams = upstreams;
  }

  get config(): PoolConfig {
    return this.#config;
  }

  reconfigure(config: PoolConfig): void {
    this.#config = config;
    // Of nodes that may be gone.
    this.#tokens.clear();
  }

  /** Requests waiting for a node. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** The node's value of the pool's cookie. */
  tokenOf(node: Node): string {
    let token = this.#tokens.get(node.name);
    if (token === undefined) {
      token = nodeToken(this.config.name, node.name);
      this.#tokens.set(node.name, token);
    }
    return token;
  }

  /** `wait`: the node that it shall go to has no room. `none`: no node may be given it. */
  place({ token, key }: Binding, tried: ReadonlySet<Node> | undefined): NodeChoice | 'wait' | 'none' {
    const bound =
      token === undefined ? undefined : this.pool.nodes.find((node) => this.tokenOf(node) === token);
    if (bound !== undefined && tried?.has(bound) !== true && this.pool.mayKeep(bound)) {
      return bound.hasRoom ? this.#at(bound, 'cookie') : 'wait';
    }
    const choice = this.pool.choose(key, tried);
    if (choice === undefined) return 'none';
    return choice.wait ? 'wait' : this.#at(choice.node, choice.selectionReason);
  }

  /**
   * Calls `wake` once, when a node may have room or after `leftMs`, with how long that took; the result gives it up. Undefined: the
   * queue is full.
   */
  wait(wake: (queuedMs: number) => void, leftMs: number): (() => void) | undefined {
    if (this.#waiting.size >= this.config.queue.max) return undefined;
    const waiting = new WaitingRequest(wake, ++this.#lastSerial);
    this.#waiting.add(waiting, this.#waiting.any, leftMs, () => this.#wake(waiting));
    return () => this.#waiting.remove(waiting);
  }

  /** A node has room. Those that wait for another one go back to the end: each is asked once at most. */
  onRoom(node: Node): void {
    for (let asks = this.#waiting.size; asks > 0 && node.usable && node.hasRoom; asks--) {
      const { first } = this.#waiting.any;
      if (first === undefined) return;
      this.#wake(first.message);
    }
  }

  /** Nodes came or went: everybody asks again. */
  onUsable(): void {
    for (const waiting of this.#waiting.all) if (this.#waiting.has(waiting)) this.#wake(waiting);
  }

  #wake(waiting: WaitingRequest): void {
    this.#waiting.remove(waiting);
    waiting.wake(waiting.queuedMs);
  }

  #at(node: Node, selectionReason: string): NodeChoice {
    const upstream = this.#upstreams.get(node);
    if (upstream === undefined) throw new TypeError(`node ${node.name} is none of pool ${this.config.name}`);
    return { node, upstream, selectionReason };
  }
}

/** A request that waits for a node. */
class WaitingRequest implements Waitable<WaitingRequest> {
  readonly wake: (queuedMs: number) => void;
  readonly serial: number;
  waitPlace: WaitPlace<WaitingRequest> | undefined;
  queuedMs = 0;

  constructor(wake: (queuedMs: number) => void, serial: number) {
    this.wake = wake;
    this.serial = serial;
  }

  wasQueued(ms: number): void {
    this.queuedMs = ms;
  }
}

/**
 * One proxied request from receipt to response: where it came from, every attempt with its times, what came of it. Logs and traces
 * are made from it when it is over; nothing of its path, its headers or its bodies is in it.
 */
export class ProxiedRequest extends AttemptHistory {
  readonly trace: TraceContext;
  readonly listener: string;
  /** With the client's address, as trusted proxies tell it. */
  readonly peer: Peer;
  readonly method: string;
  /** `1.0`, `1.1`, `2.0`. */
  readonly version: string;
  route: RouteConfig | undefined;
  pool: PoolConfig | undefined;
  /** Of the response; undefined where there was none. */
  status: number | undefined;
  /** The protocol was switched. */
  upgraded = false;
  requestBytes = 0;
  responseBytes = 0;
  error: GatewayError | undefined;
  /** The response's headers went to the client. */
  repliedAt: number | undefined;
  settledAt: number | undefined;

  constructor(
    listener: string,
    peer: Peer,
    method: string,
    version: string,
    trace: TraceContext = new TraceContext(),
  ) {
    super();
    this.trace = trace;
    this.listener = listener;
    this.peer = peer;
    this.method = method;
    this.version = version;
  }

  /** Of the latest attempt. */
  get lastError(): GatewayError | undefined {
    return this.lastAttempt?.error;
  }

  /** It is known where it goes. */
  routed({ route, pool, epoch }: RouteTarget): void {
    this.route = route;
    this.pool = pool.config;
    this.epoch = epoch;
  }

  override responded(status: number): void {
    super.responded(status);
    this.status = status;
    this.repliedAt = turnTime();
  }

  settle(error: GatewayError | undefined): void {
    this.error = error;
    this.settledAt = turnTime();
  }
}
