// The parse pool: what reading costs here and in a worker, what the three modes make of small messages, and what a
// stream of 50 MB messages does to everybody else (F48). docs/decisions/0007-parse-pool.md draws on it.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../src/cli/terminal.ts';
import { compareModes, modeTable } from './parsing/modes.ts';
import { compareHandOvers, compareReads, handOverTable, readTable } from './parsing/reads.ts';
import { compareStreams, streamTable } from './parsing/stream.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

async function show<T extends object>(
  part: string,
  title: string,
  rows: AsyncIterable<T>,
  tabled: (rows: readonly T[]) => string[][],
): Promise<void> {
  if (options.only !== undefined && options.only !== part) return;
  const all: T[] = [];
  for await (const row of rows) {
    all.push(row);
    if (options.json) console.log(JSON.stringify({ part, ...row }));
    else if (process.stderr.isTTY) process.stderr.write('.');
  }
  if (options.json) return;
  if (process.stderr.isTTY) process.stderr.write('\n');
  console.log(`\n${title}`);
  for (const line of table(tabled(all))) console.log(line);
}

const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-bench-'));
try {
  if (!options.json)
    console.log(
      `Node.js ${process.versions.node}, ${availableParallelism()} cores, loopback, everything on one machine`,
    );
  const { quick } = options;
  await show('reads', 'Reading: on the event loop, and in a worker', compareReads(quick), readTable);
  await show('hand-over', 'How bytes get to a worker', compareHandOvers(quick), handOverTable);
  await show(
    'modes',
    'Messages of 600 bytes, 2 connections to each node, pipelining 256',
    compareModes(folder, quick),
    modeTable,
  );
  await show(
    'stream',
    '20 senders of 1 KiB messages, each 50 a second, beside one that sends 50 MB without a pause',
    compareStreams(folder, quick),
    streamTable,
  );
} finally {
  rmSync(folder, { recursive: true });
}
