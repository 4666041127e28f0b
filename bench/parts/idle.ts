// What a sender costs that is connected and says nothing: memory of the gateway (RSS) with many of them less that without, for
// each. Promises: a gateway of its own for each round, which has seen messages and collected its garbage at both ends.
import { setTimeout as pause } from 'node:timers/promises';
import { expectAllAnswered } from '../messages.ts';
import { PIPELINED } from '../mllp-proxies.ts';
import { type Entry, medianColumn, type Part, rangeColumn, TARGET_COLUMN, type Target } from '../part.ts';
import { type ProxyProcess, startedEachRound, startGateway } from '../proxies.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';

/** For the gateway to have accepted all that are connected. */
const SETTLE_MS = 300;
/** Sent by a few senders, who then leave, so that all code has run before memory is looked at. */
const WARM_UP = { connections: 64, pipelining: 1, messages: 20, patienceMs: 60_000 };

interface Idle {
  readonly isTls: boolean;
  /** Of each sender, before it is silent. */
  readonly messages: number;
}

export function idlePart(room: Room): Part {
  const all: readonly Idle[] = [false, true].flatMap((isTls) =>
    [0, 1].map((messages) => ({ isTls, messages })),
  );
  const senders = room.pick(10_000, 2_000, 100);
  return {
    name: 'idle',
    title: `Memory of ${senders.toLocaleString('en')} idle senders`,
    labels: ['senders', 'messages before'],
    comparisons: [],
    isCold: true,
    columns: [
      rangeColumn('KB of RSS/sender', 'kilobytes', 1),
      TARGET_COLUMN,
      medianColumn('RSS before MiB', 'before', 0),
      medianColumn('with them MiB', 'after', 0),
    ],
    groups: () =>
      room.pick(all, all, all.slice(1, 3)).map((idle) => ({ entries: [entryOf(room, idle, senders)] })),
  };
}

function entryOf(room: Room, { isTls, messages }: Idle, senders: number): Entry {
  const files = isTls ? room.tlsFiles('ec-p256') : undefined;
  const targets: readonly Target[] = [{ of: 'kilobytes', most: isTls ? 50 : 8 }];
  return {
    id: 'gateway',
    labels: [isTls ? 'TLS' : 'plain', String(messages)],
    proxy: PIPELINED.name,
    isGateway: true,
    targets,
    start: async (options) => {
      const nodes = (await room.nodes).ports.slice(0, 2);
      return startedEachRound(() =>
        startGateway(PIPELINED, nodes, room.folder, { ...options, files, watched: true }),
      );
    },
    measure: async ({ fresh }) => {
      const gateway = await fresh?.();
      if (gateway === undefined) throw new Error('there is no gateway');
      try {
        const caPem = files && { caPem: files.caPem };
        return await measureMemory(room, gateway, { ...WARM_UP, ...caPem }, senders, messages);
      } finally {
        await gateway.stop();
      }
    },
  };
}

async function measureMemory(
  { senders }: Room,
  gateway: ProxyProcess,
  warmUp: typeof WARM_UP,
  connections: number,
  messages: number,
): Promise<Figures> {
  const rss = async (): Promise<number> => {
    await pause(SETTLE_MS);
    return (await gateway.watch?.(false, true))?.rssMib ?? Number.NaN;
  };
  senders.use(1);
  const run = async (load: typeof WARM_UP, meanwhile: () => Promise<number>): Promise<number> => {
    await senders.begin({ ...load, port: gateway.port });
    const result = await meanwhile();
    await expectAllAnswered(gateway, await senders.finish());
    return result;
  };
  await run(warmUp, rss);
  const before = await rss();
  const after = await run({ ...warmUp, connections, messages }, rss);
  return { before, after, kilobytes: ((after - before) * 1_024) / connections };
}
