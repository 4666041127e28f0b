// How many connections a node takes, where that is fewer than the config says: a full one closes a new connection at once (F32), some
// time later (F95), or refuses it (F96). Promises that a full node is tried again, by one connection at a time.
import { GatewayError } from '../../errors.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import { isRefused } from '../dial.ts';
import type { MllpConnection } from './mllp-connection.ts';
import type { NodeQuirks } from './node-quirks.ts';

/**
 * After the node closed a connection at once, so long no further one is tried beyond those that it keeps (F32); then one,
 * and the rest when that was kept.
 */
const FULL_MS = 1_000;
/**
 * F95: of the connections that a full Mirth closes, 5 to 7 % are closed later than 10 ms after it has accepted them, at most 90 ms.
 * One more connection is watched for longer than that before it is written to, as others serve meanwhile.
 */
const LATE_FULL_MS = 250;
/** How long it has been watched at most: a node that closes later than this is not full. */
const MAX_SETTLE_MS = 500;

/** See `ConnectionLimits`. */
export interface ConnectionCounts {
  readonly open: number;
  readonly taken: number;
  readonly dialling: number;
}

export interface FullnessOwner {
  /** One more connection may be tried. */
  onTrial(): void;
  /** A dial failed, and not because there are others. */
  onFailure(error: GatewayError): void;
}

export class NodeFullness {
  readonly #counts: ConnectionCounts;
  readonly #quirks: NodeQuirks;
  readonly #owner: FullnessOwner;
  /** `trying`: one dial is to show whether it is still full. */
  #state: 'no' | 'full' | 'trying' = 'no';
  #timer: NodeJS.Timeout | undefined;
  /** F96: dials that were refused while others are under way: whether one of those is kept says what that means. */
  readonly #refusals: GatewayError[] = [];
  /** F96: it refuses further connections while some are open, where another one would accept and close. */
  #refusesMore = false;
  #isLimited = false;
  /** Connections that it had when it was seen to be full last. */
  #fullAt = 0;
  /** F95: how long a new connection is watched at least, as the node has been seen to be full. */
  #learnedMs = 0;

  constructor(counts: ConnectionCounts, quirks: NodeQuirks, owner: FullnessOwner) {
    this.#counts = counts;
    this.#quirks = quirks;
    this.#owner = owner;
  }

  /** It was full a moment ago, and has not been seen to take one more connection since. */
  get isKnown(): boolean {
    return this.#state !== 'no';
  }

  get isFull(): boolean {
    return this.#state === 'full';
  }

  get isTrying(): boolean {
    return this.#state === 'trying';
  }

  /** F96: it has been full while it served: a check on its port would take a place that messages need. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** F97: one may be dialled in the place of one that is used up. */
  get #mayReplace(): boolean {
    return this.#quirks.isSingleUse && this.#counts.taken < this.#fullAt;
  }

  get mayDial(): boolean {
    return this.#state === 'no' || this.#mayReplace || (this.isTrying && this.#counts.dialling === 0);
  }

  /** Of `max` connections, those that it may have. */
  allowed(max: number): number {
    if (this.#state === 'no') return max;
    const kept = this.#quirks.isSingleUse ? this.#fullAt : this.#counts.open;
    return Math.min(kept + (this.isTrying ? 1 : 0), max);
  }

  /** How long a new connection is watched before it is written to; `othersServe`: there is time. */
  settleMs(configured: number, othersServe: boolean): number {
    return Math.max(configured, this.#learnedMs, othersServe ? LATE_FULL_MS : 0);
  }

  /** A dial has led to a connection, which is among the open ones. */
  onReached(): void {
    this.#endTrial();
    if (this.#refusals.splice(0).length > 0) this.#onRefusedMore();
  }

  /** A dial has failed. Returns what that means. */
  onDialFailed(thrown: GatewayError): GatewayError {
    const isRefusal = isRefused(thrown);
    const refusesMore = isRefusal && this.#counts.open > 0;
    const { node, detail } = thrown;
    const error = refusesMore
      ? new GatewayError('GW_ERR_NODE_FULL', { node, detail, cause: thrown })
      : thrown;
    if (refusesMore) this.#onRefusedMore();
    else if (error.code === 'GW_ERR_NODE_FULL') this.#onFull();
    // Whatever it is now, it is not full.
    else this.#endTrial();
    if (isRefusal && !refusesMore && this.#counts.dialling > 0) this.#refusals.push(error);
    else for (const failure of [...this.#refusals.splice(0), error]) this.#owner.onFailure(failure);
    return error;
  }

  /**
   * F95: was it closed at its first use, without an answer, while others of the node answer? What was written on it is ambiguous all
   * the same, but nothing is wrong with the node: it is full.
   */
  isLateFull(connection: MllpConnection, error: GatewayError | undefined, othersAnswer: boolean): boolean {
    const { isEndedByNode, answered, dialledAt } = connection;
    if (error?.code !== 'GW_ERR_NODE_CLOSED' || !isEndedByNode || answered > 0 || !othersAnswer) return false;
    const openMs = monotonicMs() - dialledAt;
    if (openMs > MAX_SETTLE_MS) return false;
    this.#learnedMs = Math.min(2 * openMs, MAX_SETTLE_MS);
    this.#onFull();
    return true;
  }

  /** F96: it has closed the last one, and refused what was beyond that. True: it is not full any more. */
  onNoneOpen(): boolean {
    if (!this.#refusesMore) return false;
    this.#refusesMore = false;
    this.#state = 'no';
    this.stop();
    return true;
  }

  /** It is not tried any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #endTrial(): void {
    if (this.isTrying) this.#state = 'no';
  }

  #onRefusedMore(): void {
    this.#refusesMore = true;
    this.#onFull();
  }

  #onFull(): void {
    this.#state = 'full';
    this.#fullAt = this.#counts.taken;
    this.#isLimited ||= this.#counts.open > 0;
    // F97: there each message waits for it, and what closes behind an answer has just made room.
    if (!this.#quirks.isSingleUse) this.#learnedMs = Math.max(this.#learnedMs, LATE_FULL_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#state = 'trying';
      this.#owner.onTrial();
    }, FULL_MS);
    this.#timer.unref();
  }
}
