// Faults 25 to 28: senders that close, half-close, reset, only knock, or are too many.
import { expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { bytes, nakOf, START, startLine } from './line.ts';

it.each([1, 4])(
  'F25 a sender that half-closes after sending gets all its ACKs, pipelining %d',
  async (pipelining) => {
    const hold = gate();
    await using line = await startLine({
      script: answers.after(hold),
      pool: { connections: { max: 1, pipelining } },
    });
    const ids = ['A', 'B', 'C'];
    await line.sender.sendTogether(ids.map((controlId) => message({ controlId })));
    await line.sender.end();
    await line.node.received(1);
    expect(line.sender.ended).toBe(false);
    hold.open();
    expect((await line.sender.nextAcks(3)).map((ack) => msaOf(ack))).toEqual(
      ids.map((controlId) => ({ code: 'AA', controlId })),
    );
    expect(line.node.controlIds).toEqual(ids);
    expect(line.gw.codes).toEqual([]);
    await line.endedButLives();
  },
);

it('F25 also one whose reading was paused at maxPending', async () => {
  const hold = gate();
  await using line = await startLine({
    script: answers.after(hold),
    listener: { limits: { maxPending: 1 } },
  });
  const ids = Array.from({ length: 5 }, (_, i) => `P${i}`);
  for (const controlId of ids) {
    await line.sender.send(message({ controlId }));
    await turns();
  }
  await line.sender.end();
  await line.node.received(1);
  hold.open();
  expect((await line.sender.nextAcks(5)).map((ack) => msaOf(ack)?.controlId)).toEqual(ids);
  expect(line.node.controlIds).toEqual(ids);
  await line.endedButLives();
});

it('F25 with half a message behind the whole one: that is dropped, the ACK still comes', async () => {
  const hold = gate();
  await using line = await startLine({ script: answers.after(hold) });
  const whole = frame(message({ controlId: 'WHOLE' }));
  await line.sender.write(bytes(whole, START, 'MSH|^~\\&|A'));
  await line.sender.end();
  await line.gw.logged('GW_ERR_FRAME_TRUNCATED');
  hold.open();
  expect(msaOf(await line.sender.nextAck())?.controlId).toBe('WHOLE');
  line.nodeGot([whole]);
  await line.endedButLives();
});

it('F25 a refused message is answered, too', async () => {
  await using line = await startLine();
  await line.sender.send('MSH|^~\\&|A|B|C|D|20260101||ADT^A01||P|2.5.1\r');
  await line.sender.end();
  expect(nakOf(await line.sender.nextAck())).toMatchObject({ code: 'AR' });
  line.nodeGot([]);
  await line.endedButLives();
});

it.each([1, 4])(
  'F26 a sender resets before its ACKs: the delivery of what the node has stands, pipelining %d',
  async (pipelining) => {
    const hold = gate();
    await using line = await startLine({
      script: answers.after(hold),
      pool: { connections: { max: 1, pipelining } },
    });
    const messages = ['A', 'B', 'C'].map((controlId) => message({ controlId }));
    await line.sender.sendTogether(messages);
    const given = pipelining === 1 ? 1 : 3;
    await line.node.received(given);
    line.sender.reset();
    await line.gw.logged('GW_ERR_SENDER_RESET');
    hold.open();
    await line.atRest();
    // F80: what the node did not have comes again.
    line.nodeGot(messages.slice(0, given).map(frame));
    expect(line.gw.messages.map(({ outcome }) => outcome?.kind).sort()).toEqual([
      ...Array(3 - given).fill('abandoned'),
      ...Array(given).fill('answered'),
    ]);
    expect(line.gw.codes.filter((code) => code === 'GW_ERR_REPLY_UNDELIVERED').length).toBe(given);
    await line.lives();
  },
);

it('F26 the late ACK goes to nobody: not to the sender that comes next', async () => {
  const hold = gate();
  await using line = await startLine({ script: answers.after(hold), pool: { connections: { max: 1 } } });
  await line.sender.send(message({ controlId: 'LEFT' }));
  await line.node.received(1);
  line.sender.reset();
  await line.gw.logged('GW_ERR_SENDER_RESET');
  await using next = await connectSender(line.gw.port());
  await next.send(message({ controlId: 'NEXT' }));
  hold.open();
  expect(msaOf(await next.nextAck())?.controlId).toBe('NEXT');
  await line.atRest();
  expect(next.acks).toHaveLength(1);
});

it('F27 a probe that connects and closes leaves nothing in the log, however it closes', async () => {
  await using line = await startLine();
  await line.goesOn('BEFORE');
  const logged = line.gw.log.length;
  for (const probe of [
    (sender: Sender) => sender.end(),
    (sender: Sender) => sender.reset(),
    (sender: Sender) => sender.socket.destroy(),
    (sender: Sender) => sender.write('\r\n'),
  ]) {
    for (let i = 0; i < 10; i++) {
      await using sender = await connectSender(line.gw.port());
      await probe(sender);
    }
  }
  await until(() => line.gw.gateway.listeners[0]?.connections === 1);
  await line.goesOn('AFTER');
  // The one message behind them, and nothing else.
  expect(line.gw.log.slice(logged)).toMatchObject([{ controlId: 'AFTER' }]);
  line.senderGotTheAnswers();
});

it('F28 a connection over maxConnections is closed at once, never left unread; a free place is taken again', async () => {
  await using line = await startLine({ listener: { limits: { maxConnections: 2 } } });
  await using second = await connectSender(line.gw.port());
  expect(msaOf(await second.exchange(message({ controlId: 'SECOND' })))?.code).toBe('AA');
  await line.goesOn('FIRST');
  for (let i = 0; i < 5; i++) {
    await using third = await connectSender(line.gw.port());
    void third.send(message({ controlId: 'THIRD' }));
    await third.closed;
    expect(third.received.length).toBe(0);
  }
  await until(() => line.gw.codes.length === 5);
  expect(new Set(line.gw.codes)).toEqual(new Set(['GW_ERR_SENDER_LIMIT']));
  expect(line.gw.gateway.listeners[0]?.connections).toBe(2);
  // Those within the limit did not notice.
  await line.goesOn('FIRST-AGAIN');
  await second.end();
  await second.closed;
  await until(() => line.gw.gateway.listeners[0]?.connections === 1);
  await using next = await connectSender(line.gw.port());
  expect(msaOf(await next.exchange(message({ controlId: 'NEXT' })))).toEqual({
    code: 'AA',
    controlId: 'NEXT',
  });
  expect(line.node.controlIds).toEqual(['SECOND', 'FIRST', 'FIRST-AGAIN', 'NEXT']);
  await line.atRest();
});

it('F28 a place that the gateway frees itself is free at once when the sender closes, too', async () => {
  await using line = await startLine({ listener: { limits: { maxConnections: 1 } } });
  await line.sender.send('PID|1\r');
  await line.sender.closed;
  await until(() => line.gw.gateway.listeners[0]?.connections === 0);
  await line.lives();
});

it('F46 a drain ends a connection at the end of a frame that is refused or empty as at that of a good one', async () => {
  for (const rest of ['\x0bx\x1c\r', '\x1c\r']) {
    await using line = await startLine({ routes: [{ to: 'pool' }] });
    const head = rest.length > 3 ? 'MSH|^~\\&|A|B|C|D|20260101||ADT^A01|X|P|2.5\r' : '';
    await line.sender.write(bytes(START, head));
    await until(() => line.gw.held.bytes > 0);
    const stopped = line.gw.gateway.stop();
    await turns();
    await line.sender.write(bytes(rest));
    expect(await stopped).toBe(true);
    expect(line.sender.acks).toHaveLength(head === '' ? 0 : 1);
    expect(await line.sender.closed).toEqual({ hadError: false, code: undefined });
  }
});

it('limits.idleTimeout begins anew when a message is over that waited for longer, though its sender is told nothing', async () => {
  await using line = await startLine({
    script: () => {},
    pool: { timeouts: { ack: '700ms' }, retry: { attempts: 1 } },
    listener: { onUnavailable: 'AE', limits: { idleTimeout: '200ms' } },
  });
  await line.sender.send(message({ controlId: 'NE', acceptAck: 'NE', applicationAck: 'AL' }));
  await line.node.received(1);
  await line.sender.closed;
  expect(line.gw.codes).toEqual(['GW_ERR_ACK_TIMEOUT', 'GW_ERR_SENDER_IDLE']);
});
