// The parts in which messages go through MLLP proxies: by senders, by sizes, by nodes, by routes, over TLS, and beside the relays
// that a Node.js user would build. Each is a list of workloads, and of proxies that are measured with each.
import { measureMessages } from '../messages.ts';
import { LOCKSTEP, PIPELINED, RELAYS, startRelay } from '../mllp-proxies.ts';
import { hasNginxStream, startNginxStream } from '../nginx.ts';
import {
  type Column,
  type Entry,
  type Group,
  medianColumn,
  type Part,
  rangeColumn,
  ratioOf,
  type StartOptions,
  sharesColumn,
  TARGET_COLUMN,
  type Target,
} from '../part.ts';
import { type GatewayShape, hasHaproxy, startGateway, startHaproxy } from '../proxies.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';

/** From here on one process of senders would be busy for all of the time. */
const BUSY = 0.9;

const MANY = 1_000;

export interface Workload {
  readonly senders: number;
  readonly outstanding: number;
  /** Default: 600. */
  readonly bytes?: number;
  /** Default: 2. */
  readonly nodes?: number;
  readonly isTls?: boolean;
  /** The answers are made by the proxy, and the nodes get what it made of the messages. */
  readonly isRewritten?: boolean;
  /** The pauses of the gateway's event loop are measured as well. */
  readonly isWatched?: boolean;
}

type Described = Pick<Entry, 'id' | 'labels' | 'proxy'> &
  Partial<Pick<Entry, 'base' | 'targets' | 'isGateway' | 'mayBeWrong'>>;

/** Measures a workload before a proxy that `start` starts with the ports of its nodes. */
export function workloadEntry(
  room: Room,
  workload: Workload,
  described: Described,
  start: (nodes: readonly number[], options: StartOptions) => ReturnType<Entry['start']>,
): Entry {
  const { senders: connections, outstanding: pipelining, bytes, isTls, isRewritten } = workload;
  // A round trip of thousands of senders takes a good part of a second.
  const longer = connections >= MANY ? 2 : 1;
  const nodesOf = () => (isRewritten === true ? room.lenientNodes : room.nodes);
  return {
    ...described,
    start: async (options) => start((await nodesOf()).ports.slice(0, workload.nodes ?? 2), options),
    measure: async (proxy, windowMs) =>
      measureMessages(
        proxy,
        room.senders,
        {
          connections,
          pipelining,
          ...(bytes !== undefined && { bytes }),
          ...(isRewritten !== undefined && { isRewritten }),
          ...(isTls === true && { caPem: room.tlsFiles('ec-p256').caPem }),
        },
        room.times.warmUpMs * longer,
        windowMs * longer,
        await nodesOf(),
      ),
  };
}

/** A second process of senders where one was busy for all of the time. */
export function groupOf(room: Room, entries: readonly Entry[]): Group {
  return {
    entries,
    begin: () => room.senders.use(1),
    warmed: (figures: Figures) => {
      if ((figures.sendersCpu ?? 0) > BUSY) room.senders.use(2);
    },
  };
}

export function gatewayEntry(
  room: Room,
  workload: Workload,
  shape: GatewayShape,
  described: Omit<Described, 'proxy' | 'isGateway'>,
): Entry {
  const files = workload.isTls === true ? room.tlsFiles('ec-p256') : undefined;
  return workloadEntry(
    room,
    workload,
    { ...described, proxy: shape.name, isGateway: true },
    (nodes, options) =>
      startGateway(shape, nodes, room.folder, { ...options, files, watched: workload.isWatched }),
  );
}

/** HAProxy and nginx, as far as they are installed. */
function balancerEntries(room: Room, workload: Workload, labels: readonly string[]): Entry[] {
  const files = workload.isTls === true ? room.tlsFiles('ec-p256') : undefined;
  const own = { labels, base: 'HAProxy' };
  const haproxy = workloadEntry(
    room,
    workload,
    { ...own, id: 'HAProxy', proxy: 'HAProxy, TCP mode' },
    (nodes) => startHaproxy(nodes, room.folder, { files }),
  );
  const nginx = workloadEntry(room, workload, { ...own, id: 'nginx', proxy: 'nginx stream' }, (nodes) =>
    startNginxStream(nodes, room.folder, files),
  );
  return [...(hasHaproxy ? [haproxy] : []), ...(hasNginxStream ? [nginx] : [])];
}

const most = (ratio: number): readonly Target[] => [{ of: 'ratio', most: ratio }];

/** The gateway's two shapes beside the balancers, with the targets of each shape. */
function besideBalancers(
  room: Room,
  workload: Workload,
  labels: readonly string[],
  targets: { readonly pipelined?: number; readonly lockstep?: number },
  shapes: readonly GatewayShape[] = [LOCKSTEP, PIPELINED],
): Group {
  const targetOf = (shape: GatewayShape): readonly Target[] => {
    const ratio = shape === PIPELINED ? targets.pipelined : targets.lockstep;
    return ratio === undefined ? [] : most(ratio);
  };
  return groupOf(room, [
    ...balancerEntries(room, workload, labels),
    ...shapes.map((shape) =>
      gatewayEntry(room, workload, shape, {
        id: shape.name,
        labels,
        base: 'HAProxy',
        targets: targetOf(shape),
      }),
    ),
  ]);
}

function columnsOf(comparedWith: string, more: readonly Column[] = []): readonly Column[] {
  return [
    rangeColumn('CPU µs/message', 'micros', 1),
    rangeColumn(comparedWith, 'ratio', 2),
    TARGET_COLUMN,
    medianColumn('messages/s', 'perSecond', 0),
    medianColumn('p50 ms', 'p50', 2),
    medianColumn('p99 ms', 'p99', 2),
    ...more,
    sharesColumn('CPU of proxy / senders / nodes', ['proxyCpu', 'sendersCpu', 'nodesCpu']),
  ];
}

const COMPARISONS = [ratioOf('micros')];
const loadLabels = ({ senders, outstanding }: Workload): string[] => [
  senders.toLocaleString('en'),
  String(outstanding),
];

export function sendersPart(room: Room): Part {
  const all: readonly (Workload & { readonly pipelined?: number; readonly lockstep?: number })[] = [
    { senders: 1, outstanding: 1 },
    { senders: 8, outstanding: 1, pipelined: 0.9, lockstep: 1.2 },
    { senders: 64, outstanding: 1, pipelined: 0.7, lockstep: 1.4 },
    { senders: 1_000, outstanding: 1 },
    { senders: 5_000, outstanding: 1 },
    { senders: 8, outstanding: 8, pipelined: 1.3 },
    { senders: 64, outstanding: 8, pipelined: 1.3 },
  ];
  const few = all.filter(({ senders }) => senders === 8 || senders === 64);
  return {
    name: 'senders',
    title:
      'Messages of 600 bytes over MLLP, two nodes, by senders and by messages outstanding on each connection',
    labels: ['senders', 'outstanding'],
    comparisons: COMPARISONS,
    columns: columnsOf('of HAProxy'),
    groups: () =>
      room
        .pick(all, few, few.slice(2, 3))
        .map((workload) => besideBalancers(room, workload, loadLabels(workload), workload)),
  };
}

function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${bytes / 1_000} KB` : `${bytes / 1_000_000} MB`;
}

export function sizesPart(room: Room): Part {
  const all: readonly (Workload & { readonly bytes: number; readonly ratio?: number })[] = [
    { senders: 8, outstanding: 1, bytes: 300 },
    { senders: 8, outstanding: 1, bytes: 600, ratio: 0.9 },
    { senders: 8, outstanding: 1, bytes: 2_000 },
    { senders: 8, outstanding: 1, bytes: 20_000, ratio: 0.9 },
    { senders: 8, outstanding: 1, bytes: 65_000, ratio: 0.9 },
    { senders: 8, outstanding: 1, bytes: 1_000_000 },
    { senders: 4, outstanding: 1, bytes: 8_000_000, ratio: 1.2 },
  ];
  const quick = all.filter(({ ratio }) => ratio !== undefined);
  return {
    name: 'sizes',
    title: 'Messages by size, lockstep senders, two nodes, and the longest pause of the gateway’s event loop',
    labels: ['message', 'senders'],
    comparisons: COMPARISONS,
    columns: columnsOf('of HAProxy', [
      medianColumn('MB/s', 'megabytesPerSecond', 0),
      { head: 'longest pause ms', cell: ({ values }) => highText(values.pause) },
      { head: 'by its own CPU ms', cell: ({ values }) => highText(values.held) },
      { head: 'longest GC ms', cell: ({ values }) => highText(values.collection) },
    ]),
    groups: () =>
      room.pick(all, quick, quick.slice(-2)).map((workload) => {
        const labels = [sizeText(workload.bytes), String(workload.senders)];
        const targets: Target[] = [
          ...(workload.ratio === undefined ? [] : [{ of: 'ratio', most: workload.ratio }]),
          { of: 'held', most: 5, label: 'own pause', isOfWorst: true },
        ];
        const gateway = gatewayEntry(room, { ...workload, isWatched: true }, PIPELINED, {
          id: 'gateway',
          labels,
          base: 'HAProxy',
          targets,
        });
        const entries = [...balancerEntries(room, workload, labels), gateway];
        return groupOf(
          room,
          entries.map((entry) => ({
            ...entry,
            measure: async (proxy, windowMs) => {
              const figures = await entry.measure(proxy, windowMs);
              const perSecond = figures.perSecond ?? Number.NaN;
              return { ...figures, megabytesPerSecond: (perSecond * workload.bytes) / 1e6 };
            },
          })),
        );
      }),
  };
}

function highText(spread: { readonly high: number } | undefined): string {
  return spread === undefined || Number.isNaN(spread.high) ? '' : spread.high.toFixed(1);
}

export function nodesPart(room: Room): Part {
  const counts = room.pick([1, 2, 20], [2, 20], [2, 20]);
  return {
    name: 'nodes',
    title: 'Messages of 600 bytes, 64 lockstep senders, by nodes of the pool',
    labels: ['nodes'],
    comparisons: COMPARISONS,
    columns: columnsOf('of 2 nodes'),
    groups: () => [
      groupOf(
        room,
        counts.flatMap((nodes) => {
          const workload = { senders: 64, outstanding: 1, nodes };
          const named = (entry: Entry): Entry => ({
            ...entry,
            id: `${entry.id}, ${nodes}`,
            base: `${entry.id}, 2`,
          });
          return [
            ...balancerEntries(room, workload, [String(nodes)]).slice(0, 1),
            gatewayEntry(room, workload, PIPELINED, {
              id: 'gateway',
              labels: [String(nodes)],
              targets: nodes === 20 ? most(1.1) : [],
            }),
          ].map(named);
        }),
      ),
    ],
  };
}

/** All by equality on two fields; the messages of the benchmark match the last. */
function routesOf(count: number): readonly object[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `from-${i}`,
    when: { 'MSH-4': i === count - 1 ? 'BENCHFAC' : `FAC${i}`, 'MSH-9.1': 'ADT' },
    to: 'p',
  }));
}

export function routesPart(room: Room): Part {
  const workload: Workload = { senders: 64, outstanding: 1 };
  return {
    name: 'routes',
    title:
      'Messages of 600 bytes, 64 lockstep senders, by routes on MSH-4 and MSH-9.1 of which the last one matches',
    labels: ['routes'],
    comparisons: COMPARISONS,
    columns: columnsOf('of 1 route'),
    groups: () => [
      groupOf(
        room,
        room.pick([1, 100, 5_000], [1, 5_000], [1, 5_000]).map((count) =>
          gatewayEntry(
            room,
            workload,
            { ...PIPELINED, routes: routesOf(count) },
            {
              id: String(count),
              labels: [count.toLocaleString('en')],
              base: '1',
              targets: count === 5_000 ? most(1.1) : [],
            },
          ),
        ),
      ),
    ],
  };
}

export function tlsPart(room: Room): Part {
  const all: readonly (Workload & { readonly pipelined?: number })[] = [
    { senders: 8, outstanding: 1, isTls: true, pipelined: 0.95 },
    { senders: 64, outstanding: 1, isTls: true, pipelined: 0.9 },
    { senders: 8, outstanding: 8, isTls: true, pipelined: 2 },
    { senders: 64, outstanding: 8, isTls: true },
  ];
  return {
    name: 'tls',
    title: 'The same over TLS 1.3 from the senders, TLS_AES_256_GCM_SHA384, EC P-256',
    labels: ['senders', 'outstanding'],
    comparisons: COMPARISONS,
    columns: columnsOf('of HAProxy'),
    groups: () =>
      room
        .pick(all, all.slice(0, 3), all.slice(1, 2))
        .map((workload) =>
          besideBalancers(
            room,
            workload,
            loadLabels(workload),
            workload,
            room.scale === 'full' ? [LOCKSTEP, PIPELINED] : [PIPELINED],
          ),
        ),
  };
}

export function peersPart(room: Room): Part {
  const all: readonly Workload[] = [
    { senders: 8, outstanding: 1 },
    { senders: 64, outstanding: 1 },
  ];
  return {
    name: 'peers',
    title:
      'Messages of 600 bytes, lockstep senders, two nodes, beside the relays that a Node.js user would build',
    labels: ['senders', 'outstanding'],
    comparisons: [{ name: 'ratio', of: (own, base) => (base.micros ?? 0) / (own.micros ?? 0) }],
    columns: columnsOf('gateway, of this'),
    groups: () =>
      room.pick(all, all, all.slice(0, 1)).map((workload) => {
        const labels = loadLabels(workload);
        return groupOf(room, [
          gatewayEntry(room, workload, PIPELINED, { id: 'gateway', labels }),
          ...balancerEntries(room, workload, labels).map((entry) => ({ ...entry, base: 'gateway' })),
          ...RELAYS.map((kind) =>
            workloadEntry(
              room,
              { ...workload, isRewritten: true },
              { id: kind, labels, proxy: kind, base: 'gateway', targets: most(0.4), mayBeWrong: true },
              (nodes) => startRelay(kind, nodes),
            ),
          ),
        ]);
      }),
  };
}
