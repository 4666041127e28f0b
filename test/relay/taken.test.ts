// The list of messages that a pool has, against a Set: what is in it, in which order, after any additions and removals.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InFlightList, type Linked } from '../../src/in-flight-list.ts';

interface One extends Linked<One> {
  readonly id: number;
}

function ones(count: number): One[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    isLinked: false,
    ahead: undefined,
    behind: undefined,
  }));
}

test('any additions and removals leave what a Set would have, in its order', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.nat({ max: 9 }), adds: fc.boolean() })), (steps) => {
      const all = ones(10);
      const list = new InFlightList<One>();
      const set = new Set<One>();
      for (const { id, adds } of steps) {
        const one = all[id] as One;
        if (adds) {
          list.add(one);
          set.add(one);
        } else {
          list.delete(one);
          set.delete(one);
        }
        expect([...list].map((each) => each.id)).toEqual([...set].map((each) => each.id));
        expect(list.size).toBe(set.size);
      }
    }),
  );
});

test('one that has left holds none of the others', () => {
  const [a, b, c] = ones(3) as [One, One, One];
  const list = new InFlightList<One>();
  for (const one of [a, b, c]) list.add(one);
  list.delete(b);
  expect([b.isLinked, b.ahead, b.behind]).toEqual([false, undefined, undefined]);
  expect([a.behind, c.ahead]).toEqual([c, a]);
});
