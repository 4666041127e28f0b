// What an HTTP request costs: CPU time of the proxy for each, requests per second, and how long each takes.
// Promises: a run in which a response is wrong, short or missing has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../child.ts';
import { HTTP_PEERS, startHttpGateway, startHttpPeer } from '../http-proxies.ts';
import { hasNginx, startNginxHttp } from '../nginx.ts';
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
import type { HttpLoadOrder, HttpLoadReport } from '../processes/http-load.ts';
import { hasHaproxy, type ProxyProcess, startHaproxyHttp } from '../proxies.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';
import { measureWindow, ratesOf } from '../window.ts';

interface HttpLoad {
  readonly name: string;
  readonly connections: number;
  readonly request: HttpLoadOrder['request'];
  readonly most?: number;
}

const LOADS: readonly HttpLoad[] = [
  { name: 'GET, 64 B', connections: 64, request: 'small', most: 1.8 },
  { name: 'POST, 2 KB', connections: 64, request: 'form' },
  { name: 'POST, 2 KB of HL7', connections: 64, request: 'message', most: 2.2 },
  { name: 'GET, 1 MB', connections: 8, request: 'large', most: 1.4 },
];

async function measureRequests(
  proxy: ProxyProcess,
  clients: Child,
  { connections, request }: HttpLoad,
  warmUpMs: number,
  windowMs: number,
): Promise<Figures> {
  await clients.answer({ do: 'start', load: { port: proxy.port, connections, request } });
  await pause(warmUpMs);
  const window = await measureWindow(proxy.pid, [clients], [], windowMs, () =>
    clients.answer<HttpLoadReport>({ do: 'report' }),
  );
  const end = await clients.answer<HttpLoadReport>({ do: 'stop' });
  if (end.wrong > 0 || end.broken > 0 || end.answered !== end.sent || end.sent === 0)
    throw new Error(`${proxy.name}: ${JSON.stringify(end)}: not every request was answered rightly`);
  const { before, after } = window;
  return { ...ratesOf(window, after.answered - before.answered), p50: after.p50, p99: after.p99 };
}

export function httpPart(room: Room): Part {
  return {
    name: 'http',
    title: 'HTTP/1.1 requests, two nodes',
    labels: ['request', 'clients'],
    comparisons: [ratioOf('micros')],
    columns: [
      rangeColumn('CPU µs/request', 'micros', 1),
      rangeColumn('of HAProxy', 'ratio', 2),
      TARGET_COLUMN,
      medianColumn('requests/s', 'perSecond', 0),
      medianColumn('p50 ms', 'p50', 2),
      medianColumn('p99 ms', 'p99', 2),
      sharesColumn('CPU of proxy / clients', ['proxyCpu', 'sendersCpu']),
    ],
    groups: () =>
      room.pick(LOADS, LOADS, LOADS.slice(2, 3)).map((load) => ({ entries: entriesOf(room, load) })),
  };
}

function entriesOf(room: Room, load: HttpLoad): Entry[] {
  const { folder, times } = room;
  const common = {
    labels: [load.name, String(load.connections)],
    base: 'HAProxy',
    measure: (proxy: ProxyProcess, windowMs: number) =>
      measureRequests(proxy, room.child('http-load.ts'), load, times.warmUpMs, windowMs),
  };
  const targets: readonly Target[] = load.most === undefined ? [] : [{ of: 'ratio', most: load.most }];
  const haproxy: Entry = {
    ...common,
    id: 'HAProxy',
    proxy: 'HAProxy, HTTP mode',
    start: async () => startHaproxyHttp(await room.httpNodes, folder),
  };
  const nginx: Entry = {
    ...common,
    id: 'nginx',
    proxy: 'nginx',
    start: async () => startNginxHttp(await room.httpNodes, folder),
  };
  const gateway: Entry = {
    ...common,
    id: 'gateway',
    proxy: 'gateway',
    isGateway: true,
    targets,
    start: async (options) => startHttpGateway(await room.httpNodes, folder, options),
  };
  const peers = HTTP_PEERS.map(
    (kind): Entry => ({
      ...common,
      id: kind,
      proxy: kind,
      start: async () => startHttpPeer(kind, await room.httpNodes),
    }),
  );
  return [...(hasHaproxy ? [haproxy] : []), ...(hasNginx ? [nginx] : []), gateway, ...peers];
}
