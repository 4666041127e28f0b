// Plans of events: told by their seed, and complete.
import { expect, test } from 'vitest';
import { Prng } from '../../../src/tools/world/prng.ts';
import { EVENT_KINDS } from './kinds.ts';
import { type PlannedEvent, planOf } from './plan.ts';

const OPTIONS = { events: 1_000, nodes: 3, senders: 8, durationMs: 400_000, kinds: EVENT_KINDS };
const plan = (seed: number, over: Partial<typeof OPTIONS> = {}): PlannedEvent[] =>
  planOf({ ...OPTIONS, ...over }, new Prng(seed));

test('the same seed plans the same events', () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
});

test('every kind comes about, those of more weight more often', () => {
  const count = (kind: string): number => plan(1).filter((event) => event.kind.kind === kind).length;
  for (const { kind } of EVENT_KINDS) expect(count(kind)).toBeGreaterThan(0);
  expect(count('kill')).toBeGreaterThan(count('negative'));
  const few = plan(1, { events: EVENT_KINDS.length }).map(({ kind }) => kind);
  expect(new Set(few)).toEqual(new Set(EVENT_KINDS));
});

test('they take about the time that they were given, and happen to everybody', () => {
  const events = plan(1);
  const lastsMs = events.reduce((sum, { afterMs }) => sum + afterMs, 0);
  expect(lastsMs).toBeGreaterThan(0.9 * OPTIONS.durationMs);
  expect(lastsMs).toBeLessThan(1.1 * OPTIONS.durationMs);
  const targets = (on: string): Set<number> =>
    new Set(events.filter(({ kind }) => kind.on === on).map(({ target }) => target));
  expect([targets('node').size, targets('sender').size, targets('gateway').size]).toEqual([3, 8, 1]);
});

test('every kind of event has a name of its own', () => {
  const names = EVENT_KINDS.map(({ kind }) => kind);
  expect(new Set(names).size).toBe(names.length);
});
