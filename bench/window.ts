// One measured window: what the proxy, the senders and the nodes spend in it, and what the senders report at both its ends.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from './child.ts';
import { cpuMs } from './proxies.ts';

export type Shares = {
  readonly proxyCpu: number;
  readonly sendersCpu: number;
  readonly nodesCpu: number;
};

export interface Window<T> {
  readonly before: T;
  readonly after: T;
  readonly ms: number;
  /** CPU time of the proxy. */
  readonly cpuMs: number;
  /** Of a core: the proxy's, and that of the busiest process of the senders and of the nodes. Near 1, it is that which is measured. */
  readonly shares: Shares;
}

export async function measureWindow<T>(
  pid: number,
  senders: readonly Child[],
  nodes: readonly Child[],
  windowMs: number,
  report: () => Promise<T>,
): Promise<Window<T>> {
  const groups = [senders, nodes];
  const before = await report();
  const startedAt = performance.now();
  const cpuBefore = cpuMs(pid);
  const othersBefore = groups.map((group) => group.map((child) => child.cpuMs));
  await pause(windowMs);
  const cpu = cpuMs(pid) - cpuBefore;
  const [sendersMs = 0, nodesMs = 0] = groups.map((group, g) =>
    Math.max(...group.map((child, i) => child.cpuMs - (othersBefore[g]?.[i] ?? 0))),
  );
  const after = await report();
  const ms = performance.now() - startedAt;
  const shares = { proxyCpu: cpu / ms, sendersCpu: sendersMs / ms, nodesCpu: nodesMs / ms };
  return { before, after, ms, cpuMs: cpu, shares };
}

export type Rates = {
  /** CPU time of the proxy for each, in microseconds. */
  readonly micros: number;
  readonly perSecond: number;
};

/** Of so many in the window; where there was none, there is no figure. */
export function ratesOf({ cpuMs: cpu, ms, shares }: Window<unknown>, count: number): Rates & Shares {
  const micros = count === 0 ? Number.NaN : (cpu * 1_000) / count;
  return { micros, perSecond: (count / ms) * 1_000, ...shares };
}
