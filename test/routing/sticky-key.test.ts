// Sticky keys: the same for the same sender, different for different ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stickyKey } from '../../routing/sticky-key.ts';
import { ORU, subject, view } from './views.ts';

const key = (message: string, ...by: string[]): string | undefined =>
  stickyKey(view(message), by.map(subject));
const of = (application: string, facility: string): string | undefined =>
  key(`MSH|^~\\&|${application}|${facility}`, 'MSH-3', 'MSH-4');

describe('sticky keys', () => {
  it('are the values, joined', () => {
    expect(key(ORU, 'MSH-3', 'MSH-4')).toBe('LAB|NORTH');
    expect(key(ORU, 'source', 'listener')).toBe('10.1.2.3|adt');
    expect(key(ORU, 'OBX-5')).toBe('a&b');
  });

  it('differ where the parts differ', () => {
    const keys = [
      of('a', 'bc'),
      of('ab', 'c'),
      of('abc', ''),
      of('', 'abc'),
      of('a\\F\\b', 'c'),
      of('a', 'b\\F\\c'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(of('a\\E\\', 'b')).not.toBe(of('a', '\\E\\b'));
  });

  it('can be taken apart again, whatever the parts', () => {
    const part = fc.string({ unit: fc.constantFrom('|', '\\', 'a') });
    const hex = (text: string): string => (text === '' ? '' : `\\X${Buffer.from(text).toString('hex')}\\`);
    const property = fc.property(part, part, part, part, (a, b, c, d) => {
      expect(of(hex(a), hex(b)) === of(hex(c), hex(d))).toBe(a === c && b === d);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('an absent part counts as empty; without any there is no key', () => {
    expect(of('LAB', '')).toBe('LAB|');
    expect(key('MSH|^~\\&|LAB', 'MSH-3', 'MSH-4')).toBe('LAB|');
    expect([of('', ''), key(ORU, 'ZZZ-1'), key(ORU)]).toEqual([undefined, undefined, undefined]);
  });
});
