// The scripted sender: separate reads, ACKs in order, ends that say how they ended.
import { describe, expect, test } from 'vitest';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { controlIdOf, everySplit, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

describe('writing', () => {
  test('writeSplit gives the peer one read for each piece, at every position', async () => {
    await using node = await startFaultyNode();
    for (const [a, b] of everySplit(frame('MSH|^~\\&|A\r'))) {
      await using sender = await connectSender(node.port);
      await sender.writeSplit(Buffer.concat([a, b]), [a.length]);
      await sender.nextAck();
      expect(node.connections.all.at(-1)?.readSizes).toEqual([a.length, b.length]);
    }
  });

  test('sendTogether writes all frames at once', async () => {
    await using node = await startFaultyNode();
    await using sender = await connectSender(node.port);
    const messages = Array.from({ length: 10 }, () => message());
    void sender.sendTogether(messages);
    const acks = await sender.nextAcks(10);
    expect(acks.map((ack) => msaOf(ack)?.controlId)).toEqual(messages.map(controlIdOf));
    expect(node.connections.all[0]?.readSizes).toHaveLength(1);
  });

  test('write sends bytes as they are', async () => {
    await using node = await startFaultyNode();
    await using sender = await connectSender(node.port);
    await sender.write('\0\r\n');
    await sender.exchange(message());
    expect(node.connections.all[0]?.junk.toString()).toBe('\0\r\n');
  });
});

describe('reading', () => {
  test('ACKs that came before anyone asked are handed out in order', async () => {
    await using node = await startFaultyNode(answers.all(answers.ca(), answers.aa()));
    await using sender = await connectSender(node.port);
    await sender.exchange(message());
    await sender.exchange(message());
    await sender.nextAcks(2);
    expect(sender.acks.map((ack) => msaOf(ack)?.code)).toEqual(['CA', 'AA', 'CA', 'AA']);
  });

  test('a wait ends at its deadline, with what did come', async () => {
    await using node = await startFaultyNode(answers.bytes(Buffer.from('junk')));
    await using sender = await connectSender(node.port);
    await expect(sender.exchange(message(), 1)).rejects.toThrow(
      /^no ACK number 1; 0 came, \d bytes \(deadline 1 ms\)$/,
    );
  });

  test('a wait ends with the connection', async () => {
    await using node = await startFaultyNode(answers.close());
    await using sender = await connectSender(node.port);
    await expect(sender.exchange(message())).rejects.toThrow('the connection has ended');
    await expect(sender.nextAck()).rejects.toThrow('the connection has ended');
  });

  test('a sender that does not read lets the node’s answers pile up, and gets them all later', async () => {
    await using node = await startFaultyNode(answers.payload(Buffer.alloc(4 * 1024 * 1024, 'x')));
    await using sender = await connectSender(node.port);
    sender.pauseReading();
    void sender.send(message());
    const [received] = await node.received(1);
    expect(received?.socket.writableLength).toBeGreaterThan(0);
    sender.resumeReading();
    expect(await sender.nextAck()).toHaveLength(4 * 1024 * 1024);
  });
});

describe('ending', () => {
  test('a refused connection rejects with its code', async () => {
    const node = await startFaultyNode();
    await node.close();
    await expect(connectSender(node.port)).rejects.toHaveProperty('code', 'ECONNREFUSED');
  });

  test('reset reaches the peer as a reset, end as an end', async () => {
    await using node = await startFaultyNode();
    await using resetting = await connectSender(node.port);
    const [first] = await node.connected(1);
    resetting.reset();
    expect(await first?.closed).toEqual({ code: 'ECONNRESET' });
    await using ending = await connectSender(node.port);
    const [, second] = await node.connected(2);
    await ending.end();
    expect(await second?.closed).toEqual({ code: undefined });
    expect(await ending.closed).toEqual({ hadError: false, code: undefined });
  });
});
