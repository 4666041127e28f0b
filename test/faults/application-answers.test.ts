// F87 to F89: enhanced mode. What is kept of a committed message, whose the application's later answer is, and who waits for it.
import { queryObjects } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { readAck } from '../../src/hl7/ack.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { Message } from '../../src/relay/message.ts';
import type { ReplyTarget } from '../../src/upstream/delivery.ts';
import { CommittedMessages } from '../../src/upstream/mllp/committed-messages.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, type FaultyNode, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { type SimpleConfig, simpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, frame, type MessageParts, message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { type Gate, gate, turns, until } from '../helpers/until.ts';

const AL = { acceptAck: 'AL', applicationAck: 'AL' };
const LOST = 'no sender was told of an application acknowledgement';

interface Enhanced extends AsyncDisposable {
  readonly node: FaultyNode;
  readonly gw: TestGateway;
  readonly config: SimpleConfig;
  sender(): Promise<Sender>;
}

/** A node that commits at once, and answers when it is told to: `answer`. */
async function startEnhanced(
  pool: Record<string, unknown> = {},
  more: Partial<SimpleConfig> = {},
): Promise<Enhanced> {
  const node = await startFaultyNode(answers.ca());
  const config: SimpleConfig = { nodes: [node.url], pool, ...more };
  const gw = await startGateway(config);
  const senders: Sender[] = [];
  return {
    node,
    gw,
    config,
    sender: async () => {
      const sender = await connectSender(gw.port());
      senders.push(sender);
      return sender;
    },
    [Symbol.asyncDispose]: async () => {
      for (const sender of senders) await sender[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

/** The node's application answers the nth message that it got. `names`: what MSH-5 and MSH-6 say, instead of the sender's. */
async function answer(
  node: FaultyNode,
  index: number,
  code = 'AA',
  names?: readonly [string, string],
): Promise<void> {
  const received = node.messages[index];
  if (received === undefined) throw new Error(`the node has no message ${index}`);
  let ack = ackFor(received.payload, code).toString('latin1');
  if (names !== undefined) {
    const [msh = '', ...rest] = ack.split('\r');
    const fields = msh.split('|');
    fields.splice(4, 2, ...names);
    ack = [fields.join('|'), ...rest].join('\r');
  }
  await received.connection.answer(Buffer.from(ack, 'latin1'));
}

const NOBODY = ['', ''] as const;

async function commit(sender: Sender, parts: MessageParts): Promise<void> {
  expect(said(await sender.exchange(message({ ...AL, ...parts })))).toBe(`CA ${parts.controlId}`);
}

/** What came behind the commit, if nothing more comes. */
async function told(sender: Sender): Promise<string[]> {
  await turns(20);
  return sender.acks.map(said);
}

function lost(gw: TestGateway): unknown[] {
  return gw.log.filter(({ msg }) => msg === LOST).map(({ reason }) => reason);
}

describe('what is kept', () => {
  test('F87 of a committed message nothing stays but who is owed', async () => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const sender = await room.sender();
    for (let i = 0; i < 40; i++) await commit(sender, { controlId: `X${i}` });
    (room.gw.messages as Message[]).length = 0;
    await turns(5);
    // The last one may be held by what happened just now.
    expect(queryObjects(Message)).toBeLessThan(5);
    await answer(room.node, 0);
    expect(said(await sender.nextAck())).toBe('AA X0');
  });

  const target: ReplyTarget = {
    owner: {},
    isThere: true,
    expect: () => {},
    release: () => {},
    tell: () => true,
  };
  const add = (committed: CommittedMessages, parts: MessageParts, code = 'CA'): void => {
    const bytes = message(parts);
    const ack = readAck(ackFor(bytes, code));
    if (ack === undefined) throw new Error('no acknowledgement');
    committed.add({ header: readHeader(bytes), replyTarget: target } as never, ack);
  };

  test('F87 there is a bound, and it is the oldest that is forgotten', () => {
    const committed = new CommittedMessages(30_000, 1_000);
    for (let i = 0; i < 5_000; i++) add(committed, { controlId: `X${i}`, ...AL });
    expect(committed.owed).toBe(1_000);
    expect(committed.size).toBe(1_000);
    expect([committed.has('X0'), committed.has('X4999')]).toEqual([false, true]);
  });

  test.each(['CA', 'CE', 'CR'])('F87 nothing is kept where MSH-16 says NE, after %s', (code) => {
    const committed = new CommittedMessages(30_000, 1_000);
    for (let i = 0; i < 100; i++)
      add(committed, { controlId: `X${i}`, acceptAck: 'AL', applicationAck: 'NE' }, code);
    expect([committed.size, committed.owed]).toEqual([0, 0]);
  });
});

describe('two senders with one control id', () => {
  test.each([
    { codes: ['AE', 'AA'], order: [0, 1] },
    { codes: ['AE', 'AA'], order: [1, 0] },
    { codes: ['AA', 'AR'], order: [1, 0] },
  ])('F88 one connection, answers $order: MSH-5 and MSH-6 tell whose each is', async ({ codes, order }) => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const [a, b] = [await room.sender(), await room.sender()];
    await commit(a, { controlId: '1', app: 'APPA' });
    await commit(b, { controlId: '1', app: 'APPB' });
    expect(room.node.connections.total).toBe(1);
    for (const index of order) await answer(room.node, index, codes[index]);
    expect([said(await a.nextAck()), said(await b.nextAck())]).toEqual([`${codes[0]} 1`, `${codes[1]} 1`]);
    expect([(await told(a)).length, (await told(b)).length]).toEqual([2, 2]);
    expect(lost(room.gw)).toEqual([]);
  });

  test.each([{ repeatedIds: 'auto' }, { repeatedIds: 'reuse' }, { repeatedIds: 'redial' }])(
    'F88 $repeatedIds, where there may be more connections: each goes on one of its own',
    async ({ repeatedIds }) => {
      await using room = await startEnhanced({ connections: { max: 2, repeatedIds } });
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1' });
      await commit(b, { controlId: '1' });
      expect(room.node.messages.map(({ connection }) => connection.id)).toEqual([0, 1]);
      await answer(room.node, 1, 'AE', NOBODY);
      expect(said(await b.nextAck())).toBe('AE 1');
      await answer(room.node, 0, 'AA', NOBODY);
      expect(said(await a.nextAck())).toBe('AA 1');
      expect([(await told(a)).length, (await told(b)).length]).toEqual([2, 2]);
    },
  );

  test.each([{ repeatedIds: 'auto' }, { repeatedIds: 'reuse' }, { repeatedIds: 'redial' }])(
    'F88 $repeatedIds: the first is committed while a connection for the second is on its way: it waits for that',
    async ({ repeatedIds }) => {
      const hold = gate();
      await using room = await startEnhanced({ connections: { max: 2, repeatedIds } });
      const [a, b, c] = [await room.sender(), await room.sender(), await room.sender()];
      await commit(c, { controlId: '0' });
      room.node.script = answers.after(hold, answers.ca());
      void a.send(message({ controlId: '1', ...AL }));
      await room.node.received(2);
      void b.send(message({ controlId: '1', ...AL }));
      await room.node.connected(2);
      hold.open();
      expect([said(await a.nextAck()), said(await b.nextAck())]).toEqual(['CA 1', 'CA 1']);
      expect(room.node.messages.map(({ connection }) => connection.id)).toEqual([0, 0, 1]);
      await answer(room.node, 2, 'AE', NOBODY);
      expect(said(await b.nextAck())).toBe('AE 1');
      await answer(room.node, 1, 'AA', NOBODY);
      expect(said(await a.nextAck())).toBe('AA 1');
    },
  );

  test.each([{ repeatedIds: 'auto' }, { repeatedIds: 'reuse' }])(
    'F88 $repeatedIds: the node takes no further connection: the second goes on the one that there is',
    async ({ repeatedIds }) => {
      await using room = await startEnhanced({ connections: { max: 2, repeatedIds } });
      room.node.maxConnections = 1;
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1', app: 'APPA' });
      await commit(b, { controlId: '1', app: 'APPB' });
      expect(room.node.messages.map(({ connection }) => connection.id)).toEqual([0, 0]);
      await answer(room.node, 1, 'AE');
      await answer(room.node, 0, 'AA');
      expect([said(await a.nextAck()), said(await b.nextAck())]).toEqual(['AA 1', 'AE 1']);
    },
  );

  test.each([NOBODY, ['OTHER', 'PLACE'] as const])(
    'F88 one connection, MSH-5 and MSH-6 %s say nothing: the order tells, as long as the node keeps to it',
    async (...names) => {
      await using room = await startEnhanced({ connections: { max: 1 } });
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1', app: 'APPA' });
      await commit(b, { controlId: '1', app: 'APPB' });
      await answer(room.node, 0, 'AA', names);
      await answer(room.node, 1, 'AE', names);
      expect([said(await a.nextAck()), said(await b.nextAck())]).toEqual(['AA 1', 'AE 1']);
    },
  );

  test('F88 the node has answered out of order before: nobody is told, and the log says so', async () => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const [a, b] = [await room.sender(), await room.sender()];
    await commit(a, { controlId: '1' });
    await commit(b, { controlId: '2' });
    await answer(room.node, 1, 'AA', NOBODY);
    expect(said(await b.nextAck())).toBe('AA 2');
    await commit(b, { controlId: '1' });
    await answer(room.node, 0, 'AE', NOBODY);
    await until(() => lost(room.gw).length === 1);
    expect([await told(a), await told(b)]).toEqual([['CA 1'], ['CA 2', 'AA 2', 'CA 1']]);
    expect(lost(room.gw)).toEqual(['more than one sender has a message with its control id']);
  });

  test.each(['ER', 'SU', ''])(
    'F88 MSH-16 %s: not each of them is answered, so the order tells nothing, and nobody is told',
    async (applicationAck) => {
      await using room = await startEnhanced({ connections: { max: 1 } });
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1', applicationAck });
      await commit(b, { controlId: '1', applicationAck });
      await answer(room.node, 1, 'AE', NOBODY);
      await until(() => lost(room.gw).length === 1);
      expect([await told(a), await told(b)]).toEqual([['CA 1'], ['CA 1']]);
    },
  );

  test('F88 two nodes: each answers for what it has', async () => {
    await using second = await startFaultyNode(answers.ca());
    await using first = await startFaultyNode(answers.ca());
    await using gw = await startGateway({ nodes: [first.url, second.url], pool: { balance: 'round-robin' } });
    await using a = await connectSender(gw.port());
    await using b = await connectSender(gw.port());
    await commit(a, { controlId: '1' });
    await commit(b, { controlId: '1' });
    const [ofA, ofB] = first.messages.length === 1 && second.messages.length === 1 ? [first, second] : [];
    if (ofA === undefined || ofB === undefined) throw new Error('both went to one node');
    await answer(ofB, 0, 'AE', NOBODY);
    expect(said(await b.nextAck())).toBe('AE 1');
    await answer(ofA, 0, 'AA', NOBODY);
    expect(said(await a.nextAck())).toBe('AA 1');
  });

  test.each(['AA', 'AE', 'AR'])(
    'F88 a second %s to one that is answered, while another sender’s message of that id waits for its commit: not its',
    async (code) => {
      const hold = gate();
      await using room = await startEnhanced({ connections: { max: 1 } });
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1', app: 'APPA' });
      await answer(room.node, 0, code);
      expect(said(await a.nextAck())).toBe(`${code} 1`);
      room.node.script = answers.after(hold, answers.ca());
      void b.send(message({ controlId: '1', app: 'APPB', ...AL }));
      await room.node.received(2);
      for (const names of [undefined, NOBODY]) await answer(room.node, 0, code, names);
      await until(
        () => room.gw.log.filter(({ msg }) => String(msg).includes('belongs to no message')).length === 2,
      );
      expect(await told(b)).toEqual([]);
      hold.open();
      expect(said(await b.nextAck())).toBe('CA 1');
      await answer(room.node, 1, 'AR');
      expect(said(await b.nextAck())).toBe('AR 1');
      expect((await told(a)).length).toBe(2);
    },
  );

  test.each(['CA', 'CE', 'CR'])(
    'F88 a second %s to one that is committed, while another sender’s message of that id waits for its own: not its',
    async (code) => {
      const hold = gate();
      await using room = await startEnhanced({ connections: { max: 1 } });
      const [a, b] = [await room.sender(), await room.sender()];
      await commit(a, { controlId: '1', app: 'APPA' });
      room.node.script = answers.after(hold, answers.ca());
      void b.send(message({ controlId: '1', app: 'APPB', ...AL }));
      await room.node.received(2);
      await answer(room.node, 0, code);
      await until(() => room.gw.log.some(({ msg }) => String(msg).includes('belongs to no message')));
      expect(await told(b)).toEqual([]);
      hold.open();
      expect(said(await b.nextAck())).toBe('CA 1');
      await answer(room.node, 1, 'AE');
      await answer(room.node, 0, 'AA');
      expect([said(await a.nextAck()), said(await b.nextAck())]).toEqual(['AA 1', 'AE 1']);
    },
  );

  test.each(['CA', 'AA'])(
    'F88 a late second %s with nothing out: nobody is told, what is owed still comes',
    async (code) => {
      await using room = await startEnhanced({ connections: { max: 1 } });
      const a = await room.sender();
      await commit(a, { controlId: '1' });
      await commit(a, { controlId: '2' });
      if (code === 'AA') {
        await answer(room.node, 0);
        expect(said(await a.nextAck())).toBe('AA 1');
      }
      await answer(room.node, 0, code);
      await until(() => room.gw.log.some(({ msg }) => String(msg).includes('belongs to no message')));
      // That connection is not used again (F39), and still brings what is owed on it.
      await commit(a, { controlId: '3' });
      expect(room.node.messages.map(({ connection }) => connection.id)).toEqual([0, 0, 1]);
      await answer(room.node, 1);
      expect(said(await a.nextAck())).toBe('AA 2');
      if (code === 'CA') await answer(room.node, 0);
      expect(await room.node.connections.all[0]?.closed).toEqual({ code: undefined });
    },
  );

  test('F88 the same sender sends an id again: each commit and each answer is its own', async () => {
    await using room = await startEnhanced({ connections: { max: 1, pipelining: 4 } });
    const a = await room.sender();
    for (let i = 0; i < 3; i++) await commit(a, { controlId: '1' });
    for (const code of ['AA', 'AE', 'AR']) await answer(room.node, 0, code);
    expect((await a.nextAcks(3)).map(said)).toEqual(['AA 1', 'AE 1', 'AR 1']);
  });

  test('F88 an answer for a sender that is gone goes to nobody, and not to the other one with that id', async () => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const [a, b] = [await room.sender(), await room.sender()];
    await commit(a, { controlId: '1', app: 'APPA' });
    await commit(b, { controlId: '1', app: 'APPB' });
    a.reset();
    await until(() => room.gw.gateway.listeners[0]?.connections === 1);
    await answer(room.node, 0, 'AA');
    await until(() => lost(room.gw).length === 1);
    expect(lost(room.gw)).toEqual(["the sender's connection has ended"]);
    expect(await told(b)).toEqual(['CA 1']);
    await answer(room.node, 1, 'AE');
    expect(said(await b.nextAck())).toBe('AE 1');
  });

  test('F88 a node that does not commit answers at once: AA and AE are the messages’ own, whoever has the id', async () => {
    await using room = await startEnhanced({ connections: { max: 1, pipelining: 4 } });
    room.node.script = answers.inSequence(answers.aa(), answers.ae(), answers.aa());
    const [a, b] = [await room.sender(), await room.sender()];
    expect(said(await a.exchange(message({ controlId: '1', ...AL })))).toBe('AA 1');
    expect(said(await b.exchange(message({ controlId: '1', ...AL })))).toBe('AE 1');
    expect(said(await a.exchange(message({ controlId: '1', ...AL })))).toBe('AA 1');
  });
});

describe('who waits', () => {
  /** The node's answer after this: in the time in which it would have been given up. */
  const past = (ms: number): Promise<unknown> => {
    const since = performance.now();
    return until(() => performance.now() > since + ms);
  };

  test('F89 connections.idle: a connection on which an answer is owed is not idle', async () => {
    await using room = await startEnhanced({ connections: { max: 1, idle: '40ms' } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    await past(250);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    // And then it is.
    expect(await room.node.connections.all[0]?.closed).toEqual({ code: undefined });
  });

  test('F89 limits.idleTimeout: nor is its sender’s', async () => {
    await using room = await startEnhanced({}, { listener: { limits: { idleTimeout: '2s' } } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    await past(3_000);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    await a.closed;
    expect(room.gw.codes).toEqual(['GW_ERR_SENDER_IDLE']);
  });

  test('F89 limits.idleTimeout: what never comes is waited for as long as timeouts.application', async () => {
    await using room = await startEnhanced(
      { timeouts: { application: '3s' } },
      { listener: { limits: { idleTimeout: '2s' } } },
    );
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    await a.closed;
    expect(room.gw.codes).toEqual(['GW_ERR_SENDER_IDLE']);
  });

  test.each([
    { what: 'another node at that place', change: { pool: { connections: { max: 3 } } } },
    { what: 'another listener in its place', change: { listener: { limits: { maxConnections: 7 } } } },
    { what: 'a pool of another name', change: { routes: [{ name: 'other', to: 'pool' }] } },
  ])('F89 a reload that brings $what', async ({ change }) => {
    await using room = await startEnhanced();
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    const { config } = parseConfig(simpleConfig({ ...room.config, ...change }), { env: {} });
    await room.gw.gateway.reload(config);
    await turns(10);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
  });

  test('F89 a reload that takes the listener away: its sender still gets what it is owed, and then its end', async () => {
    await using room = await startEnhanced();
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    const text = simpleConfig(room.config).replace('"in":', '"other":');
    await room.gw.gateway.reload(parseConfig(text, { env: {} }).config);
    await turns(10);
    expect(a.ended).toBe(false);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
  });

  test('F89 a drain waits, then ends at once', async () => {
    await using room = await startEnhanced();
    const [a, b] = [await room.sender(), await room.sender()];
    await commit(a, { controlId: '1' });
    await commit(b, { controlId: '2' });
    await answer(room.node, 1);
    expect(said(await b.nextAck())).toBe('AA 2');
    const stopped = room.gw.gateway.stop();
    await b.closed;
    await turns(10);
    expect(a.ended).toBe(false);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    expect(await stopped).toBe(true);
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
  });

  test.each([
    { parts: AL, timeouts: { application: '80ms' } },
    { parts: { acceptAck: 'AL', applicationAck: 'ER' }, timeouts: { silence: '80ms' } },
    { parts: { acceptAck: 'AL', applicationAck: 'NE' }, timeouts: {} },
  ])('F89 a drain waits no longer than $timeouts', async ({ parts, timeouts }) => {
    await using room = await startEnhanced({ timeouts });
    const a = await room.sender();
    await commit(a, { controlId: '1', ...parts });
    expect(await room.gw.gateway.stop()).toBe(true);
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
    expect(await told(a)).toEqual(['CA 1']);
  });

  test('F89 a sender that sends on while a drain waits is not held up for all that time', async () => {
    await using room = await startEnhanced({ timeouts: { application: '10m' } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    const stopped = room.gw.gateway.stop();
    await turns(10);
    expect(a.ended).toBe(false);
    // Nobody here takes it any more: it is for the next gateway, on another connection.
    await a.send(message({ controlId: '2', ...AL }));
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
    expect(await stopped).toBe(true);
    expect(room.node.messages.length).toBe(1);
  });

  test('F89 nor is one whose message comes in pieces, with the two bytes of its end apart', async () => {
    await using room = await startEnhanced({ timeouts: { application: '10m' } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    const stopped = room.gw.gateway.stop();
    await turns(10);
    const bytes = frame(message({ controlId: '2', ...AL }));
    await a.write(bytes.subarray(0, -1));
    await turns(50);
    await a.write(bytes.subarray(-1));
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
    expect(await stopped).toBe(true);
    expect(room.node.messages.length).toBe(1);
  });

  test('F89 maintenance of the node ends the connection behind the answer', async () => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    for (const queue of room.gw.gateway.queues.values())
      for (const node of queue.pool.nodes) node.maintenance();
    await turns(10);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    expect(await room.node.connections.all[0]?.closed).toEqual({ code: undefined });
  });

  test('F89 a sender that half-closes before its commit gets both answers; one that does so behind it is done', async () => {
    const hold = gate();
    await using room = await startEnhanced();
    room.node.script = answers.after(hold, answers.ca());
    const [a, b] = [await room.sender(), await room.sender()];
    await a.send(message({ controlId: '1', ...AL }));
    await a.end();
    await room.node.received(1);
    hold.open();
    expect(said(await a.nextAck())).toBe('CA 1');
    await commit(b, { controlId: '2' });
    await b.end();
    expect(await b.closed).toEqual({ hadError: false, code: undefined });
    expect(a.ended).toBe(false);
    await answer(room.node, 0);
    expect(said(await a.nextAck())).toBe('AA 1');
    expect(await a.closed).toEqual({ hadError: false, code: undefined });
  });

  test('F89 the node’s connection breaks before the answer: the log says how many wait in vain', async () => {
    await using room = await startEnhanced({ connections: { max: 1 } });
    const a = await room.sender();
    await commit(a, { controlId: '1' });
    await commit(a, { controlId: '2' });
    room.node.resetConnections();
    await until(() => lost(room.gw).length === 1);
    expect(room.gw.log.find(({ msg }) => msg === LOST)).toMatchObject({
      pool: 'pool',
      node: 'a',
      count: 2,
      reason: 'the connection to the node ended before it came',
    });
  });

  test('F43 key order: an answer does not come before the commit that waits for those ahead of it', async () => {
    const hold: Gate = gate();
    const script: Script = answers.by(({ controlId }) =>
      controlId === 'FIRST' ? answers.after(hold, answers.ca()) : answers.all(answers.ca(), answers.aa()),
    );
    await using room = await startEnhanced({ ordering: 'key', persistence: { by: ['MSH-3'] } });
    room.node.script = script;
    const a = await room.sender();
    void a.sendTogether([
      message({ controlId: 'FIRST', app: 'APPA', ...AL }),
      message({ controlId: 'SECOND', app: 'APPB', ...AL }),
    ]);
    await room.node.received(2);
    await turns(20);
    expect(a.acks).toEqual([]);
    hold.open();
    expect((await a.nextAcks(3)).map(said)).toEqual(['CA FIRST', 'CA SECOND', 'AA SECOND']);
  });
});

test('F88 that nobody was told is limited in the log, with how many lines were left out', {
  timeout: 60_000,
}, async () => {
  await using enhanced = await startEnhanced({ connections: { max: 1 } });
  const { node, gw } = enhanced;
  const count = 130;
  const sender = await enhanced.sender();
  for (let i = 0; i < count; i++) await commit(sender, { controlId: `L-${i}` });
  await sender.end();
  await sender.closed;
  for (let i = 0; i < count; i++) await answer(node, i);
  const leftOut = () => gw.log.find(({ msg }) => msg === 'lines were left out: too many alike');
  await until(() => leftOut() !== undefined, { deadlineMs: 45_000, what: 'the number of lines left out' });
  expect(gw.log.filter(({ msg }) => msg === LOST)).toHaveLength(100);
  expect(leftOut()).toMatchObject({
    pool: 'pool',
    node: 'a',
    leftOut: count - 100,
    reason: expect.any(String),
  });
});
