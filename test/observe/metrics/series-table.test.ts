// Counts by names: the same names are the same count, there is a bound, and what is gone is forgotten after a while.
import { expect, test } from 'vitest';
import { OTHER, SeriesTable } from '../../../src/observe/metrics/series-table.ts';

const MINUTE_MS = 60_000;

function table(max?: number): SeriesTable<{ count: number }> {
  return new SeriesTable(() => ({ count: 0 }), max);
}

function counts(of: SeriesTable<{ count: number }>): Record<string, number> {
  return Object.fromEntries(of.all.map(({ names, cell }) => [names.join('/'), cell.count]));
}

test('names that differ in one place only are counted apart', () => {
  const series = table();
  const all = ['a', 'a/b', 'a//b', 'a/b/c/d', 'a/b/c/e', 'a'];
  for (const [a = '', b, c, d] of all.map((one) => one.split('/'))) series.of(a, b, c, d).count++;
  expect(counts(series)).toEqual({ 'a///': 2, 'a/b//': 1, 'a//b/': 1, 'a/b/c/d': 1, 'a/b/c/e': 1 });
});

test('what comes above the bound is counted together, and what was there goes on', () => {
  const series = table(3);
  for (const name of ['1', '2', '3', '4', '5', '4']) series.of(name).count++;
  series.of('1').count++;
  expect(counts(series)).toEqual({
    '1///': 2,
    '2///': 1,
    '3///': 1,
    [`${OTHER}/`.repeat(4).slice(0, -1)]: 3,
  });
});

test('one that is gone is forgotten after ten minutes, unless it comes back, and makes room', () => {
  const series = table(2);
  series.of('stays').count++;
  series.of('goes').count++;
  const isThere = ([name]: readonly string[]): boolean => name === 'stays';
  series.prune(isThere, 0);
  series.prune(isThere, 9 * MINUTE_MS);
  expect(Object.keys(counts(series))).toEqual(['stays///', 'goes///']);
  series.prune(() => true, 9 * MINUTE_MS);
  series.prune(isThere, 11 * MINUTE_MS);
  expect(Object.keys(counts(series))).toEqual(['stays///', 'goes///']);
  series.prune(isThere, 21 * MINUTE_MS);
  expect(counts(series)).toEqual({ 'stays///': 1 });
  series.of('new').count++;
  expect(counts(series)).toEqual({ 'stays///': 1, 'new///': 1 });
});
