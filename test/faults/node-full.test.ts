// F32: a node that accepts a connection and closes it at once is full, not down.
import { expect, test } from 'vitest';
import { arrivals } from '../helpers/arrivals.ts';
import {
  expectClosedUnanswered,
  expectNothingHeld,
  over,
  said,
  startPair,
  ways,
} from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';

function stateOf(gw: TestGateway, name = 'a'): string | undefined {
  return [...gw.gateway.queues.values()][0]?.pool.nodes.find((node) => node.name === name)?.state;
}

test('F32 accepted, then closed at once: the other node, and the first is not marked down', async () => {
  await using pair = await startPair(undefined, { health: { interval: '1h', fall: 1 } });
  const { a, b, gw, sender } = pair;
  a.onConnection = arrivals.close();
  for (const controlId of ['X1', 'X2', 'X3']) {
    expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
  }
  expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_FULL', 'b ok']);
  expect(stateOf(gw)).toBe('full');
  expect(a.bytes.length).toBe(0);
  expect(b.controlIds).toEqual(['X1', 'X2', 'X3']);
  await expectNothingHeld(gw);
});

test('F32 accepted, then reset at once: the other node, whether or not the connection was seen to open', async () => {
  await using pair = await startPair(undefined);
  const { a, b, gw, sender } = pair;
  a.onConnection = arrivals.reset();
  expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  // An RST that is there before the connection is reported looks like a refusal.
  expect(ways(await over(gw, 'X1'))[0]).toMatch(/^a GW_ERR_NODE_(FULL|CONNECT)$/);
  expect(a.bytes.length).toBe(0);
  expect(b.controlIds).toEqual(['X1']);
  await expectNothingHeld(gw);
});

test('F32 a node with one place, twelve senders at once: one connection, every message delivered once', async () => {
  await using node = await startFaultyNode(answers.aa(), { maxConnections: 1 });
  await using gw = await startGateway({
    nodes: [node.url],
    // A busy machine needs longer than 10 ms to close what is too many; the node and the gateway share this process.
    pool: {
      connections: { settle: '300ms' },
      queue: { timeout: '10s' },
      health: { interval: '1h', fall: 1 },
    },
  });
  const senders = await Promise.all(Array.from({ length: 12 }, () => connectSender(gw.port())));
  const ids = senders.map((_, i) => `S${i}`);
  const acks = await Promise.all(
    senders.map((sender, i) => sender.exchange(message({ controlId: ids[i] as string }), 10_000)),
  );
  expect(acks.map(said)).toEqual(ids.map((id) => `AA ${id}`));
  expect([...node.controlIds].sort()).toEqual([...ids].sort());
  expect(new Set(node.messages.map(({ connection }) => connection.id)).size).toBe(1);
  // Those that were turned away do not wait for the next try at a further connection, which is a second later.
  const last = Math.max(...gw.messages.map(({ settledAt }) => settledAt ?? 0));
  const firstTurnedAway = Math.min(
    ...gw.messages.flatMap(({ attempts }) =>
      attempts.flatMap(({ error, endedAt }) => (error ? [endedAt ?? 0] : [])),
    ),
  );
  expect(last - firstTurnedAway).toBeLessThan(1_000);
  expect(stateOf(gw)).toBe('up');
  await expectNothingHeld(gw);
  for (const sender of senders) await sender[Symbol.asyncDispose]();
});

test('F32 what a full node has, it keeps serving; the overflow goes to the other node', async () => {
  const hold = gate();
  await using pair = await startPair(answers.after(hold));
  const { a, b, gw, sender } = pair;
  a.maxConnections = 1;
  void sender.send(message({ controlId: 'HELD' }));
  await a.received(1);
  await using second = await connectSender(gw.port());
  expect(said(await second.exchange(message({ controlId: 'OVER' })))).toBe('AA OVER');
  expect(b.controlIds).toEqual(['OVER']);
  hold.open();
  expect(said(await sender.nextAck())).toBe('AA HELD');
  expect(said(await sender.exchange(message({ controlId: 'NEXT' })))).toBe('AA NEXT');
  expect(a.controlIds).toEqual(['HELD', 'NEXT']);
  await expectNothingHeld(gw);
});

test('F32 nothing but a full node: held up to queue.timeout, then closed unanswered; served when it has room again', async () => {
  await using node = await startFaultyNode(answers.aa(), { maxConnections: 0 });
  await using gw = await startGateway({
    nodes: [node.url],
    pool: { queue: { timeout: '250ms' }, retry: { budget: '0' } },
  });
  await using sender = await connectSender(gw.port());
  void sender.send(message({ controlId: 'X1' }));
  await expectClosedUnanswered(sender);
  const exchange = await over(gw, 'X1');
  expect(exchange.outcome).toMatchObject({
    kind: 'failed',
    ambiguous: false,
    error: { code: 'GW_ERR_QUEUE_TIMEOUT' },
  });
  expect(new Set(ways(exchange))).toEqual(new Set(['a GW_ERR_NODE_FULL']));
  expect(node.bytes.length).toBe(0);
  expect(stateOf(gw)).toBe('full');
  await expectNothingHeld(gw);

  node.maxConnections = 1;
  // The gateway leaves a full node alone for a second; senders come back meanwhile.
  await until(
    async () => {
      await using again = await connectSender(gw.port());
      const ack = await again.exchange(message({ controlId: 'X2' })).catch(() => undefined);
      return ack !== undefined && said(ack) === 'AA X2';
    },
    { deadlineMs: 10_000 },
  );
  expect(node.controlIds).toEqual(['X2']);
});

test('F32 settle 0: written at once, so the same close is ambiguous and nothing is sent again', async () => {
  await using pair = await startPair(undefined, { connections: { settle: '0' } });
  const { a, b, gw, sender } = pair;
  // Closed only when the message's first bytes are there, so that both settings see the same node.
  a.onBytes = (connection) => connection.close();
  const bytes = message({ controlId: 'X1' });
  a.script = answers.none();
  void sender.send(bytes);
  await expectClosedUnanswered(sender);
  expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_CLOSED']);
  expect(a.bytes).toEqual(frame(bytes));
  expect(b.messages).toEqual([]);
  await expectNothingHeld(gw);
});
