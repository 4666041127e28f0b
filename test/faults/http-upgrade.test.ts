// F56: a client that asks for another protocol gets a tunnel when a node has agreed, and not before; what it says behind
// its request is never read as HTTP.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawScript } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { BEHIND } from './http-probes.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket'];
const ASKS = request('GET /ws HTTP/1.1', UPGRADE);
const AGREES = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const agree: RawScript = (connection) => connection.write(AGREES);

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

describe.each(['plain', 'TLS'])('F56 over %s', (kind) => {
  const open = (script: RawScript, more = {}) =>
    openHttpRoom({ script, ...(kind === 'TLS' ? { tls: folder } : {}), ...more });

  it('what stands behind the request goes to the node behind its 101, in order', async () => {
    const agreed = gate();
    await using room = await open(async (connection) => {
      await agreed.opened;
      await connection.write(`${AGREES}hello `);
    });
    await using client = await room.connect();
    void client.send(`${ASKS}first `);
    await room.node.arrived(1);
    void client.send('second ');
    await turns(10);
    const [connection] = room.node.connections;
    expect(connection?.received.toString().endsWith('\r\n\r\n')).toBe(true);
    expect(value(room.node.request, 'upgrade')).toBe('websocket');
    expect(value(room.node.request, 'connection')).toBe('upgrade');
    agreed.open();
    await client.when(() => client.text.includes('hello '), 'the greeting');
    expect(client.text).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello $/,
    );
    void client.send('third');
    await room.node.when(
      () => connection?.received.toString().endsWith('first second third') === true,
      'all bytes',
    );
    void connection?.write('and back');
    await client.when(() => client.text.endsWith('and back'), 'the answer');
    expect(room.gw.held.inFlight).toBe(1);
  });

  it('a request behind one that is refused is none', async () => {
    await using room = await open((connection) =>
      connection.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nUpgrade: websocket\r\n\r\nno'),
    );
    await using client = await room.connect();
    void client.send(ASKS + BEHIND);
    await client.end();
    expect(client.statuses).toEqual([403]);
    expect(value(await client.response(), 'connection')).toBe('close');
    expect(client.rest.length).toBe(0);
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/ws']);
    expect(room.gw.held.inFlight).toBe(0);
  });

  it('a refusal with a large body comes whole', async () => {
    const body = 'x'.repeat(3_000_000);
    await using room = await open((connection) => connection.answer(body));
    await using client = await room.connect();
    void client.send(ASKS);
    await client.end();
    expect((await client.response()).body.length).toBe(body.length);
  });

  it('a client that goes away before the 101 ends the request', async () => {
    for (const ends of [true, false]) {
      await using room = await open(() => undefined);
      await using client = await room.connect();
      void client.send(ASKS);
      const connection = await room.node.connection();
      await room.node.arrived(1);
      if (ends) {
        client.finish();
        await turns(20);
      }
      client.reset();
      await room.node.when(() => connection.ended || connection.gone, 'the end of the request');
      await until(() => room.gw.held.inFlight === 0);
      expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_HTTP_CUT']);
    }
  });

  it('what Upgrade says without Connection is of no interest', async () => {
    await using room = await open((connection) => connection.answer('ok'));
    await using client = await room.connect();
    void client.send(request('GET / HTTP/1.1', ['Upgrade: websocket']) + BEHIND);
    await client.response(1);
    expect(room.node.requests.map((one) => value(one, 'upgrade'))).toEqual([undefined, undefined]);
  });

  it('only a GET without a body, to something that is not HTTP, is taken for it', async () => {
    await using room = await open((connection) => connection.answer('ok'));
    for (const [line, lines, body] of [
      ['POST / HTTP/1.1', [...UPGRADE, 'Content-Length: 4'], 'abcd'],
      ['POST / HTTP/1.1', [...UPGRADE, 'Transfer-Encoding: chunked'], '4\r\nabcd\r\n0\r\n\r\n'],
      ['GET / HTTP/1.1', [...UPGRADE, 'Content-Length: 4'], 'abcd'],
      [
        'GET / HTTP/1.1',
        ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
        '',
      ],
      ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: H2C'], ''],
      ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: TLS/1.2'], ''],
      ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket, h2c'], ''],
      ['OPTIONS / HTTP/1.1', UPGRADE, ''],
    ] as const) {
      const before = room.node.requests.length;
      await using client = await room.connect();
      // It is answered, and the last one on its connection: Node.js's parser stops behind it.
      void client.send(request(line, lines, body) + BEHIND);
      await client.end();
      expect(client.statuses).toEqual([200]);
      const [first, second] = room.node.requests.slice(before);
      expect([first?.body.toString(), second]).toEqual([body === '' ? '' : 'abcd', undefined]);
      expect(first && value(first, 'upgrade')).toBeUndefined();
      expect(first && value(first, 'http2-settings')).toBeUndefined();
    }
    expect(room.node.broken).toEqual([]);
  });

  it('behind a response that is still due it is answered, and is the last', async () => {
    const held = gate();
    await using room = await open(async (connection, { target }) => {
      if (target === '/') await held.opened;
      await connection.answer(target);
    });
    await using client = await room.connect();
    void client.send(GET + ASKS + BEHIND);
    await room.node.arrived(1);
    held.open();
    await client.end();
    expect(client.responses.map(({ body }) => body.toString())).toEqual(['/', '/ws']);
    expect(room.node.requests).toHaveLength(2);
  });

  it('the body of a request that was lost behind it is not read as one', async () => {
    await using room = await open((connection) => connection.answer('ok'));
    await using client = await room.connect();
    const lost = request('POST /lost HTTP/1.1', [`Content-Length: ${BEHIND.length}`]);
    void client.send(request('GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: h2c']) + lost);
    await client.response();
    void client.send(BEHIND);
    await client.end();
    expect(client.statuses).toEqual([200]);
    expect(room.node.requests.map(({ target }) => target)).toEqual(['/']);
  });

  it('a node that switches to something else is refused', async () => {
    for (const upgrade of [
      'Upgrade: other',
      'Upgrade: websocket, other',
      'Upgrade: websocket\r\nUpgrade: other',
      'X: y',
    ]) {
      await using room = await open((connection) =>
        connection.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${upgrade}\r\n\r\n`),
      );
      await using client = await room.connect();
      void client.send(ASKS + BEHIND);
      await client.end();
      expect(client.statuses).toEqual([502]);
      expect(room.node.requests).toHaveLength(1);
      expect(room.gw.proxied.map(({ error }) => error?.code)).toEqual(['GW_ERR_NODE_RESPONSE']);
    }
  });

  it('an end without a tunnel has its limits: early bytes are held back', async () => {
    await using room = await open(() => undefined);
    await using client = await room.connect();
    void client.send(ASKS);
    await room.node.arrived(1);
    void client.send(Buffer.alloc(32 * 1024 * 1024));
    await turns(200);
    expect(client.socket.writableLength).toBeGreaterThan(0);
  });

  it('a tunnel that a route does not lead to is refused like any request', async () => {
    await using room = await open(agree, { routes: [{ when: { path: '/ws' }, reject: {} }, { to: 'pool' }] });
    await using client = await room.connect();
    void client.send(ASKS + BEHIND);
    await client.end();
    expect(client.statuses).toEqual([403]);
    expect(room.node.requests).toEqual([]);
  });
});
