// Is what was measured flat? Pure. Promises: judged is the last quarter against the second one, so that neither the start, when
// code is compiled and tables fill, nor a single peak decides.

export interface Sample {
  /** Since the start, in seconds. */
  readonly t: number;
  readonly rss: number;
  readonly descriptors: number;
  readonly p99: number;
  /** Answers in this interval. */
  readonly answers: number;
}

export interface Totals {
  readonly messages: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly misattributed: number;
  readonly unanswered: number;
  /** What the gateway said on stderr, as an error, and by its end. */
  readonly failures: readonly string[];
}

const MIB = 1024 * 1024;
/** What V8 and malloc keep of a peak's pages, and give back late. */
const RSS_GROWTH = 24 * MIB;
/** Connections to nodes come and go with the load, one by one. */
const DESCRIPTOR_GROWTH = 4;

/** What is wrong; none: all is as it should be. */
export function verdictOf(samples: readonly Sample[], totals: Totals): string[] {
  const found: string[] = [];
  const rss = growthOf(samples.map((one) => one.rss));
  const descriptors = growthOf(samples.map((one) => one.descriptors));
  if (rss > RSS_GROWTH) found.push(`RSS grew by ${(rss / MIB).toFixed(1)} MiB`);
  if (descriptors > DESCRIPTOR_GROWTH) found.push(`descriptors grew by ${descriptors}`);
  for (const what of ['lost', 'misattributed', 'unanswered'] as const)
    if (totals[what] !== 0) found.push(`${what}: ${totals[what]}`);
  return [...found, ...totals.failures];
}

export function growthOf(values: readonly number[]): number {
  const quarter = Math.floor(values.length / 4);
  if (quarter === 0) return 0;
  return median(values.slice(-quarter)) - median(values.slice(quarter, quarter * 2));
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
