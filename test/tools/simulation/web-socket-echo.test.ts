// The WebSocket at /ws, with the library `ws` as a client of another hand, and by bytes where a library would not go.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { WebSocketEcho } from '../../../src/tools/simulation/web-socket-echo.ts';
import { connectSender, type Sender } from '../../helpers/sender.ts';
import { until } from '../../helpers/until.ts';
import { curl, startHttpNode } from './http-room.ts';

async function open(): Promise<{
  socket: WebSocket;
  node: Awaited<ReturnType<typeof startHttpNode>>['node'];
}> {
  const { node, url } = await startHttpNode({ name: 'a' });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  return { socket, node };
}

/** The next message: its bytes, and whether they are binary. */
async function next(socket: WebSocket): Promise<[Buffer, boolean]> {
  const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean];
  return [data, binary];
}

async function closeOf(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

describe('as a library sees it', () => {
  test.for([0, 1, 125, 126, 127, 65_535, 65_536, 1024 * 1024])('%i bytes come back', async (size) => {
    const { socket } = await open();
    const sent = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
    socket.send(sent);
    const [bytes, binary] = await next(socket);
    expect(bytes.equals(sent)).toBe(true);
    expect(binary).toBe(true);
  });

  test('text is text', async () => {
    const { socket, node } = await open();
    socket.send('Grüße');
    expect(await next(socket)).toEqual([Buffer.from('Grüße'), false]);
    expect(node.received).toBe(1);
  });

  test('fragments, with a ping between them', async () => {
    const { socket } = await open();
    const pong = once(socket, 'pong');
    const answer = next(socket);
    socket.send('one ', { fin: false });
    socket.ping('are you there?');
    socket.send('two ', { fin: false });
    socket.send('three', { fin: true });
    expect(await answer).toEqual([Buffer.from('one two three'), false]);
    expect((await pong)[0].toString()).toBe('are you there?');
  });

  test.for<[number | undefined, number]>([
    [1000, 1000],
    [4321, 4321],
    [undefined, 1005],
  ])('closed with %s, it closes with the same', async ([code, answer]) => {
    const { socket } = await open();
    const closed = closeOf(socket);
    if (code === undefined) socket.close();
    else socket.close(code, 'words');
    expect(await closed).toEqual([answer, '']);
  });

  test('over a MiB in one frame is 1009', async () => {
    const { socket } = await open();
    const closed = closeOf(socket);
    socket.send(Buffer.alloc(1024 * 1024 + 1));
    expect((await closed)[0]).toBe(1009);
  });

  test('a node that stops says so', async () => {
    const { socket, node } = await open();
    const closed = closeOf(socket);
    await node.stop();
    expect((await closed)[0]).toBe(1001);
  });

  test('it counts as a connection', async () => {
    const { url } = await startHttpNode({ maxConnections: 1 });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
    onTestFinished(() => socket.terminate());
    await once(socket, 'open');
    await expect(curl(url)).rejects.toThrow('ended with 52');
  });
});

describe('the handshake', () => {
  // RFC 6455 1.3
  const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
  const HANDSHAKE = ['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket'];

  test('is that of the RFC', async () => {
    const { node } = await startHttpNode({ name: 'a' });
    await using client = await connectSender(node.port);
    await client.write(
      `GET /ws HTTP/1.1\r\nHost: n\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await until(() => client.received.includes('\r\n\r\n'));
    expect(client.received.toString()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nX-Simulated-Node: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
  });

  test.for<[string, string[], number]>([
    ['another version', ['-H', `Sec-WebSocket-Key: ${KEY}`, '-H', 'Sec-WebSocket-Version: 8'], 426],
    ['no version', ['-H', `Sec-WebSocket-Key: ${KEY}`], 426],
    ['no key', ['-H', 'Sec-WebSocket-Version: 13'], 400],
    ['a short key', ['-H', 'Sec-WebSocket-Version: 13', '-H', 'Sec-WebSocket-Key: dGhl'], 400],
    ['a POST', ['-X', 'POST', '-H', 'Sec-WebSocket-Version: 13', '-H', `Sec-WebSocket-Key: ${KEY}`], 400],
  ])('with %s is refused', async ([, args, status]) => {
    const { url } = await startHttpNode();
    const answer = await curl(...HANDSHAKE, ...args, `${url}/ws`);
    expect(answer.status).toBe(status);
    expect(answer.fields.get('sec-websocket-version')).toBe(status === 426 ? '13' : undefined);
  });

  test('on another path is a page', async () => {
    const { url } = await startHttpNode();
    expect((await curl(...HANDSHAKE, '-H', `Sec-WebSocket-Key: ${KEY}`, `${url}/x`)).status).toBe(200);
  });
});

/** Both ends of a connection, the far one an echo. */
async function pair(head = Buffer.alloc(0)): Promise<{ client: Sender; server: net.Socket }> {
  const listening = net.createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const accepted = once(listening, 'connection') as Promise<[net.Socket]>;
  const client = await connectSender((listening.address() as net.AddressInfo).port);
  const [server] = await accepted;
  server.on('error', () => {});
  new WebSocketEcho(server, head);
  onTestFinished(async () => {
    listening.close();
    server.destroy();
    await client[Symbol.asyncDispose]();
  });
  return { client, server };
}

/** A client's frame, masked by 01 02 03 04. */
function masked(first: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload as string);
  const head =
    bytes.length < 126
      ? [first, 0x80 | bytes.length]
      : bytes.length < 65_536
        ? [first, 0x80 | 126, bytes.length >> 8, bytes.length & 0xff]
        : [first, 0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (bytes.length >> shift) & 0xff)];
  return Buffer.concat([Buffer.from([...head, 1, 2, 3, 4]), bytes.map((byte, i) => byte ^ ((i & 3) + 1))]);
}

describe('frames', () => {
  test('split at every byte, and behind the handshake already', async () => {
    const frames = Buffer.concat([masked(0x81, 'one'), masked(0x82, 'x'.repeat(200)), masked(0x89, 'p')]);
    const { client } = await pair(frames.subarray(0, 5));
    await client.writeSplit(frames.subarray(5), Array.from(frames.keys()));
    const expected = Buffer.concat([
      Buffer.from([0x81, 3]),
      Buffer.from('one'),
      Buffer.from([0x82, 126, 0, 200]),
      Buffer.from('x'.repeat(200)),
      Buffer.from([0x8a, 1]),
      Buffer.from('p'),
    ]);
    await until(() => client.received.length >= expected.length);
    expect(client.received.equals(expected)).toBe(true);
  });

  test.for<[string, Buffer, number]>([
    ['without a mask', Buffer.from([0x81, 5, 1, 2, 3, 4, 72, 101, 108, 108, 111]), 1002],
    ['with a reserved bit', masked(0xc1, 'x'), 1002],
    ['with an unknown opcode', masked(0x83, 'x'), 1002],
    ['with an unknown control opcode', masked(0x8b, 'x'), 1002],
    ['that continue nothing', masked(0x80, 'x'), 1002],
    ['that begin another message within one', Buffer.concat([masked(0x01, 'x'), masked(0x81, 'y')]), 1002],
    ['of control in fragments', masked(0x09, 'x'), 1002],
    ['of control with 126 bytes', masked(0x89, 'x'.repeat(126)), 1002],
    ['of closing with one byte', masked(0x88, 'x'), 1002],
    ['that announce an exabyte', Buffer.from([0x82, 0xff, 0x0f, 255, 255, 255, 255, 255, 255, 255]), 1009],
  ])('%s end it', async ([, bytes, status]) => {
    const { client } = await pair();
    await client.write(Buffer.concat([bytes, masked(0x81, 'after')]));
    await client.closed;
    const close = client.received.subarray(-4);
    expect([...close.subarray(0, 2), close.readUInt16BE(2)]).toEqual([0x88, 2, status]);
    expect(client.received.includes('after')).toBe(false);
  });

  test('a peer that does not read is not read from, and loses nothing', async () => {
    const { client, server } = await pair();
    client.pauseReading();
    const one = masked(0x82, Buffer.alloc(500_000, 7));
    let written = 0;
    void (async () => {
      for (; written < 40; written++) await client.write(one);
    })();
    await until(() => server.isPaused());
    expect(written).toBeLessThan(40);
    expect(server.writableLength).toBeLessThan(2 * 1024 * 1024);
    client.resumeReading();
    await until(() => client.received.length === 40 * 500_010);
  });

  test('one that says nothing for five minutes is told to go', async () => {
    const timeouts = vi.spyOn(net.Socket.prototype, 'setTimeout');
    onTestFinished(() => void vi.restoreAllMocks());
    const { client, server } = await pair();
    const [ms, onIdle] = timeouts.mock.calls.at(-1) ?? [];
    expect(ms).toBe(300_000);
    onIdle?.call(server);
    await client.closed;
    expect(client.received.readUInt16BE(2)).toBe(1001);
  });

  test('a peer that goes away leaves nothing', async () => {
    const { client, server } = await pair();
    await client.end();
    await until(() => server.destroyed);
  });
});
