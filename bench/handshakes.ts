// What a TLS handshake costs: CPU time of the proxy for each and how many there are in a second, by kind of key.
// Promises: a run in which a handshake failed, or was resumed where it should be a full one, has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from './child.ts';
import { LOCKSTEP } from './messages.ts';
import type { HandshakeOrder, HandshakeReport } from './processes/handshake-load.ts';
import {
  cpuMs,
  hasHaproxy,
  type NodePorts,
  type ProxyProcess,
  startGateway,
  startHaproxy,
} from './proxies.ts';
import { inRounds, type Times } from './rounds.ts';
import type { TlsFiles } from './tls-files.ts';

/** Enough for the proxy never to wait, far below the gateway's `maxHandshakes`. */
const AT_ONCE = 16;

export type Kind = 'full' | 'resumed';

interface Measured {
  readonly microsPerHandshake: number;
  readonly perSecond: number;
  readonly proxyCpu: number;
  readonly sendersCpu: number;
}

export interface HandshakeRow extends Measured {
  readonly part: 'handshakes';
  readonly key: string;
  readonly kind: Kind;
  readonly proxy: string;
  readonly ofHaproxy: number;
}

export async function measureHandshakes(
  proxy: ProxyProcess,
  senders: Child,
  order: Omit<HandshakeOrder, 'port' | 'connections'>,
  warmUpMs: number,
  windowMs: number,
): Promise<Measured> {
  await senders.answer({ do: 'start', load: { ...order, port: proxy.port, connections: AT_ONCE } });
  await pause(warmUpMs);
  const before = await senders.answer<HandshakeReport>({ do: 'report' });
  const cpuBefore = [cpuMs(proxy.pid), senders.cpuMs] as const;
  const startedAt = performance.now();
  await pause(windowMs);
  const after = await senders.answer<HandshakeReport>({ do: 'report' });
  const cpu = cpuMs(proxy.pid) - cpuBefore[0];
  const sendersCpu = senders.cpuMs - cpuBefore[1];
  const ms = performance.now() - startedAt;
  const end = await senders.answer<HandshakeReport>({ do: 'stop' });
  if (end.failed > 0) throw new Error(`${proxy.name}: ${end.failed} failed, first: ${end.firstFailure}`);
  const handshakes = after.done - before.done;
  return {
    microsPerHandshake: (cpu * 1_000) / handshakes,
    perSecond: (handshakes / ms) * 1_000,
    proxyCpu: cpu / ms,
    sendersCpu: sendersCpu / ms,
  };
}

export async function* compareHandshakes(
  senders: Child,
  nodes: NodePorts,
  folder: string,
  certificates: Readonly<Record<string, TlsFiles>>,
  kinds: readonly Kind[],
  times: Times,
): AsyncGenerator<HandshakeRow> {
  for (const [key, files] of Object.entries(certificates)) {
    const proxies: ProxyProcess[] = [];
    try {
      if (hasHaproxy) {
        proxies.push(await startHaproxy(nodes, folder, { files }));
        proxies.push(await startHaproxy(nodes, folder, { files, dialsOnData: true }));
      }
      proxies.push(await startGateway({ ...LOCKSTEP, name: 'gateway' }, nodes, folder, { files }));
      for (const kind of kinds) {
        const results = await inRounds(proxies, times, (proxy, windowMs) =>
          measureHandshakes(
            proxy,
            senders,
            { caPem: files.caPem, resume: kind === 'resumed' },
            times.warmUpMs,
            windowMs,
          ),
        );
        const [first] = results.values();
        const peer = hasHaproxy && first !== undefined ? first.microsPerHandshake : Number.NaN;
        for (const [{ name: proxy }, measured] of results) {
          const ofHaproxy = measured.microsPerHandshake / peer;
          yield { part: 'handshakes', key, kind, proxy, ...measured, ofHaproxy };
        }
      }
    } finally {
      for (const proxy of proxies) await proxy.stop();
    }
  }
}

export function handshakeTable(rows: readonly HandshakeRow[]): string[][] {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return [
    ['key', 'handshake', 'proxy', 'CPU µs', 'of HAProxy', 'handshakes/s', 'proxy’s CPU', 'senders’ CPU'],
    ...rows.map((row) => [
      row.key,
      row.kind,
      row.proxy,
      row.microsPerHandshake.toFixed(0),
      Number.isNaN(row.ofHaproxy) ? '' : row.ofHaproxy.toFixed(2),
      Math.round(row.perSecond).toLocaleString('en'),
      percent(row.proxyCpu),
      percent(row.sendersCpu),
    ]),
  ];
}
