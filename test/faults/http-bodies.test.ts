// F57, F67, F71: bodies. Framed as they came or closed, passed on as fast as they are read and no faster, and what a
// client still sends behind an early response is read by nobody.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawBytes } from '../helpers/raw-http-node.ts';
import { value, values } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { BEHIND } from './http-probes.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

describe('F57', () => {
  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'PROPFIND', 'QUERY'])(
    'a %s keeps its body, however that is framed',
    async (method) => {
      await using room = await openHttpRoom();
      const large = 'x'.repeat(100_000);
      for (const body of ['hello', large]) {
        for (const chunked of [false, true]) {
          await using client = await room.connect();
          const lines = chunked ? ['Transfer-Encoding: chunked'] : [`Content-Length: ${body.length}`];
          const bytes = chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
          const before = room.node.requests.length;
          expect((await client.ask(request(`${method} / HTTP/1.1`, lines, bytes), method)).status).toBe(200);
          expect((await client.ask(GET)).status).toBe(200);
          const [got, next] = room.node.requests.slice(before);
          expect([got?.method, got?.body.length, next?.method]).toEqual([method, body.length, 'GET']);
          expect(got && values(got, 'content-length')).toEqual(chunked ? [] : [String(body.length)]);
        }
      }
      expect(room.node.broken).toEqual([]);
    },
  );

  it('an empty body is none for methods that have none, and one of length 0 for others', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    for (const method of ['GET', 'DELETE', 'POST', 'PUT']) {
      await client.ask(request(`${method} / HTTP/1.1`, ['Content-Length: 0']));
      await client.ask(request(`${method} / HTTP/1.1`));
    }
    expect(room.node.requests.map((one) => value(one, 'content-length'))).toEqual([
      ...[undefined, undefined, undefined, undefined, '0', '0', '0', '0'],
    ]);
  });
});

/** Answers at once, before the body has come. */
const early =
  (bytes: string): RawBytes =>
  (connection) => {
    if (connection.received.includes('\r\n\r\n') && !connection.socket.writableEnded) {
      void connection.write(bytes);
      connection.broken = 'answered';
    }
    return true;
  };
const TOO_LARGE = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno';

describe.each(['plain', 'TLS'])('F67 over %s', (kind) => {
  const tls = () => (kind === 'TLS' ? { tls: folder } : {});

  it.each([
    ['Content-Length', ['Content-Length: 50000000'], ''],
    ['chunks', ['Transfer-Encoding: chunked'], 'ffffff\r\n'],
  ])('an early response reaches a client that goes on sending (%s)', async (_, lines, start) => {
    await using room = await openHttpRoom({ ...tls(), node: { onBytes: early(TOO_LARGE) } });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', lines, start));
    // It does not look up before it has sent all of this.
    client.socket.pause();
    for (let i = 0; i < 100; i++) await client.send(Buffer.alloc(65_536, 'GET /smuggled HTTP/1.1\r\n\r\n'));
    client.socket.resume();
    const response = await client.response();
    expect([response.status, value(response, 'connection')]).toEqual([413, 'close']);
    await client.end();
    expect(client.ended).toBe(true);
    expect(room.gw.held.inFlight).toBe(0);
  });

  it('the gateway ends the connection to a node that answers early', async () => {
    await using room = await openHttpRoom({ ...tls(), node: { onBytes: early(TOO_LARGE) } });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 50000000'], 'x'.repeat(100_000)));
    await client.response();
    const [connection] = room.node.connections;
    await room.node.when(
      () => connection?.ended === true || connection?.gone === true,
      'the end at the node',
    );
  });

  it('what comes behind is no request', async () => {
    await using room = await openHttpRoom({ ...tls(), node: { onBytes: early(TOO_LARGE) } });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 70000'], 'x'.repeat(1000)));
    await client.response();
    void client.send('x'.repeat(69_000) + BEHIND);
    await client.end();
    expect(client.statuses).toEqual([413]);
    expect(room.node.connections).toHaveLength(1);
  });

  it('a flood behind a refusal is not even parsed', async () => {
    await using room = await openHttpRoom({ ...tls(), routes: [{ reject: {} }] });
    await using client = await room.connect();
    await client.ask(GET);
    let parsed = 0;
    const count = (): void => {
      parsed++;
    };
    subscribe('http.server.request.start', count);
    try {
      for (let i = 0; i < 50; i++) await client.send(BEHIND.repeat(100));
      await turns(50);
    } finally {
      unsubscribe('http.server.request.start', count);
    }
    expect(parsed).toBe(0);
  });

  it('a client that never ends its side is cut within seconds', async () => {
    await using room = await openHttpRoom({ ...tls(), node: { onBytes: early(TOO_LARGE) } });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 70000'], 'x'));
    await client.end();
    await until(() => room.gw.gateway.listeners[0]?.connections === 0, { deadlineMs: 4_000 });
  });

  it('a refusal of the gateway reaches a client that goes on sending', async () => {
    await using room = await openHttpRoom({ ...tls(), routes: [{ reject: {} }] });
    await using client = await room.connect();
    client.socket.pause();
    void client.send(request('POST / HTTP/1.1', ['Content-Length: 50000000']));
    for (let i = 0; i < 100; i++) await client.send(Buffer.alloc(65_536, 'x'));
    client.socket.resume();
    expect((await client.response()).status).toBe(403);
    await client.end();
    expect(client.ended).toBe(true);
  });
});

describe('F71', () => {
  /** What two sockets, their kernel buffers and two streams hold, and some room. */
  const BETWEEN = 16 * 1024 * 1024;
  const SIZE = 64 * 1024 * 1024;

  it.each(['plain', 'TLS'])('an upload waits for a node that does not read it (%s)', async (kind) => {
    let bytes = 0;
    await using room = await openHttpRoom({
      ...(kind === 'TLS' ? { tls: folder } : {}),
      node: {
        onBytes: (connection) => {
          bytes = connection.bytes;
          return true;
        },
        onSocket: (socket) => socket.pause(),
      },
    });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', [`Content-Length: ${SIZE}`]));
    void client.send(Buffer.alloc(SIZE));
    const connection = await room.node.connection();
    await turns(300);
    expect(SIZE - client.socket.writableLength).toBeLessThan(BETWEEN);
    connection.keep = () => undefined;
    connection.socket.resume();
    await until(() => bytes > SIZE, { deadlineMs: 15_000, what: 'all of the upload' });
    void connection.answer('ok');
    expect((await client.response()).status).toBe(200);
    expect(room.gw.proxied[0]?.requestBytes).toBe(SIZE);
  });

  it.each([
    ['plain', `Content-Length: ${SIZE}\r\n`],
    ['TLS', `Content-Length: ${SIZE}\r\n`],
    ['plain', ''],
  ])('a download waits for a client that does not read it (%s, %j)', async (kind, length) => {
    await using room = await openHttpRoom({
      ...(kind === 'TLS' ? { tls: folder } : {}),
      script: async (connection) => {
        void connection.write(`HTTP/1.1 200 OK\r\n${length}\r\n`);
        await connection.write(Buffer.alloc(SIZE));
        connection.end();
      },
    });
    await using client = await room.connect();
    client.socket.pause();
    void client.send(GET);
    const connection = await room.node.connection();
    await turns(300);
    expect(SIZE - connection.socket.writableLength).toBeLessThan(BETWEEN);
    client.socket.resume();
    await until(() => room.gw.proxied.length === 1, { deadlineMs: 15_000, what: 'all of the download' });
    expect(room.gw.proxied[0]?.responseBytes).toBe(SIZE);
    expect(room.gw.proxied[0]?.error).toBeUndefined();
  });

  it('the last bytes of an upload wait for the node, too', async () => {
    const SMALL = 4 * 1024 * 1024;
    await using room = await openHttpRoom({
      listener: { http: { bodyTimeout: '200ms' } },
      node: { onSocket: (socket) => socket.pause() },
    });
    await using client = await room.connect();
    await client.send(request('POST / HTTP/1.1', [`Content-Length: ${SMALL}`]));
    await client.send(Buffer.alloc(SMALL));
    const { socket } = await room.node.connection();
    // Longer than a client may be silent, which it is not.
    await pause(600);
    socket.resume();
    expect((await client.response()).status).toBe(200);
    expect(room.node.request.body.length).toBe(SMALL);
  });
});
