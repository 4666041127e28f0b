// Any text for fast-check. Its own `unit: 'binary'` makes a table of a million characters first, which takes a process half a second.
import fc from 'fast-check';

const SURROGATES_FROM = 0xd800;
const SURROGATES = 0x800;

/** Any character of Unicode, as `unit: 'binary'` has them: no half of a surrogate pair. */
export const anyCharacter: fc.Arbitrary<string> = fc.nat(0x10ffff - SURROGATES).map(
  (n) => String.fromCodePoint(n < SURROGATES_FROM ? n : n + SURROGATES),
  (character) => {
    const n = typeof character === 'string' ? (character.codePointAt(0) ?? -1) : -1;
    if (n < 0 || String.fromCodePoint(n) !== character) throw new Error('not one character');
    return n < SURROGATES_FROM ? n : n - SURROGATES;
  },
);
