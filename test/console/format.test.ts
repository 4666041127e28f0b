// Numbers and times as the console shows them.
import { describe, expect, test } from 'vitest';
import {
  ago,
  bytes,
  clock,
  count,
  day,
  duration,
  moment,
  plural,
  rate,
  span,
} from '../../console/words/format.ts';

const NOON = new Date(2026, 2, 1, 12, 0, 0).getTime();
const at = (ms: number): string => new Date(ms).toISOString();

test.each([
  [0, '0'],
  [1_234_567, '1,234,567'],
  [undefined, '–'],
  [Number.NaN, '–'],
])('count %j', (value, text) => {
  expect(count(value)).toBe(text);
});

test.each([
  [0, '0'],
  [0.02, '< 0.1'],
  [0.44, '0.4'],
  [12.34, '12.3'],
  [1240.4, '1,240'],
  [undefined, '–'],
  [Number.POSITIVE_INFINITY, '–'],
])('rate %j', (value, text) => {
  expect(rate(value)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [0.44, '0.4 ms'],
  [12.4, '12 ms'],
  [999, '999 ms'],
  [1_310, '1.3 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [125_000, '2 min 5 s'],
  [undefined, '–'],
])('duration %j', (value, text) => {
  expect(duration(value)).toBe(text);
});

test.each([
  [0, '0 s'],
  [-5, '0 s'],
  [59_999, '1 min'],
  [302_000, '5 min 2 s'],
  [3_600_000, '1 h'],
  [3_601_000, '1 h'],
  [(3 * 86_400 + 4 * 3_600 + 59) * 1000, '3 d 4 h'],
])('span %j', (value, text) => {
  expect(span(value)).toBe(text);
});

test.each([
  [0, '0 B'],
  [812, '812 B'],
  [1_434, '1.4 KiB'],
  [64 * 1024 ** 2, '64 MiB'],
  [undefined, '–'],
])('bytes %j', (value, text) => {
  expect(bytes(value)).toBe(text);
});

describe('times', () => {
  test('how long ago, in one unit', () => {
    expect(ago(at(NOON - 400), NOON)).toBe('just now');
    // Clocks of two machines differ.
    expect(ago(at(NOON + 4_000), NOON)).toBe('just now');
    expect(ago(at(NOON - 62_000), NOON)).toBe('1 min ago');
    expect(ago(at(NOON - 50 * 3_600_000), NOON)).toBe('2 d ago');
  });

  test('the clock, with the day where it is another', () => {
    expect(clock(at(NOON))).toBe('12:00:00');
    expect(moment(at(NOON), NOON + 1_000)).toBe('12:00:00');
    expect(moment(at(NOON), NOON + 86_400_000)).toBe('2026-03-01 12:00:00');
    expect(day(at(NOON))).toBe('2026-03-01');
  });

  test('what is no time is a dash', () => {
    for (const wrong of [undefined, '', 'yesterday'])
      expect([ago(wrong, NOON), clock(wrong), moment(wrong, NOON), day(wrong)]).toEqual(['–', '–', '–', '–']);
  });
});

test('one and many', () => {
  expect([plural(1, 'node'), plural(0, 'node'), plural(2, 'fox', 'foxes')]).toEqual([
    '1 node',
    '0 nodes',
    '2 foxes',
  ]);
});
