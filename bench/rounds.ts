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
  return Object.fromEntries(keys.map((key) => [key, median(all.map((one) => one[key]))])) as T;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}
