// Two configs beside each other, line by line.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DiffLine, differenceOf } from '../../console/words/difference.ts';

const marked = (lines: readonly DiffLine[]): string[] =>
  lines.map(({ text, isOwn }) => `${isOwn ? '*' : ' '}${text}`);

test('lines that came, went and changed', () => {
  const { left, right } = differenceOf('a\nb\nc\nd\ne', 'a\nc\nx\ne\nf');
  expect(marked(left)).toEqual([' a', '*b', ' c', '*d', ' e']);
  expect(marked(right)).toEqual([' a', ' c', '*x', ' e', '*f']);
});

test('the same text has nothing of its own, and texts too large to compare differ as a whole', () => {
  const same = differenceOf('a\n\nb', 'a\n\nb');
  expect([...same.left, ...same.right].some(({ isOwn }) => isOwn)).toBe(false);
  const many = (word: string): string =>
    ['head', ...Array.from({ length: 2_000 }, (_, n) => word + n), 'end'].join('\n');
  const { left } = differenceOf(many('a'), many('b'));
  expect(left.filter(({ isOwn }) => isOwn)).toHaveLength(2_000);
  expect([left[0]?.isOwn, left.at(-1)?.isOwn]).toEqual([false, false]);
});

test('no line is lost, and what both have is the same in both', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, text, (one, other) => {
      const { left, right } = differenceOf(one, other);
      expect(left.map((line) => line.text).join('\n')).toBe(one);
      expect(right.map((line) => line.text).join('\n')).toBe(other);
      const common = (lines: readonly DiffLine[]) =>
        lines.filter(({ isOwn }) => !isOwn).map((line) => line.text);
      expect(common(left)).toEqual(common(right));
    }),
    { numRuns: 300 },
  );
});
