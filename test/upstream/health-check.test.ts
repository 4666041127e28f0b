// Health checks against real sockets: what the node sees of them, and what they make of the node.
import { expect, test } from 'vitest';
import { HealthCheck, type HealthCheckOptions } from '../../src/upstream/health-check.ts';
import { arrivals } from '../helpers/arrivals.ts';
import { startBlackHole } from '../helpers/black-hole.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { nodeWith } from './node-parts.ts';

function options(port: number, more: Partial<HealthCheckOptions> = {}): HealthCheckOptions {
  return { host: '127.0.0.1', port, tls: undefined, intervalMs: 10, timeoutMs: 2_000, ...more };
}

test('a check connects, says nothing and ends with FIN, never with a reset', async () => {
  await using peer = await startFaultyNode();
  const { node } = nodeWith({ fall: 1, rise: 1 });
  const check = new HealthCheck(node, options(peer.port));
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
  const check = new HealthCheck(node, options(peer.port));
  check.start();
  const connections = await peer.connected(5);
  check.stop();
  for (const connection of connections) expect(await connection.closed).toEqual({ code: undefined });
});

test('down after `fall` refusals, up after `rise` good checks', async () => {
  await using peer = await startFaultyNode();
  const { node, states } = nodeWith({ fall: 3, rise: 2 });
  const check = new HealthCheck(node, options(peer.port));
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
  const check = new HealthCheck(node, options(peer.port));
  check.start();
  await peer.connected(5);
  check.stop();
  expect(states).toEqual([]);
});

test('one that does not accept in time is a failure', async (context) => {
  await using hole = await startBlackHole();
  if (hole === undefined) return context.skip();
  const { node, states } = nodeWith({ fall: 2, rise: 1 });
  const check = new HealthCheck(node, options(hole.port, { timeoutMs: 30 }));
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
  const checks = [
    new HealthCheck(busy, options(busyPeer.port)),
    new HealthCheck(idle, options(idlePeer.port)),
  ];
  // Its last answer is never long ago.
  busy.lastAnswerAt = Number.POSITIVE_INFINITY;
  for (const check of checks) check.start();
  await idlePeer.connected(6);
  expect(busyPeer.accepted).toBe(0);
  busy.lastAnswerAt = performance.now() - 10;
  await busyPeer.connected(1);
  for (const check of checks) check.stop();
});

test('none after stop, also none that was under way', async () => {
  await using peer = await startFaultyNode();
  const { node } = nodeWith({ fall: 1, rise: 1 });
  const check = new HealthCheck(node, options(peer.port));
  check.start();
  await peer.connected(1);
  check.stop();
  await peer.openConnections(0);
  const { total } = peer.connections;
  const later = new HealthCheck(node, options(peer.port));
  later.start();
  await peer.connected(total + 3);
  later.stop();
  expect(node.state).toBe('up');
});
