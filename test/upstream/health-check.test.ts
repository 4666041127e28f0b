// Health checks against real sockets: what the node sees of them, and what they make of the node.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { type Check, type CheckResult, failed, PASSED, type Proof } from '../../src/upstream/checks/check.ts';
import { DialCheck } from '../../src/upstream/checks/dial-check.ts';
import { HealthCheck } from '../../src/upstream/health/health-check.ts';
import type { Node } from '../../src/upstream/node.ts';
import { arrivals } from '../helpers/arrivals.ts';
import { startBlackHole } from '../helpers/black-hole.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { nodeWith } from './node-parts.ts';

const API = { port: false, answer: true };
const PORT = { port: true, answer: false };

function tcpCheck(node: Node, port: number, timeoutMs = 2_000): HealthCheck {
  const where = { node: 'a', host: '127.0.0.1', port, tls: undefined, onDataPort: true, proof: PORT };
  return new HealthCheck(node, new DialCheck({ ...where, timeoutMs }), {
    intervalMs: 10,
    fastIntervalMs: 10,
  });
}

test('a check connects, says nothing and ends with FIN, never with a reset', async () => {
  await using peer = await startFaultyNode();
  const { node } = nodeWith({ fall: 1, rise: 1 });
  const check = tcpCheck(node, peer.port);
  check.start();
  const connections = await peer.connected(8);
  check.stop();
  for (const connection of connections) {
    expect(await connection.closed).toEqual({ code: undefined });
    expect(connection.bytes.length).toBe(0);
  }
  expect(peer.events.filter(({ kind }) => kind === 'peer-end').length).toBeGreaterThanOrEqual(8);
  expect(node.state).toBe('up');
});

test('also against a node that speaks first: what it said is read, so that no reset comes of it', async () => {
  await using peer = await startFaultyNode();
  peer.onConnection = arrivals.say(Buffer.alloc(10_000, 'x'));
  const { node } = nodeWith({ fall: 1, rise: 1 });
  const check = tcpCheck(node, peer.port);
  check.start();
  const connections = await peer.connected(5);
  check.stop();
  for (const connection of connections) expect(await connection.closed).toEqual({ code: undefined });
});

test('down after `fall` refusals, up after `rise` good checks', async () => {
  await using peer = await startFaultyNode();
  const { node, states } = nodeWith({ fall: 3, rise: 2 });
  const check = tcpCheck(node, peer.port);
  await peer.refuse();
  check.start();
  await until(() => node.state === 'down');
  const before = peer.connections.total;
  await peer.listen();
  await until(() => node.state === 'up');
  check.stop();
  expect(states).toEqual(['down: check: ECONNREFUSED', 'up: 2 good checks']);
  expect(peer.connections.total - before).toBeGreaterThanOrEqual(2);
});

test('a full node is up', async () => {
  await using peer = await startFaultyNode(answers.aa(), { maxConnections: 0 });
  const { node, states } = nodeWith({ fall: 1, rise: 1 });
  const check = tcpCheck(node, peer.port);
  check.start();
  await peer.connected(5);
  check.stop();
  expect(states).toEqual([]);
});

test('one that does not accept in time is a failure', async (context) => {
  await using hole = await startBlackHole();
  if (hole === undefined) return context.skip();
  const { node, states } = nodeWith({ fall: 2, rise: 1 });
  const check = tcpCheck(node, hole.port, 30);
  check.start();
  await until(() => node.state === 'down');
  check.stop();
  expect(states).toEqual(['down: check: GW_ERR_NODE_CONNECT_TIMEOUT']);
});

test('a node that has just answered a message is not asked', async () => {
  await using busyPeer = await startFaultyNode();
  await using idlePeer = await startFaultyNode();
  const busy = nodeWith({ fall: 1, rise: 1 }).node;
  const idle = nodeWith({ fall: 1, rise: 1 }).node;
  const checks = [tcpCheck(busy, busyPeer.port), tcpCheck(idle, idlePeer.port)];
  // Its last answer is never long ago.
  const lastAnswerAt = vi.spyOn(busy, 'lastAnswerAt', 'get').mockReturnValue(Number.POSITIVE_INFINITY);
  for (const check of checks) check.start();
  await idlePeer.connected(6);
  expect(busyPeer.accepted).toBe(0);
  lastAnswerAt.mockReturnValue(performance.now() - 10);
  await busyPeer.connected(1);
  for (const check of checks) check.stop();
});

test('none after stop, also none that was under way', async () => {
  await using peer = await startFaultyNode();
  const { node } = nodeWith({ fall: 1, rise: 1 });
  const check = tcpCheck(node, peer.port);
  check.start();
  await peer.connected(1);
  check.stop();
  await peer.openConnections(0);
  const { total } = peer.connections;
  const later = tcpCheck(node, peer.port);
  later.start();
  await peer.connected(total + 3);
  later.stop();
  expect(node.state).toBe('up');
});

describe('when it asks, on a fake clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Answers what `verdict` says, and keeps when it was asked. */
  class ScriptedCheck implements Check {
    readonly type = 'http';
    readonly onDataPort: boolean;
    readonly proof: Proof;
    readonly askedAt: number[] = [];
    verdict: CheckResult | Promise<CheckResult> = PASSED;

    constructor(proof: Proof) {
      this.proof = proof;
      this.onDataPort = proof.port;
    }

    async ask(): Promise<CheckResult> {
      this.askedAt.push(performance.now());
      return this.verdict;
    }

    get gaps(): number[] {
      return this.askedAt.slice(1).map((at, i) => at - (this.askedAt[i] ?? 0));
    }
  }

  const INTERVALS = { intervalMs: 10_000, fastIntervalMs: 1_000 };

  test('a node that is steadily up: at the interval, a tenth more or less, and not twice alike', async () => {
    const { node } = nodeWith();
    const check = new ScriptedCheck(API);
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    await vi.advanceTimersByTimeAsync(200_000);
    health.stop();
    expect(check.gaps.length).toBeGreaterThan(16);
    for (const gap of check.gaps) {
      expect(gap).toBeGreaterThanOrEqual(8_999);
      expect(gap).toBeLessThanOrEqual(11_002);
    }
    expect(new Set(check.gaps).size).toBeGreaterThan(10);
  });

  test('faster while it fails, is down and comes back; then slowly again', async () => {
    const { node } = nodeWith({ fall: 3, rise: 2, check: 'mirth' });
    const check = new ScriptedCheck(API);
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    check.verdict = failed('x');
    await vi.advanceTimersByTimeAsync(11_000);
    await vi.advanceTimersByTimeAsync(3_400);
    expect(node.state).toBe('down');
    await vi.advanceTimersByTimeAsync(5_000);
    check.verdict = PASSED;
    await vi.advanceTimersByTimeAsync(2_300);
    expect(node.state).toBe('up');
    const before = check.askedAt.length;
    // It may be up after 0.9 s of the 2.3, and is asked again 9 s later at the earliest.
    await vi.advanceTimersByTimeAsync(7_000);
    health.stop();
    expect(check.askedAt.length).toBe(before);
    for (const gap of check.gaps) expect(gap).toBeLessThanOrEqual(1_101);
  });

  test('a message that fails makes it look soon, not at the next interval', async () => {
    const { node } = nodeWith({ fall: 3 });
    const check = new ScriptedCheck(PORT);
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    await vi.advanceTimersByTimeAsync(12_000);
    const before = check.askedAt.length;
    node.onFailure(new GatewayError('GW_ERR_NODE_CLOSED'));
    await vi.advanceTimersByTimeAsync(1_200);
    health.stop();
    expect(check.askedAt.length).toBe(before + 1);
  });

  test('answers to messages stand in for a check of their port, and not for one of the API', async () => {
    for (const [proof, expected] of [
      [PORT, 0],
      [API, 1],
    ] as const) {
      const { node } = nodeWith();
      const check = new ScriptedCheck(proof);
      const health = new HealthCheck(node, check, INTERVALS);
      health.start();
      for (let i = 0; i < 15; i++) {
        node.onAnswered('AA');
        await vi.advanceTimersByTimeAsync(1_000);
      }
      health.stop();
      expect(check.askedAt.length).toBe(expected);
    }
  });

  test('a node that waits for a trial is not asked in haste: a message is what it waits for', async () => {
    const { node } = nodeWith({ rise: 1, check: 'tcp' });
    const check = new ScriptedCheck(PORT);
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    node.onFailure(new GatewayError('GW_ERR_ACK_TIMEOUT'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(node.status).toMatchObject({ state: 'down', trial: true });
    const before = check.askedAt.length;
    await vi.advanceTimersByTimeAsync(20_000);
    health.stop();
    expect(check.askedAt.length - before).toBeLessThanOrEqual(3);
  });

  test('initial down: asked at once', async () => {
    const { node } = nodeWith({ initial: 'down' });
    const health = new HealthCheck(node, new ScriptedCheck(API), INTERVALS);
    health.start();
    await vi.advanceTimersByTimeAsync(200);
    health.stop();
    expect(node.state).toBe('up');
  });

  test('one check at a time, however long it takes', async () => {
    const { node } = nodeWith();
    const check = new ScriptedCheck(API);
    const { promise, resolve } = Promise.withResolvers<CheckResult>();
    check.verdict = promise;
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(check.askedAt.length).toBe(1);
    resolve(PASSED);
    check.verdict = PASSED;
    await vi.advanceTimersByTimeAsync(11_002);
    health.stop();
    expect(check.askedAt.length).toBe(2);
    expect(node.status.lastCheck).toMatchObject({ type: 'http', result: 'passed' });
  });

  test('a check that throws is one that failed', async () => {
    const { node } = nodeWith({ check: 'mirth' });
    const check = new ScriptedCheck(API);
    check.verdict = Promise.reject(new TypeError('x'));
    check.verdict.catch(() => {});
    const health = new HealthCheck(node, check, INTERVALS);
    health.start();
    await vi.advanceTimersByTimeAsync(11_002);
    health.stop();
    expect(node.status).toMatchObject({ state: 'down', reason: 'check: the check itself broke' });
  });

  test('notes are told when they change', async () => {
    const { node } = nodeWith();
    const check = new ScriptedCheck(API);
    const notes: (string | undefined)[] = [];
    const health = new HealthCheck(node, check, { ...INTERVALS, onNote: (note) => void notes.push(note) });
    health.start();
    for (const note of [undefined, 'a', 'a', undefined]) {
      check.verdict = { kind: 'passed', note };
      await vi.advanceTimersByTimeAsync(11_002);
    }
    health.stop();
    expect(notes).toEqual(['a', undefined]);
  });
});
