// What senders and nodes see of a pool with a spool: acknowledged when it is stored, delivered when a node is there, in order, once.
import { describe, expect, test } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { gate, until } from '../helpers/until.ts';
import { openSpoolRoom } from './spool-room.ts';

const ids = (count: number, prefix = 'M'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const CA = { acceptAck: 'AL', applicationAck: 'NE' };

describe('when: unavailable', () => {
  test('what no node takes is acknowledged when it is stored, and delivered in order when one is back', async () => {
    await using room = await openSpoolRoom();
    await room.node.refuse();
    const sender = await room.sender();
    for (const controlId of ids(5)) {
      const answer = await sender.exchange(message({ controlId }));
      expect(msaOf(answer)).toEqual({ code: 'AA', controlId });
    }
    const received = room.gw.messages.filter(({ listener }) => listener === 'in');
    expect(received.map(({ outcome }) => outcome?.kind)).toEqual(Array(5).fill('stored'));
    expect(await room.states()).toEqual(Array(5).fill('waiting'));
    await room.node.listen();
    await room.node.received(5);
    expect(room.node.controlIds).toEqual(ids(5));
    await until(async () => (await room.states()).every((state) => state === 'delivered'));
    // Nothing is stored any more, so what comes goes straight through.
    await sender.exchange(message({ controlId: 'LIVE' }));
    expect(room.gw.messages.at(-1)?.outcome?.kind).toBe('answered');
    expect(room.node.controlIds).toEqual([...ids(5), 'LIVE']);
    expect(await room.states()).toHaveLength(5);
  });

  test('while a node takes them, nothing is stored', async () => {
    await using room = await openSpoolRoom();
    const sender = await room.sender();
    for (const controlId of ids(3)) await sender.exchange(message({ controlId }));
    expect(await room.states()).toEqual([]);
    expect(room.node.controlIds).toEqual(ids(3));
  });

  test('what comes behind a stored one is stored too, and overtakes nothing', async () => {
    const hold = gate();
    await using room = await openSpoolRoom({ script: answers.after(hold) });
    await room.node.refuse();
    const sender = await room.sender();
    await sender.exchange(message({ controlId: 'A' }));
    await room.node.listen();
    // It is with the node, which says nothing yet.
    await room.node.received(1);
    await sender.exchange(message({ controlId: 'B' }));
    await sender.exchange(message({ controlId: 'C' }));
    expect(room.node.controlIds).toEqual(['A']);
    hold.open();
    await room.node.received(3);
    expect(room.node.controlIds).toEqual(['A', 'B', 'C']);
  });

  test('a pipelining sender has all of its messages stored in order', async () => {
    await using room = await openSpoolRoom();
    await room.node.refuse();
    const sender = await room.sender();
    void sender.sendTogether(ids(20).map((controlId) => message({ controlId })));
    const told = (await sender.nextAcks(20)).map((ack) => msaOf(ack)?.controlId);
    expect(told).toEqual(ids(20));
    await room.node.listen();
    await room.node.received(20);
    expect(room.node.controlIds).toEqual(ids(20));
  });

  test('other senders go straight through while one has something stored', async () => {
    const hold = gate();
    await using room = await openSpoolRoom({
      script: answers.by(({ payload }) => (payload.includes('|SLOW|') ? answers.after(hold) : answers.aa())),
    });
    await room.node.refuse();
    const slow = await room.sender('127.0.0.2');
    await slow.exchange(message({ controlId: 'SLOW' }));
    await room.node.listen();
    await room.node.received(1);
    const other = await room.sender('127.0.0.3');
    await other.exchange(message({ controlId: 'OTHER' }));
    expect(room.gw.messages.at(-1)?.outcome?.kind).toBe('answered');
    hold.open();
  });

  test('what a node has and does not answer is stored for this node', async () => {
    await using room = await openSpoolRoom({ script: answers.inSequence(answers.close(), answers.aa()) });
    const sender = await room.sender();
    const answer = await sender.exchange(message({ controlId: 'M' }));
    expect(msaOf(answer)?.code).toBe('AA');
    await room.node.received(2);
    expect(room.node.controlIds).toEqual(['M', 'M']);
    await until(async () => (await room.states())[0] === 'delivered');
  });
});

describe('when: always', () => {
  test('senders are told by MSH-15 and MSH-16 as soon as it is stored', async () => {
    const hold = gate();
    await using room = await openSpoolRoom({ spool: { when: 'always' }, script: answers.after(hold) });
    const sender = await room.sender();
    const commit = await sender.exchange(message({ controlId: 'E', ...CA }));
    expect(msaOf(commit)).toEqual({ code: 'CA', controlId: 'E' });
    const original = await sender.exchange(message({ controlId: 'O' }));
    expect(msaOf(original)).toEqual({ code: 'AA', controlId: 'O' });
    const application = await sender.exchange(
      message({ controlId: 'A', acceptAck: 'NE', applicationAck: 'AL' }),
    );
    expect(msaOf(application)).toEqual({ code: 'AA', controlId: 'A' });
    void sender.send(message({ controlId: 'N', acceptAck: 'NE', applicationAck: 'NE' }));
    const last = await sender.exchange(message({ controlId: 'L' }));
    expect(msaOf(last)?.controlId).toBe('L');
    hold.open();
    await room.node.received(5);
    expect(room.node.controlIds).toEqual(['E', 'O', 'A', 'N', 'L']);
    await until(async () => (await room.states()).every((state) => state === 'delivered'));
  });

  test('the bytes that a node gets are those that came', async () => {
    await using room = await openSpoolRoom({ spool: { when: 'always' } });
    const sender = await room.sender();
    const bytes = message({ controlId: 'B', segments: ['ZZZ|\u00e9\u2603|\x7f'], separator: '\r\n' });
    await sender.exchange(bytes);
    const [got] = await room.node.received(1);
    expect(got?.payload.equals(bytes)).toBe(true);
  });

  test('what was stored is delivered by the next gateway', async () => {
    await using room = await openSpoolRoom({ spool: { when: 'always' } });
    await room.node.refuse();
    const sender = await room.sender();
    for (const controlId of ids(4)) await sender.exchange(message({ controlId }));
    await room.restart();
    expect(room.gw.log).toContainEqual(expect.objectContaining({ pool: 'pool', messages: 4 }));
    await room.node.listen();
    await room.node.received(4);
    expect(room.node.controlIds).toEqual(ids(4));
    await until(async () => (await room.states()).every((state) => state === 'delivered'));
    await room.restart();
    const again = await room.sender();
    await again.exchange(message({ controlId: 'NEXT' }));
    await room.node.received(5);
    expect(room.node.controlIds).toEqual([...ids(4), 'NEXT']);
  });

  test('of each sticky key in its order, a key that waits holds up no other', async () => {
    const hold = gate();
    await using room = await openSpoolRoom({
      spool: { when: 'always' },
      pool: { ordering: 'key', persistence: { by: ['MSH-3'] } },
      script: answers.by(({ payload }) => (payload.includes('|SLOW|') ? answers.after(hold) : answers.aa())),
    });
    const sender = await room.sender();
    for (let i = 0; i < 3; i++) {
      await sender.exchange(message({ controlId: `S${i}`, app: 'SLOW' }));
      await sender.exchange(message({ controlId: `Q${i}`, app: 'QUICK' }));
    }
    await until(() => room.node.controlIds.filter((id) => id.startsWith('Q')).length === 3);
    expect(room.node.controlIds.filter((id) => id.startsWith('Q'))).toEqual(['Q0', 'Q1', 'Q2']);
    expect(room.node.controlIds.filter((id) => id.startsWith('S'))).toEqual(['S0']);
    hold.open();
    await until(() => room.node.controlIds.length === 6);
    expect(room.node.controlIds.filter((id) => id.startsWith('S'))).toEqual(['S0', 'S1', 'S2']);
  });
});

describe('what becomes of a stored message', () => {
  test('refused by a node it is a dead letter, and what comes behind it goes on', async () => {
    await using room = await openSpoolRoom({
      spool: { when: 'always' },
      script: answers.by(({ payload }) => (payload.includes('|BAD|') ? answers.ae() : answers.aa())),
    });
    const sender = await room.sender();
    for (const controlId of ['1', 'BAD', '2']) await sender.exchange(message({ controlId }));
    await room.node.received(3);
    expect(room.node.controlIds).toEqual(['1', 'BAD', '2']);
    await until(async () => (await room.states()).join() === 'delivered,dead,delivered');
    const [dead] = await room.disk.list({ state: 'dead' }, 0, 10);
    expect(dead).toMatchObject({ lastError: 'AE', attempts: 1 });
    expect(room.gw.log).toContainEqual(
      expect.objectContaining({
        msg: 'spool: a dead letter waits for a person',
        pool: 'pool',
        id: 2,
        code: 'AE',
      }),
    );
  });

  test('onNegative: retry tries again as often as attempts says', async () => {
    await using room = await openSpoolRoom({
      spool: { when: 'always', deliver: { backoff: '1ms', onNegative: 'retry', attempts: 3 } },
      script: answers.ar(),
    });
    const sender = await room.sender();
    await sender.exchange(message({ controlId: 'M' }));
    await until(async () => (await room.states())[0] === 'dead');
    expect(room.node.controlIds).toEqual(['M', 'M', 'M']);
  });

  test('onNegative: drop forgets it', async () => {
    await using room = await openSpoolRoom({
      spool: { when: 'always', deliver: { onNegative: 'drop' } },
      script: answers.ar(),
    });
    const sender = await room.sender();
    await sender.exchange(message({ controlId: 'M' }));
    await until(async () => (await room.states()).length === 0);
    expect(room.node.controlIds).toEqual(['M']);
  });

  test('onAmbiguous: dead-letter has a person decide, before and behind the store', async () => {
    await using room = await openSpoolRoom({
      spool: { deliver: { backoff: '1ms', onAmbiguous: 'dead-letter' } },
      script: answers.close(),
    });
    const sender = await room.sender();
    const answer = await sender.exchange(message({ controlId: 'M' }));
    expect(msaOf(answer)?.code).toBe('AA');
    expect(await room.states()).toEqual(['dead']);
    expect(room.node.controlIds).toEqual(['M']);
  });
});

describe('a store that does not take it', () => {
  test('full: the sender is told so, and nothing is acknowledged', async () => {
    await using room = await openSpoolRoom({ spool: { when: 'always' }, maxBytes: 10 });
    const sender = await room.sender();
    const answer = await sender.exchange(message({ controlId: 'M' }));
    expect(msaOf(answer)).toEqual({ code: 'AE', controlId: 'M' });
    expect(room.gw.codes).toContain('GW_ERR_SPOOL_FULL');
    expect(room.node.controlIds).toEqual([]);
  });

  test('broken: the same; and when it is well again, so is the pool', async () => {
    await using room = await openSpoolRoom({ spool: { when: 'always' } });
    room.disk.isBroken = true;
    const sender = await room.sender();
    const answer = await sender.exchange(message({ controlId: 'M' }));
    expect(msaOf(answer)?.code).toBe('AE');
    room.disk.isBroken = false;
    expect(msaOf(await sender.exchange(message({ controlId: 'N' })))?.code).toBe('AA');
    await room.node.received(1);
    expect(room.node.controlIds).toEqual(['N']);
  });
});
