// The last hour as the gateway tells it: all of it once, then its last points again and again. Pure.
import type { Schemas } from '../api/schema.ts';

export type HistoryPoints = Schemas['Overview']['history']['points'];

const HOUR_MS = 3_600_000;

/** `last`: newer than what is there, or the same points once more. What is over an hour old goes. */
export function mergedHistory(points: HistoryPoints, last: HistoryPoints): HistoryPoints {
  const [first] = last;
  const end = last.at(-1);
  if (first === undefined || end === undefined) return points;
  const oldest = Date.parse(end.at) - HOUR_MS;
  const kept = points.filter(({ at }) => at < first.at && Date.parse(at) > oldest);
  return [...kept, ...last];
}

/**
 * Columns as the plots take them: seconds since 1970, and a value or null for each. The last point is not over and is left out where
 * there are others.
 */
export interface HistoryColumns {
  readonly at: readonly number[];
  readonly messages: readonly number[];
  readonly failures: readonly number[];
  readonly p50: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

export function columnsOf(points: HistoryPoints, stepSeconds: number): HistoryColumns {
  // In its first seconds a gateway has no other.
  const over = points.length === 1 ? points : points.slice(0, -1);
  return {
    at: over.map(({ at }) => Date.parse(at) / 1000),
    messages: over.map(({ messages }) => messages / stepSeconds),
    failures: over.map(({ failed }) => failed / stepSeconds),
    p50: over.map(({ p50Ms }) => p50Ms ?? null),
    p99: over.map(({ p99Ms }) => p99Ms ?? null),
  };
}
