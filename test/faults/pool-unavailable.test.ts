// F44: no node can take a message. It is held for queue.timeout, then the sender is told, or its connection is ended.
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  expectClosedUnanswered,
  expectNothingHeld,
  expectStillServes,
  over,
  said,
  startPair,
  ways,
} from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';

const SHORT = {
  queue: { timeout: '120ms' },
  retry: { budget: '0' },
  health: { type: 'none', interval: '40ms' },
};

describe('all nodes down', () => {
  test('F44 onUnavailable close: nothing, then FIN; a node that comes back serves the next connection', async () => {
    await using pair = await startPair(undefined, SHORT);
    const { a, b, gw, sender } = pair;
    await Promise.all([a.refuse(), b.refuse()]);
    void sender.send(message({ controlId: 'X1' }));
    await until(() => gw.held.queued === 1);
    expect(sender.ended).toBe(false);
    await expectClosedUnanswered(sender);
    const { outcome } = await over(gw, 'X1');
    expect(outcome).toMatchObject({ kind: 'failed', ambiguous: false, error: { resend: 'safe' } });
    // The last refusal and the end of the wait may come in either order.
    expect(['GW_ERR_QUEUE_TIMEOUT', 'GW_ERR_NODE_CONNECT']).toContain(gw.codes[0]);
    expect(gw.log.filter(({ msg }) => msg === 'message')).toMatchObject([
      { reply: 'close', controlId: 'X1' },
    ]);
    await expectNothingHeld(gw);
    await b.listen();
    await expectStillServes(gw);
    expect([...a.controlIds, ...b.controlIds]).toEqual(['AFTER']);
  });

  test('F29 what comes behind the end of the connection is discarded, and how much is said', async () => {
    await using pair = await startPair(undefined, SHORT);
    const { a, b, gw } = pair;
    await Promise.all([a.refuse(), b.refuse()]);
    // One that goes on writing when the gateway has ended its side.
    const sender = connect({ port: gw.port(), host: '127.0.0.1', allowHalfOpen: true });
    const { localPort } = await once(sender, 'connect').then(() => sender);
    const ended = once(sender.resume(), 'end');
    sender.write(frame(message({ controlId: 'X1' })));
    await ended;
    for (let i = 0; i < 3; i++) sender.write(frame(message({ controlId: `LATE${i}` })));
    sender.end();
    await until(() => gw.codes.includes('GW_ERR_SENDER_DISCARDED'));
    expect(gw.log.filter(({ code }) => code === 'GW_ERR_SENDER_DISCARDED')).toMatchObject([
      { detail: '3 messages', 'client.port': localPort },
    ]);
    expect([...a.controlIds, ...b.controlIds]).toEqual([]);
    await expectNothingHeld(gw);
  });

  test.each(['AE', 'AR', 'CE', 'CR'])(
    'F44 onUnavailable %s: said so for this message, and the connection is still usable',
    async (code) => {
      await using pair = await startPair(undefined, SHORT, { onUnavailable: code });
      const { a, b, gw, sender } = pair;
      await Promise.all([a.refuse(), b.refuse()]);
      expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe(`A${code.charAt(1)} X1`);
      await Promise.all([a.listen(), b.listen()]);
      await until(async () => said(await sender.exchange(message({ controlId: 'X2' }))) === 'AA X2');
      expect(sender.ended).toBe(false);
      await expectNothingHeld(gw);
    },
  );

  test('F44 closed at the first of three: the others are not sent when a node comes back', async () => {
    await using pair = await startPair(undefined, SHORT);
    const { a, b, gw, sender } = pair;
    await Promise.all([a.refuse(), b.refuse()]);
    void sender.sendTogether(['X1', 'X2', 'X3'].map((controlId) => message({ controlId })));
    await expectClosedUnanswered(sender);
    await expectNothingHeld(gw);
    await Promise.all([a.listen(), b.listen()]);
    await expectStillServes(gw);
    expect([...a.controlIds, ...b.controlIds]).toEqual(['AFTER']);
    expect(
      gw.messages
        .slice(0, 3)
        .map(({ outcome }) => outcome?.kind)
        .sort(),
    ).toEqual(['abandoned', 'abandoned', 'failed']);
  });

  test('F44 the sender says that this is all while its message waits: it is delivered all the same, once (F25)', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { queue: { timeout: '10s' }, health: { type: 'none', interval: '20ms' } },
    });
    const sender = await connectSender(gw.port());
    await node.refuse();
    void sender.send(message({ controlId: 'X1' }));
    await until(() => gw.held.queued === 1);
    await sender.end();
    await node.listen();
    await node.received(1);
    await expectNothingHeld(gw);
    expect(node.controlIds).toEqual(['X1']);
  });

  test('F44 health checks: down after fall, messages wait unsent, up again after rise', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { queue: { timeout: '10s' }, health: { type: 'tcp', interval: '20ms', rise: 2, fall: 2 } },
    });
    await using sender = await connectSender(gw.port());
    await node.refuse();
    await until(() => gw.log.some(({ msg }) => msg === 'node down'));
    void sender.send(message({ controlId: 'X1' }));
    await until(() => gw.held.queued === 1);
    await node.listen();
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(ways(await over(gw, 'X1'))).toEqual(['a ok']);
    expect(gw.log.filter(({ msg }) => msg === 'node up').length).toBe(1);
    await expectNothingHeld(gw);
  });
});

describe('no room', () => {
  test('F44 queue.max: what is above it is told at once, what is in it is delivered in order', async () => {
    const hold = gate();
    await using pair = await startPair(undefined, {
      connections: { max: 1 },
      queue: { max: 2, timeout: '10s' },
    });
    const { a, gw } = pair;
    // One node with one place; its backup is no help to those that are queued for it.
    a.script = answers.after(hold);
    await pair.b.refuse();
    const senders = [];
    for (let i = 0; i < 3; i++) {
      const one = await connectSender(gw.port());
      senders.push(one);
      void one.send(message({ controlId: `Q${i}` }));
      await until(() => gw.held.inFlight + gw.held.queued === i + 1);
    }
    await using late = await connectSender(gw.port());
    void late.send(message({ controlId: 'LATE' }));
    await expectClosedUnanswered(late);
    await gw.logged('GW_ERR_QUEUE_FULL');
    hold.open();
    expect((await Promise.all(senders.map((one) => one.nextAck()))).map(said)).toEqual([
      'AA Q0',
      'AA Q1',
      'AA Q2',
    ]);
    expect(a.controlIds).toEqual(['Q0', 'Q1', 'Q2']);
    await expectNothingHeld(gw);
    for (const one of senders) await one[Symbol.asyncDispose]();
  });

  test('F44 queue.max 0: a message that finds no place is told at once', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { connections: { max: 1 }, queue: { max: 0 } },
      listener: { onUnavailable: 'AE' },
    });
    await using first = await connectSender(gw.port());
    await using second = await connectSender(gw.port());
    void first.send(message({ controlId: 'X1' }));
    await node.received(1);
    expect(said(await second.exchange(message({ controlId: 'X2' })))).toBe('AE X2');
    hold.open();
    expect(said(await first.nextAck())).toBe('AA X1');
    expect(node.controlIds).toEqual(['X1']);
    await expectNothingHeld(gw);
  });

  test('F44 a busy node’s queue has the deadline too', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { connections: { max: 1 }, queue: { timeout: '80ms' } },
    });
    await using first = await connectSender(gw.port());
    await using second = await connectSender(gw.port());
    void first.send(message({ controlId: 'X1' }));
    await node.received(1);
    void second.send(message({ controlId: 'X2' }));
    await expectClosedUnanswered(second);
    await gw.logged('GW_ERR_QUEUE_TIMEOUT');
    hold.open();
    expect(said(await first.nextAck())).toBe('AA X1');
    await expectNothingHeld(gw);
    expect(node.controlIds).toEqual(['X1']);
  });
});
