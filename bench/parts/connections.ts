// What it costs to pass a TCP connection on as it is: CPU time of the proxy for each connection, and for each megabyte.
// Promises: a run in which bytes were lost, changed or made up, or a connection broke off, has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../child.ts';
import { hasNginxStream, startNginxStream } from '../nginx.ts';
import {
  type Entry,
  medianColumn,
  type Part,
  rangeColumn,
  ratioOf,
  sharesColumn,
  TARGET_COLUMN,
  type Target,
} from '../part.ts';
import type { TcpLoadOrder, TcpLoadReport } from '../processes/tcp-load.ts';
import { hasHaproxy, type ProxyProcess, startHaproxy, startTcpGateway } from '../proxies.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';
import { measureWindow, ratesOf } from '../window.ts';

interface TcpLoad {
  readonly name: string;
  readonly connections: number;
  readonly kind: TcpLoadOrder['kind'];
  /** Of what is done, in one of what is shown. */
  readonly unit: number;
  readonly most?: number;
}

const MEGABYTE = 1e6;

const LOADS: readonly TcpLoad[] = [
  { name: 'connection, 64 B each way', connections: 16, kind: 'echo', unit: 1 },
  { name: 'MB to the node, 64 KiB writes', connections: 4, kind: 'up', unit: MEGABYTE, most: 1.5 },
  { name: 'MB from the node, 64 KiB writes', connections: 4, kind: 'down', unit: MEGABYTE, most: 1.5 },
];

async function measureTcp(
  proxy: ProxyProcess,
  clients: Child,
  { connections, kind, unit }: TcpLoad,
  warmUpMs: number,
  windowMs: number,
): Promise<Figures> {
  await clients.answer({ do: 'start', load: { port: proxy.port, connections, kind } satisfies TcpLoadOrder });
  await pause(warmUpMs);
  const window = await measureWindow(proxy.pid, [clients], [], windowMs, () =>
    clients.answer<TcpLoadReport>({ do: 'report' }),
  );
  const { wrong, firstWrong, done } = await clients.answer<TcpLoadReport>({ do: 'stop' });
  if (wrong > 0 || done === 0)
    throw new Error(
      `${proxy.name}: ${wrong} were wrong, first: ${firstWrong || 'none, and nothing was done'}`,
    );
  return ratesOf(window, (window.after.done - window.before.done) / unit);
}

export function tcpPart(room: Room): Part {
  return {
    name: 'tcp',
    title: '`protocol: tcp`, two nodes',
    labels: ['each', 'connections'],
    comparisons: [ratioOf('micros')],
    columns: [
      rangeColumn('CPU µs', 'micros', 1),
      rangeColumn('of HAProxy', 'ratio', 2),
      TARGET_COLUMN,
      medianColumn('in a second', 'perSecond', 0),
      sharesColumn('CPU of proxy / clients', ['proxyCpu', 'sendersCpu']),
    ],
    groups: () =>
      room.pick(LOADS, LOADS, LOADS.slice(0, 2)).map((load) => ({ entries: entriesOf(room, load) })),
  };
}

function entriesOf(room: Room, load: TcpLoad): Entry[] {
  const { folder, times } = room;
  const common = {
    labels: [load.name, String(load.connections)],
    base: 'HAProxy',
    measure: (proxy: ProxyProcess, windowMs: number) =>
      measureTcp(proxy, room.child('tcp-load.ts'), load, times.warmUpMs, windowMs),
  };
  const targets: readonly Target[] = load.most === undefined ? [] : [{ of: 'ratio', most: load.most }];
  const haproxy: Entry = {
    ...common,
    id: 'HAProxy',
    proxy: 'HAProxy, TCP mode',
    start: async () => startHaproxy(await room.tcpNodes, folder),
  };
  const nginx: Entry = {
    ...common,
    id: 'nginx',
    proxy: 'nginx stream',
    start: async () => startNginxStream(await room.tcpNodes, folder),
  };
  const gateway: Entry = {
    ...common,
    id: 'gateway',
    proxy: 'gateway',
    isGateway: true,
    targets,
    start: async (options) => startTcpGateway(await room.tcpNodes, folder, options),
  };
  return [...(hasHaproxy ? [haproxy] : []), ...(hasNginxStream ? [nginx] : []), gateway];
}
