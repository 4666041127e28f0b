import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Ring } from '../src/ring.ts';

const STEP = fc.oneof(
  fc.record({ do: fc.constantFrom('push', 'shift', 'pop'), at: fc.nat(20) }),
  fc.record({ do: fc.constantFrom('insert', 'remove', 'cut'), at: fc.nat(20) }),
);

it('holds what an array would, in the same order', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const ring = new Ring<number>();
      const array: number[] = [];
      steps.forEach(({ do: what, at }, item) => {
        const place = array.length === 0 ? 0 : at % array.length;
        if (what === 'push') expect(ring.push(item)).toBe(array.push(item));
        else if (what === 'shift') expect(ring.shift()).toBe(array.shift());
        else if (what === 'pop') expect(ring.pop()).toBe(array.pop());
        else if (what === 'cut') expect(ring.cut(place)).toEqual(array.splice(place));
        else if (what === 'insert') {
          ring.insert(place, item);
          array.splice(place, 0, item);
        } else {
          ring.remove(array[place] ?? -1);
          array.splice(place, 1);
        }
        expect([...ring]).toEqual(array);
        expect([ring.length, ring.at(0), ring.at(-1), ring.at(array.length)]).toEqual([
          array.length,
          array[0],
          undefined,
          undefined,
        ]);
        expect(ring.indexOf(item)).toBe(array.indexOf(item));
      });
    }),
  );
});
