// F100: a gateway that runs out of file descriptors, as a process: it has said so at its start, no node is blamed, and what
// had to wait is delivered when there are descriptors again.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { openFileLimit, openFilesNeeded } from '../../src/open-files.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { startGatewayProcess } from './child.ts';

const PATIENCE_MS = 60_000;
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

test.skipIf(!hasPrlimit)(
  'F100 no descriptor is left (skipped without prlimit)',
  { timeout: 240_000 },
  async () => {
    await using node = await startFaultyNode();
    await using gateway = await startGatewayProcess({
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: {
        pool: {
          nodes: { a: { url: node.url } },
          connections: { max: 50 },
          health: { type: 'tcp', interval: '100ms', fastInterval: '100ms' },
          queue: { timeout: '2m' },
        },
      },
      routes: [{ to: 'pool' }],
    });
    const { pid } = gateway.process;
    const limit = (files: number): void => {
      const { status, stderr } = spawnSync('prlimit', [`--nofile=${files}:`, '--pid', String(pid)]);
      expect(status, String(stderr)).toBe(0);
    };
    const open = await connectSenders(gateway.port, 5);
    for (const sender of open) await sender.exchange(message(), PATIENCE_MS);
    const answered = node.messages.length;
    const highest = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
    limit(highest + 1);
    node.closeConnections();
    await node.openConnections(0, PATIENCE_MS);
    // Senders take what is left, until one is closed because there was no descriptor for it.
    const idle = await connectSenders(gateway.port, highest);
    await Promise.race(idle.map(({ closed }) => closed));
    for (const sender of open) void sender.send(message());
    // Checks and dials fail again and again meanwhile.
    await pause(1500);
    expect(node.messages.length).toBe(answered);
    const before = gateway.lines.length;
    limit(1000);
    for (const sender of open) expect((await sender.nextAck(PATIENCE_MS)).includes('MSA|AA')).toBe(true);
    expect(node.messages.length).toBe(answered + open.length);
    const said = gateway.lines.slice(0, before).map(({ msg }) => String(msg));
    expect(said.filter((msg) => msg.startsWith('node '))).toEqual([]);
    for (const sender of idle) await sender[Symbol.asyncDispose]();
    for (const sender of open) await sender[Symbol.asyncDispose]();
  },
);

async function connectSenders(port: number, count: number): Promise<Sender[]> {
  const senders: Sender[] = [];
  for (let i = 0; i < count; i++) senders.push(await connectSender(port));
  return senders;
}

test('F100 a limit below what the config can need is said at the start', { timeout: 120_000 }, async () => {
  const listeners = { in: { bind: '127.0.0.1:0', limits: { maxConnections: 1_000_000 } } };
  const config = {
    listeners: { ...listeners, more: { bind: '127.0.0.1:0', limits: { maxConnections: 1_000_000 } } },
    routes: [{ reject: { code: 'AR', text: 'none' } }],
  };
  const limit = openFileLimit();
  if (limit === undefined || limit > 2_000_000) return;
  await using gateway = await startGatewayProcess(config);
  const line = await gateway.line(({ needed }) => needed !== undefined, 'what is needed');
  expect(line).toMatchObject({ level: 'warn', limit, needed: 2_000_150 });
});

test('F100 what a config can need: each listener full, each connection of each node', () => {
  const { config } = parseConfig(
    JSON.stringify({
      listeners: { a: { bind: ':2575', limits: { maxConnections: 10 } }, b: { bind: ':2576' } },
      pools: {
        p: { nodes: { a: { url: 'mllp://h:1' }, b: { url: 'mllp://h:2' } }, connections: { max: 7 } },
      },
      routes: [{ to: 'p' }],
    }),
    { env: {} },
  );
  expect(openFilesNeeded(config)).toBe(10 + 1000 + 2 * 7 + 150);
});
