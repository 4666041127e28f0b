// Makes a day on which something goes wrong smaller, as long as the same rule is broken: fewer events, fewer senders, a shorter day.
// Promises: the day that it returns breaks that rule; it lives no more than a given number of days.
import type { Rule } from '../campaign/checks/violation.ts';
import type { Day } from './day.ts';
import { runDay } from './run-day.ts';

export interface Shrunk {
  readonly day: Day;
  /** Days lived for it. */
  readonly tried: number;
}

export async function shrink(day: Day, rule: Rule, maxTries = 150): Promise<Shrunk> {
  let tried = 0;
  const isWrong = async (candidate: Day): Promise<boolean> => {
    if (tried >= maxTries) return false;
    tried++;
    const { violations } = await runDay(candidate);
    return violations.some((one) => one.rule === rule);
  };
  let least = day;
  least = { ...least, events: await fewest(least.events, 0, (events) => isWrong({ ...least, events })) };
  least = { ...least, senders: await fewest(least.senders, 1, (senders) => isWrong({ ...least, senders })) };
  for (const share of [0.25, 0.5, 0.75]) {
    const shorter = { ...least, durationMs: Math.round(least.durationMs * share) };
    if (!(await isWrong(shorter))) continue;
    return { day: shorter, tried };
  }
  return { day: least, tried };
}

/** Leaves out half of them, then quarters, and so on down to single ones, as long as it is still wrong without. */
async function fewest<T>(
  all: readonly T[],
  min: number,
  isWrong: (some: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = all;
  for (let size = Math.ceil(all.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < left.length; ) {
      const rest = [...left.slice(0, from), ...left.slice(from + size)];
      if (rest.length >= min && (await isWrong(rest))) left = rest;
      else from += size;
    }
  }
  return left;
}
