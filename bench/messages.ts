// What a message costs: CPU time of the proxy for each, messages per second, and round trips, plain and over TLS.
// Promises: a run in which an answer is wrong, missing or surplus, or in which a node got other bytes than were sent, has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadOrder, LoadReport } from './processes/load.ts';
import type { ProxyProcess } from './proxies.ts';
import type { Nodes, Senders } from './senders.ts';
import { measureWindow, type Rates, ratesOf, type Shares } from './window.ts';

export interface Load {
  readonly connections: number;
  readonly pipelining: number;
}

export type MessageFigures = Rates &
  Shares & {
    readonly p50: number;
    readonly p99: number;
    /** Where the event loop is watched: how late it was at most, and what its thread computed without a break, and the longest collection of garbage, in milliseconds. */
    readonly pause: number;
    readonly held: number;
    readonly collection: number;
  };

/** The event loop is watched after the window, as that costs CPU time of its own. */
export async function measureMessages(
  proxy: ProxyProcess,
  senders: Senders,
  order: Omit<LoadOrder, 'port'>,
  warmUpMs: number,
  windowMs: number,
  nodes?: Nodes,
): Promise<MessageFigures> {
  await nodes?.report();
  await senders.begin({ ...order, port: proxy.port });
  await pause(warmUpMs);
  const window = await measureWindow(proxy.pid, senders.inUse, nodes?.processes ?? [], windowMs, () =>
    senders.report(),
  );
  const loop = proxy.watch === undefined ? undefined : await watched(proxy.watch, windowMs);
  const end = await senders.finish();
  if (end.sent === 0) throw new Error(`${proxy.name}: nothing was sent`);
  await expectAllAnswered(proxy, end, nodes);
  const { before, after } = window;
  return {
    ...ratesOf(window, after.answered - before.answered),
    p50: after.p50,
    p99: after.p99,
    pause: loop?.max ?? Number.NaN,
    held: loop?.heldMax ?? Number.NaN,
    collection: loop?.gcMax ?? Number.NaN,
  };
}

async function watched(watch: NonNullable<ProxyProcess['watch']>, windowMs: number) {
  await watch(true);
  await pause(windowMs);
  return watch(false);
}

/** Throws, and says which answer or message was wrong. */
export async function expectAllAnswered(
  { name, lastLog }: Pick<ProxyProcess, 'name' | 'lastLog'>,
  { sent, answered, wrong, broken, firstWrong }: LoadReport,
  nodes?: Nodes,
): Promise<void> {
  const received = await nodes?.report();
  const faults = [
    ...(wrong > 0 ? [`${wrong} wrong answers, first: ${firstWrong}`] : []),
    ...(broken > 0 ? [`${broken} connections broke`] : []),
    ...(answered < sent ? [`${sent - answered} of ${sent} messages were not answered`] : []),
    ...(answered > sent ? [`${answered - sent} answers too many`] : []),
    ...(received !== undefined && received.wrong > 0
      ? [`nodes got ${received.wrong} wrong messages, first: ${received.firstWrong}`]
      : []),
    ...(received !== undefined && received.answered > sent
      ? [`nodes got ${received.answered} messages of ${sent}`]
      : []),
  ];
  if (faults.length === 0) return;
  const log = lastLog?.() ?? '';
  throw new Error(`${name}: ${faults.join('; ')}${log === '' ? '' : `; its log ends with:\n${log}`}`);
}
