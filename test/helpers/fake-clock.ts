// A clock that a test moves by hand. Promises that what the code under test knows of the time (src/turn.ts) is of that clock, and that
// none of it is left for the next test.
import { afterEach, beforeEach, vi } from 'vitest';

/** For each test of the file. Default: all that `vi.useFakeTimers` takes. */
export function useFakeClock(toFake?: NonNullable<Parameters<typeof vi.useFakeTimers>[0]>['toFake']): void {
  beforeEach(async () => {
    // What time it is in this turn of the event loop was read from the other clock.
    await new Promise((resolve) => setImmediate(resolve));
    vi.useFakeTimers(toFake && { toFake });
  });
  afterEach(() => {
    // An immediate that a timer has set is due a millisecond later.
    if (vi.isFakeTimers()) vi.advanceTimersByTime(1);
    vi.useRealTimers();
  });
}
