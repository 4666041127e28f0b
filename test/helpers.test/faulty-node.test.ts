// The scripted node, seen through the scripted sender: what it records, and how it comes and goes.
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { afterBytes, arrivals } from '../helpers/arrivals.ts';
import { startBlackHole } from '../helpers/black-hole.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { controlIdOf, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';

describe('what it records', () => {
  test('messages, bytes and events in order, per connection and over all', async () => {
    await using node = await startFaultyNode();
    await using one = await connectSender(node.port);
    const [a, b, c] = [message(), message(), message()];
    await one.exchange(a);
    await using two = await connectSender(node.port);
    await two.exchange(b);
    await one.exchange(c);
    expect(node.messages.map(({ payload }) => payload)).toEqual([a, b, c]);
    expect(node.controlIds).toEqual([a, b, c].map(controlIdOf));
    expect(node.connections.all.map((each) => each.bytes)).toEqual([
      Buffer.concat([frame(a), frame(c)]),
      frame(b),
    ]);
    expect(node.events.map(({ kind, connection }) => `${kind} ${connection}`)).toEqual([
      'open 0',
      'message 0',
      'answer 0',
      'open 1',
      'message 1',
      'answer 1',
      'message 0',
      'answer 0',
    ]);
    expect(node.connections).toMatchObject({ open: 2, total: 2 });
  });

  test('received resolves with the n-th message, and says at the deadline how many there are', async () => {
    await using node = await startFaultyNode(answers.none());
    await using sender = await connectSender(node.port);
    const two = node.received(2);
    void sender.sendTogether([message({ controlId: 'A' }), message({ controlId: 'B' })]);
    expect((await two).map(({ controlId }) => controlId)).toEqual(['A', 'B']);
    await expect(node.received(3, 1)).rejects.toThrow('the node has 2 of 3 messages (deadline 1 ms)');
  });

  test('serves a connection in turn, other connections meanwhile', async () => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ index }) => (index === 0 ? answers.after(hold) : answers.aa())),
    );
    await using slow = await connectSender(node.port);
    void slow.sendTogether([message({ controlId: 'A' }), message({ controlId: 'B' })]);
    await node.received(2);
    await using quick = await connectSender(node.port);
    await quick.exchange(message());
    expect(slow.acks).toHaveLength(0);
    hold.open();
    expect((await slow.nextAcks(2)).map((ack) => msaOf(ack)?.controlId)).toEqual(['A', 'B']);
  });

  test('a behaviour changed in mid-test counts from the next message', async () => {
    await using node = await startFaultyNode();
    await using sender = await connectSender(node.port);
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    node.script = answers.ar();
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AR');
  });

  test('closing it throws what a script threw', async () => {
    const node = await startFaultyNode(() => {
      throw new Error('a broken script');
    });
    await using sender = await connectSender(node.port);
    void sender.send(message());
    await until(() => node.scriptErrors.length === 1);
    await expect(node.close()).rejects.toThrow('a broken script');
  });
});

describe('how it comes and goes', () => {
  test('connections over the maximum are accepted and closed without a byte', async () => {
    await using node = await startFaultyNode(answers.aa(), { maxConnections: 1 });
    await using first = await connectSender(node.port);
    await using second = await connectSender(node.port);
    expect(await second.closed).toEqual({ hadError: false, code: undefined });
    expect(second.received).toHaveLength(0);
    await first.exchange(message());
    await node.openConnections(1);
    expect(node.connections.total).toBe(2);
    await first.end();
    await node.openConnections(0);
    await using third = await connectSender(node.port);
    await third.exchange(message());
  });

  test('refuses, keeps open connections, and listens again on the same port', async () => {
    await using node = await startFaultyNode();
    const { port } = node;
    await using sender = await connectSender(port);
    await sender.exchange(message());
    for (let round = 0; round < 3; round++) {
      await node.refuse();
      await expect(connectSender(port)).rejects.toHaveProperty('code', 'ECONNREFUSED');
      await sender.exchange(message());
      await node.listen();
      expect(node.port).toBe(port);
      await using again = await connectSender(port);
      await again.exchange(message());
    }
  });

  test('killed: open connections are reset, new ones refused', async () => {
    await using node = await startFaultyNode();
    await using sender = await connectSender(node.port);
    await node.connected(1);
    await node.kill();
    expect(await sender.closed).toEqual({ hadError: true, code: 'ECONNRESET' });
    await expect(connectSender(node.port)).rejects.toHaveProperty('code', 'ECONNREFUSED');
  });

  test('can close while it refuses, while a script waits, and while a peer does not read', async () => {
    const node = await startFaultyNode(answers.after(gate()));
    await using sender = await connectSender(node.port);
    sender.pauseReading();
    void sender.send(message());
    await node.received(1);
    await node.refuse();
    await node.close();
    sender.resumeReading();
    await sender.closed;
    expect(node.connections.open).toBe(0);
  });

  test('closes and resets on arrival', async () => {
    await using node = await startFaultyNode();
    node.onConnection = arrivals.close();
    await using closed = await connectSender(node.port);
    expect(await closed.closed).toEqual({ hadError: false, code: undefined });
    node.onConnection = arrivals.reset();
    const reset = await connectSender(node.port).then(
      (sender) => sender.closed.then(({ code }) => code),
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(reset).toBe('ECONNRESET');
    expect(node.messages).toHaveLength(0);
  });

  test('speaks first', async () => {
    await using node = await startFaultyNode();
    node.onConnection = arrivals.say(Buffer.from('220 hello\r\n'));
    await using sender = await connectSender(node.port);
    await until(() => sender.junk.toString() === '220 hello\r\n');
  });

  test('reads nothing until it is told to', async () => {
    await using node = await startFaultyNode();
    node.onConnection = arrivals.pauseReading();
    await using sender = await connectSender(node.port);
    const [connection] = await node.connected(1);
    const large = message({ size: 8 * 1024 * 1024 });
    const written = sender.send(large);
    expect(sender.socket.writableLength).toBeGreaterThan(0);
    expect(connection?.byteCount).toBe(0);
    connection?.resumeReading();
    await written;
    await sender.nextAck();
    expect(connection?.bytes.equals(frame(large))).toBe(true);
  });

  test.each([
    ['close', undefined],
    ['reset', 'ECONNRESET'],
  ] as const)('%s after n bytes', async (ending, code) => {
    await using node = await startFaultyNode();
    node.onBytes = afterBytes[ending](5);
    await using sender = await connectSender(node.port);
    await sender.writeSplit(frame(message()).subarray(0, 8), [4]);
    expect((await sender.closed).code).toBe(code);
    const [connection] = node.connections.all;
    expect(connection?.readSizes).toEqual([4, 4]);
    expect(connection?.insideFrame).toBe(true);
    expect(node.messages).toHaveLength(0);
  });

  test('a sender that resets leaves its code behind', async () => {
    await using node = await startFaultyNode(answers.none());
    await using sender = await connectSender(node.port);
    void sender.send(message());
    const [received] = await node.received(1);
    sender.reset();
    expect(await received?.connection.closed).toEqual({ code: 'ECONNRESET' });
  });

  test('a sender that half-closes still gets its answer', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using sender = await connectSender(node.port);
    void sender.send(message({ controlId: 'LAST' }));
    await sender.end();
    await node.openConnections(0);
    hold.open();
    expect(msaOf(await sender.nextAck())).toEqual({ code: 'AA', controlId: 'LAST' });
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
  });
});

test.skipIf(process.platform !== 'linux')('a black hole neither accepts nor refuses', async () => {
  await using hole = await startBlackHole();
  const dialler = net.connect({ host: '127.0.0.1', port: hole?.port ?? 0 });
  let outcome = 'nothing';
  dialler.on('connect', () => (outcome = 'connected')).on('error', () => (outcome = 'refused'));
  // That nothing happens can be waited for only beside something that does: dials and answers of a living node.
  await using node = await startFaultyNode();
  for (let round = 0; round < 10; round++) {
    await using sender = await connectSender(node.port);
    await sender.exchange(message());
  }
  expect(outcome).toBe('nothing');
  expect(dialler.connecting).toBe(true);
  dialler.destroy();
});
