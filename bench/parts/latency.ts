// What a proxy adds to a round trip: senders that send when a message is due, whatever has been answered (open loop), beside the same
// straight to a node. Promises: a message is timed from when it was due, so a pause counts for all that were due in it.
import { LOCKSTEP, PIPELINED } from '../mllp-proxies.ts';
import { hasNginxStream, startNginxStream } from '../nginx.ts';
import { differenceOf, type Entry, medianColumn, type Part, rangeColumn, TARGET_COLUMN } from '../part.ts';
import type { OpenLoad, OpenReport } from '../processes/open-load.ts';
import { hasHaproxy, startGateway, startHaproxy } from '../proxies.ts';
import type { Room } from '../room.ts';
import { type Figures, spreadOf } from '../rounds.ts';

const SENDERS = 8;
const PER_SECOND = 2_000;
/** Of a window: as many messages as a p99 needs. */
const WINDOWS = 4;
/** Messages of the first connections and of code that has not run yet. */
const SKIPPED = 0.1;

const TARGETS = [
  { of: 'addedP50', most: 60, label: 'p50' },
  { of: 'addedP99', most: 500, label: 'p99' },
];

export function latencyPart(room: Room): Part {
  return {
    name: 'latency',
    title: `Round trips of 600 bytes in µs, open loop: ${SENDERS} senders, ${PER_SECOND.toLocaleString('en')} messages a second together`,
    labels: [],
    comparisons: [differenceOf('p50', 'addedP50'), differenceOf('p99', 'addedP99')],
    columns: [
      rangeColumn('p50', 'p50', 0),
      rangeColumn('p99', 'p99', 0),
      medianColumn('max', 'max', 0),
      rangeColumn('added p50', 'addedP50', 0),
      rangeColumn('added p99', 'addedP99', 0),
      TARGET_COLUMN,
      medianColumn('sent late p50', 'lateP50', 0),
      medianColumn('sent late p99', 'lateP99', 0),
    ],
    groups: () => [{ entries: entriesOf(room) }],
  };
}

function entriesOf(room: Room): Entry[] {
  let firstId = 1;
  const entry = (
    id: string,
    start: (nodes: readonly number[], ...more: Parameters<Entry['start']>) => ReturnType<Entry['start']>,
  ): Entry => ({
    id,
    proxy: id,
    labels: [],
    base: 'none, straight to a node',
    start: async (options) => start((await room.nodes).ports.slice(0, 2), options),
    measure: async ({ port }, windowMs) => {
      const seconds = (windowMs * WINDOWS) / 1_000;
      const order: OpenLoad = { port, connections: SENDERS, perSecond: PER_SECOND, seconds, firstId };
      firstId += Math.ceil(PER_SECOND * seconds);
      return measureRoundTrips(room, id, order);
    },
  });
  const direct: Entry = {
    ...entry('none, straight to a node', async ([port = 0]) => ({
      name: 'none',
      pid: process.pid,
      port,
      stop: async () => {},
    })),
  };
  return [
    direct,
    ...(hasHaproxy ? [entry('HAProxy, TCP mode', (nodes) => startHaproxy(nodes, room.folder))] : []),
    ...(hasNginxStream ? [entry('nginx stream', (nodes) => startNginxStream(nodes, room.folder))] : []),
    ...room.pick([LOCKSTEP, PIPELINED], [LOCKSTEP, PIPELINED], [PIPELINED]).map((shape) => ({
      ...entry(shape.name, (nodes, options) => startGateway(shape, nodes, room.folder, options)),
      isGateway: true,
      targets: TARGETS,
    })),
  ];
}

async function measureRoundTrips(room: Room, name: string, order: OpenLoad): Promise<Figures> {
  const senders = room.child('open-load.ts');
  const nodes = await room.nodes;
  await nodes.report();
  await senders.answer(order);
  const { dueAt, ackedAt, sentAt, resets, closedOwed, wrong } = await senders.answer<OpenReport>();
  const { wrong: wrongThere, firstWrong, answered } = await nodes.report();
  const missing = ackedAt.filter((at) => at === 0).length;
  if (wrong + missing + resets + closedOwed + wrongThere > 0 || answered !== dueAt.length)
    throw new Error(
      `${name}: of ${dueAt.length} messages ${answered} reached nodes and ${missing} were not answered; ${wrong} wrong answers, ${resets + closedOwed} connections broke, ${wrongThere} wrong messages ${firstWrong}`,
    );
  const from = Math.floor(dueAt.length * SKIPPED);
  const after = (times: readonly number[]): number[] =>
    times
      .slice(from)
      .map((at, i) => at - (dueAt[from + i] ?? 0))
      .sort((a, b) => a - b);
  const trips = after(ackedAt);
  const late = after(sentAt);
  const at = (sorted: readonly number[], share: number): number =>
    sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return {
    p50: spreadOf(trips).median,
    p99: at(trips, 0.99),
    max: at(trips, 1),
    lateP50: at(late, 0.5),
    lateP99: at(late, 0.99),
  };
}
