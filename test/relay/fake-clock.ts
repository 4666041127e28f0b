// A clock that a test of the pool's queue moves by hand, and control ids for its messages.
import { afterEach, beforeEach, vi } from 'vitest';

/** For each test of the file. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export const ids = (count: number, prefix = 'X'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
