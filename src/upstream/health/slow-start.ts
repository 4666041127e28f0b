// A node that comes back begins with a small share of its weight and grows to all of it (F45): its caches are cold, and
// senders that hash to it return one after the other instead of all at once.

/** HAProxy and Envoy begin at about this: enough for the node to be chosen at all. */
const FIRST_SHARE = 0.1;

export class SlowStart {
  readonly #durationMs: number;
  /** Undefined: it has its whole weight. */
  #since: number | undefined;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  begin(now: number): void {
    if (this.#durationMs > 0) this.#since = now;
  }

  get isOver(): boolean {
    return this.#since === undefined;
  }

  /** Of the weight, above 0 and up to 1. It never shrinks, so that a sender moves once. */
  share(now: number): number {
    if (this.#since === undefined) return 1;
    const share = (now - this.#since) / this.#durationMs;
    if (share >= 1) this.#since = undefined;
    return Math.min(Math.max(share, FIRST_SHARE), 1);
  }
}
