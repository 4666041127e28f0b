// F35 to F38, F40 and F41: wrong answers, broken answers, negative answers. An AA comes from a node or not at all.
import { describe, expect, test } from 'vitest';
import {
  expectClosedUnanswered,
  expectNothingHeld,
  expectStillServes,
  over,
  recorded,
  said,
  startPair,
  ways,
} from '../helpers/expect-relay.ts';
import { answers, type Script } from '../helpers/faulty-node.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { gate, until } from '../helpers/until.ts';

interface Wrong {
  readonly name: string;
  readonly script: Script;
  readonly code: string;
}

const WRONG: readonly Wrong[] = [
  { name: 'F35 another control id', script: answers.wrongControlId(), code: 'GW_ERR_ACK_MISMATCH' },
  { name: 'F35 a longer control id', script: answers.aa({ controlId: 'X11' }), code: 'GW_ERR_ACK_MISMATCH' },
  { name: 'F35 a shorter control id', script: answers.aa({ controlId: 'X' }), code: 'GW_ERR_ACK_MISMATCH' },
  { name: 'F35 an empty MSA-2', script: answers.withoutControlId(), code: 'GW_ERR_ACK_MISMATCH' },
  { name: 'F36 an empty frame', script: answers.emptyFrame(), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 Mirth’s garbled AA', script: answers.garbled(), code: 'GW_ERR_ACK_MISMATCH' },
  { name: 'F36 an HTML page', script: answers.noise(), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 one byte', script: answers.payload('\x06'), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 no MSA', script: answers.withoutMsa(), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 the message itself', script: answers.echo(), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 MSA-1 XX', script: answers.code('XX'), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 MSA-1 empty', script: answers.code(''), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 MSA-1 AAA', script: answers.code('AAA'), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 MSH only', script: answers.payload('MSH|^~\\&\r'), code: 'GW_ERR_ACK_INVALID' },
  { name: 'F36 MSA without MSH', script: answers.payload('MSA|AA|X1\r'), code: 'GW_ERR_ACK_INVALID' },
  {
    name: 'F36 MSA inside a field',
    script: answers.payload('MSH|^~\\&|A MSA|AA|X1\r'),
    code: 'GW_ERR_ACK_INVALID',
  },
  {
    name: 'F36 MSA by other delimiters',
    script: answers.payload('MSH|^~\\&|A\rMSA#AA#X1\r'),
    code: 'GW_ERR_ACK_INVALID',
  },
  {
    name: 'F38 more junk than any banner',
    script: answers.junkBefore(Buffer.alloc(5000, 'x')),
    code: 'GW_ERR_ACK_INVALID',
  },
];

/** F86: the right answer may come until then. */
const QUICK = { timeouts: { ack: '300ms' } };

describe.each(WRONG)('$name', ({ name, script, code }) => {
  const number = name.slice(0, 3);

  test(`${number} F41 closed unanswered, the node’s connection ended, nothing sent again`, async () => {
    await using pair = await startPair(script, QUICK);
    const { a, b, gw, sender } = pair;
    const bytes = message({ controlId: 'X1' });
    void sender.send(bytes);
    await expectClosedUnanswered(sender);
    expect(ways(await over(gw, 'X1'))).toEqual([`a ${code}`]);
    expect(await gw.logged(code)).toMatchObject({ ambiguous: true, reply: 'close' });
    await a.openConnections(0);
    expect(a.bytes).toEqual(frame(bytes));
    expect(b.bytes.length).toBe(0);
    await expectNothingHeld(gw);
    a.script = answers.aa();
    await expectStillServes(gw);
    expect(a.connections.total).toBe(2);
  });

  test(`${number} F41 behind a good answer on the same connection, with onUnavailable AR`, async () => {
    await using pair = await startPair(answers.inSequence(answers.aa(), script, answers.aa()), QUICK, {
      onUnavailable: 'AR',
    });
    const { a, gw, sender } = pair;
    const asked = ['X0', 'X1', 'X2'];
    const told: string[] = [];
    for (const controlId of asked) told.push(said(await sender.exchange(message({ controlId }))));
    expect(told).toEqual(['AA X0', 'AR X1', 'AA X2']);
    expect(a.messages.map(({ connection }) => connection.id)).toEqual([0, 0, 1]);
    await expectNothingHeld(gw);
  });
});

describe('F35 with pipelining', () => {
  test('F35 two answers in the wrong order: neither is credited to the other’s message', async () => {
    await using pair = await startPair(answers.swapped(), { connections: { max: 1, pipelining: 4 } });
    const { gw, sender } = pair;
    void sender.sendTogether(['X1', 'X2'].map((controlId) => message({ controlId })));
    await expectClosedUnanswered(sender);
    expect((await over(gw, 'X1')).attempts[0]?.error?.code).toBe('GW_ERR_ACK_MISMATCH');
    await expectNothingHeld(gw);
  });

  test('F35 a wrong answer to the second of three: the first keeps its AA, the others fail', async () => {
    const script = answers.by(({ controlId }) =>
      controlId === 'X2' ? answers.wrongControlId('X3') : answers.aa(),
    );
    await using pair = await startPair(script, { connections: { max: 1, pipelining: 4 } });
    const { gw, sender } = pair;
    void sender.sendTogether(['X1', 'X2', 'X3'].map((controlId) => message({ controlId })));
    await sender.closed;
    expect(sender.acks.map(said)).toEqual(['AA X1']);
    await expectNothingHeld(gw);
  });
});

const BROKEN: readonly { name: string; script: Script }[] = [
  { name: 'no start block', script: answers.withoutStartBlock() },
  { name: 'no end block', script: answers.withoutEndBlock() },
  { name: 'no CR', script: answers.withoutCr() },
  { name: 'a start block and silence', script: answers.bytes(Buffer.from([0x0b])) },
  { name: 'one byte short, and the rest too late', script: answers.stalling(100, gate()) },
];

test.each(BROKEN)('F37 an answer with $name: ends at timeouts.ack', async ({ script }) => {
  await using pair = await startPair(script, { timeouts: { ack: '80ms' } });
  const { b, gw, sender } = pair;
  void sender.send(message({ controlId: 'X1' }));
  await expectClosedUnanswered(sender);
  expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_ACK_TIMEOUT']);
  expect(b.messages).toEqual([]);
  await expectNothingHeld(gw);
});

test('F37 an ACK that drips for longer than timeouts.ack: its bytes do not extend the deadline', async () => {
  const dripping: Script = async ({ connection, payload }) => {
    for (const byte of frame(ackFor(payload))) {
      if (!connection.open) return;
      await connection.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await using pair = await startPair(dripping, { timeouts: { ack: '80ms' } });
  void pair.sender.send(message({ controlId: 'X1' }));
  await expectClosedUnanswered(pair.sender);
  expect(ways(await over(pair.gw, 'X1'))).toEqual(['a GW_ERR_ACK_TIMEOUT']);
  await expectNothingHeld(pair.gw);
});

test('F37 an ACK cut at every byte, also between 1C and 0D, comes back whole', async () => {
  const sent: Buffer[] = [];
  let at = 0;
  const script: Script = async ({ connection, payload }) => {
    const aa = frame(ackFor(payload));
    sent.push(aa);
    await connection.write(aa, [++at]);
  };
  await using pair = await startPair(script);
  const { a, gw, sender } = pair;
  const length = frame(ackFor(message({ controlId: 'X100' }))).length;
  for (let i = 0; i < length; i++) {
    expect(said(await sender.exchange(message({ controlId: `X${100 + i}` })))).toBe(`AA X${100 + i}`);
  }
  expect(sender.received).toEqual(Buffer.concat(sent));
  expect(a.connections.total).toBe(1);
  await expectNothingHeld(gw);
});

test.each([
  { name: 'filler', junk: Buffer.from('\r\n\0 ') },
  { name: 'a banner', junk: Buffer.from('220 ready\r\n') },
  { name: 'an end block', junk: Buffer.from([0x1c, 0x0d]) },
])('F38 $name before every ACK: skipped, and only the ACKs are passed on', async ({ junk }) => {
  const sent: Buffer[] = [];
  const script: Script = async ({ connection, payload }) => {
    const aa = frame(ackFor(payload));
    sent.push(aa);
    await connection.write(Buffer.concat([junk, aa]));
  };
  await using pair = await startPair(script);
  for (const controlId of ['X1', 'X2', 'X3']) await pair.sender.exchange(message({ controlId }));
  expect(pair.sender.received).toEqual(Buffer.concat(sent));
  expect(pair.a.connections.total).toBe(1);
  await expectNothingHeld(pair.gw);
});

describe.each(['AE', 'AR', 'CE', 'CR', 'CA'])('F40 %s from the node', (code) => {
  test(`F40 ${code} is passed on byte for byte and never retried, whatever the pool says of retries`, async () => {
    const sent: Buffer[] = [];
    await using pair = await startPair(recorded(sent, code, 'said by the node'), {
      retry: { attempts: 5, onAmbiguous: 'other-node' },
    });
    const { a, b, gw, sender } = pair;
    const ids = ['X1', 'X2'];
    for (const controlId of ids)
      expect(said(await sender.exchange(message({ controlId })))).toBe(`${code} ${controlId}`);
    expect(sender.received).toEqual(Buffer.concat(sent));
    expect(a.controlIds).toEqual(ids);
    expect(b.messages).toEqual([]);
    expect(gw.codes).toEqual([]);
    await expectNothingHeld(gw);
  });
});

test('F41 no node, wrong answers, silence: whatever happens to sixty messages, each AA is one that a node wrote', {
  timeout: 120_000,
}, async () => {
  const written: string[] = [];
  const aa: Script = async (exchange) => {
    written.push(exchange.controlId);
    await answers.aa()(exchange);
  };
  const scripts = [
    aa,
    answers.close(),
    answers.wrongControlId(),
    answers.emptyFrame(),
    aa,
    answers.reset(),
    answers.ae(),
    answers.halfThen('close'),
  ];
  const script = answers.by(({ index }) => scripts[index % scripts.length] as Script);
  await using pair = await startPair(
    script,
    {
      connections: { max: 2, pipelining: 3 },
      retry: { onAmbiguous: 'other-node' },
      health: { fall: 1000 },
      ...QUICK,
    },
    { onUnavailable: 'AE' },
  );
  const { b, gw, sender } = pair;
  b.script = script;
  const ids = Array.from({ length: 60 }, (_, i) => `X${i}`);
  void sender.sendTogether(ids.map((controlId) => message({ controlId })));
  // A node that closes so many connections is given one after the other, each watched before it is used (F95, F97).
  await until(() => gw.messages.length === 60, { deadlineMs: 90_000 });
  const told = (await sender.nextAcks(60)).map(said);
  expect(told.map((one) => one.split(' ')[1])).toEqual(ids);
  for (const one of told) {
    expect(one).toMatch(/^A[AE] /);
    if (one.startsWith('AA')) expect(written).toContain(one.slice(3));
  }
  await expectNothingHeld(gw);
});
