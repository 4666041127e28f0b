// F48: 20 senders of small messages, and one beside them that streams 50 MB messages routed on their last OBX.
// Promises: the modes take turns; a run in which an answer is wrong or missing has no result.
import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../child.ts';
import type { BigOrder, BigReport } from '../processes/big-load.ts';
import type { LoadOrder, LoadReport } from '../processes/load.ts';
import { startParsingGateway, type WatchedProcess } from './gateway.ts';
import { report } from './reads.ts';

const BIG_BYTES = 50 * 1024 * 1024;
const SENDERS = 20;
/** Each sender's next message goes out so long after its last one's answer: 50 a second, a busy interface. */
const PAUSE_MS = 20;

/** Asked of every message, the small ones too. All of a large one has to be read for it. */
const ASKED = {
  'the last OBX': { kind: 'report', when: { [report(BIG_BYTES).lastPath]: 'LAST' } },
  'a regex on 50 MB': { kind: 'document', when: { 'OBX-5': '/urgent|critical/' } },
} as const;

/** Bytes a second; undefined: as fast as it goes. */
const SPEEDS = { '1 Gbit/s': 125_000_000, 'full speed': undefined };

interface Case {
  readonly speed: keyof typeof SPEEDS | 'none';
  /** `past the gateway`: straight to a node, so that it is the machine alone that they share with the small ones. */
  readonly asked: keyof typeof ASKED | 'past the gateway';
  readonly mode: 'never' | 'auto' | 'always';
}

const MODES = ['never', 'auto', 'always'] as const;

const CASES: readonly Case[] = [
  { speed: 'none', asked: 'past the gateway', mode: 'auto' },
  { speed: '1 Gbit/s', asked: 'past the gateway', mode: 'auto' },
  ...MODES.map((mode) => ({ speed: '1 Gbit/s', asked: 'the last OBX', mode }) as const),
  ...MODES.map((mode) => ({ speed: '1 Gbit/s', asked: 'a regex on 50 MB', mode }) as const),
  { speed: 'full speed', asked: 'past the gateway', mode: 'auto' },
  ...MODES.map((mode) => ({ speed: 'full speed', asked: 'the last OBX', mode }) as const),
];

export interface StreamRow extends Case {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly bigPerSecond: number;
  readonly loopP99: number;
  readonly loopMax: number;
  readonly heldP99: number;
  readonly heldMax: number;
  readonly rssMib: number;
}

type Figures = Omit<StreamRow, keyof Case>;

interface Room {
  readonly small: Child;
  readonly big: Child;
  readonly sink: number;
  readonly bigSink: number;
}

async function measure(
  gateway: WatchedProcess,
  one: Case,
  { small, big, bigSink }: Room,
  ms: number,
): Promise<Figures> {
  const load: LoadOrder = { port: gateway.port, connections: SENDERS, pipelining: 1, pauseMs: PAUSE_MS };
  await small.answer({ do: 'start', load });
  if (one.speed !== 'none') await big.answer(bigOrder(one, gateway.port, bigSink));
  await pause(1_500);
  const before = await small.answer<LoadReport>({ do: 'report' });
  const bigBefore = await big.answer<BigReport>({ do: 'report' });
  await gateway.report();
  const from = performance.now();
  await pause(ms);
  const after = await small.answer<LoadReport>({ do: 'report' });
  const bigAfter = await big.answer<BigReport>({ do: 'report' });
  const loop = await gateway.report();
  const seconds = (performance.now() - from) / 1_000;
  const bigEnd = await big.answer<BigReport>({ do: 'stop' });
  const end = await small.answer<LoadReport>({ do: 'stop' });
  if (end.wrong > 0 || end.broken > 0 || end.answered !== end.sent || bigEnd.wrong > 0)
    throw new Error(
      `${gateway.name}: ${JSON.stringify([end, bigEnd])}: not every message was answered rightly`,
    );
  return {
    p50: after.p50,
    p99: after.p99,
    perSecond: (after.answered - before.answered) / seconds,
    bigPerSecond: (bigAfter.answered - bigBefore.answered) / seconds,
    loopP99: loop.p99,
    loopMax: loop.max,
    heldP99: loop.heldP99,
    heldMax: loop.heldMax,
    rssMib: loop.rssMib,
  };
}

function bigOrder({ speed, asked }: Case, port: number, bigSink: number): BigOrder {
  const rate = speed === 'none' ? undefined : SPEEDS[speed];
  const order = { do: 'start', bytes: BIG_BYTES, ...(rate !== undefined && { rate }) } as const;
  if (asked === 'past the gateway') return { ...order, port: bigSink };
  return { ...order, port, kind: ASKED[asked].kind };
}

export async function* compareStreams(folder: string, quick: boolean): AsyncGenerator<StreamRow> {
  const rounds = quick ? 1 : 5;
  const ms = quick ? 2_500 : 6_000;
  const environment = { BENCH_MESSAGE_BYTES: '1024' };
  const children = [
    new Child('./processes/sink.ts', environment),
    new Child('./processes/big-sink.ts'),
    new Child('./processes/load.ts', environment),
    new Child('./processes/big-load.ts'),
  ] as const;
  const [sink, bigSink, small, big] = children;
  try {
    const [one, other] = await Promise.all([
      sink.answer<{ port: number }>(),
      bigSink.answer<{ port: number }>(),
    ]);
    const room: Room = { small, big, sink: one.port, bigSink: other.port };
    const all = new Map<Case, Figures[]>(CASES.map((one) => [one, []]));
    for (let round = 0; round < rounds; round++) {
      for (const one of CASES) {
        const gateway = await startStreamGateway(folder, one, room);
        try {
          all.get(one)?.push(await measure(gateway, one, room, ms));
        } finally {
          await gateway.stop();
        }
      }
    }
    for (const [one, rows] of all) yield { ...one, ...medians(rows) };
  } finally {
    for (const child of children) await child.stop();
  }
}

function startStreamGateway(folder: string, { mode, asked }: Case, room: Room): Promise<WatchedProcess> {
  return startParsingGateway(folder, {
    name: `${mode}, ${asked}`,
    pools: { small: [room.sink], big: [room.bigSink] },
    routes: [
      { name: 'big', when: ASKED[asked === 'past the gateway' ? 'the last OBX' : asked].when, to: 'big' },
      { name: 'small', to: 'small' },
    ],
    parsing: { offload: mode },
    limits: { maxFrame: '64MiB' },
  });
}

function medians(rows: readonly Figures[]): Figures {
  const of = (value: (row: Figures) => number): number => {
    const sorted = rows.map(value).sort((a, b) => a - b);
    return sorted[sorted.length >> 1] as number;
  };
  return {
    p50: of((row) => row.p50),
    p99: of((row) => row.p99),
    perSecond: of((row) => row.perSecond),
    bigPerSecond: of((row) => row.bigPerSecond),
    loopP99: of((row) => row.loopP99),
    loopMax: of((row) => row.loopMax),
    heldP99: of((row) => row.heldP99),
    heldMax: of((row) => row.heldMax),
    rssMib: of((row) => row.rssMib),
  };
}

export function streamTable(rows: readonly StreamRow[]): string[][] {
  return [
    [
      'large messages',
      'asked for',
      'offload',
      'small: p50 ms',
      'p99 ms',
      'messages/s',
      'large: /s',
      'loop late: p99 ms',
      'most ms',
      'by itself: p99 ms',
      'most ms',
      'RSS MiB',
    ],
    ...rows.map((row) => [
      row.speed,
      ...(row.asked === 'past the gateway'
        ? [row.speed === 'none' ? '' : row.asked, '']
        : [row.asked, row.mode]),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      Math.round(row.perSecond).toLocaleString('en'),
      row.bigPerSecond.toFixed(1),
      row.loopP99.toFixed(1),
      row.loopMax.toFixed(1),
      row.heldP99.toFixed(1),
      row.heldMax.toFixed(1),
      Math.round(row.rssMib).toString(),
    ]),
  ];
}
