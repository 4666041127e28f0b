// What traces and logs cost: CPU time for each message with traces off, of 1 % and of all messages, each without and with
// a log line for each message. Promises that what the collector got is told beside it: what is dropped costs nothing.
import { PIPELINED } from '../mllp-proxies.ts';
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
import type { Room } from '../room.ts';
import { gatewayEntry, groupOf, type Workload } from './workloads.ts';

/** Where a message is cheapest, so that what is added to it shows most; and one that leaves half of a core idle. */
const LOADS: readonly (Workload & { readonly name: string })[] = [
  { name: 'as fast as it goes', senders: 64, outstanding: 8 },
  { name: 'one at a time', senders: 8, outstanding: 1 },
];

interface Variant {
  readonly id: string;
  /** Of the messages; undefined: no traces. */
  readonly share?: number;
  readonly logs: boolean;
  readonly most?: number;
}

const VARIANTS: readonly Variant[] = [
  { id: 'off', logs: false },
  { id: '1 %', share: 0.01, logs: false, most: 1.08 },
  { id: '100 %', share: 1, logs: false, most: 1.6 },
  { id: 'off, logs', logs: true, most: 1.12 },
  { id: '1 %, logs', share: 0.01, logs: true },
  { id: '100 %, logs', share: 1, logs: true },
];

export function tracesPart(room: Room): Part {
  return {
    name: 'traces',
    title: 'Traces and the message log',
    labels: ['senders', 'traces', 'log line'],
    comparisons: [ratioOf('micros')],
    columns: [
      rangeColumn('CPU µs/message', 'micros', 1),
      rangeColumn('of off', 'ratio', 2),
      TARGET_COLUMN,
      medianColumn('messages/s', 'perSecond', 0),
      medianColumn('p99 ms', 'p99', 2),
      medianColumn('OTLP bytes/message', 'bytesPerMessage', 0),
      sharesColumn('CPU of proxy / senders / nodes', ['proxyCpu', 'sendersCpu', 'nodesCpu']),
    ],
    groups: async () => {
      const { port } = await room.collector;
      const variants = room.pick(
        VARIANTS,
        VARIANTS.slice(0, 4),
        [0, 2, 3].flatMap((i) => VARIANTS.slice(i, i + 1)),
      );
      return room.pick(LOADS, LOADS, LOADS.slice(1)).map((load) =>
        groupOf(
          room,
          variants.map((variant) => variantEntry(room, load, variant, port)),
        ),
      );
    },
  };
}

function variantEntry(
  room: Room,
  load: Workload & { readonly name: string },
  { id, share, logs, most }: Variant,
  port: number,
): Entry {
  const targets: readonly Target[] = most === undefined ? [] : [{ of: 'ratio', most }];
  const telemetry =
    share === undefined ? {} : { traces: { endpoint: `http://127.0.0.1:${port}`, sample: share } };
  const entry = gatewayEntry(
    room,
    load,
    { ...PIPELINED, logMessages: logs, telemetry },
    {
      id,
      labels: [load.name, share === undefined ? 'off' : `${share * 100} %`, logs ? 'yes' : 'no'],
      base: 'off',
      targets,
    },
  );
  return {
    ...entry,
    measure: async (proxy, windowMs) => {
      const { sink } = await room.collector;
      await sink.answer({});
      const figures = await entry.measure(proxy, windowMs);
      const { bytes } = await sink.answer<{ bytes: number }>({});
      const seconds = (room.times.warmUpMs + windowMs) / 1_000;
      return { ...figures, bytesPerMessage: bytes / ((figures.perSecond ?? 0) * seconds) };
    },
  };
}
