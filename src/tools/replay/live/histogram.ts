// Latencies in logarithmic buckets, as HdrHistogram has them: every value is kept to within 1.6 %, from a microsecond to
// an hour, in 12 KiB, however many there are.

/** Buckets in each doubling: 64 keep a value to within 1/64 of it. */
const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
/** 2^32 µs are 71 minutes; no answer is waited for as long. */
const DOUBLINGS = 32;

export interface Bucket {
  /** In milliseconds; above `fromMs`, up to `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

export class LatencyHistogram {
  readonly #counts = new Float64Array((DOUBLINGS - SUB_BITS + 1) * SUB);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  get minMs(): number {
    return this.#count === 0 ? 0 : this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const kept = ms > 0 ? ms : 0;
    this.#count++;
    this.#sumMs += kept;
    if (kept < this.#minMs) this.#minMs = kept;
    if (kept > this.#maxMs) this.#maxMs = kept;
    const at = indexOf(Math.round(kept * 1000));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** The value that `percent` of all do not exceed; 0 without any. */
  percentileMs(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let at = 0; at < this.#counts.length; at++) {
      seen += this.#counts[at] ?? 0;
      if (seen >= wanted) return Math.min(highest(at) / 1000, this.#maxMs);
    }
    return this.#maxMs;
  }

  /** For people: one row for each doubling that has any. */
  rows(): Bucket[] {
    const rows: Bucket[] = [];
    let from = 0;
    for (let at = 0; at < this.#counts.length; ) {
      // The first 64 buckets hold a microsecond each: one row for all of them.
      const next = at + SUB;
      let count = 0;
      for (let i = at; i < next; i++) count += this.#counts[i] ?? 0;
      const to = highest(next - 1);
      if (count > 0) rows.push({ fromMs: from / 1000, toMs: to / 1000, count });
      from = to;
      at = next;
    }
    return rows;
  }
}

/** Below 64 µs a bucket for each; then 64 for each doubling. */
function indexOf(us: number): number {
  if (us < SUB) return us;
  const capped = Math.min(us, 2 ** DOUBLINGS - 1);
  const doubling = 31 - Math.clz32(capped >>> 0);
  const shift = doubling - SUB_BITS;
  return (shift + 1) * SUB + (Math.floor(capped / 2 ** shift) - SUB);
}

/** The largest value of a bucket, in microseconds. */
function highest(index: number): number {
  if (index < SUB) return index;
  const shift = Math.floor(index / SUB) - 1;
  return (SUB + (index % SUB) + 1) * 2 ** shift - 1;
}
