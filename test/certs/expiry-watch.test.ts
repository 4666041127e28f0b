// Warnings that a certificate ends: at 30, 14, 7 and 1 days and after the end, once each; by a clock of the test's own.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Certificate, daysLeft } from '../../certs/certificate.ts';
import { ExpiryWatch } from '../../certs/expiry-watch.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = new Date('2026-01-01T00:00:00Z');

beforeEach(() => void vi.useFakeTimers({ now: START }));
afterEach(() => void vi.useRealTimers());

const ending = (days: number, name = 'a'): Certificate => ({
  file: `${name}.pem`,
  subject: `CN=${name}`,
  fingerprint: name,
  notAfter: new Date(START.getTime() + days * DAY_MS),
});

/** What is said over the next `days`, as `name at its days left`. */
function said(days: number, certificates: () => readonly Certificate[]): string[] {
  const lines: string[] = [];
  const watch = new ExpiryWatch(certificates, ({ fingerprint }, left) =>
    lines.push(`${fingerprint} ${left}`),
  );
  watch.start();
  vi.advanceTimersByTime(days * DAY_MS);
  watch.stop();
  return lines;
}

test('at each threshold, and at the end, once', () => {
  const one = ending(40);
  expect(said(60, () => [one])).toEqual(['a 30', 'a 14', 'a 7', 'a 1', 'a -1']);
});

test.each([
  [31.5, []],
  [30.5, ['a 30']],
  [20, ['a 20']],
  [14.5, ['a 14']],
  [10, ['a 10']],
  [3, ['a 3']],
  [0.5, ['a 0']],
  [-0.5, ['a -1']],
  [-100, ['a -100']],
])('at start, with %d days left: %j', (days, lines) => {
  const one = ending(days);
  expect(said(0, () => [one])).toEqual(lines);
});

test('a certificate that is used twice is said once, another one for itself', () => {
  const [a, b] = [ending(5), ending(6, 'b')];
  expect(said(0, () => [a, b, { ...a, file: 'copy.pem' }])).toEqual(['a 5', 'b 6']);
});

test('a renewed certificate is quiet; the old one, back again, is said again', () => {
  let current = ending(10);
  const lines: string[] = [];
  const watch = new ExpiryWatch(
    () => [current],
    ({ fingerprint }) => lines.push(fingerprint),
  );
  const old = current;
  watch.check(START);
  current = ending(400, 'new');
  watch.check(START);
  expect(lines).toEqual(['a']);
  current = old;
  watch.check(START);
  expect(lines).toEqual(['a', 'a']);
});

test('stopped, it says nothing more', () => {
  const lines: number[] = [];
  const watch = new ExpiryWatch(
    () => [ending(31.5)],
    (_, days) => lines.push(days),
  );
  watch.start();
  watch.stop();
  vi.advanceTimersByTime(50 * DAY_MS);
  expect(lines).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

describe('days left', () => {
  test.each([
    [2, 2],
    [1.99, 1],
    [1, 1],
    [0.01, 0],
    [-0.01, -1],
    [-1.01, -2],
  ])('%d days: %d', (days, expected) => expect(daysLeft(ending(days), START)).toBe(expected));
});
