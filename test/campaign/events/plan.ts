// Which events a campaign has, on whom and when. Pure. Promises: the same seed and the same kinds give the same plan, and
// every kind is there where there are events enough.

import type { Prng } from '../../../src/tools/world/prng.ts';
import type { EventKind } from './kinds.ts';

export interface PlannedEvent {
  readonly number: number;
  readonly kind: EventKind;
  /** Which of the nodes, or of the senders. */
  readonly target: number;
  /** After the event before it has begun. */
  readonly afterMs: number;
  readonly lastsMs: number;
}

export interface PlanOptions {
  readonly events: number;
  readonly nodes: number;
  readonly senders: number;
  /** Of the events together; they overlap. */
  readonly durationMs: number;
  readonly kinds: readonly EventKind[];
}

export function planOf(
  { events, nodes, senders, durationMs, kinds }: PlanOptions,
  prng: Prng,
): PlannedEvent[] {
  const gapMs = durationMs / events;
  // The first ones are one of each kind.
  const first = events < kinds.length ? [] : shuffled(kinds, prng);
  return Array.from({ length: events }, (_, at) => {
    const kind = first[at] ?? weighted(kinds, prng);
    return {
      number: at + 1,
      kind,
      target: prng.int(0, (kind.on === 'node' ? nodes : kind.on === 'sender' ? senders : 1) - 1),
      afterMs: prng.int(0, 2 * gapMs),
      lastsMs: prng.int(...kind.lastsMs),
    };
  });
}

function weighted(kinds: readonly EventKind[], prng: Prng): EventKind {
  let left = prng.next() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new Error('no kind of event');
}

function shuffled<T>(list: readonly T[], prng: Prng): T[] {
  return list
    .map((one) => ({ one, at: prng.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
