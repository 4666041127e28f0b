// Latencies, however many there are, in one fixed amount of memory: the runtime's own HdrHistogram keeps every value to
// within 1 %. What that does not tell is counted beside it: rows for people, and minimum, mean and maximum as they were.
import { createHistogram } from 'node:perf_hooks';

/** Microseconds of the first row; each further row ends at twice as much. */
const FIRST_ROW_US = 64;
/** Up to 71 minutes, and the last row for what is longer; no answer is waited for as long. */
const ROWS = 27;

export interface Bucket {
  /** In milliseconds; above `fromMs`, up to `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

export class LatencyHistogram {
  /** In microseconds, from 1: it takes no 0. Two figures are 1 %, in 50 KB. */
  readonly #values = createHistogram({ figures: 2 });
  readonly #rows = new Array<number>(ROWS).fill(0);
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
    const us = Math.round(kept * 1000);
    this.#values.record(Math.max(us, 1));
    const row = rowOf(us);
    this.#rows[row] = (this.#rows[row] as number) + 1;
  }

  /** The value that `percent` of all do not exceed; 0 without any. */
  percentileMs(percent: number): number {
    if (this.#count === 0) return 0;
    // The runtime rounds to the nearest rank: asked for a whole one, it does not answer with the one below.
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    return Math.min(this.#values.percentile((100 * rank) / this.#count) / 1000, this.#maxMs);
  }

  /** For people: one row for each doubling that has any. */
  rows(): Bucket[] {
    return this.#rows.flatMap((count, row) =>
      count === 0 ? [] : [{ fromMs: row === 0 ? 0 : endOf(row - 1), toMs: endOf(row), count }],
    );
  }
}

function rowOf(us: number): number {
  return us < FIRST_ROW_US ? 0 : Math.min(Math.floor(Math.log2(us / FIRST_ROW_US)) + 1, ROWS - 1);
}

/** The largest value of a row, in milliseconds. */
function endOf(row: number): number {
  return (FIRST_ROW_US * 2 ** row - 1) / 1000;
}
