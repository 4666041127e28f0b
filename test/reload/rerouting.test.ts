// Messages that a reload meets on their way (F46): what has touched no node goes by the new config, what a node has or may
// have stays where it is, and none overtakes another of its sender or its sticky key.
import { describe, expect, test } from 'vitest';
import { startBlackHole } from '../helpers/black-hole.ts';
import { expectNothingHeld, over, said, ways } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { allTo, closedPools, pending, poolOf, reload } from './room.ts';

const ids = (...names: string[]): Buffer[] => names.map((controlId) => message({ controlId }));

describe('a message that waits in its lane', () => {
  test('F46 goes by the new config once what is ahead of it is answered; so does what comes later', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    await using gw = await startGateway(allTo('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await using other = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await a.received(1);
    await until(() => pending(gw) === 2);
    await reload(gw, allTo('new', poolOf([b.url])));
    await sender.send(message({ controlId: 'THREE' }));
    // Another sender waits for nobody.
    expect(said(await other.exchange(message({ controlId: 'OTHER' })))).toBe('AA OTHER');
    await until(() => pending(gw) === 3);
    await turns();
    expect([a.controlIds, b.controlIds]).toEqual([['ONE'], ['OTHER']]);
    expect(closedPools(gw)).toEqual([]);
    hold.open();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA ONE', 'AA TWO', 'AA THREE']);
    expect([a.controlIds, b.controlIds]).toEqual([['ONE'], ['OTHER', 'TWO', 'THREE']]);
    expect((await over(gw, 'TWO')).route?.name).toBe('all to new');
    await until(() => closedPools(gw).length === 1);
    await a.openConnections(0);
    await expectNothingHeld(gw);
  });

  test('F46 waits for what the old pool has, though both pools are there still', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    const config = (to: string) =>
      allTo('left', poolOf([a.url]), (one) => {
        one.pools.right = poolOf([b.url]);
        one.routes = [{ name: 'all', to }];
      });
    await using gw = await startGateway(config('left'));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await a.received(1);
    await reload(gw, config('right'));
    await sender.send(message({ controlId: 'THREE' }));
    await until(() => pending(gw) === 3);
    await turns();
    expect(b.controlIds).toEqual([]);
    hold.open();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA ONE', 'AA TWO', 'AA THREE']);
    expect([a.controlIds, b.controlIds]).toEqual([['ONE'], ['TWO', 'THREE']]);
  });

  test('F46 is not sent where what is ahead of it ends the connection', async () => {
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    await using gw = await startGateway(allTo('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await a.received(1);
    await reload(gw, allTo('new', poolOf([b.url])));
    await sender.send(message({ controlId: 'THREE' }));
    await until(() => pending(gw) === 3);
    a.resetConnections();
    await sender.closed;
    expect(sender.acks).toEqual([]);
    await expectNothingHeld(gw);
    await until(() => closedPools(gw).length === 1);
    expect(b.controlIds).toEqual([]);
    expect((await over(gw, 'THREE')).outcome?.kind).toBe('abandoned');
  });

  test('F46 and is answered by the new config where that has no route for it', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    await using gw = await startGateway(allTo('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([...ids('ONE', 'TWO'), message({ controlId: 'LAB', type: 'ORU^R01' })]);
    await a.received(1);
    await until(() => pending(gw) === 3);
    const labs = allTo('new', poolOf([b.url]), (config) => {
      config.routes = [{ name: 'labs', when: { 'MSH-9.1': 'ORU' }, to: 'new' }];
    });
    await reload(gw, labs);
    hold.open();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA ONE', 'AR TWO', 'AA LAB']);
    expect(b.controlIds).toEqual(['LAB']);
  });

  test('F46 a gateway that ends has it sent first', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    await using gw = await startGateway(allTo('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await a.received(1);
    await reload(gw, allTo('new', poolOf([b.url])));
    // It has said that this is all, and it is delivered all the same (F25).
    await sender.end();
    const stopping = gw.gateway.stop();
    hold.open();
    expect(await stopping).toBe(true);
    expect(b.controlIds).toEqual(['TWO']);
  });
});

describe('a message that waits for a node', () => {
  test.each([
    ['its pool is gone', false],
    ['its pool is there still', true],
  ])('F44 F46 goes where the new config says, at once: %s', async (_, stays) => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await a.refuse();
    const patient = { queue: { timeout: '1h' } };
    await using gw = await startGateway(allTo('old', poolOf([a.url], patient)));
    await using sender = await connectSender(gw.port());
    await using other = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await other.send(message({ controlId: 'OTHER' }));
    await until(() => gw.held.queued === 2);
    const after = allTo('new', poolOf([b.url], patient), (config) => {
      if (stays) config.pools.old = poolOf([a.url], patient);
    });
    await reload(gw, after);
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
    expect(said(await other.nextAck())).toBe('AA OTHER');
    expect(b.controlIds.filter((id) => id !== 'OTHER')).toEqual(['ONE', 'TWO']);
    expect(ways(await over(gw, 'ONE')).at(-1)).toBe('a ok');
    await expectNothingHeld(gw);
  });

  test('F30 F46 also where it waits for a connection to one of a pool that is gone', async () => {
    await using hole = await startBlackHole();
    if (hole === undefined) return;
    await using b = await startFaultyNode();
    const slow = { timeouts: { connect: '1h' }, queue: { timeout: '1h' } };
    await using gw = await startGateway(allTo('old', poolOf([hole.url], slow)));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await until(() => gw.held.inFlight === 1);
    await reload(gw, allTo('new', poolOf([b.url])));
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
    expect(b.controlIds).toEqual(['ONE', 'TWO']);
    await until(() => closedPools(gw).length === 1);
  });

  test('F44 a shorter time to wait counts for those that wait, a smaller queue for those that come', async () => {
    await using a = await startFaultyNode();
    await a.refuse();
    const config = (queue: object) =>
      allTo('pool', poolOf([a.url], { queue, health: { interval: '1h', initial: 'down' } }), (one) => {
        Object.assign(one.listeners.in ?? {}, { onUnavailable: 'AE' });
      });
    await using gw = await startGateway(config({ timeout: '1h', max: 10 }));
    const senders = [await connectSender(gw.port()), await connectSender(gw.port())];
    for (const sender of senders) await sender.send(message({ controlId: 'OLD' }));
    await until(() => gw.held.queued === 2);
    await reload(gw, config({ timeout: '1h', max: 1 }));
    expect(gw.held.queued).toBe(2);
    await using late = await connectSender(gw.port());
    expect(said(await late.exchange(message({ controlId: 'LATE' })))).toBe('AE LATE');
    expect((await over(gw, 'LATE')).outcome).toMatchObject({ error: { code: 'GW_ERR_QUEUE_FULL' } });
    await reload(gw, config({ timeout: '1ms', max: 1 }));
    for (const sender of senders) expect(said(await sender.nextAck())).toBe('AE OLD');
    expect((await over(gw, 'OLD')).outcome).toMatchObject({ error: { code: 'GW_ERR_QUEUE_TIMEOUT' } });
    for (const sender of senders) await sender[Symbol.asyncDispose]();
  });
});

describe('a message that a node may have', () => {
  const LASTING = { health: { interval: '1h', fall: 100 } };

  test.each([
    ['other-node', ['a GW_ERR_NODE_CLOSED', 'b ok']],
    ['same-node', ['a GW_ERR_NODE_CLOSED', 'a ok']],
  ])('F33 F46 stays with its pool, which lives until it is over: %s', async (onAmbiguous, way) => {
    await using a = await startFaultyNode(answers.inSequence(answers.none(), answers.aa()));
    await using b = await startFaultyNode();
    await using elsewhere = await startFaultyNode();
    const retry = { attempts: 2, budget: '1h', onAmbiguous };
    const nodes = { nodes: { a: { url: a.url }, b: { url: b.url, backup: true } } };
    const health = { interval: '1h', fall: 100 };
    await using gw = await startGateway(allTo('old', { ...nodes, retry, health, queue: { timeout: '1h' } }));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO'));
    await a.received(1);
    await reload(gw, allTo('new', poolOf([elsewhere.url])));
    await reload(gw, allTo('newer', poolOf([elsewhere.url])));
    a.resetConnections();
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
    expect(ways(await over(gw, 'ONE'))).toEqual(way);
    expect(elsewhere.controlIds).toEqual(['TWO']);
    await until(() => closedPools(gw).length === 2);
    expect(closedPools(gw).toSorted()).toEqual(['new', 'old']);
    await expectNothingHeld(gw);
  });

  test('F26 F46 keeps a gateway that ends until it is over, though its node is gone from the pool', async () => {
    const hold = gate();
    await using a = await startFaultyNode(answers.after(hold));
    await using b = await startFaultyNode();
    const nodes = (urls: object) => allTo('pool', { nodes: { ...urls }, ...LASTING });
    await using gw = await startGateway(nodes({ a: { url: a.url } }));
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    await reload(gw, nodes({ b: { url: b.url } }));
    sender.reset();
    await until(() => gw.gateway.listeners[0]?.connections === 0);
    const overByThen = gw.gateway.stop().then(() => gw.messages.length);
    // Time enough for one that does not wait; one that does is in no hurry.
    await Promise.race([overByThen, until(() => false, { deadlineMs: 100 }).catch(() => {})]);
    hold.open();
    expect(await overByThen).toBe(1);
  });

  const RESEND = { retry: { attempts: 2, budget: '1h', onAmbiguous: 'same-node' }, queue: { timeout: '1h' } };
  test.each([
    ['with other settings', 'a', { timeouts: { ack: '29s' } }],
    ['by another name', 'renamed', {}],
  ])('F33 F46 goes to its node again, also where that is there %s', async (_, name, more) => {
    await using a = await startFaultyNode(answers.inSequence(answers.none(), answers.aa()));
    await using b = await startFaultyNode();
    const nodes = { a: { url: a.url }, b: { url: b.url, backup: true } };
    await using gw = await startGateway(allTo('pool', { nodes, ...RESEND, ...LASTING }));
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    const after = { [name]: { url: a.url }, b: { url: b.url, backup: true } };
    await reload(gw, allTo('pool', { nodes: after, ...RESEND, ...LASTING, ...more }));
    a.resetConnections();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    expect(ways(await over(gw, 'ONE'))).toEqual(['a GW_ERR_NODE_CLOSED', `${name} ok`]);
    expect([a.controlIds, b.controlIds]).toEqual([['ONE', 'ONE'], []]);
  });

  test('F33 F46 goes to another node where it may, and not to the same one made anew', async () => {
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    const nodes = { a: { url: a.url }, b: { url: b.url, backup: true } };
    const retry = { ...RESEND.retry, onAmbiguous: 'other-node' };
    await using gw = await startGateway(allTo('pool', { nodes, retry, ...LASTING }));
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    await reload(gw, allTo('pool', { nodes, retry, ...LASTING, timeouts: { ack: '29s' } }));
    a.resetConnections();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    expect(ways(await over(gw, 'ONE'))).toEqual(['a GW_ERR_NODE_CLOSED', 'b ok']);
  });

  test.each([
    ['before it failed there', false],
    ['while it waits for it', true],
  ])('F33 F46 is told of at once where its node is gone from the pool: %s', async (_, waits) => {
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    const one = (url: string) => ({ nodes: { [url === a.url ? 'a' : 'b']: { url } }, ...RESEND, ...LASTING });
    await using gw = await startGateway(allTo('pool', one(a.url)));
    await using sender = await connectSender(gw.port());
    await using other = await connectSender(gw.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    if (waits) {
      await a.kill();
      await until(() => gw.held.queued === 1);
      await reload(gw, allTo('pool', one(b.url)));
    } else {
      await reload(gw, allTo('pool', one(b.url)));
      a.resetConnections();
    }
    await sender.closed;
    expect((await over(gw, 'ONE')).outcome).toMatchObject({ kind: 'failed', ambiguous: true });
    expect(said(await other.exchange(message({ controlId: 'OTHER' })))).toBe('AA OTHER');
    expect(b.controlIds).toEqual(['OTHER']);
    await expectNothingHeld(gw);
  });

  test('F33 F46 of those on one connection that breaks, only what was written stays', async () => {
    await using a = await startFaultyNode(answers.none());
    a.inTurn = false;
    await using b = await startFaultyNode();
    const pipelined = { connections: { max: 1, pipelining: 2 }, ...LASTING };
    const retry = { attempts: 2, budget: '1h', onAmbiguous: 'other-node' };
    const nodes = { a: { url: a.url }, z: { url: b.url, backup: true } };
    await using gw = await startGateway(allTo('old', { nodes, retry, ...pipelined }));
    await using elsewhere = await startFaultyNode();
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(ids('ONE', 'TWO', 'THREE', 'FOUR'));
    await a.received(2);
    await until(() => pending(gw) === 4);
    await reload(gw, allTo('new', poolOf([elsewhere.url])));
    a.resetConnections();
    expect((await sender.nextAcks(4)).map(said)).toEqual(['AA ONE', 'AA TWO', 'AA THREE', 'AA FOUR']);
    expect([b.controlIds, elsewhere.controlIds]).toEqual([
      ['ONE', 'TWO'],
      ['THREE', 'FOUR'],
    ]);
  });
});
