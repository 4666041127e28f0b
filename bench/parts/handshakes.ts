// What a TLS handshake costs: CPU time of the proxy for each and how many there are in a second, by kind of key.
// Promises: a run in which a handshake failed, or was resumed where it should be a full one, has no result.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../child.ts';
import { LOCKSTEP } from '../mllp-proxies.ts';
import { type Entry, medianColumn, type Part, rangeColumn, ratioOf, sharesColumn } from '../part.ts';
import type { HandshakeOrder, HandshakeReport } from '../processes/handshake-load.ts';
import { hasHaproxy, type ProxyProcess, startGateway, startHaproxy } from '../proxies.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';
import { measureWindow, ratesOf } from '../window.ts';

/** Enough for the proxy never to wait, far below the gateway's `maxHandshakes`. */
const AT_ONCE = 16;

const KEYS = { 'EC P-256': 'ec-p256', 'RSA 2048': 'rsa-2048' } as const;

async function measureHandshakes(
  proxy: ProxyProcess,
  senders: Child,
  order: Omit<HandshakeOrder, 'port' | 'connections'>,
  warmUpMs: number,
  windowMs: number,
): Promise<Figures> {
  await senders.answer({ do: 'start', load: { ...order, port: proxy.port, connections: AT_ONCE } });
  await pause(warmUpMs);
  const window = await measureWindow(proxy.pid, [senders], [], windowMs, () =>
    senders.answer<HandshakeReport>({ do: 'report' }),
  );
  const end = await senders.answer<HandshakeReport>({ do: 'stop' });
  if (end.failed > 0) throw new Error(`${proxy.name}: ${end.failed} failed, first: ${end.firstFailure}`);
  return ratesOf(window, window.after.done - window.before.done);
}

export function handshakesPart(room: Room): Part {
  const kinds = room.pick(['full', 'resumed'], ['full'], ['full']);
  const keys = room.pick(
    ['EC P-256', 'RSA 2048'] as const,
    ['EC P-256', 'RSA 2048'] as const,
    ['EC P-256'] as const,
  );
  return {
    name: 'handshakes',
    title: 'TLS 1.3 handshakes, X25519',
    labels: ['key', 'handshake'],
    comparisons: [ratioOf('micros')],
    columns: [
      rangeColumn('CPU µs', 'micros', 0),
      rangeColumn('of HAProxy', 'ratio', 2),
      medianColumn('handshakes/s', 'perSecond', 0),
      sharesColumn('CPU of proxy / senders', ['proxyCpu', 'sendersCpu']),
    ],
    groups: () =>
      keys.flatMap((key) => kinds.map((kind) => ({ entries: entriesOf(room, key, kind === 'resumed') }))),
  };
}

function entriesOf(room: Room, key: keyof typeof KEYS, resume: boolean): Entry[] {
  const files = room.tlsFiles(KEYS[key]);
  const entry = (
    id: string,
    start: (nodes: readonly number[], ...more: Parameters<Entry['start']>) => ReturnType<Entry['start']>,
  ): Entry => ({
    id,
    proxy: id,
    labels: [key, resume ? 'resumed' : 'full'],
    base: 'HAProxy, TCP mode',
    start: async (options) => start((await room.nodes).ports.slice(0, 2), options),
    measure: (proxy, windowMs) => {
      const order = { caPem: files.caPem, resume };
      return measureHandshakes(proxy, room.child('handshake-load.ts'), order, room.times.warmUpMs, windowMs);
    },
  });
  const haproxies = [false, true].map((dialsOnData) =>
    entry(dialsOnData ? 'HAProxy that dials on data' : 'HAProxy, TCP mode', (nodes) =>
      startHaproxy(nodes, room.folder, { files, dialsOnData }),
    ),
  );
  const gateway = entry('gateway', (nodes, options) =>
    startGateway(LOCKSTEP, nodes, room.folder, { ...options, files }),
  );
  return [...(hasHaproxy ? haproxies : []), { ...gateway, isGateway: true }];
}
