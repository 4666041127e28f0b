// A node is killed while eight senders send: three processes, the gateway between, and the nodes' own lines as the record
// of what was acknowledged.
import { describe, expect, test } from 'vitest';
import { until } from '../helpers/until.ts';
import { startGatewayProcess, startNode } from './child.ts';
import { type Record, sendInLockstep } from './lockstep.ts';

const SENDERS = 8;
const MESSAGES_BEFORE = 300;
const MESSAGES_AFTER = 400;

interface Result extends Record {
  readonly byA: string[];
  readonly byB: string[];
  readonly gatewayExit: { code: number | null; signal: string | null };
  readonly refusedAfterKill: number;
}

async function killOneOfTwo(retry: object, pipelining: number): Promise<Result> {
  // A message takes a moment, so that there are always some with the node that is killed.
  await using a = await startNode('--delay', '3ms');
  await using b = await startNode('--delay', '3ms');
  await using gateway = await startGatewayProcess({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      pool: {
        nodes: { a: { url: a.url }, b: { url: b.url } },
        connections: { max: 4, pipelining },
        retry,
        health: { interval: '1s', fall: 2 },
      },
    },
    routes: [{ to: 'pool' }],
  });
  const record: Record = { acked: [], unanswered: [], wrong: [], resets: [] };
  const handled = (): number => record.acked.length + record.unanswered.length;
  let last = Number.POSITIVE_INFINITY;
  const runs = Array.from({ length: SENDERS }, (_, i) =>
    sendInLockstep(gateway.port, `S${i}`, record, () => handled() >= last),
  );
  await until(() => handled() >= MESSAGES_BEFORE, { deadlineMs: 30_000 });
  a.kill('SIGKILL');
  expect(await a.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const atKill = handled();
  last = atKill + MESSAGES_AFTER;
  await Promise.all(runs);
  gateway.kill('SIGTERM');
  const gatewayExit = await gateway.exited;
  b.kill('SIGTERM');
  await b.exited;
  expect(gateway.stderr).toBe('');
  const refusedAfterKill = gateway.lines.filter(({ attempts }) => Number(attempts) > 1).length;
  return { ...record, byA: a.controlIds(), byB: b.controlIds(), gatewayExit, refusedAfterKill };
}

function expectHonest({ acked, unanswered, wrong, resets, byA, byB, gatewayExit }: Result): void {
  expect(wrong).toEqual([]);
  expect(resets).toEqual([]);
  expect(new Set(acked).size).toBe(acked.length);
  const onRecord = new Set([...byA, ...byB]);
  expect(acked.filter((id) => !onRecord.has(id))).toEqual([]);
  // What a node has and no sender was told of, a sender knows to be unanswered.
  const known = new Set([...acked, ...unanswered]);
  expect([...onRecord].filter((id) => !known.has(id))).toEqual([]);
  expect(byA.length).toBeGreaterThan(50);
  expect(byB.length).toBeGreaterThan(MESSAGES_AFTER / 2);
  expect(gatewayExit).toEqual({ code: 0, signal: null });
}

describe.each([1, 4])('F33 F41 a node is killed under load, pipelining %i', (pipelining) => {
  test('F33 onAmbiguous fail: answered by a node that has it, or ended unanswered and sent once', {
    timeout: 60_000,
  }, async () => {
    const result = await killOneOfTwo({ onAmbiguous: 'fail' }, pipelining);
    expectHonest(result);
    // At most what each sender had under way at the kill.
    expect(result.unanswered.length).toBeLessThanOrEqual(SENDERS);
    const all = [...result.byA, ...result.byB];
    expect(new Set(all).size).toBe(all.length);
  });

  test('F33 onAmbiguous other-node: every message is answered', { timeout: 60_000 }, async () => {
    const result = await killOneOfTwo({ onAmbiguous: 'other-node' }, pipelining);
    expectHonest(result);
    expect(result.unanswered).toEqual([]);
    // Each was written to each node once at most; both have only what was under way at the kill.
    expect(new Set(result.byA).size).toBe(result.byA.length);
    expect(new Set(result.byB).size).toBe(result.byB.length);
    const twice = result.byA.filter((id) => result.byB.includes(id));
    expect(twice.length).toBeLessThanOrEqual(SENDERS);
    expect(result.refusedAfterKill).toBeGreaterThan(0);
  });
});
