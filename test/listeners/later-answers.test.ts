// F89: how long a sender's connection waits for application answers.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LaterAnswers } from '../../listeners/mllp/later-answers.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('F89 the wait ends when its time is over, and says so once', () => {
  const onOver = vi.fn();
  const later = new LaterAnswers(() => {}, onOver);
  later.expect(performance.now() + 80);
  later.watch();
  vi.advanceTimersByTime(79);
  expect([later.isOwed, onOver.mock.calls.length]).toEqual([true, 0]);
  vi.advanceTimersByTime(2);
  expect([later.isOwed, onOver.mock.calls.length, vi.getTimerCount()]).toEqual([false, 1, 0]);
});

test('F89 it ends too where its time passes between the look and the watch', () => {
  const onOver = vi.fn();
  const later = new LaterAnswers(() => {}, onOver);
  const until = performance.now() + 80;
  later.expect(until);
  expect(later.isOwed).toBe(true);
  vi.advanceTimersByTime(81);
  later.watch();
  vi.advanceTimersByTime(1);
  expect(onOver).toHaveBeenCalledTimes(1);
});

test('F89 one that is hurried ends earlier, whether it is watched or not yet, and never later', () => {
  for (const isWatched of [true, false]) {
    const onOver = vi.fn();
    const later = new LaterAnswers(() => {}, onOver);
    later.expect(performance.now() + 5_000);
    if (isWatched) later.watch();
    later.hurry(100);
    later.hurry(10_000);
    later.watch();
    vi.advanceTimersByTime(98);
    expect([later.isOwed, onOver.mock.calls.length]).toEqual([true, 0]);
    vi.advanceTimersByTime(3);
    expect([later.isOwed, onOver.mock.calls.length, vi.getTimerCount()]).toEqual([false, 1, 0]);
  }
});

test('F89 a further answer makes it longer, and an answer that has come ends it', () => {
  const onOver = vi.fn();
  const told: string[] = [];
  const later = new LaterAnswers((frame) => void told.push(String(frame)), onOver);
  later.expect(performance.now() + 80);
  later.watch();
  later.expect(performance.now() + 200);
  vi.advanceTimersByTime(100);
  expect([later.isOwed, onOver.mock.calls.length]).toEqual([true, 0]);
  expect(later.tell(Buffer.from('a'))).toBe(true);
  expect(later.tell(Buffer.from('b'))).toBe(true);
  expect([told, onOver.mock.calls.length]).toEqual([['a', 'b'], 1]);
  later.end();
  expect(vi.getTimerCount()).toBe(0);
});
