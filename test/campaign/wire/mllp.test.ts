// The campaign's own reader of MLLP, by which it judges the gateway's.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameCutter, frame } from './mllp.ts';

/** `1C` inside a payload is content, unless CR follows. */
const payload = fc
  .array(fc.constantFrom(...'ab\r\x1c'), { minLength: 1, maxLength: 12 })
  .map((letters) => letters.join('').replaceAll('\x1c\r', '\x1ca'))
  .filter((text) => !text.endsWith('\x1c'));

it('cuts the same frames out of a stream, however it is split', () => {
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 5 }),
      fc.array(fc.nat({ max: 80 }), { maxLength: 12 }),
      fc.nat({ max: 4 }),
      (payloads, cuts, strays) => {
        const stream = Buffer.concat([
          Buffer.alloc(strays, 'x'),
          ...payloads.map((text) => frame(Buffer.from(text, 'latin1'))),
        ]);
        const cutter = new FrameCutter();
        const got: string[] = [];
        const places = [...cuts, 0, stream.length].filter((at) => at <= stream.length).sort((a, b) => a - b);
        for (let i = 1; i < places.length; i++)
          for (const one of cutter.push(stream.subarray(places[i - 1], places[i])))
            got.push(one.toString('latin1'));
        expect(got).toEqual(payloads);
        expect([cutter.openBytes, cutter.strayBytes]).toEqual([0, strays]);
      },
    ),
  );
});
