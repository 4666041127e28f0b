// F99 and F111: a node or a sender that speaks something else than MLLP. The log names it, and what names itself is not waited for.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { over, said, startPair } from '../helpers/expect-relay.ts';
import { answers, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';

const writes =
  (bytes: Buffer | string): Script =>
  ({ connection }) =>
    connection.write(Buffer.from(bytes));

/** Longer than any test takes: what fails before has not waited for it. */
const SLOW = { timeouts: { ack: '1h' } };

describe('F99 a node that is something else', () => {
  test.each([
    ['an HTTP response', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['a TLS alert', Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, 22])],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('%s: named, and not waited for', async (what, bytes) => {
    await using pair = await startPair(writes(bytes), SLOW);
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    const [attempt] = (await over(pair.gw, 'X1')).attempts;
    expect(attempt?.error).toMatchObject({ code: 'GW_ERR_ACK_INVALID', detail: `it looks like ${what}` });
    expect(pair.sender.acks).toEqual([]);
  });

  test('an answer without framing: named, and not waited for until timeouts.ack', async () => {
    await using pair = await startPair(answers.withoutStartBlock(), SLOW);
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    const [attempt] = (await over(pair.gw, 'X1')).attempts;
    const detail = 'it looks like HL7 without MLLP framing';
    expect(attempt?.error).toMatchObject({ code: 'GW_ERR_ACK_INVALID', detail });
    expect(pair.sender.acks).toEqual([]);
  });

  test('an SSH server says so by itself: named, nothing was written', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.write('SSH-2.0-OpenSSH_9.2\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await using gw = await startGateway({
      nodes: [`mllp://127.0.0.1:${port}`],
      pool: { queue: { timeout: '200ms' }, retry: { budget: '200ms' }, connections: { settle: '5s' } },
    });
    await using sender = await connectSender(gw.port());
    void sender.send(message({ controlId: 'X1' }));
    await sender.closed;
    const [attempt] = (await over(gw, 'X1')).attempts;
    expect(attempt).toMatchObject({
      writtenAt: undefined,
      error: { code: 'GW_ERR_NODE_CONNECT', detail: 'it looks like SSH' },
    });
    server.close();
  });

  test.each([
    [0x06, 'a commit block (06) of MLLP release 2'],
    [0x15, 'a negative commit block (15) of MLLP release 2'],
  ])('MLLP release 2, block %d alone: named', async (byte, detail) => {
    await using pair = await startPair(answers.payload(Buffer.from([byte])), { timeouts: { ack: '200ms' } });
    void pair.sender.send(message({ controlId: 'X1' }));
    await pair.sender.closed;
    const [attempt] = (await over(pair.gw, 'X1')).attempts;
    expect(attempt?.error).toMatchObject({ code: 'GW_ERR_ACK_INVALID', detail });
  });

  test('MLLP release 2, a commit block and then the answer: the answer', async () => {
    await using pair = await startPair(async ({ connection, payload }) => {
      await connection.answer(Buffer.from([0x06]));
      await connection.answer(ackFor(payload));
    });
    expect(said(await pair.sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
  });
});

describe('F111 another protocol at a listener’s port', () => {
  test.each([
    [
      'a TLS ClientHello',
      Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), Buffer.alloc(90, 7)]),
    ],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x.example\r\n\r\n')],
    ['SSH', Buffer.from('SSH-2.0-client\r\n')],
  ])('%s: closed when it is recognised, not after frameTimeout', async (what, bytes) => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { limits: { frameTimeout: '1h', idleTimeout: '1h' } },
    });
    await using sender = await connectSender(gw.port());
    await sender.write(bytes);
    await sender.closed;
    expect(JSON.stringify(await gw.logged('GW_ERR_FRAME_NO_START'))).toContain(`it looks like ${what}`);
    expect(sender.received.length).toBe(0);
  });

  test('behind good messages too, and a message before it keeps its answer', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { limits: { frameTimeout: '1h', idleTimeout: '1h' } },
    });
    await using sender = await connectSender(gw.port());
    await sender.write(
      Buffer.concat([frame(message({ controlId: 'X1' })), Buffer.from('GET / HTTP/1.1\r\n\r\n')]),
    );
    await sender.closed;
    expect(sender.acks.map(said)).toEqual(['AA X1']);
  });
});
