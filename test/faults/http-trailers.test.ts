// RFC 9110 6.5, RFC 9112 7.1.2: what stands behind a request's body goes to the node behind its body, declared or not, and
// with it nothing that frames or says who. The node reads strictly, and each of its connections serves one more request.
import type http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession } from '../helpers/h2-session.ts';
import { connectH2, encode, type Field, FLAG, FRAME } from '../helpers/raw-h2-client.ts';
import type { RawNode } from '../helpers/raw-http-node.ts';
import { type Request, value, values } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

const CHUNKED = 'Transfer-Encoding: chunked';
const SUM: readonly (readonly [string, string])[] = [['x-sum', '1']];

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

function trailing(got: Request): string[] {
  return got.trailers.map(([name, text]) => `${name}: ${text}`);
}

/** One connection has served them all: nothing of one request was taken for another. */
function expectOneConnection(node: RawNode, requests: number): void {
  expect(node.broken).toEqual([]);
  expect(node.connections.length).toBe(1);
  expect(node.requests.length).toBe(requests);
}

describe.each(['plain', 'TLS'])('trailers of a request over HTTP/1, %s', (kind) => {
  const open = (more = {}) => openHttpRoom({ ...(kind === 'TLS' ? { tls: folder } : {}), ...more });

  it.each([
    ['declared', ['Trailer: X-Sum'], 'x-sum'],
    ['undeclared', [], undefined],
    ['declared with others', ['Trailer: Host, X-Sum, Content-Length', 'Trailer: X-B'], 'x-sum, x-b'],
    ['of others alone', ['Trailer: Host, TE'], undefined],
  ])('%s', async (_, lines, names) => {
    await using room = await open();
    await using client = await room.connect();
    const body = '2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\nX-Sum:  a b \r\nX-Empty:\r\n\r\n';
    await client.ask(request('POST / HTTP/1.1', [CHUNKED, ...lines], body));
    await client.ask(GET);
    const [got] = room.node.requests;
    expect(got?.body.toString()).toBe('hello');
    expect(got?.trailers).toEqual([...SUM, ['x-sum', 'a b'], ['x-empty', '']]);
    expect(got && value(got, 'trailer')).toBe(names);
    expectOneConnection(room.node, 2);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('behind a body without a byte: %s', async (method) => {
    await using room = await open();
    await using client = await room.connect();
    const first = request(`${method} / HTTP/1.1`, [CHUNKED, 'Trailer: X-Sum'], '0\r\nX-Sum: 1\r\n\r\n');
    await client.ask(first);
    await client.ask(request(`${method} / HTTP/1.1`, [CHUNKED], '0\r\n\r\n'));
    const [got, next] = room.node.requests;
    expect([got?.body.length, got?.trailers]).toEqual([0, SUM]);
    expect(got && [value(got, 'transfer-encoding'), ...values(got, 'content-length')]).toEqual(['chunked']);
    expect(next?.trailers).toEqual([]);
    expectOneConnection(room.node, 2);
  });

  it('a request that waits for a 100 (Continue)', async () => {
    await using room = await open({
      node: {
        onBytes: (connection: { received: Buffer; write(bytes: string): unknown }) => {
          if (connection.received.toString().endsWith('\r\n\r\n') && connection.received.length < 600)
            void connection.write('HTTP/1.1 100 Continue\r\n\r\n');
          return undefined;
        },
      },
    });
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', [CHUNKED, 'Expect: 100-continue', 'Trailer: X-Sum']));
    await client.when(() => client.text.includes('100 Continue'), 'the 100');
    void client.send('5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n');
    expect((await client.response()).status).toBe(200);
    const got = room.node.request;
    expect([got.body.toString(), value(got, 'trailer')]).toEqual(['hello', 'x-sum']);
    expect(got.trailers).toEqual(SUM);
  });

  it.each([[[]], [['Expect: 100-continue']]])('with a length none are announced: %j', async (lines) => {
    await using room = await open();
    await using client = await room.connect();
    const body = 'x'.repeat(100_000);
    const more = ['Trailer: X-Sum', `Content-Length: ${body.length}`, ...lines];
    expect((await client.ask(request('POST / HTTP/1.1', more, body))).status).toBe(200);
    expect(values(room.node.request, 'trailer')).toEqual([]);
    expect(room.node.request.body.length).toBe(body.length);
  });

  it('a body that comes slowly, and more of it than buffers hold', async () => {
    await using room = await open();
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', [CHUNKED], '5\r\nhello\r\n'));
    const connection = await room.node.connection();
    await room.node.when(() => connection.received.toString().includes('hello'), 'the first chunk');
    const chunk = `40000\r\n${'x'.repeat(0x40000)}\r\n`;
    for (let i = 0; i < 8; i++) await client.send(chunk);
    await client.send('0\r\nX-S');
    await turns(5);
    await client.send('um: 1\r\n\r\n');
    expect((await client.response()).status).toBe(200);
    expect(room.node.request.body.length).toBe(5 + 8 * 0x40000);
    expect(room.node.request.trailers).toEqual(SUM);
  });

  it('requests with and without them by turns keep each their own', async () => {
    await using room = await open({ pool: { connections: { max: 1 } } });
    await using one = await room.connect();
    await using two = await room.connect();
    for (let i = 0; i < 5; i++) {
      await Promise.all([
        one.ask(request('POST /one HTTP/1.1', [CHUNKED], `1\r\na\r\n0\r\nX-Sum: ${i}\r\n\r\n`)),
        two.ask(request('POST /two HTTP/1.1', ['Content-Length: 7'], '\r\n0\r\n\r\n')),
      ]);
    }
    const of = (target: string) => room.node.requests.filter((got) => got.target === target);
    expect(of('/one').flatMap(trailing)).toEqual([0, 1, 2, 3, 4].map((i) => `x-sum: ${i}`));
    expect(of('/two').flatMap(trailing)).toEqual([]);
    expect(of('/two').every(({ body }) => body.toString() === '\r\n0\r\n\r\n')).toBe(true);
    expectOneConnection(room.node, 10);
  });

  it('a body that reads like the end of one in chunks stays a body', async () => {
    await using room = await open();
    await using client = await room.connect();
    const evil = '\r\n0\r\n\r\n';
    const body = `7\r\n${evil}\r\n7\r\n${evil}\r\n0\r\nX-Sum: 1\r\n\r\n`;
    await client.ask(request('POST / HTTP/1.1', [CHUNKED], body));
    expect(room.node.request.body.toString()).toBe(evil + evil);
    expect(room.node.request.trailers).toEqual(SUM);
    expectOneConnection(room.node, 1);
  });
});

describe('what does not trail', () => {
  const FORBIDDEN = [
    ...['Host: evil', 'TE: trailers', 'Trailer: X'],
    ...['Connection: close', 'Upgrade: h2c', 'Expect: 100-continue', 'Authorization: Basic eDp5'],
    ...['Cookie: a=b', 'Set-Cookie: a=b', 'Content-Type: text/html', 'Content-Encoding: gzip'],
    ...['X-Forwarded-For: 192.0.2.66', 'Forwarded: for=192.0.2.66', 'X_Forwarded_For: 192.0.2.66'],
    ...['Content_Length: 5', 'Range: bytes=0-1', 'If-Match: *', 'Traceparent: x', 'Date: now'],
  ];

  it.each(FORBIDDEN)('%s', async (line) => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    const body = `5\r\nhello\r\n0\r\nX-Sum: 1\r\n${line}\r\n\r\n`;
    await client.ask(request('POST / HTTP/1.1', [CHUNKED], body));
    expect(room.node.request.trailers).toEqual(SUM);
    expectOneConnection(room.node, 1);
  });

  it('what Connection names, and what a route removes or sets', async () => {
    await using room = await openHttpRoom({
      routes: [
        {
          to: 'pool',
          http: {
            request: { remove: ['X-Role'], set: { 'X-User': 'gateway' }, add: { 'X-More': 'a' } },
            response: { remove: ['X-Inside'], set: { 'X-Set': 'b' } },
          },
        },
      ],
      script: (connection) =>
        connection.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n0\r\n' +
            'X-Inside: a\r\nX_Set: b\r\nX-Hop: c\r\nX-Own: d\r\n\r\n',
        ),
    });
    await using client = await room.connect();
    const lines = [CHUNKED, 'Connection: X-Hop', 'Trailer: X-Hop, X-Role, X-Own'];
    const behind = 'X-Hop: a\r\nX-Role: b\r\nX_Role: c\r\nX-User: d\r\nX-More: e\r\nX-Own: f\r\n';
    const response = await client.ask(request('POST / HTTP/1.1', lines, `5\r\nhello\r\n0\r\n${behind}\r\n`));
    expect(trailing(room.node.request)).toEqual(['x-more: e', 'x-own: f']);
    expect(value(room.node.request, 'trailer')).toBe('x-own');
    expect(values(room.node.request, 'x-user')).toEqual(['gateway']);
    expect(response.trailers).toEqual([['x-own', 'd']]);
  });

  it.each([
    ['Content-Length', 'Content-Length: 5\r\n\r\n'],
    ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n\r\n'],
    ['a NUL', 'X-Sum: a\0b\r\n\r\n'],
    ['a bare LF', 'X-Sum: a\nHost: evil\r\n\r\n'],
    ['a bare CR', 'X-Sum: a\rHost: evil\r\n\r\n'],
    ['a folded line', 'X-Sum: a\r\n b\r\n\r\n'],
    ['a space before the colon', 'X-Sum : a\r\n\r\n'],
    ['no colon', 'X-Sum\r\n\r\n'],
    ['more than headers may be', `X-Sum: ${'a'.repeat(20_000)}\r\n\r\n`],
  ])('%s ends the request, and the node never has it whole', async (_, behind) => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    void client.send(request('POST / HTTP/1.1', [CHUNKED], `5\r\nhello\r\n0\r\n${behind}`));
    await client.end();
    expect(client.statuses.filter((status) => status < 400)).toEqual([]);
    await until(() => room.node.connections.every(({ ended, gone }) => ended || gone));
    expect(room.node.requests).toEqual([]);
  });
});

describe('trailers of a request over HTTP/2', () => {
  const SUM_TRAILER: readonly Field[] = [['x-sum', '1']];
  const POST: readonly Field[] = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'vip.test'],
    [':path', '/'],
  ];

  it.each<[string, readonly Field[], string, readonly Field[], string | undefined]>([
    ['undeclared', [], 'hello', SUM_TRAILER, undefined],
    ['declared', [['trailer', 'x-sum, host']], 'hello', SUM_TRAILER, 'x-sum'],
    [
      'declared behind a length',
      [
        ['trailer', 'x-sum'],
        ['content-length', '5'],
      ],
      'hello',
      SUM_TRAILER,
      'x-sum',
    ],
    ['without a byte before', [['trailer', 'x-sum']], '', SUM_TRAILER, 'x-sum'],
    [
      'declared behind no length',
      [
        ['trailer', 'x-sum'],
        ['content-length', '0'],
      ],
      '',
      SUM_TRAILER,
      'x-sum',
    ],
    ['of which most frame', [], 'hello', [...SUM_TRAILER, ['content-length', '5'], ['host', 'x']], undefined],
    // RFC 9112 7.1.2: the head that said so is with the node.
    ['undeclared behind a length', [['content-length', '5']], 'hello', [], undefined],
  ])('%s', async (name, fields, body, behind, declared) => {
    await using room = await openHttpRoom({ tls: folder });
    await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
    for (const stream of [1, 3]) {
      client.headers(stream, [...POST, ...fields], false);
      if (body !== '') client.data(stream, body, false);
      const sent = behind.length === 0 ? SUM_TRAILER : behind;
      client.send(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, encode(sent));
      expect(await client.outcome(stream)).toBe('200');
    }
    for (const got of room.node.requests) {
      expect(got.body.toString()).toBe(body);
      expect(got.trailers).toEqual(behind.length === 0 ? [] : SUM);
      expect(value(got, 'trailer')).toBe(declared);
      expect(values(got, 'content-length')).toEqual(name === 'undeclared behind a length' ? ['5'] : []);
    }
    expectOneConnection(room.node, 2);
  });

  it.each([
    ['a pseudo-field', [[':path', '/evil']]],
    ['capitals', [['X-Sum', '1']]],
    ['transfer-encoding', [['transfer-encoding', 'chunked']]],
  ] as [string, Field[]][])('with %s in them the stream is none', async (_, behind) => {
    await using room = await openHttpRoom({ tls: folder });
    await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
    client.headers(1, POST, false);
    client.data(1, 'hello', false);
    client.send(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, encode(behind));
    expect(await client.outcome(1)).toBe('reset 1');
    await until(() => room.node.connections.every(({ ended, gone }) => ended || gone));
    expect(room.node.requests).toEqual([]);
  });

  it('a value with a line end goes to nobody', async () => {
    await using room = await openHttpRoom({ tls: folder });
    await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
    client.headers(1, POST, false);
    client.data(1, 'hello', false);
    const behind = encode([
      ['x-sum', '1'],
      ['x-evil', '1\r\nHost: evil'],
      ['x-nul', '1\0'],
    ]);
    client.send(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, behind);
    expect(await client.outcome(1)).toBe('200');
    expect(room.node.request.trailers).toEqual(SUM);
    expectOneConnection(room.node, 1);
  });

  it('as programs send them, both ways, behind more than buffers hold', async () => {
    await using room = await openHttpRoom({
      tls: folder,
      script: (connection) =>
        connection.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Back: 1\r\n\r\n',
        ),
    });
    await using session = await openSession(room.gw.port(), folder.caPem);
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', authorization: 'evil' }));
    const back = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('trailers', resolve));
    stream.end(Buffer.alloc(1_000_000, 'x'));
    stream.resume();
    expect((await back)['x-back']).toBe('1');
    expect(room.node.request.body.length).toBe(1_000_000);
    expect(room.node.request.trailers).toEqual(SUM);
  });
});
