// Each ready-made answer, byte for byte, as a sender sees it.
import { describe, expect, test } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { ackFor, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';

/** MSH-7 and MSH-10 of an ACK are the time it was made. */
const timeless = (bytes: Buffer): string => bytes.toString('latin1').replace(/\d{14}\.\d{3}/g, 'TIME');

const sent = message({ controlId: 'C1' });
const aa = timeless(frame(ackFor(sent)));

describe('codes', () => {
  test.each(['AA', 'AE', 'AR', 'CA', 'CE', 'CR'])('%s', async (code) => {
    const key = code.toLowerCase() as 'aa' | 'ae' | 'ar' | 'ca' | 'ce' | 'cr';
    await using node = await startFaultyNode(answers[key]());
    await using sender = await connectSender(node.port);
    expect(msaOf(await sender.exchange(sent))).toEqual({ code, controlId: 'C1' });
  });

  test('AE carries the text that Mirth gives, or another one', async () => {
    await using node = await startFaultyNode(answers.inSequence(answers.ae(), answers.ae({ text: 'mine' })));
    await using sender = await connectSender(node.port);
    expect((await sender.exchange(sent)).toString()).toContain(
      'MSA|AE|C1|An Error Occurred Processing Message.\r',
    );
    expect((await sender.exchange(sent)).toString()).toContain('MSA|AE|C1|mine\r');
  });
});

describe('whole answers, byte for byte', () => {
  test.each([
    ['bytes', answers.bytes(Buffer.from('raw')), 'raw'],
    ['payload', answers.payload('text'), '\x0btext\x1c\r'],
    ['wrongControlId', answers.wrongControlId(), aa.replace('|C1', '|NOT-THIS-ONE')],
    ['withoutControlId', answers.withoutControlId(), aa.replace('|C1', '|')],
    ['withoutMsa', answers.withoutMsa(), aa.replace('MSA|AA|C1\r', '')],
    ['emptyFrame', answers.emptyFrame(), '\x0b\x1c\r'],
    ['echo', answers.echo(), frame(sent).toString()],
    ['noise', answers.noise(), '\x0b<html><body>502</body></html>\x1c\r'],
    ['junkBefore', answers.junkBefore(), `\r\n\0 ${aa}`],
    ['junkAfter', answers.junkAfter(), `${aa}\r\n\0 `],
    ['twice', answers.twice(), aa + aa],
    ['withoutStartBlock', answers.withoutStartBlock(), aa.slice(1)],
    ['withoutEndBlock', answers.withoutEndBlock(), aa.slice(0, -2)],
    ['withoutCr', answers.withoutCr(), aa.slice(0, -1)],
    ['all', answers.all(answers.ca(), answers.aa()), aa.replace('|AA|', '|CA|') + aa],
  ])('%s', async (_, script, expected) => {
    await using node = await startFaultyNode(answers.all(script, answers.close()));
    await using sender = await connectSender(node.port);
    void sender.send(sent);
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect(timeless(sender.received)).toBe(expected);
  });

  test('garbled is framed and has no MSA that its own delimiters would give', async () => {
    await using node = await startFaultyNode(answers.garbled());
    await using sender = await connectSender(node.port);
    expect(msaOf(await sender.exchange(sent))?.controlId).not.toBe('C1');
  });
});

describe('pieces', () => {
  test.each([
    ['dripping', answers.dripping(), (length: number) => Array(length).fill(1)],
    ['endInTwoPackets', answers.endInTwoPackets(), (length: number) => [length - 1, 1]],
    ['chunked', answers.chunked(1, 10, -2), (length: number) => [1, 9, length - 12, 2]],
  ])('%s arrives in separate reads', async (_, script, sizes) => {
    await using node = await startFaultyNode(script);
    await using sender = await connectSender(node.port);
    await sender.exchange(sent);
    expect(timeless(sender.received)).toBe(aa);
    expect(sender.readSizes).toEqual(sizes(sender.received.length));
  });

  test('stalling sends the beginning, and the rest when the gate opens', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.stalling(7, hold));
    await using sender = await connectSender(node.port);
    void sender.send(sent);
    await until(() => sender.received.length === 7);
    hold.open();
    await sender.nextAck();
    expect(timeless(sender.received)).toBe(aa);
  });
});

describe('order', () => {
  test('none answers nothing, and the next message is served', async () => {
    await using node = await startFaultyNode(answers.inSequence(answers.none(), answers.aa()));
    await using sender = await connectSender(node.port);
    void sender.send(message({ controlId: 'A' }));
    expect(msaOf(await sender.exchange(message({ controlId: 'B' })))?.controlId).toBe('B');
  });

  test('detached lets later messages overtake', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.inSequence(answers.detached(hold), answers.aa()));
    await using sender = await connectSender(node.port);
    void sender.send(message({ controlId: 'A' }));
    expect(msaOf(await sender.exchange(message({ controlId: 'B' })))?.controlId).toBe('B');
    hold.open();
    expect(msaOf(await sender.nextAck())?.controlId).toBe('A');
  });

  test('swapped answers the second first', async () => {
    await using node = await startFaultyNode(answers.swapped());
    await using sender = await connectSender(node.port);
    void sender.sendTogether([message({ controlId: 'A' }), message({ controlId: 'B' })]);
    expect((await sender.nextAcks(2)).map((ack) => msaOf(ack)?.controlId)).toEqual(['B', 'A']);
  });

  test('commitThen says CA now and the application’s answer later, on the same connection', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.commitThen(hold, 'AE'));
    await using sender = await connectSender(node.port);
    expect(msaOf(await sender.exchange(sent))).toEqual({ code: 'CA', controlId: 'C1' });
    hold.open();
    expect(msaOf(await sender.nextAck())).toEqual({ code: 'AE', controlId: 'C1' });
  });

  test('a late answer to a connection that is gone does no harm', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using sender = await connectSender(node.port);
    void sender.send(sent);
    const [received] = await node.received(1);
    sender.reset();
    await received?.connection.closed;
    hold.open();
  });
});

describe('endings', () => {
  test.each([
    ['close', answers.close(), undefined],
    ['reset', answers.reset(), 'ECONNRESET'],
    ['half of the ACK, then close', answers.halfThen('close'), undefined],
    ['half of the ACK, then reset', answers.halfThen('reset'), 'ECONNRESET'],
  ])('%s', async (name, script, code) => {
    await using node = await startFaultyNode(script);
    await using sender = await connectSender(node.port);
    void sender.send(sent);
    expect((await sender.closed).code).toBe(code);
    expect(sender.acks).toHaveLength(0);
    expect(sender.received.length > 0).toBe(name.startsWith('half'));
  });

  test('an answer, then the end: the second of two pipelined messages stays unanswered', async () => {
    await using node = await startFaultyNode(answers.aaThen('close'));
    await using sender = await connectSender(node.port);
    void sender.sendTogether([message({ controlId: 'A' }), message({ controlId: 'B' })]);
    expect(msaOf(await sender.nextAck())?.controlId).toBe('A');
    await expect(sender.nextAck()).rejects.toThrow('the connection has ended');
  });

  test('half-close: the peer sees FIN, the node still reads', async () => {
    await using node = await startFaultyNode(answers.inSequence(answers.halfClose(), answers.none()));
    await using sender = await connectSender(node.port, { allowHalfOpen: true });
    void sender.send(sent);
    await until(() => sender.ended);
    void sender.send(sent);
    await node.received(2);
  });
});
