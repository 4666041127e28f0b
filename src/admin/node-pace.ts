// How fast a node answers: its answers in the last seconds and how long they took. A fixed few hundred numbers for each
// node, whatever its load.

/** Of so many answers the quantiles are told. */
const SAMPLES = 512;
/** Of a rate. */
const SECONDS = 10;

export class NodePace {
  readonly #ms = new Float64Array(SAMPLES);
  #count = 0;
  /** Answers in each of the last seconds, by second. */
  readonly #perSecond = new Uint32Array(SECONDS + 1);
  #second = 0;

  /** `nowMs`: monotonicMs(). */
  add(ms: number, nowMs: number): void {
    this.#ms[this.#count % SAMPLES] = ms;
    this.#count++;
    this.#advance(Math.floor(nowMs / 1000));
    const at = this.#second % this.#perSecond.length;
    this.#perSecond[at] = (this.#perSecond[at] ?? 0) + 1;
  }

  /** Over the last ten whole seconds. */
  rate(nowMs: number): number {
    this.#advance(Math.floor(nowMs / 1000));
    let answers = 0;
    for (let i = 1; i <= SECONDS; i++)
      answers += this.#perSecond[(this.#second + i) % this.#perSecond.length] ?? 0;
    return answers / SECONDS;
  }

  /** In milliseconds, of the last answers; undefined without any. */
  quantile(share: number): number | undefined {
    const length = Math.min(this.#count, SAMPLES);
    if (length === 0) return undefined;
    const sorted = this.#ms.slice(0, length).sort();
    return sorted[Math.min(length - 1, Math.floor(length * share))];
  }

  /** Seconds that went by without an answer count as none. */
  #advance(second: number): void {
    const buckets = this.#perSecond.length;
    for (let gone = Math.min(second - this.#second, buckets); gone > 0; gone--)
      this.#perSecond[(second - gone + 1) % buckets] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
