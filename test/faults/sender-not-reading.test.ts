// Fault 29: a sender that does not read its answers is held to a bound and closed; one that is slow loses nothing.
import { expect, it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { bytes, START, startLine } from './line.ts';

/** Many MiB of answers, beside other work. */
const LONG = { timeout: 120_000 } as const;

/** More than the kernel takes for one connection, as the two buffers of loopback grow to some 10 MB. */
const ANSWER_BYTES = 4 * 1024 * 1024;
const MESSAGES = 40;
const large = answers.aa({ text: 'x'.repeat(ANSWER_BYTES) });

const ids = Array.from({ length: MESSAGES }, (_, i) => `L${i}`);

it('F29 a sender that does not read is closed after writeTimeout, and no more is taken from it', async () => {
  await using line = await startLine({
    script: large,
    listener: { limits: { writeTimeout: '200ms', maxPending: 2 } },
  });
  line.sender.pauseReading();
  for (const controlId of ids) {
    await line.sender.send(message({ controlId }));
    await turns(1);
  }
  await line.gw.logged('GW_ERR_SENDER_NOT_READING');
  await until(() => line.gw.gateway.listeners[0]?.connections === 0);
  await line.atRest();
  // F83: what it did not take is said of each message.
  expect(new Set(line.gw.codes)).toEqual(new Set(['GW_ERR_SENDER_NOT_READING', 'GW_ERR_REPLY_UNDELIVERED']));
  // What the kernel holds, what the socket holds, and maxPending: far from all.
  expect(line.node.messages.length).toBeLessThan(MESSAGES / 2);
  expect(line.node.controlIds).toEqual(ids.slice(0, line.node.messages.length));
  line.sender.resumeReading();
  await line.sender.closed;
  line.node.script = answers.aa();
  await line.lives();
});

it('F29 with all its messages in one read no more are taken, either', async () => {
  await using line = await startLine({
    script: large,
    listener: { limits: { writeTimeout: '200ms', maxPending: 2 } },
  });
  line.sender.pauseReading();
  await line.sender.sendTogether(ids.map((controlId) => message({ controlId })));
  await line.gw.logged('GW_ERR_SENDER_NOT_READING');
  await line.atRest();
  expect(line.node.messages.length).toBeLessThan(MESSAGES / 2);
  // One of the two that were taken may not have been sent yet.
  expect(line.gw.messages.length - line.node.messages.length).toBeLessThanOrEqual(1);
  line.node.script = answers.aa();
  await line.lives();
});

it('F29 those that were taken and not sent yet are not sent any more', async () => {
  await using line = await startLine({ script: large, listener: { limits: { writeTimeout: '200ms' } } });
  line.sender.pauseReading();
  const hold = gate();
  // Nothing but the first few is answered, so that others are still waiting for their turn when the sender is closed.
  line.node.script = async (exchange) => {
    if (exchange.index >= 8) await hold.opened;
    await large(exchange);
  };
  await line.sender.sendTogether(ids.map((controlId) => message({ controlId })));
  await line.gw.logged('GW_ERR_SENDER_NOT_READING');
  hold.open();
  await line.atRest();
  const outcomes = line.gw.messages.map(({ outcome }) => outcome?.kind);
  const sent = line.node.messages.length;
  expect(sent).toBeLessThanOrEqual(9);
  expect(outcomes.filter((kind) => kind === 'answered')).toHaveLength(sent);
  expect(outcomes.filter((kind) => kind === 'abandoned')).toHaveLength(outcomes.length - sent);
  expect(outcomes.length).toBeGreaterThan(sent);
  line.node.script = answers.aa();
  await line.lives();
});

it.each([1, 2, 7])(
  'F29 maxPending %d is kept to the message, whatever one read brings',
  async (maxPending) => {
    const hold = gate();
    await using line = await startLine({
      script: answers.detached(hold),
      listener: { limits: { maxPending } },
      pool: { connections: { max: 1, pipelining: 100 } },
    });
    await line.sender.sendTogether(ids.map((controlId) => message({ controlId })));
    await line.sender.end();
    await line.node.received(maxPending);
    await turns(20);
    expect(line.node.messages).toHaveLength(maxPending);
    hold.open();
    const acks = await line.sender.nextAcks(MESSAGES);
    expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(ids);
    expect(line.node.controlIds).toEqual(ids);
    await line.endedButLives();
  },
);

it(
  'F29 one that reads again within writeTimeout gets every answer whole and in order, and the next ones',
  LONG,
  async () => {
    await using line = await startLine({ script: large, listener: { limits: { maxPending: 2 } } });
    line.sender.pauseReading();
    for (const controlId of ids) {
      await line.sender.send(message({ controlId }));
      await turns(1);
    }
    // `maxPending` of them; one more where that was read before the answer to the first was found to be too much.
    await line.node.received(2);
    expect(line.node.messages.length).toBeLessThan(MESSAGES);
    line.sender.resumeReading();
    const acks = await line.sender.nextAcks(MESSAGES, 60_000);
    expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(ids);
    expect(acks.every((ack) => ack.length > ANSWER_BYTES)).toBe(true);
    expect(line.node.controlIds).toEqual(ids);
    expect(line.gw.codes).toEqual([]);
    line.node.script = answers.aa();
    await line.goesOn();
  },
);

it('F29 one with half a frame open meanwhile is not taken for slow in sending', LONG, async () => {
  await using line = await startLine({
    script: large,
    listener: { limits: { frameTimeout: '3s', writeTimeout: '7s', maxPending: 1000 } },
  });
  line.sender.pauseReading();
  await line.sender.write(
    bytes(...ids.map((controlId) => bytes(START, message({ controlId }), '\x1c\r')), START, 'MSH|'),
  );
  await until(() => line.gw.codes.length > 0, { deadlineMs: 60_000, what: 'a fault' });
  // F83: what it did not take is said of each message.
  const others = line.gw.codes.filter((code) => code !== 'GW_ERR_REPLY_UNDELIVERED');
  expect(others).toEqual(['GW_ERR_SENDER_NOT_READING']);
  await line.atRest();
});

it('F29 others are served meanwhile', async () => {
  await using line = await startLine({ script: large, listener: { limits: { maxPending: 2 } } });
  line.sender.pauseReading();
  for (const controlId of ids) await line.sender.send(message({ controlId }));
  await line.node.received(3);
  line.node.script = answers.aa();
  await using other = await connectSender(line.gw.port());
  for (const controlId of ['O1', 'O2', 'O3']) {
    expect(msaOf(await other.exchange(message({ controlId })))).toEqual({ code: 'AA', controlId });
  }
  line.sender.reset();
  await line.atRest();
});
