import { expect, test } from 'vitest';
import type { Portion } from '../../../src/config/health-config.ts';
import { mayEject } from '../../../src/upstream/health/ejection-floor.ts';

/** `s`: serving, `e`: ejected, `d`: down by a check, `m`: in maintenance. The first is the one that is asked for. */
function nodes(text: string): { isServing: boolean; isEjected: boolean }[] {
  return [...text].map((state) => ({ isServing: state === 's', isEjected: state === 'e' }));
}

const ALL: Portion = { share: 1 };

test.each<[states: string, most: Portion, expected: boolean]>([
  ['s', ALL, false],
  ['ss', ALL, true],
  // One always stays, whatever the rest is out for.
  ['se', ALL, false],
  ['sd', ALL, false],
  ['sm', ALL, false],
  ['sse', ALL, true],
  ['sse', { share: 0.5 }, false],
  ['ss', { share: 0.5 }, true],
  ['sss', { share: 0.5 }, true],
  ['ssse', { share: 0.5 }, true],
  ['ssss', { share: 0.2 }, false],
  ['sssss', { share: 0.2 }, true],
  ['ss', { count: 0 }, false],
  ['ss', { count: 1 }, true],
  ['sse', { count: 1 }, false],
  ['sssde', { count: 2 }, true],
  // One that is out already counts itself only once.
  ['es', { count: 1 }, true],
])('%s, %j: %s', (states, most, expected) => {
  const [node, ...others] = nodes(states);
  if (node === undefined) throw new Error('no node');
  expect(mayEject(node, [node, ...others], most)).toBe(expected);
});
