// A pool's spool on a real disk, in real processes: killed while it stores and while it delivers, and handed over. What a sender was
// told is stored comes to a node, in its sender's order.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { startGatewayProcess } from './child.ts';
import { type Record, sendInLockstep } from './lockstep.ts';

const SENDERS = 4;
const PATIENCE = { deadlineMs: 30_000 };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-spool-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function config(node: FaultyNode, path: string, { port = 0, when = 'always' } = {}): object {
  return {
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: {
      pool: {
        nodes: { a: { url: node.url } },
        queue: { timeout: '50ms' },
        retry: { budget: '50ms' },
        health: { interval: '100ms', fastInterval: '50ms', rise: 1 },
        spool: { when, store: { path }, deliver: { backoff: '20ms..100ms' } },
      },
    },
    routes: [{ to: 'pool' }],
    hotRestart: true,
    telemetry: { log: { messages: false } },
  };
}

interface Load {
  readonly all: readonly Record[];
  readonly acked: () => string[];
  end(): Promise<void>;
}

/** `round`: in the control ids, as an earlier round's messages may come yet. */
function startLoad(port: number, round: string): Load {
  const all = Array.from({ length: SENDERS }, () => ({ acked: [], unanswered: [], wrong: [], resets: [] }));
  let done = false;
  const sending = all.map((record, i) => sendInLockstep(port, `${round}${i}`, record, () => done));
  const acked = (): string[] => all.flatMap(({ acked: one }) => one);
  return {
    all,
    acked,
    async end() {
      done = true;
      await Promise.all(sending);
    },
  };
}

/** Of each sender what came first is in its order; what came again stands directly behind. */
function expectOrdered(controlIds: readonly string[]): void {
  const bySender = Map.groupBy(controlIds, (id) => id.split('-')[0]);
  for (const [sender, ids] of bySender) {
    const numbers = ids.map((id) => Number(id.split('-')[1]));
    expect(
      numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0)),
      `${sender}: ${numbers}`,
    ).toBe(true);
  }
}

test('killed while no node is there, and while it delivers: what was acknowledged is delivered in order', async () => {
  await using node = await startFaultyNode();
  await node.refuse();
  const path = folder();
  const acked: string[] = [];
  for (const round of ['A', 'B', 'C']) {
    if (round === 'B') await node.listen();
    await using gateway = await startGatewayProcess(config(node, path));
    const load = startLoad(gateway.port, round);
    await until(() => load.acked().length > 60, PATIENCE);
    gateway.kill('SIGKILL');
    await gateway.exited;
    await load.end();
    acked.push(...load.acked());
  }
  await using last = await startGatewayProcess(config(node, path));
  await until(() => acked.every((id) => node.controlIds.includes(id)), PATIENCE);
  expectOrdered(node.controlIds);
  // Of one key at most one is with a node when the gateway dies.
  expect(node.controlIds.length - new Set(node.controlIds).size).toBeLessThanOrEqual(3);
  last.kill('SIGTERM');
  expect(await last.exited).toMatchObject({ code: 0 });
});

test('a new process takes the store over: what was acknowledged by either is delivered once, in order', async () => {
  await using node = await startFaultyNode();
  const path = folder();
  await using first = await startGatewayProcess(config(node, path));
  const { port } = first;
  const load = startLoad(port, 'S');
  await until(() => load.acked().length > 100, PATIENCE);
  await using second = await startGatewayProcess(config(node, path, { port }), [
    '--replace',
    String(first.process.pid),
  ]);
  expect(await first.exited).toMatchObject({ code: 0 });
  const before = load.acked().length;
  await until(() => load.acked().length > before + 100, PATIENCE);
  await load.end();
  for (const { wrong, resets } of load.all) expect({ wrong, resets }).toEqual({ wrong: [], resets: [] });
  await until(() => load.acked().every((id) => node.controlIds.includes(id)), PATIENCE);
  expectOrdered(node.controlIds);
  expect(new Set(node.controlIds).size).toBe(node.controlIds.length);
  second.kill('SIGTERM');
  expect(await second.exited).toMatchObject({ code: 0 });
});
