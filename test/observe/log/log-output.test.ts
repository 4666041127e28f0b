// Lines to standard output: all of them, however the process ends; and no more of them in memory than may be, when nobody
// reads them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';

const SCRIPT = new URL('./processes/log-lines.ts', import.meta.url);
const LONG = { timeout: 60_000 };

function start(lines: number, bytes: number, end: string) {
  const args = [lines, bytes, end].map(String);
  const child = fork(SCRIPT, args, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
  return { child, out: child.stdout as Readable };
}

async function read(out: Readable): Promise<{ level: string; msg: string; lines?: number }[]> {
  const all = [];
  for await (const line of createInterface({ input: out })) all.push(JSON.parse(line));
  return all;
}

it.each([
  ['process.exit()', 'exit', 3],
  ['an exception that nobody catches', 'throw', 1],
  ['nothing left to do', 'none', 0],
])('a process that ends by %s has written all its lines', LONG, async (_, end, code) => {
  const { child, out } = start(1030, 10, end);
  const closed = once(child, 'close');
  const lines = await read(out);
  expect(await closed).toEqual([code, null]);
  expect(lines.map(({ msg }) => msg)).toEqual(Array.from({ length: 1030 }, () => 'line'));
});

it('a reader that stands still costs lines and not memory, and is told how many', LONG, async () => {
  const count = 60_000;
  const { child, out } = start(count, 1000, 'stay');
  const [{ rss }] = (await once(child, 'message')) as [{ rss: number }];
  // 8 MiB may wait; the 60 MB that were logged were not kept.
  expect(rss).toBeLessThan(130 * 1024 * 1024);
  const reading = read(out);
  child.send('go on');
  const lines = await reading;
  const kept = lines.filter(({ msg }) => msg === 'line').length;
  const told = lines.filter(({ level }) => level === 'warn');
  expect(told.map(({ msg }) => msg)).toEqual(['log: lines were dropped']);
  expect(kept + (told[0]?.lines ?? 0)).toBe(count);
  expect(kept).toBeGreaterThan(5000);
  expect(lines.some(({ msg }) => msg === 'last')).toBe(true);
});
