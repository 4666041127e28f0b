// The admin API's connections, byte by byte: what two readers could read in two ways, several requests at once, clients
// that are slow, and the end of the server.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { connectClient, type RawClient } from '../helpers/raw-http-client.ts';
import { value } from '../helpers/strict-http.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { type AdminRoom, ask, openAdmin, TOKEN } from './admin-room.ts';

const HOST = `Host: x\r\nAuthorization: Bearer ${TOKEN}\r\n`;

function request(line: string, body?: string): string {
  const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
  return `${line} HTTP/1.1\r\n${HOST}${length}\r\n${body ?? ''}`;
}

const DRAIN = request('POST /nodes/adt/a/drain');

describe('what two readers could read in two ways is 400, and nothing behind it is done', () => {
  test.each([
    ['both lengths', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 4\r\n', ''],
    ['a signed length', 'Content-Length: +0\r\n', ''],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n', ''],
    ['a space before a colon', 'Content-Length : 0\r\n', ''],
    ['a bare line feed', 'X: y\nContent-Length: 0\r\n', ''],
  ])('%s', async (_, fields, body) => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    void client.send(`POST /nodes/adt/a/drain HTTP/1.1\r\n${HOST}${fields}\r\n${body}${DRAIN}`);
    await client.end();
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(client.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(room.control.changes).toEqual([]);
  });

  test('no Host', async () => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    void client.send(`POST /reload HTTP/1.1\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    await client.end();
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(room.control.changes).toEqual([]);
  });

  test('headers of more than 16 KiB are 431', async () => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    void client.send(`GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`);
    await client.end();
    expect(client.text).toMatch(/^HTTP\/1\.1 431 /);
  });
});

test.each([
  ['an absolute URI', 'GET http://other.test:1/livez', 200],
  ['an absolute URI without a path', 'GET http://other.test', 503],
  ['two slashes', 'GET //nothing', 404],
  ['no URI', 'GET http://', 400],
  ['a star', 'OPTIONS *', 400],
  ['a chunked body', 'PUT /nodes/adt/a/weight', 200, 'Transfer-Encoding: chunked\r\n', '1\r\n7\r\n0\r\n\r\n'],
  ['an upgrade', 'GET /livez', 200, 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
  ['an expectation', 'PUT /nodes/adt/a/weight', 200, 'Expect: 100-continue\r\nContent-Length: 1\r\n', '7'],
  ['an unknown expectation', 'PUT /nodes/adt/a/weight', 417, 'Expect: x\r\nContent-Length: 1\r\n', '7'],
])('%s', async (_, line, status, fields = '', body = '') => {
  const room = await openAdmin();
  await using client = await connectClient(room.port);
  const response = await client.ask(`${line} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`);
  expect(response.status).toBe(status);
  expect((await ask(room, 'GET', '/livez')).status).toBe(200);
});

describe('several requests at once', () => {
  test('are done one after the other and answered in their order', async () => {
    const room = await openAdmin();
    const hold = gate();
    room.control.reloading = hold.opened;
    await using client = await connectClient(room.port);
    client.methods = ['POST', 'PUT', 'HEAD', 'GET'];
    void client.send(
      request('POST /reload') +
        request('PUT /nodes/adt/a/weight', '7') +
        request('HEAD /nodes') +
        request('GET /status'),
    );
    await until(() => room.control.changes.length === 1);
    await turns(5);
    // Nothing overtakes a change that is under way.
    expect(room.control.changes).toEqual(['reload from 127.0.0.1']);
    expect(client.text).toBe('');
    hold.open();
    const last = await client.response(3);
    expect(client.statuses).toEqual([200, 200, 200, 200]);
    expect(room.control.changes.slice(1)).toEqual(['reloaded', 'weight 7 adt/a from 127.0.0.1']);
    expect(JSON.parse(last.body.toString()).pools[0].nodes[0].weight).toBe(7);
    expect(client.gone).toBe(false);
  });

  test('up to a hundred; with more the connection is closed', async () => {
    const room = await openAdmin();
    const hold = gate();
    room.control.reloading = hold.opened;
    await using client = await connectClient(room.port);
    void client.send(request('POST /reload') + request('GET /livez').repeat(99));
    await until(() => room.control.changes.length === 1);
    await turns(5);
    expect(client.gone).toBe(false);
    void client.send(request('GET /livez').repeat(10));
    await client.end();
    expect(client.text).toBe('');
    hold.open();
    expect((await ask(room, 'GET', '/livez')).status).toBe(200);
  });

  test.each([
    ['one without the token', 'GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n', 401],
    ['one that is too large', request('PUT /nodes/adt/a', 'x'.repeat(66_000)), 413],
    ['one for nothing', request('GET /wat'), 404],
  ])('behind %s nothing is done', async (_, first, status) => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    void client.send(first + DRAIN + request('POST /reload'));
    await client.end();
    expect(client.statuses).toEqual([status]);
    const [only] = client.responses;
    expect(only && value(only, 'connection')).toBe('close');
    await turns(5);
    expect(room.control.changes).toEqual([]);
  });

  test('a connection is kept behind an answer, also behind one that says no', async () => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    expect((await client.ask(request('PUT /nodes/adt/a/weight', '-1'))).status).toBe(400);
    expect((await client.ask(request('POST /nodes/adt/wat/drain'))).status).toBe(404);
    expect((await client.ask(DRAIN)).status).toBe(200);
    expect(room.control.changes).toEqual(['drain adt/a from 127.0.0.1']);
  });

  test('a connection is good for any number of them, one after the other', async () => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    for (let n = 0; n < 120; n++) expect((await client.ask(request('GET /livez'))).status).toBe(200);
  });
});

describe('413', () => {
  const PUT = `PUT /nodes/adt/a HTTP/1.1\r\n${HOST}`;

  test('arrives at a client that sends all that it has before it reads', async () => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    client.socket.pause();
    await client.send(`${PUT}Content-Length: 20000000\r\n\r\n`);
    await client.send(Buffer.alloc(16_000_000, 0x20));
    client.socket.resume();
    await client.end();
    expect(client.statuses).toEqual([413]);
    client.finish();
    expect((await client.closed).code).toBeUndefined();
  });

  test('comes before the body where its length is said, and within it where it is not', async () => {
    const room = await openAdmin();
    await using known = await connectClient(room.port);
    void known.send(`${PUT}Content-Length: 65537\r\n\r\n`);
    await known.end();
    await using chunked = await connectClient(room.port);
    void chunked.send(`${PUT}Transfer-Encoding: chunked\r\n\r\n10001\r\n${' '.repeat(65_537)}`);
    await chunked.end();
    expect([known.statuses, chunked.statuses]).toEqual([[413], [413]]);
  });
});

describe('slow clients', () => {
  async function endOf(room: AdminRoom, bytes: string): Promise<RawClient> {
    const client = await connectClient(room.port, { allowHalfOpen: false });
    if (bytes !== '') void client.send(bytes);
    await client.end();
    return client;
  }

  test.each([
    ['a connection that says nothing', ''],
    ['headers that do not end', `POST /reload HTTP/1.1\r\n${HOST}`],
  ])('%s is closed', async (_, bytes) => {
    const room = await openAdmin({ times: { headersMs: 100 } });
    await using client = await endOf(room, bytes);
    expect(client.text).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(room.control.changes).toEqual([]);
  });

  test('a body that does not end is 408', async () => {
    const room = await openAdmin({ times: { headersMs: 100, requestMs: 200 } });
    const bytes = `PUT /nodes/adt/a/weight HTTP/1.1\r\n${HOST}Content-Length: 20\r\n\r\n{"weight"`;
    await using client = await endOf(room, bytes);
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(room.control.changes).toEqual([]);
  });

  test('a connection without requests is closed', async () => {
    const room = await openAdmin({ times: { keepAliveMs: 50 } });
    await using client = await endOf(room, request('GET /livez'));
    expect(client.statuses).toEqual([200]);
  });

  test('one that does not read its answer is closed', async () => {
    const room = await openAdmin({ times: { silenceMs: 200 } });
    const [first] = room.control.senderReports;
    if (first === undefined) throw new Error('no sender');
    room.control.senderReports = Array.from({ length: 100_000 }, () => first);
    const socket = net.connect({ port: room.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    socket.write(request('GET /senders?limit=100000'));
    await until(() => room.server.connections === 1);
    await until(() => room.server.connections === 0, { what: 'the end of the connection' });
    socket.destroy();
  });

  test('an answer that does not come ends its connection, and no other', async () => {
    const room = await openAdmin({ times: { silenceMs: 100 } });
    const hold = gate();
    room.control.reloading = hold.opened;
    await using client = await endOf(room, request('POST /reload'));
    expect(client.text).toBe('');
    expect((await ask(room, 'GET', '/livez')).status).toBe(200);
    hold.open();
  });

  test('250 connections, and one more is closed', async () => {
    const room = await openAdmin();
    const clients: RawClient[] = [];
    for (let n = 0; n < 250; n++) clients.push(await connectClient(room.port));
    await using more = await connectClient(room.port);
    await more.end();
    expect(more.text).toBe('');
    expect((await clients[249]?.ask(request('GET /livez')))?.status).toBe(200);
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
});

describe('the end', () => {
  test('what is under way is answered, and nothing new is taken', async () => {
    const room = await openAdmin();
    const hold = gate();
    room.control.reloading = hold.opened;
    await using client = await connectClient(room.port);
    await using idle = await connectClient(room.port);
    expect((await idle.ask(request('GET /livez'))).status).toBe(200);
    client.methods = ['POST', 'POST'];
    void client.send(request('POST /reload') + DRAIN);
    await until(() => room.control.changes.length === 1);
    const stopped = room.server.stop();
    await idle.end();
    await expect(connectClient(room.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    hold.open();
    await client.end();
    await stopped;
    expect(client.statuses).toEqual([200]);
    expect(room.control.changes).toEqual(['reload from 127.0.0.1', 'reloaded']);
  });

  test('what is not answered within a second is cut', async () => {
    const room = await openAdmin();
    const hold = gate();
    room.control.reloading = hold.opened;
    await using client = await connectClient(room.port);
    void client.send(request('POST /reload'));
    await until(() => room.control.changes.length === 1);
    await room.server.stop();
    await client.end();
    expect(client.text).toBe('');
    hold.open();
  });
});
