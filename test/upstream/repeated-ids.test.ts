// F39: a node answers one message twice, and the next one on that connection has the same control id. The second answer must
// not be credited to it.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import { RecentIds } from '../../src/upstream/mllp/recent-ids.ts';
import { answers, type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { upstreamTo } from './deliveries.ts';
import { TestDelivery } from './test-delivery.ts';

/** On which connection the node got each message. */
function places({ messages }: FaultyNode): string[] {
  return messages.map(({ controlId, connection }) => `${controlId}@${connection.id}`);
}

/** AA to each message; to one that comes behind another of its id, first that one's AA again, and then AR. */
function againBeforeNext(): Script {
  const seen = new Map<number, Set<string>>();
  return async (exchange) => {
    const { connection, controlId } = exchange;
    const ids = seen.get(connection.id) ?? new Set();
    seen.set(connection.id, ids);
    if (!ids.has(controlId)) {
      ids.add(controlId);
      return answers.aa()(exchange);
    }
    await answers.aa()(exchange);
    await answers.ar()(exchange);
  };
}

/** So that what is credited is seen: the first message gets AA twice, all others AR. */
function secondWhenNextIsRead(): Script {
  return async (exchange) => {
    if (exchange.index === 0) return answers.aa()(exchange);
    if (exchange.connection.id === 0) await answers.aa()(exchange);
    await answers.ar()(exchange);
  };
}

async function sent(upstream: ReturnType<typeof upstreamTo>['upstream'], id: string): Promise<string> {
  const delivery = new TestDelivery(id);
  upstream.send(delivery);
  return delivery.over();
}

describe('F39 a second answer, and the next message has the same control id', () => {
  test.each([1, 4])(
    'pipelining %i: it goes on another connection, the answer is its own',
    async (pipelining) => {
      await using node = await startFaultyNode(secondWhenNextIsRead());
      using room = upstreamTo(node, { pipelining });
      expect(await sent(room.upstream, 'X')).toBe('answered AA');
      expect(await sent(room.upstream, 'X')).toBe('answered AR');
      expect(places(node)).toEqual(['X@0', 'X@1']);
    },
  );

  test('where no more connections may be, the idle one is ended first, and a new one dialled', async () => {
    await using node = await startFaultyNode(againBeforeNext());
    using room = upstreamTo(node, { maxConnections: 1 });
    for (let i = 0; i < 3; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', 'X@1', 'X@2']);
    expect(room.told.filter((what) => what === 'repeated').length).toBe(2);
    // Ended with FIN, and before the next was opened: the node never has more than one.
    for (const { kind, connection } of node.events.filter(
      ({ kind: one }) => one === 'open' || one === 'close',
    ))
      if (kind === 'open' && connection > 0) expect(node.connections.all[connection - 1]?.open).toBe(false);
    const order = node.events
      .filter(({ kind }) => kind !== 'message')
      .map(({ kind, connection }) => `${kind} ${connection}`);
    expect(order.indexOf('close 0')).toBeLessThan(order.indexOf('open 1'));
    expect(room.upstream.inFlight).toBe(0);
  });

  test('the next one is dialled only when the node has closed its side too', async () => {
    const hold = gate();
    let [accepted, ended] = [0, 0];
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      accepted++;
      socket.on('error', () => {});
      socket.on('data', () => void socket.write(frame(ackFor(message({ controlId: 'X' })))));
      socket.on('end', () => {
        ended++;
        void hold.opened.then(() => socket.end());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    using room = upstreamTo({ port: address.port }, { maxConnections: 1 });
    expect(await sent(room.upstream, 'X')).toBe('answered AA');
    const second = new TestDelivery('X');
    room.upstream.send(second);
    await until(() => ended === 1);
    await turns(50);
    expect(accepted).toBe(1);
    hold.open();
    expect(await second.over()).toBe('answered AA');
    expect(accepted).toBe(2);
    server.close();
  });

  test('of busy connections one makes way at a time: other messages go on meanwhile', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node, { maxConnections: 3, pipelining: 4 });
    const all = Array.from({ length: 6 }, () => new TestDelivery('X'));
    for (const delivery of all) room.upstream.send(delivery);
    await node.received(3);
    for (const [at, id] of ['Y', 'Z', 'A', 'B'].entries()) {
      // Longer than the least time between two replacements.
      const since = performance.now();
      await until(() => performance.now() > since + 15);
      // Behind one that waits for its answer: each of them is a reason to look for more connections.
      room.upstream.send(new TestDelivery(id));
      await node.received(4 + at);
    }
    expect([node.connections.total, room.upstream.openConnections]).toEqual([3, 2]);
    expect(room.told.filter((what) => what === 'repeated').length).toBe(1);
    hold.open();
    for (const delivery of all) expect(await delivery.over()).toBe('answered AA');
  });

  test('a busy one that is to make way holds up no message that another can make way for', async () => {
    const holds = [gate(), gate()];
    await using node = await startFaultyNode(
      answers.by(({ connection }) => {
        const hold = holds[connection.id];
        return hold === undefined ? answers.aa() : answers.after(hold);
      }),
    );
    using room = upstreamTo(node, { maxConnections: 2, pipelining: 2 });
    const [first, second, third] = ['X', 'X', 'X'].map((id) => new TestDelivery(id));
    for (const delivery of [first, second, third]) if (delivery !== undefined) room.upstream.send(delivery);
    await node.received(2);
    await until(() => room.told.includes('repeated'));
    const makesWay = first?.channel?.takes(new TestDelivery('Y')) === true ? 1 : 0;
    holds[1 - makesWay]?.open();
    expect(await third?.over()).toBe('answered AA');
    expect([first?.end, second?.end].filter((end) => end === undefined).length).toBe(1);
    holds[makesWay]?.open();
    await until(() => room.upstream.inFlight === 0);
  });

  test('one in flight with that id is enough, and others go between', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 4 });
    const [first, other, same] = [new TestDelivery('X'), new TestDelivery('Y'), new TestDelivery('X')];
    room.upstream.send(first);
    await node.received(1);
    room.upstream.send(other);
    expect(first.channel?.takes(same)).toBe(false);
    expect(first.channel?.takes(new TestDelivery('Z'))).toBe(true);
    room.upstream.send(same);
    hold.open();
    for (const delivery of [first, other, same]) expect(await delivery.over()).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', 'Y@0', 'X@1']);
  });

  test('many at once with one id: one for each connection, all answered, never more than may be', async () => {
    await using node = await startFaultyNode(againBeforeNext());
    using room = upstreamTo(node, { maxConnections: 2, pipelining: 4 });
    const all: TestDelivery[] = [];
    while (room.upstream.hasRoom) {
      const delivery = new TestDelivery('X');
      all.push(delivery);
      room.upstream.send(delivery);
    }
    expect(all.length).toBe(8);
    for (const delivery of all) expect(await delivery.over()).toBe('answered AA');
    expect(new Set(places(node)).size).toBe(8);
    expect([room.upstream.inFlight, room.upstream.hasRoom]).toEqual([0, true]);
  });

  test('a message that needed no answer counts too, however long ago it was', async () => {
    // The node answers it all the same, when the next message is there.
    await using node = await startFaultyNode(async (exchange) => {
      if (exchange.index === 0) return;
      if (exchange.controlId !== 'X') return answers.aa()(exchange);
      if (exchange.connection.id === 0) await answers.aa()(exchange);
      await answers.ar()(exchange);
    });
    using room = upstreamTo(node);
    const silent = new TestDelivery('X', false);
    room.upstream.send(silent);
    expect(await silent.over()).toBe('unanswered');
    for (let i = 0; i < 40; i++) expect(await sent(room.upstream, `Y${i}`)).toBe('answered AA');
    expect(await sent(room.upstream, 'X')).toBe('answered AR');
  });

  test('when enough others have been answered it may come round again', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node);
    const others = Array.from({ length: 32 }, (_, i) => `Y${i}`);
    for (const id of ['X', ...others, 'X', 'X']) expect(await sent(room.upstream, id)).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', ...others.map((id) => `${id}@0`), 'X@0', 'X@1']);
  });

  test('auto: the connection is used on, until the node has answered a message twice', async () => {
    await using node = await startFaultyNode(
      answers.by(({ index }) => (index === 3 ? answers.twice() : answers.aa())),
    );
    using room = upstreamTo(node, { repeatedIds: 'auto' });
    for (let i = 0; i < 4; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    await until(() => room.told.includes('stray'));
    for (let i = 0; i < 3; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', 'X@0', 'X@0', 'X@0', 'X@1', 'X@2', 'X@3']);
  });

  test('auto: neither an answer that is no second one nor bytes that are none make it careful', async () => {
    await using node = await startFaultyNode(
      answers.by(({ index }) =>
        index === 0
          ? answers.aa()
          : index === 1
            ? answers.junkAfter(frame(ackFor(message({ controlId: 'Z' }))))
            : answers.aa(),
      ),
    );
    using room = upstreamTo(node, { repeatedIds: 'auto' });
    for (let i = 0; i < 2; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    await until(() => room.told.includes('stray'));
    for (let i = 0; i < 3; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', 'X@0', 'X@1', 'X@1', 'X@1']);
  });

  test('reuse: the connection is used on', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { repeatedIds: 'reuse' });
    for (let i = 0; i < 3; i++) expect(await sent(room.upstream, 'X')).toBe('answered AA');
    expect(places(node)).toEqual(['X@0', 'X@0', 'X@0']);
  });

  test('ids that differ: no connection is made for them', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 2 });
    for (let i = 0; i < 40; i++) expect(await sent(room.upstream, `X${i}`)).toBe('answered AA');
    expect([node.connections.total, room.told.includes('repeated')]).toEqual([1, false]);
  });
});

describe('where another connection cannot be had', () => {
  test('the node takes none: the message fails as not sent, and nothing waits for ever', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { maxConnections: 2 });
    expect(await sent(room.upstream, 'X')).toBe('answered AA');
    await node.refuse();
    // F96: with one open, a refusal of a further one says that it is full.
    expect(await sent(room.upstream, 'X')).toBe('GW_ERR_NODE_FULL');
    expect(await sent(room.upstream, 'Y')).toBe('answered AA');
    expect([room.upstream.inFlight, room.upstream.openConnections]).toEqual([0, 1]);
  });

  test('the node is full: the same, and a second later it is tried again', async () => {
    await using node = await startFaultyNode(answers.aa(), { maxConnections: 1 });
    using room = upstreamTo(node, { maxConnections: 2, settleMs: 50 });
    expect(await sent(room.upstream, 'X')).toBe('answered AA');
    expect(await sent(room.upstream, 'X')).toBe('GW_ERR_NODE_FULL');
    const waits = new TestDelivery('X');
    room.upstream.send(waits);
    node.maxConnections = 2;
    expect(await waits.over()).toBe('answered AA');
  });

  test('closing: what waits for a new connection still gets it', async () => {
    await using node = await startFaultyNode();
    using room = upstreamTo(node, { maxConnections: 1 });
    expect(await sent(room.upstream, 'X')).toBe('answered AA');
    const last = new TestDelivery('X');
    room.upstream.send(last);
    room.upstream.close();
    expect(await last.over()).toBe('answered AA');
    await node.openConnections(0);
  });

  test('giveBack: what waits for a new connection goes elsewhere', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    using room = upstreamTo(node, { maxConnections: 1, pipelining: 2 });
    const [first, second] = [new TestDelivery('X'), new TestDelivery('X')];
    room.upstream.send(first);
    await node.received(1);
    room.upstream.send(second);
    room.upstream.giveBack();
    expect(second.end).toBe('GW_ERR_NODE_STALE');
    hold.open();
    expect(await first.over()).toBe('answered AA');
    await until(() => room.upstream.inFlight === 0);
  });
});

describe('what could be credited', () => {
  const header = (controlId: string, over: (text: string) => string = (text) => text): Header =>
    readHeader(Buffer.from(over(message({ controlId }).toString('latin1')), 'latin1'));
  const batch = (text: string): string => `BHS|^~\\&|A\r${text}`;
  const repeats = (before: Header, next: Header): boolean => {
    const recent = new RecentIds();
    recent.add(before);
    return recent.wouldRepeat(next);
  };

  test.each([
    ['X1', 'X1', true],
    ['X1', 'X2', false],
    ['X1', 'Y1', false],
    ['X1', 'XX1', false],
    // Mirth echoes no more than the first component.
    ['X1^A', 'X1^B', true],
    ['X1', 'X1^B', true],
    ['X1^A', 'X1', true],
    ['X1^A', 'X2^A', false],
    // Matched by its place, as its listener was told to.
    ['X1', '', false],
  ])('%j, then %j: %j', (before, next, expected) => {
    expect(repeats(header(before), header(next))).toBe(expected);
  });

  test('an id that differs at its beginning only is another one', () => {
    expect(repeats(header('1-00000001'), header('2-00000001'))).toBe(false);
  });

  test('of two batches either may be answered without an id', () => {
    expect(repeats(header('X1', batch), header('X2', batch))).toBe(true);
    expect(repeats(header('X1'), header('X2', batch))).toBe(false);
  });

  test('a frame of several messages is answered by any of their ids, but not by one that an earlier answer had', () => {
    const recent = new RecentIds();
    const both = (a: string, b: string): Header =>
      header(a, (text) => `${text}${message({ controlId: b }).toString('latin1')}`);
    recent.add(both('X1', 'X2'));
    expect(recent.mayAnswer('X1', both('X1', 'X2'))).toBe(true);
    expect(recent.mayAnswer('X2', both('X1', 'X2'))).toBe(true);
    // Answered as X2: the next message of that id may not follow, nor may that answer come again for another such frame.
    expect(recent.wouldRepeat(header('X2'))).toBe(true);
    recent.add(both('X3', 'X2'));
    expect(recent.mayAnswer('X2', both('X3', 'X2'))).toBe(false);
  });

  test('16 messages back is remembered, with ids of several components too', () => {
    for (const id of ['X', 'X^A']) {
      const recent = new RecentIds();
      recent.add(header(id));
      for (let i = 1; i < 16; i++) recent.add(header(`Y${i}^B`));
      expect(recent.wouldRepeat(header('X'))).toBe(true);
      for (let i = 16; i < 40; i++) recent.add(header(`Y${i}`));
      expect(recent.wouldRepeat(header('X'))).toBe(false);
    }
  });
});

test('F43 a commit is remembered for as long as its answer may come', async () => {
  await using node = await startFaultyNode(async (exchange) => {
    if (exchange.controlId !== 'X') return answers.aa()(exchange);
    if (exchange.connection.id > 0) return answers.ar()(exchange);
    if (exchange.index === 0) return answers.ca()(exchange);
    // What it had to say of the first one, now that the next is there.
    await exchange.connection.answer(ackFor(exchange.payload));
    await answers.ar()(exchange);
  });
  using room = upstreamTo(node);
  expect(await sent(room.upstream, 'X')).toBe('answered CA');
  for (let i = 0; i < 40; i++) expect(await sent(room.upstream, `Y${i}`)).toBe('answered AA');
  expect(await sent(room.upstream, 'X')).toBe('answered AR');
});
