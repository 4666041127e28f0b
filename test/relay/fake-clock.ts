// A clock that a test of the pool's queue moves by hand, and control ids for its messages.
import { useFakeClock as useFakeClockOf } from '../helpers/fake-clock.ts';

/** For each test of the file. */
export function useFakeClock(): void {
  useFakeClockOf(['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance']);
}

export const ids = (count: number, prefix = 'X'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
