// What has passed in the last hour: messages, failures and how long they took, in steps of ten seconds. Promises a fixed amount of
// memory whatever the load, that a message makes nothing, and that histories of several processes add up.
import { wallMs } from '../../platform/time.ts';
import type { HistoryPoint } from '../control.ts';

export const STEP_MS = 10_000;
/** An hour. */
const STEPS = 360;
/** Each is 1.25 times the one before, from 0.05 ms on: 64 of them reach past a minute. What a quantile says is right to a quarter. */
const BUCKETS = 64;
const FIRST_MS = 0.05;
const GROWTH = 1.25;

/** As it crosses from one process to another: by steps since 1970. */
export interface HistoryCounts {
  readonly step: number;
  readonly messages: Float64Array;
  readonly failed: Float64Array;
  readonly buckets: Uint32Array;
}

export class TrafficHistory {
  readonly #messages = new Float64Array(STEPS);
  readonly #failed = new Float64Array(STEPS);
  readonly #buckets = new Uint32Array(STEPS * BUCKETS);
  #step = 0;

  add(isFailed: boolean, ms: number): void {
    const at = this.#now();
    this.#messages[at] = (this.#messages[at] ?? 0) + 1;
    if (isFailed) this.#failed[at] = (this.#failed[at] ?? 0) + 1;
    const bucket = at * BUCKETS + bucketOf(ms);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  get counts(): HistoryCounts {
    this.#now();
    return { step: this.#step, messages: this.#messages, failed: this.#failed, buckets: this.#buckets };
  }

  /** Where the step of this moment is. A clock that was set back counts on in the last one. */
  #now(): number {
    const step = Math.max(this.#step, Math.floor(wallMs() / STEP_MS));
    if (step !== this.#step) {
      for (let gone = Math.min(step - this.#step, STEPS); gone > 0; gone--) {
        const at = (step - gone + 1) % STEPS;
        this.#messages[at] = 0;
        this.#failed[at] = 0;
        this.#buckets.fill(0, at * BUCKETS, (at + 1) * BUCKETS);
      }
      this.#step = step;
    }
    return step % STEPS;
  }
}

/** The oldest first; the last one is not over. Steps before the first message are left out. `steps`: so many at most. */
export function historyPoints(all: readonly HistoryCounts[], steps = STEPS): readonly HistoryPoint[] {
  const last = Math.max(...all.map(({ step }) => step));
  const points: HistoryPoint[] = [];
  const sums = new Float64Array(BUCKETS);
  for (let step = last - steps + 1; step <= last; step++) {
    // One that has seen nothing for a while is behind, and has another hour in its places.
    const there = all.filter((one) => step <= one.step && step > one.step - STEPS);
    const at = ((step % STEPS) + STEPS) % STEPS;
    const sum = (of: (one: HistoryCounts) => Float64Array): number =>
      there.reduce((total, one) => total + (of(one)[at] ?? 0), 0);
    const messages = sum((one) => one.messages);
    if (messages === 0 && points.length === 0 && step < last) continue;
    sums.fill(0);
    // Most steps of a quiet feed have nothing to add up, and a page asks each second.
    for (const { buckets } of messages === 0 ? [] : there)
      for (let i = 0; i < BUCKETS; i++) sums[i] = (sums[i] ?? 0) + (buckets[at * BUCKETS + i] ?? 0);
    points.push({
      at: new Date(step * STEP_MS).toISOString(),
      messages,
      failed: sum((one) => one.failed),
      p50Ms: quantile(sums, messages, 0.5),
      p99Ms: quantile(sums, messages, 0.99),
    });
  }
  return points;
}

function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH)));
}

/** The upper end of the bucket that holds it. */
function quantile(buckets: Float64Array, count: number, share: number): number | undefined {
  if (count === 0) return undefined;
  let left = count * share;
  for (let i = 0; i < BUCKETS; i++) {
    left -= buckets[i] ?? 0;
    if (left <= 0) return Math.round(FIRST_MS * GROWTH ** i * 100) / 100;
  }
  return undefined;
}
