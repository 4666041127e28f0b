// How long and how often is measured, and the median of what was.
// Promises: proxies take turns within a round, so that what else the machine does hits them alike.
import type { ProxyProcess } from './proxies.ts';

export interface Times {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

/** `/proc` counts in hundredths of a second: a second's window is good to 1 %. */
export const FULL: Times = { rounds: 5, warmUpMs: 400, windowMs: 1_000 };
export const QUICK: Times = { rounds: 2, warmUpMs: 150, windowMs: 400 };
/** Long enough for every part to do its work, and for nothing else. */
export const SMOKE: Times = { rounds: 1, warmUpMs: 20, windowMs: 60 };

/** What one measurement gives, by name. */
export type Figures = Readonly<Record<string, number>>;

/** One figure of all rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below = Number.NaN, above = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  const [low = Number.NaN, high = Number.NaN] = [sorted[0], sorted.at(-1)];
  return { median: (below + above) / 2, low, high };
}

/** Of each proxy the medians of every figure, over all rounds. */
export async function inRounds<T extends Readonly<Record<keyof T, number>>>(
  proxies: readonly ProxyProcess[],
  { rounds, windowMs }: Times,
  measure: (proxy: ProxyProcess, windowMs: number) => Promise<T>,
): Promise<Map<ProxyProcess, T>> {
  const all = new Map<ProxyProcess, T[]>(proxies.map((proxy) => [proxy, []]));
  // A gateway's first second is spent in code that is not compiled yet; it is not what a day is like.
  for (const proxy of proxies) await measure(proxy, windowMs / 2);
  for (let round = 0; round < rounds; round++)
    for (const proxy of proxies) all.get(proxy)?.push(await measure(proxy, windowMs));
  return new Map([...all].map(([proxy, measured]) => [proxy, medians(measured)]));
}

function medians<T extends Readonly<Record<keyof T, number>>>(all: readonly T[]): T {
  const keys = Object.keys(all[0] ?? {}) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, spreadOf(all.map((one) => one[key])).median])) as T;
}
