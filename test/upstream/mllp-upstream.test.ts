import { describe, expect, test, vi } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { fill, type Room, upstreamTo } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

describe('connections', () => {
  test.each([
    { maxConnections: 1, pipelining: 1 },
    { maxConnections: 3, pipelining: 1 },
    { maxConnections: 3, pipelining: 4 },
    { maxConnections: 1, pipelining: 8 },
  ])('max $maxConnections, pipelining $pipelining: never more, however many messages', async (limits) => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node, limits);
    const { upstream } = room;
    const sent = fill(upstream);
    expect(sent.length).toBe(limits.maxConnections * limits.pipelining);
    await until(() => sent.every(({ events }) => events.includes('written')));
    expect(node.connections.total).toBeLessThanOrEqual(limits.maxConnections);
    hold.open();
    for (let round = 0; round < 20; round++) {
      await Promise.all(sent.map((delivery) => delivery.over()));
      sent.splice(0, sent.length, ...fill(upstream, `R${round}-`));
    }
    await Promise.all(sent.map((delivery) => delivery.over()));
    expect(node.connections.total).toBeLessThanOrEqual(limits.maxConnections);
    expect(upstream.inFlight).toBe(0);
  });

  test('one message after the other uses one connection', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node);
    for (let i = 0; i < 10; i++) {
      const delivery = new TestDelivery(`X${i}`);
      room.upstream.send(delivery);
      expect(await delivery.over()).toBe('answered AA');
    }
    expect(node.connections.total).toBe(1);
  });

  test('idle ones are ended with FIN after idleMs, busy ones are not', async () => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ controlId }) => (controlId === 'BUSY' ? answers.after(hold) : answers.aa())),
    );
    using room = upstreamTo(node, { idleMs: 60 });
    const [busy, quick] = [new TestDelivery('BUSY'), new TestDelivery('QUICK')];
    room.upstream.send(busy);
    room.upstream.send(quick);
    await quick.over();
    const idle = node.messages.find(({ controlId }) => controlId === 'QUICK')?.connection;
    expect(await idle?.closed).toEqual({ code: undefined });
    await until(() => room.upstream.openConnections === 1);
    hold.open();
    expect(await busy.over()).toBe('answered AA');
  });

  test('a stale one is dialled anew', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { maxConnections: 1 });
    for (const id of ['X1', 'X2', 'X3']) {
      const delivery = new TestDelivery(id);
      room.upstream.send(delivery);
      expect(await delivery.over()).toBe('answered AA');
      node.closeConnections();
      await until(() => room.upstream.openConnections === 0);
    }
    expect(node.connections.total).toBe(3);
    expect(room.told.filter((what) => what.startsWith('GW_'))).toEqual([]);
  });

  test('a connection that breaks in the very turn in which a message is given to it: not sent, and said so', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { maxConnections: 1 });
    const first = new TestDelivery('X1');
    room.upstream.send(first);
    await first.over();
    // The stray answer and the end are read in one turn with the sending, before its bytes go out.
    const late = new TestDelivery('X2');
    const closed = until(() => room.upstream.openConnections === 0);
    node.closeConnections();
    while (room.upstream.openConnections > 0 && late.events.length === 0) {
      await turns(1);
      if (node.connections.open === 0 && late.events.length === 0) room.upstream.send(late);
    }
    await closed;
    const end = await late.over();
    if (late.events.includes('written')) expect(['answered AA', 'GW_ERR_NODE_CLOSED']).toContain(end);
    else expect(end).toBe('GW_ERR_NODE_STALE');
    expect(room.upstream.inFlight).toBe(0);
  });
});

describe('pipelining', () => {
  test('messages of one connection are written in order, and answered by their place', async () => {
    const codes = ['AA', 'AE', 'AR', 'AA', 'CA', 'AE'];
    await using node = await startFaultyNode(
      answers.inSequence(...(codes.map((code) => answers.code(code)) as [ReturnType<typeof answers.code>])),
    );
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 6 });
    const sent = fill(room.upstream);
    expect(await Promise.all(sent.map((delivery) => delivery.over()))).toEqual(
      codes.map((code) => `answered ${code}`),
    );
    expect(node.controlIds).toEqual(sent.map(({ header }) => header.controlId));
    expect(node.connections.total).toBe(1);
  });

  test('a message sent with a channel goes on that connection, though another is idle', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node, { maxConnections: 2, pipelining: 3 });
    const [a, b] = [new TestDelivery('A'), new TestDelivery('B')];
    room.upstream.send(a);
    room.upstream.send(b);
    await node.received(2);
    const follower = new TestDelivery('F');
    room.upstream.send(follower, b.channel);
    hold.open();
    await Promise.all([a, b, follower].map((delivery) => delivery.over()));
    const via = (id: string): number | undefined =>
      node.messages.find(({ controlId }) => controlId === id)?.connection.id;
    expect(via('F')).toBe(via('B'));
  });

  test('when a connection breaks, its first message has the cause and all of them an end', async () => {
    await using node = await startFaultyNode(answers.wrongControlId());
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 3 });
    const sent = fill(room.upstream);
    expect(await Promise.all(sent.map((delivery) => delivery.over()))).toEqual([
      'GW_ERR_ACK_MISMATCH',
      'GW_ERR_NODE_CLOSED',
      'GW_ERR_NODE_CLOSED',
    ]);
    expect(room.upstream.inFlight).toBe(0);
    expect(room.told.filter((what) => what.startsWith('GW_'))).toEqual(['GW_ERR_ACK_MISMATCH']);
  });
});

describe('timeouts.ack', () => {
  test('a timer that fires early by this clock is set again, not forgotten', async () => {
    await using node = await startFaultyNode(answers.none());
    using room = upstreamTo(node, { ackMs: 100 });
    const delivery = new TestDelivery('X1');
    // The clock is ahead at the moment of sending only, so that the timer's time is over 50 ms before the message's.
    const now = performance.now.bind(performance);
    room.upstream.send(new TestDelivery('X0'));
    await node.received(1);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 50);
    const sentAt = performance.now();
    room.upstream.send(delivery, undefined);
    await node.received(2);
    clock.mockRestore();
    expect(await delivery.over()).toBe('GW_ERR_ACK_TIMEOUT');
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(98);
  });

  test('counts anew for each message of a connection', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.inSequence(answers.aa(), answers.after(hold)));
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 2, ackMs: 80 });
    const sent = fill(room.upstream);
    expect(await sent[0]?.over()).toBe('answered AA');
    expect(await sent[1]?.over()).toBe('GW_ERR_ACK_TIMEOUT');
    hold.open();
    await node.openConnections(0);
  });
});

describe('close', () => {
  test('waits for what is under way, also for what still waits for a connection', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node);
    const [first, second] = [new TestDelivery('X1'), new TestDelivery('X2')];
    room.upstream.send(first);
    await node.received(1);
    room.upstream.send(second);
    room.upstream.close();
    hold.open();
    expect(await Promise.all([first.over(), second.over()])).toEqual(['answered AA', 'answered AA']);
    await node.openConnections(0);
  });

  test('does not wait for messages that nobody wants any more', async () => {
    await using node = await startFaultyNode(answers.none());
    using room = upstreamTo(node);
    const [written, dialling] = [new TestDelivery('X1'), new TestDelivery('X2')];
    room.upstream.send(written);
    await node.received(1);
    room.upstream.send(dialling);
    written.unwanted = true;
    dialling.unwanted = true;
    room.upstream.close();
    expect([written.end, dialling.end]).toEqual(['GW_ERR_NODE_CLOSED', 'GW_ERR_NODE_STALE']);
    expect(room.upstream.inFlight).toBe(0);
    await node.openConnections(0);
    expect(node.controlIds).toEqual(['X1']);
  });
});

describe('F32 full', () => {
  /** Until a dial may be tried again. */
  async function allowed({ upstream }: Room): Promise<void> {
    await until(() => !upstream.isFull, { deadlineMs: 5_000 });
  }

  test('a second later one dial is tried; when that is kept, the rest', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold), { maxConnections: 0 });
    using room = upstreamTo(node, { maxConnections: 4, settleMs: 50 });
    const { upstream } = room;
    const first = new TestDelivery('X0');
    upstream.send(first);
    expect(await first.over()).toBe('GW_ERR_NODE_FULL');
    expect([upstream.isFull, upstream.hasRoom]).toEqual([true, false]);
    await allowed(room);
    expect([upstream.isFull, upstream.hasRoom]).toEqual([false, true]);
    // Still full: one connection is lost on finding out, not four.
    const { accepted } = node;
    const tried = fill(upstream, 'T');
    expect(tried.length).toBe(1);
    expect(await tried[0]?.over()).toBe('GW_ERR_NODE_FULL');
    expect([node.accepted - accepted, upstream.isFull]).toEqual([1, true]);
    await allowed(room);
    node.maxConnections = 10;
    const kept = fill(upstream, 'K');
    expect(kept.length).toBe(1);
    await node.received(1);
    expect(upstream.hasRoom).toBe(true);
    expect(fill(upstream, 'R').length).toBe(3);
    await node.received(4);
    hold.open();
  });

  test('pipelining 4: as many messages as one connection takes wait for that one dial', async () => {
    await using node = await startFaultyNode(answers.aa(), { maxConnections: 0 });
    using room = upstreamTo(node, { maxConnections: 4, pipelining: 4, settleMs: 50 });
    const first = new TestDelivery('X0');
    room.upstream.send(first);
    await first.over();
    await allowed(room);
    const { accepted } = node;
    const tried = fill(room.upstream, 'T');
    expect(tried.length).toBe(4);
    for (const delivery of tried) expect(await delivery.over()).toBe('GW_ERR_NODE_FULL');
    expect(node.accepted - accepted).toBe(1);
  });

  test('a trial dial that is refused says that it is not full', async () => {
    await using node = await startFaultyNode(answers.aa(), { maxConnections: 0 });
    using room = upstreamTo(node, { settleMs: 50 });
    const first = new TestDelivery('X0');
    room.upstream.send(first);
    await first.over();
    await allowed(room);
    await node.refuse();
    const second = new TestDelivery('X1');
    room.upstream.send(second);
    expect(await second.over()).toBe('GW_ERR_NODE_CONNECT');
    expect([room.upstream.isFull, room.upstream.hasRoom]).toEqual([false, true]);
    expect(fill(room.upstream).length).toBe(4);
  });
});

describe('retire and giveBack', () => {
  test('open connections end when their messages are answered; a new message is given a new one', async () => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ controlId }) => (controlId === 'BUSY' ? answers.after(hold) : answers.aa())),
    );
    using room = upstreamTo(node);
    const [busy, quick] = [new TestDelivery('BUSY'), new TestDelivery('QUICK')];
    room.upstream.send(busy);
    room.upstream.send(quick);
    await quick.over();
    room.upstream.retire();
    await until(() => node.connections.open === 1);
    const next = new TestDelivery('NEXT');
    room.upstream.send(next);
    expect(await next.over()).toBe('answered AA');
    expect(node.connections.total).toBe(3);
    hold.open();
    expect(await busy.over()).toBe('answered AA');
    await node.openConnections(1);
  });

  test('what waits for a connection fails unsent, and the dial is given up', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { settleMs: 5_000 });
    const waiting = [new TestDelivery('X0'), new TestDelivery('X1')];
    for (const delivery of waiting) room.upstream.send(delivery);
    await node.connected(2);
    room.upstream.giveBack();
    expect(waiting.map(({ events }) => events)).toEqual([['GW_ERR_NODE_STALE'], ['GW_ERR_NODE_STALE']]);
    expect(room.upstream.inFlight).toBe(0);
    await node.openConnections(0);
    expect(node.bytes.length).toBe(0);
  });
});

test('F42 an answer is told with its code, and a message that needs none as such', async () => {
  await using node = await startFaultyNode(answers.ae());
  using room = upstreamTo(node);
  const [asked, silent] = [new TestDelivery('X0'), new TestDelivery('X1', false)];
  room.upstream.send(asked);
  await asked.over();
  room.upstream.send(silent);
  await silent.over();
  expect(room.told.filter((what) => what.startsWith('answered'))).toEqual(['answered AE', 'answered none']);
});
