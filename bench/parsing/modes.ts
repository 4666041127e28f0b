// Small messages under `parsing.offload` auto, always and never: CPU time of the whole process for each, and round trips.
import { Child } from '../child.ts';
import { type Load, measureMessages } from '../messages.ts';
import type { NodePorts, ProxyProcess } from '../proxies.ts';
import { FULL, inRounds, QUICK } from '../rounds.ts';
import { Senders } from '../senders.ts';
import { startParsingGateway } from './gateway.ts';

const MODES = ['never', 'auto', 'always'] as const;

/** Outstanding on each connection: one, as most senders have it, and eight. */
const LOADS: readonly Load[] = [
  { connections: 1, pipelining: 1 },
  { connections: 8, pipelining: 1 },
  { connections: 64, pipelining: 1 },
  { connections: 64, pipelining: 8 },
];

/** By the header alone, and by a field of PID too. */
const ROUTINGS = { header: { 'MSH-9.1': 'ADT' }, 'header and PID-3.4': { 'PID-3.4': 'TESTHOSP' } };

export interface ModeRow extends Load {
  readonly routing: string;
  readonly mode: string;
  readonly micros: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export async function* compareModes(folder: string, quick: boolean): AsyncGenerator<ModeRow> {
  const times = quick ? QUICK : FULL;
  const children = [
    new Child('./processes/sink.ts'),
    new Child('./processes/sink.ts'),
    new Senders(),
  ] as const;
  const [a, b, senders] = children;
  try {
    const [first, second] = await Promise.all([a.answer<{ port: number }>(), b.answer<{ port: number }>()]);
    const nodes: NodePorts = [first.port, second.port];
    for (const [routing, when] of Object.entries(ROUTINGS)) {
      for (const load of LOADS) {
        if (routing !== 'header' && (load.connections !== 64 || load.pipelining !== 1)) continue;
        const gateways: (ProxyProcess & { readonly mode: string })[] = [];
        try {
          for (const mode of MODES) {
            const gateway = await startParsingGateway(folder, {
              name: mode,
              pools: { p: nodes },
              routes: [
                { name: 'first', when, to: 'p' },
                { name: 'rest', to: 'p' },
              ],
              parsing: { offload: mode },
            });
            gateways.push({ ...gateway, mode });
          }
          const results = await inRounds(gateways, times, (proxy, windowMs) =>
            measureMessages(proxy, senders, load, times.warmUpMs, windowMs),
          );
          for (const [{ name: mode }, measured] of results) yield { routing, mode, ...load, ...measured };
        } finally {
          for (const gateway of gateways) await gateway.stop();
        }
      }
    }
  } finally {
    for (const child of children) await child.stop();
  }
}

export function modeTable(rows: readonly ModeRow[]): string[][] {
  return [
    ['routed by', 'senders', 'outstanding', 'offload', 'CPU µs/message', 'messages/s', 'p50 ms', 'p99 ms'],
    ...rows.map((row) => [
      row.routing,
      String(row.connections),
      String(row.pipelining),
      row.mode,
      row.micros.toFixed(1),
      Math.round(row.perSecond).toLocaleString('en'),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
    ]),
  ];
}
