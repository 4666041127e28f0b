// How many messages the embedded store of a spool stores in a second, with an fsync for each or for those that came together, beside
// SQLite alone in a loop. Promises: all write to one disk, in turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../child.ts';
import { type Entry, medianColumn, type Part, rangeColumn, ratioOf } from '../part.ts';
import type { WriterReport } from '../processes/spool-writer.ts';
import type { Room } from '../room.ts';
import type { Figures } from '../rounds.ts';

const KINDS = [
  { kind: 'bare', proxy: 'SQLite in a loop' },
  { kind: 'store', proxy: 'store' },
  { kind: 'store-key', proxy: 'store, encrypted' },
] as const;

export function spoolPart(room: Room): Part {
  return {
    name: 'spool',
    title: "Messages stored, 600 B, with fsync: the spool's store",
    labels: ['writers'],
    comparisons: [ratioOf('perSecond', 'ratio')],
    columns: [
      rangeColumn('messages/s', 'perSecond', 0),
      rangeColumn('of the loop', 'ratio', 2),
      medianColumn('p50 ms', 'p50', 2),
      medianColumn('p99 ms', 'p99', 2),
      medianColumn('CPU µs/message of the main thread', 'micros', 1),
    ],
    isCold: true,
    groups: () =>
      room.pick([1, 8, 64], [1, 8, 64], [8]).map((writers) => ({
        entries: KINDS.map(({ kind, proxy }) => entryOf(room, kind, proxy, writers)),
      })),
  };
}

/** Each round has a process and a folder of its own: what was stored before would be in its way. */
function entryOf(room: Room, kind: string, proxy: string, writers: number): Entry {
  return {
    id: kind,
    labels: [String(writers)],
    proxy,
    base: 'bare',
    start: async () => ({ name: proxy, pid: process.pid, port: 0, stop: async () => {} }),
    measure: (_, windowMs) => measureWriter(room, kind, writers, windowMs),
  };
}

async function measureWriter(room: Room, kind: string, writers: number, windowMs: number): Promise<Figures> {
  const folder = mkdtempSync(join(room.folder, 'spool-'));
  const child = new Child('./processes/spool-writer.ts', {}, [kind, join(folder, 'store'), String(writers)]);
  try {
    await child.answer();
    let before = await ask(child);
    while (before.stored === 0) {
      await pause(5);
      before = await ask(child);
    }
    await pause(room.times.warmUpMs);
    before = await ask(child);
    const from = performance.now();
    await pause(windowMs);
    const { stored, mainCpuMs, p50, p99 } = await ask(child);
    const ms = performance.now() - from;
    const count = stored - before.stored;
    await child.answer({ do: 'stop' });
    return {
      perSecond: (count / ms) * 1_000,
      micros: ((mainCpuMs - before.mainCpuMs) * 1_000) / count,
      p50,
      p99,
    };
  } finally {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function ask(child: Child): Promise<WriterReport> {
  return child.answer<WriterReport>({ do: 'report' });
}
