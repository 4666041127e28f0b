// The last hour as it comes: whole once, then its end again and again.
import { expect, test } from 'vitest';
import { columnsOf, type HistoryPoints, mergedHistory } from '../../console/state/history.ts';

const at = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 10_000).toISOString();
const points = (from: number, to: number, messages = 10): HistoryPoints =>
  Array.from({ length: to - from }, (_, i) => ({ at: at(from + i), messages, failed: 0 }));

test('the last points take the place of what was there', () => {
  const merged = mergedHistory(points(0, 5), points(4, 6, 20));
  expect(merged.map(({ messages }) => messages)).toEqual([10, 10, 10, 10, 20, 20]);
  expect(new Set(merged.map((point) => point.at)).size).toBe(6);
});

test('nothing is kept for longer than an hour, and nothing new changes nothing', () => {
  expect(mergedHistory(points(0, 360), points(399, 401))).toHaveLength(321);
  expect(mergedHistory([], points(1, 3))).toHaveLength(2);
  const before = points(0, 3);
  expect(mergedHistory(before, [])).toBe(before);
});

test('a plot leaves out the step that is not over, and has gaps where nothing passed', () => {
  const all: HistoryPoints = [
    { at: at(0), messages: 20, failed: 5, p50Ms: 3, p99Ms: 9 },
    { at: at(1), messages: 0, failed: 0 },
    { at: at(2), messages: 1, failed: 0, p50Ms: 1, p99Ms: 1 },
  ];
  const second = Date.parse(at(0)) / 1000;
  expect(columnsOf(all, 10)).toEqual({
    at: [second, second + 10],
    messages: [2, 0],
    failures: [0.5, 0],
    p50: [3, null],
    p99: [9, null],
  });
  expect(columnsOf([], 10).at).toEqual([]);
  expect(columnsOf(all.slice(0, 1), 10).messages).toEqual([2]);
});
