// A connection's deadline: due when nothing has come for so long, never before, and with few timers.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LazyDeadline } from '../../src/upstream/lazy-deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('is due when its time is over, and not before', () => {
  const due = vi.fn();
  const deadline = new LazyDeadline(due);
  deadline.begin(1_000);
  vi.advanceTimersByTime(999);
  expect(due).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(due).toHaveBeenCalledTimes(1);
});

it('begins again with what comes', () => {
  const due = vi.fn();
  const deadline = new LazyDeadline(due);
  deadline.begin(1_000);
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(900);
    deadline.refresh(performance.now());
  }
  expect(due).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_001);
  expect(due).toHaveBeenCalledTimes(1);
});

it('heeds a shorter limit behind a longer one, and a longer one behind a shorter', () => {
  const due = vi.fn();
  const deadline = new LazyDeadline(due);
  deadline.begin(60_000);
  deadline.begin(100);
  vi.advanceTimersByTime(101);
  expect(due).toHaveBeenCalledTimes(1);
  deadline.begin(100);
  deadline.begin(5_000);
  vi.advanceTimersByTime(4_900);
  expect(due).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(200);
  expect(due).toHaveBeenCalledTimes(2);
});

it('sets one timer for any number of requests with the same two limits', () => {
  const deadline = new LazyDeadline(() => {});
  const set = vi.spyOn(globalThis, 'setTimeout');
  for (let i = 0; i < 100; i++) {
    deadline.begin(30_000);
    deadline.begin(240_000);
    vi.advanceTimersByTime(10);
  }
  expect(set.mock.calls.length).toBe(1);
});

it('is not due any more once it has ended', () => {
  const due = vi.fn();
  const deadline = new LazyDeadline(due);
  deadline.begin(10);
  deadline.end();
  vi.advanceTimersByTime(1_000);
  expect(due).not.toHaveBeenCalled();
});
