// What a message costs: CPU time of the proxy for each, messages per second, and round trips, plain and over TLS.
// Promises: a run in which an answer is wrong, missing or surplus has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from './child.ts';
import type { LoadOrder, LoadReport } from './processes/load.ts';
import {
  cpuMs,
  type GatewayShape,
  hasHaproxy,
  type NodePorts,
  type ProxyProcess,
  startGateway,
  startHaproxy,
} from './proxies.ts';
import { inRounds, type Times } from './rounds.ts';
import type { TlsFiles } from './tls-files.ts';

export interface Load {
  readonly connections: number;
  readonly pipelining: number;
}

export const LOADS: readonly Load[] = [
  { connections: 8, pipelining: 1 },
  { connections: 64, pipelining: 1 },
  { connections: 8, pipelining: 8 },
  { connections: 64, pipelining: 8 },
];

/** 64 connections to each of two nodes: no message of 64 lockstep senders ever waits for another's. */
export const LOCKSTEP: GatewayShape = {
  name: 'gateway, max 64, pipelining 1',
  max: 64,
  pipelining: 1,
  logMessages: false,
};
export const PIPELINED: GatewayShape = {
  name: 'gateway, max 2, pipelining 256',
  max: 2,
  pipelining: 256,
  logMessages: false,
};
const LOGGED: GatewayShape = { ...PIPELINED, name: 'the same, log.messages: true', logMessages: true };

interface Measured {
  readonly microsPerMessage: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the senders' process, as a share of a core: near 1, it is they who are measured. */
  readonly sendersCpu: number;
}

export async function measureMessages(
  proxy: ProxyProcess,
  senders: Child,
  order: Omit<LoadOrder, 'port'>,
  warmUpMs: number,
  windowMs: number,
): Promise<Measured> {
  await senders.answer({ do: 'start', load: { ...order, port: proxy.port } });
  await pause(warmUpMs);
  const before = await senders.answer<LoadReport>({ do: 'report' });
  const cpuBefore = [cpuMs(proxy.pid), senders.cpuMs] as const;
  const startedAt = performance.now();
  await pause(windowMs);
  const after = await senders.answer<LoadReport>({ do: 'report' });
  const cpu = cpuMs(proxy.pid) - cpuBefore[0];
  const sendersCpu = senders.cpuMs - cpuBefore[1];
  const ms = performance.now() - startedAt;
  const end = await senders.answer<LoadReport>({ do: 'stop' });
  const messages = after.answered - before.answered;
  if (end.wrong > 0 || end.broken > 0 || end.answered !== end.sent || end.checked === 0) {
    throw new Error(`${proxy.name}: ${JSON.stringify(end)}: not every message was answered rightly`);
  }
  return {
    microsPerMessage: (cpu * 1_000) / messages,
    perSecond: (messages / ms) * 1_000,
    p50: after.p50,
    p99: after.p99,
    sendersCpu: sendersCpu / ms,
  };
}

export interface MessageRow extends Measured, Load {
  readonly part: 'messages' | 'messages over TLS';
  readonly proxy: string;
  readonly ofHaproxy: number;
}

/** Over TLS where there are files for it. */
export async function* compareMessages(
  senders: Child,
  nodes: NodePorts,
  folder: string,
  loads: readonly Load[],
  times: Times,
  files?: TlsFiles,
  against?: { readonly revision: string; readonly main: string },
): AsyncGenerator<MessageRow> {
  const over = files === undefined ? {} : { caPem: files.caPem };
  for (const load of loads) {
    const proxies: ProxyProcess[] = [];
    try {
      if (hasHaproxy) proxies.push(await startHaproxy(nodes, folder, { files }));
      const shapes = [LOCKSTEP, PIPELINED];
      if (files === undefined && load.connections === 64 && load.pipelining === 1) shapes.push(LOGGED);
      if (against !== undefined)
        for (const shape of [...shapes])
          shapes.push({ ...shape, name: `${shape.name}, ${against.revision}`, main: against.main });
      for (const shape of shapes) proxies.push(await startGateway(shape, nodes, folder, { files }));
      const results = await inRounds(proxies, times, (proxy, windowMs) =>
        measureMessages(proxy, senders, { ...load, ...over }, times.warmUpMs, windowMs),
      );
      const [first] = results.values();
      const peer = hasHaproxy && first !== undefined ? first.microsPerMessage : Number.NaN;
      const part = files === undefined ? 'messages' : 'messages over TLS';
      for (const [{ name: proxy }, measured] of results)
        yield { part, ...load, proxy, ...measured, ofHaproxy: measured.microsPerMessage / peer };
    } finally {
      for (const proxy of proxies) await proxy.stop();
    }
  }
}

export function messageTable(rows: readonly MessageRow[]): string[][] {
  const head = [
    ['senders', 'outstanding', 'proxy', 'CPU µs/message', 'of HAProxy', 'messages/s', 'p50 ms', 'p99 ms'],
  ];
  // Without TLS the senders' work is a fraction of the proxies'; with it, it is as much as theirs.
  const isTls = rows[0]?.part === 'messages over TLS';
  if (isTls) head[0]?.push('senders’ CPU');
  return [
    ...head,
    ...rows.map((row) => [
      String(row.connections),
      String(row.pipelining),
      row.proxy,
      row.microsPerMessage.toFixed(1),
      Number.isNaN(row.ofHaproxy) ? '' : row.ofHaproxy.toFixed(2),
      Math.round(row.perSecond).toLocaleString('en'),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      ...(isTls ? [`${Math.round(row.sendersCpu * 100)} %`] : []),
    ]),
  ];
}
