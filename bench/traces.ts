// What traces and logs cost: CPU time for each message with traces off, of 1 % and of all messages, each without and with
// a log line for each message. Promises that what the collector got is told beside it: what is dropped costs nothing.
import { join } from 'node:path';
import { Child } from './child.ts';
import { type Load, measureMessages, PIPELINED } from './messages.ts';
import { PROFILE_MS, topFunctions } from './profile.ts';
import { type GatewayShape, type NodePorts, type ProxyProcess, startGateway } from './proxies.ts';
import { inRounds, type Times } from './rounds.ts';

/** Where a message is cheapest, so that what is added to it shows most; and one that leaves half of a core idle. */
const LOADS: readonly (Load & { readonly name: string })[] = [
  { name: 'as fast as it goes', connections: 64, pipelining: 8 },
  { name: 'one at a time', connections: 8, pipelining: 1 },
];
const SHARES = [undefined, 0.01, 1] as const;

interface Measured {
  readonly microsPerMessage: number;
  readonly perSecond: number;
  readonly p99: number;
  /** What the collector got. */
  readonly bytesPerMessage: number;
}

export interface TraceRow extends Measured {
  readonly part: 'traces';
  readonly load: string;
  readonly traces: string;
  readonly logs: boolean;
  /** Of the same load without both. */
  readonly ratio: number;
}

interface Variant {
  readonly share: number | undefined;
  readonly logs: boolean;
}

export async function* compareTraces(
  senders: Child,
  nodes: NodePorts,
  folder: string,
  times: Times,
): AsyncGenerator<TraceRow> {
  const sink = new Child('./processes/otlp-sink.ts');
  try {
    const { port } = await sink.answer<{ port: number }>();
    for (const load of LOADS) {
      const variants = new Map<ProxyProcess, Variant>();
      try {
        for (const logs of [false, true])
          for (const share of SHARES) {
            const shape = shapeOf(share, logs, port);
            variants.set(await startGateway(shape, nodes, folder), { share, logs });
          }
        const results = await inRounds([...variants.keys()], times, async (proxy, windowMs) => {
          await sink.answer({});
          const { microsPerMessage, perSecond, p99 } = await measureMessages(
            proxy,
            senders,
            { connections: load.connections, pipelining: load.pipelining },
            times.warmUpMs,
            windowMs,
          );
          const { bytes } = await sink.answer<{ bytes: number }>({});
          const seconds = (times.warmUpMs + windowMs) / 1000;
          return { microsPerMessage, perSecond, p99, bytesPerMessage: bytes / (perSecond * seconds) };
        });
        const [first] = results.values();
        for (const [proxy, measured] of results) {
          const { share, logs } = variants.get(proxy) ?? { share: undefined, logs: false };
          const ratio = measured.microsPerMessage / (first?.microsPerMessage ?? Number.NaN);
          const traces = share === undefined ? 'off' : `${share * 100} %`;
          yield { part: 'traces', load: load.name, traces, logs, ...measured, ratio };
        }
      } finally {
        for (const proxy of variants.keys()) await proxy.stop();
      }
    }
  } finally {
    await sink.stop();
  }
}

/** Where the CPU time goes at full speed, of each share of traces: self time by function. */
export async function profileTraces(
  senders: Child,
  nodes: NodePorts,
  folder: string,
  kept: string,
  { warmUpMs }: Times,
): Promise<void> {
  const sink = new Child('./processes/otlp-sink.ts');
  try {
    const { port } = await sink.answer<{ port: number }>();
    for (const load of LOADS)
      for (const share of SHARES) {
        const shape = shapeOf(share, false, port);
        const at = join(kept, `${load.connections}-${share ?? 'off'}`);
        const gateway = await startGateway(shape, nodes, folder, {
          nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${at}`],
        });
        const { microsPerMessage } = await measureMessages(gateway, senders, load, warmUpMs, PROFILE_MS);
        await gateway.stop();
        console.log(`${load.name}, ${shape.name}: ${microsPerMessage.toFixed(1)} µs; profile in ${at}`);
        for (const line of topFunctions(at, 25)) console.log(line);
      }
  } finally {
    await sink.stop();
  }
}

function shapeOf(share: number | undefined, logMessages: boolean, port: number): GatewayShape {
  const name = `traces ${share ?? 'off'}, logs ${logMessages ? 'on' : 'off'}`;
  const telemetry =
    share === undefined ? {} : { traces: { endpoint: `http://127.0.0.1:${port}`, sample: share } };
  return { ...PIPELINED, name, logMessages, telemetry };
}

export function traceTable(rows: readonly TraceRow[]): string[][] {
  return [
    [
      'senders',
      'traces',
      'log line',
      'CPU µs/message',
      'of off',
      'messages/s',
      'p99 ms',
      'OTLP bytes/message',
    ],
    ...rows.map((row) => [
      row.load,
      row.traces,
      row.logs ? 'yes' : 'no',
      row.microsPerMessage.toFixed(1),
      row.ratio.toFixed(2),
      Math.round(row.perSecond).toLocaleString('en'),
      row.p99.toFixed(2),
      row.bytesPerMessage.toFixed(0),
    ]),
  ];
}
