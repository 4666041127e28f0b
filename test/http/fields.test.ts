// Which header fields go on: those of the hop end here, whatever a peer calls its own, and what nobody may name stays.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endToEnd, fieldValue, lowerCase, plainName } from '../../src/http/fields.ts';

const HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'TE',
  'Transfer-Encoding',
  'Upgrade',
];
const FRAMING = [
  'Host',
  'Content-Length',
  'Content-Type',
  'Authorization',
  'Cookie',
  'X-Forwarded-For',
  'Forwarded',
];
const OTHER = ['X-Mine', 'Accept', 'X-Other', 'ETag', 'x_mine', ':path'];
const names = fc.constantFrom(...HOP, ...FRAMING, ...OTHER, 'Content_Length', 'transfer_encoding');
const raws = fc
  .array(fc.tuple(names, fc.constantFrom('a', 'b, c', 'close', 'x-mine', 'X-Mine, content-length, HOST', '')))
  .map((pairs) => pairs.flat());
const none = (): boolean => false;

function pairsOf(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i] as string, fields[i + 1] as string]);
  return pairs;
}

describe('endToEnd', () => {
  it('leaves out what belongs to the hop, its twins, and pseudo-fields; the rest stays in order', () => {
    fc.assert(
      fc.property(raws, (raw) => {
        const out = pairsOf(endToEnd(raw, none));
        const named = pairsOf(raw)
          .filter(([name]) => name.toLowerCase() === 'connection')
          .flatMap(([, value]) =>
            value
              .toLowerCase()
              .split(',')
              .map((one) => one.trim()),
          );
        const expected = pairsOf(raw)
          .map(([name, value]) => [name.toLowerCase(), value])
          .filter(([name = '']) => {
            const isHop = HOP.some((one) => one.toLowerCase() === name);
            const isTwin = name === 'content_length' || name === 'transfer_encoding';
            const isNamed = named.includes(name) && !FRAMING.some((one) => one.toLowerCase() === name);
            return !isHop && !isTwin && !isNamed && !name.startsWith(':');
          });
        expect(out).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves out what it is told to, too', () => {
    expect(endToEnd(['A', '1', 'B', '2', 'a', '3'], (name) => name === 'a')).toEqual(['b', '2']);
  });

  it('goes on with itself: a second hop takes nothing more away', () => {
    fc.assert(
      fc.property(raws, (raw) => {
        const once = endToEnd(raw, none);
        expect(endToEnd(once, none)).toEqual(once);
      }),
    );
  });
});

describe('fieldValue', () => {
  it('joins what is given more than once, cookies as cookies', () => {
    const raw = ['A', '1', 'Cookie', 'a=b', 'a', '2', 'cookie', 'c=d', 'AA', '3'];
    expect(fieldValue(raw, 'a')).toBe('1, 2');
    expect(fieldValue(raw, 'cookie')).toBe('a=b; c=d');
    expect(fieldValue(raw, 'b')).toBeUndefined();
  });
});

describe('names', () => {
  it('lower case is lower case, however many there are', () => {
    fc.assert(fc.property(fc.string(), (name) => lowerCase(name) === name.toLowerCase()));
    for (let i = 0; i < 3_000; i++) expect(lowerCase(`X-${i}`)).toBe(`x-${i}`);
  });

  it('a plain name has no underscores', () => {
    expect(plainName('x_forwarded_for')).toBe('x-forwarded-for');
    expect(plainName('x-mine')).toBe('x-mine');
  });
});
