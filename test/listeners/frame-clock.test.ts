// The time that a message has: what passes while it is not read does not count.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FrameClock } from '../../listeners/mllp/frame-clock.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('F79 counts what passes while it runs, however often it stands still', () => {
  let over = 0;
  const clock = new FrameClock(() => over++);
  clock.start(1000);
  vi.advanceTimersByTime(400);
  clock.pause();
  clock.pause();
  vi.advanceTimersByTime(10_000);
  clock.resume();
  clock.resume();
  vi.advanceTimersByTime(599);
  expect([over, clock.isSet]).toEqual([0, true]);
  vi.advanceTimersByTime(1);
  expect([over, clock.isSet]).toEqual([1, false]);
  clock.resume();
  vi.advanceTimersByTime(10_000);
  expect(over).toBe(1);
});

it('starts anew, and stops', () => {
  let over = 0;
  const clock = new FrameClock(() => over++);
  clock.start(1000);
  vi.advanceTimersByTime(900);
  clock.start(1000);
  vi.advanceTimersByTime(900);
  expect(over).toBe(0);
  clock.stop();
  clock.resume();
  vi.advanceTimersByTime(10_000);
  expect([over, vi.getTimerCount()]).toEqual([0, 0]);
});
