// What an HTTP request costs: CPU time of the proxy for each, requests per second, and how long each takes.
// Promises: a run in which a response is wrong, short or missing has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from './child.ts';
import { startHttpProxies } from './http-proxies.ts';
import type { HttpLoadOrder, HttpLoadReport } from './processes/http-load.ts';
import { cpuMs, hasHaproxy, type NodePorts, type ProxyProcess } from './proxies.ts';
import { inRounds, type Times } from './rounds.ts';

export interface HttpLoad {
  readonly name: string;
  readonly connections: number;
  readonly request: HttpLoadOrder['request'];
}

export const HTTP_LOADS: readonly HttpLoad[] = [
  { name: 'GET, 64 B', connections: 64, request: 'small' },
  { name: 'POST, 2 KB', connections: 64, request: 'form' },
  { name: 'POST, 2 KB of HL7', connections: 64, request: 'message' },
  { name: 'GET, 1 MB', connections: 8, request: 'large' },
];

interface Measured {
  readonly microsPerRequest: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export async function measureRequests(
  proxy: ProxyProcess,
  clients: Child,
  { connections, request }: HttpLoad,
  warmUpMs: number,
  windowMs: number,
): Promise<Measured> {
  await clients.answer({ do: 'start', load: { port: proxy.port, connections, request } });
  await pause(warmUpMs);
  const before = await clients.answer<HttpLoadReport>({ do: 'report' });
  const cpuBefore = cpuMs(proxy.pid);
  const startedAt = performance.now();
  await pause(windowMs);
  const after = await clients.answer<HttpLoadReport>({ do: 'report' });
  const cpu = cpuMs(proxy.pid) - cpuBefore;
  const ms = performance.now() - startedAt;
  const end = await clients.answer<HttpLoadReport>({ do: 'stop' });
  if (end.wrong > 0 || end.broken > 0 || end.answered !== end.sent)
    throw new Error(`${proxy.name}: ${JSON.stringify(end)}: not every request was answered rightly`);
  const requests = after.answered - before.answered;
  return {
    microsPerRequest: (cpu * 1_000) / requests,
    perSecond: (requests / ms) * 1_000,
    p50: after.p50,
    p99: after.p99,
  };
}

export interface RequestRow extends Measured {
  readonly part: 'requests';
  readonly request: string;
  readonly connections: number;
  readonly proxy: string;
  readonly ofHaproxy: number;
}

export async function* compareRequests(
  clients: Child,
  nodes: NodePorts,
  folder: string,
  times: Times,
): AsyncGenerator<RequestRow> {
  for (const load of HTTP_LOADS) {
    const proxies = await startHttpProxies(nodes, folder);
    try {
      const results = await inRounds(proxies, times, (proxy, windowMs) =>
        measureRequests(proxy, clients, load, times.warmUpMs, windowMs),
      );
      const [first] = results.values();
      const peer = hasHaproxy && first !== undefined ? first.microsPerRequest : Number.NaN;
      const { name: request, connections } = load;
      for (const [{ name: proxy }, measured] of results) {
        const ofHaproxy = measured.microsPerRequest / peer;
        yield { part: 'requests', request, connections, proxy, ...measured, ofHaproxy };
      }
    } finally {
      for (const proxy of proxies) await proxy.stop();
    }
  }
}

export function requestTable(rows: readonly RequestRow[]): string[][] {
  return [
    ['request', 'clients', 'proxy', 'CPU µs/request', 'of HAProxy', 'requests/s', 'p50 ms', 'p99 ms'],
    ...rows.map((row) => [
      row.request,
      String(row.connections),
      row.proxy,
      row.microsPerRequest.toFixed(1),
      Number.isNaN(row.ofHaproxy) ? '' : row.ofHaproxy.toFixed(2),
      Math.round(row.perSecond).toLocaleString('en'),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
    ]),
  ];
}
