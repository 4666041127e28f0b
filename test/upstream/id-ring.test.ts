// What a ring of control ids knows, beside a list of strings.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IdRing } from '../../src/upstream/mllp/id-ring.ts';

const id = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '^', '1'), maxLength: 4 }),
  // The same in their last eight characters, and of a length about that from which on they are kept as strings.
  fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 36 }).map((text) => `${text}12345678`),
);

it('holds the last ones, however they were added', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(id, fc.boolean()), { maxLength: 20 }),
      id,
      (slots, added, other) => {
        const ring = new IdRing(slots);
        const list: string[] = [];
        expect([ring.hasText(other), ring.isLast(other)]).toEqual([false, false]);
        for (const [text, asText] of added) {
          list.push(text);
          if (asText) ring.addText(text);
          else ring.add(Buffer.from(`MSH|${text}|P`, 'latin1'), 4, 4 + text.length);
          const last = list.slice(-slots);
          for (const asked of [...list, other]) {
            expect(ring.hasText(asked)).toBe(last.includes(asked));
            expect(ring.has(Buffer.from(`|${asked}`, 'latin1'), 1, 1 + asked.length)).toBe(
              last.includes(asked),
            );
            expect(ring.isLast(asked)).toBe(last.at(-1) === asked);
          }
        }
      },
    ),
  );
});

it('bytes beyond ASCII are what they are', () => {
  const ring = new IdRing(2);
  ring.add(Buffer.from([0xff, 0xe4]), 0, 2);
  expect([ring.hasText('ÿä'), ring.hasText('ÿ')]).toEqual([true, false]);
});
