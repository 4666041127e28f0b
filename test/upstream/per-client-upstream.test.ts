// The connections to a node where each is of one client address.
import { describe, expect, test } from 'vitest';
import { clientSourceTrouble } from '../../src/platform/client-source.ts';
import type { MllpUpstreamOptions } from '../../src/upstream/mllp/mllp-upstream.ts';
import { PerClientUpstream } from '../../src/upstream/mllp/per-client-upstream.ts';
import type { PerClient } from '../../src/upstream/per-client.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { gate, until } from '../helpers/until.ts';
import { optionsTo, recordingOwner } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

function perClient(
  node: Pick<FaultyNode, 'port'>,
  options: Partial<MllpUpstreamOptions> = {},
  more: Partial<PerClient> = {},
) {
  const { told, owner } = recordingOwner();
  const limits = { max: 4, idleMs: 3_600_000, waitMs: 30_000, isSource: false, ...more };
  const upstream = new PerClientUpstream(optionsTo(node, options), limits, owner);
  return { upstream, told, [Symbol.dispose]: () => upstream.close() };
}

function from(client: string | undefined, controlId: string): TestDelivery {
  const delivery = new TestDelivery(controlId);
  delivery.clientAddress = client;
  return delivery;
}

/** Whose messages came on each connection: `controlId` begins with the client. */
function clientsOf(node: FaultyNode): readonly (readonly string[])[] {
  return node.connections.all.map(({ messages }) => [
    ...new Set(messages.map(({ controlId }) => controlId.split('-')[0] ?? '')),
  ]);
}

test.each([1, 2, 5])(
  'no connection has messages of two clients, and there are never more than %i',
  async (maxConnections) => {
    let most = 0;
    await using node = await startFaultyNode(
      answers.by(() => {
        most = Math.max(most, node.connections.open);
        return answers.aa();
      }),
    );
    using room = perClient(node, { maxConnections, settleMs: 0 });
    const sent: TestDelivery[] = [];
    for (let i = 0; i < 60; i++) {
      const client = `10.0.0.${i % 12}`;
      const delivery = from(client, `${client}-${i}`);
      sent.push(delivery);
      room.upstream.send(delivery);
      if (i % 7 === 0) await delivery.over();
    }
    const ends = await Promise.all(sent.map((delivery) => delivery.over()));
    expect(new Set(ends)).toEqual(new Set(['answered AA']));
    expect(node.messages).toHaveLength(60);
    for (const clients of clientsOf(node)) expect(clients).toHaveLength(1);
    expect(most).toBeLessThanOrEqual(maxConnections);
    expect(room.told.filter((what) => what.startsWith('GW_'))).toEqual([]);
    expect(room.upstream.inFlight).toBe(0);
  },
);

test('one client waits for its own bound, and others do not wait for it', async () => {
  const hold = gate();
  await using node = await startFaultyNode(
    answers.by(({ controlId }) => (controlId.startsWith('A') ? answers.after(hold) : answers.aa())),
  );
  using room = perClient(node, { maxConnections: 4 }, { max: 2 });
  const busy = Array.from({ length: 10 }, (_, i) => from('10.0.0.1', `A-${i}`));
  for (const one of busy) room.upstream.send(one);
  await node.received(2);
  expect(room.upstream.hasRoom).toBe(true);
  for (let i = 0; i < 5; i++) {
    const other = from('10.0.0.2', `B-${i}`);
    room.upstream.send(other);
    expect(await other.over()).toBe('answered AA');
  }
  expect(node.messages.filter(({ controlId }) => controlId.startsWith('A'))).toHaveLength(2);
  hold.open();
  for (const one of busy) expect(await one.over()).toBe('answered AA');
});

test('what waits for its own client fails in time, with nothing written', async () => {
  await using node = await startFaultyNode(answers.none());
  using room = perClient(node, {}, { max: 1, waitMs: 50 });
  const [first, second] = [from('10.0.0.1', 'A-1'), from('10.0.0.1', 'A-2')];
  room.upstream.send(first);
  room.upstream.send(second);
  expect(await second.over()).toBe('GW_ERR_NODE_STALE');
  expect(second.events).not.toContain('written');
});

test('connections of a client are ended after its own idle time, and clients without any are forgotten', async () => {
  await using node = await startFaultyNode();
  using room = perClient(node, {}, { idleMs: 60 });
  for (const client of ['10.0.0.1', 'fd00::1', undefined]) {
    const delivery = from(client, `${client}-1`);
    room.upstream.send(delivery);
    expect(await delivery.over()).toBe('answered AA');
  }
  expect(node.connections.total).toBe(3);
  await until(() => node.connections.open === 0 && room.upstream.clients === 0);
  const again = from('10.0.0.1', 'again-1');
  room.upstream.send(again);
  expect(await again.over()).toBe('answered AA');
});

test('a connection takes no message of another client behind those that it has', async () => {
  const hold = gate();
  await using node = await startFaultyNode(answers.after(hold));
  using room = perClient(node, { pipelining: 8 });
  const first = from('10.0.0.1', 'A-1');
  room.upstream.send(first);
  await until(() => first.channel !== undefined);
  expect(first.channel?.takes(from('10.0.0.1', 'A-2'))).toBe(true);
  expect(first.channel?.takes(from('10.0.0.2', 'B-1'))).toBe(false);
  hold.open();
  expect(await first.over()).toBe('answered AA');
});

test('what a node does otherwise is learned once for all clients', async () => {
  await using node = await startFaultyNode(
    answers.by(({ controlId }) => answers.aa({ controlId: `X${controlId}` })),
  );
  using room = perClient(node, { match: 'position', pipelining: 4 });
  for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
    const delivery = from(client, `${client}-1`);
    room.upstream.send(delivery);
    expect(await delivery.over()).toBe('answered AA');
  }
  expect(room.told.filter((what) => what === 'alike').length).toBeLessThanOrEqual(1);
});

const why = clientSourceTrouble();

describe.skipIf(why !== undefined)(
  `from the client's address${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    test('the node sees each, and the kernel picks the port', async () => {
      await using node = await startFaultyNode();
      using room = perClient(node, { maxConnections: 50 }, { isSource: true });
      const sent = Array.from({ length: 30 }, (_, i) => from(`127.0.1.${i}`, `127.0.1.${i}-1`));
      for (const one of sent) room.upstream.send(one);
      for (const one of sent) expect(await one.over()).toBe('answered AA');
      for (const { socket, messages } of node.connections.all)
        expect(socket.remoteAddress).toBe(messages[0]?.controlId.split('-')[0]);
    });

    test.each([
      ['fd00::1', '127.0.0.1', "the client's address is of IPv6, and the node has one of IPv4 alone"],
      ['127.0.0.9', '::1', "the client's address is of IPv4, and the node has one of IPv6 alone"],
    ])('%s to %s: said so, and the node is not blamed', async (client, host, detail) => {
      await using node = await startFaultyNode();
      using room = perClient(node, { host }, { isSource: true });
      const delivery = from(client, 'A-1');
      const errors: unknown[] = [];
      delivery.failed = (error) => {
        errors.push(error);
        delivery.events.push(error.code);
      };
      room.upstream.send(delivery);
      expect(await delivery.over()).toBe('GW_ERR_CLIENT_SOURCE');
      expect(errors).toMatchObject([{ detail, resend: 'safe' }]);
      expect(node.connections.total).toBe(0);
    });
  },
);
