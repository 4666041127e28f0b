// Counts of durations by bucket, with the trace of the last one in each. Promises that a recording is a search among the
// bounds and a few additions: it is done for each message.
import { wallMs } from '../../platform/time.ts';

/**
 * Seconds. From the fastest answer within one machine (0.1 ms) to `timeouts.ack` of 30 s; between them the steps of
 * Prometheus' own defaults, as fine where nodes usually answer (1 to 100 ms).
 */
export const SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** One that was counted, as an example of its bucket. Another takes its place, in the same object. */
export interface Exemplar {
  traceId: string;
  value: number;
  /** Milliseconds since 1970. */
  at: number;
}

export class BucketHistogram {
  readonly bounds: readonly number[];
  /** By bucket, not summed up; one more than there are bounds. */
  readonly counts: number[];
  /** The last one of each bucket that had a trace. */
  readonly exemplars: (Exemplar | undefined)[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[] = SECONDS) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
    this.exemplars = new Array<Exemplar | undefined>(bounds.length + 1).fill(undefined);
  }

  record(value: number, traceId?: string): void {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (bounds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = (this.counts[low] as number) + 1;
    this.sum += value;
    this.count++;
    if (traceId === undefined) return;
    const exemplar = this.exemplars[low];
    if (exemplar === undefined) this.exemplars[low] = { traceId, value, at: wallMs() };
    else {
      exemplar.traceId = traceId;
      exemplar.value = value;
      exemplar.at = wallMs();
    }
  }
}
