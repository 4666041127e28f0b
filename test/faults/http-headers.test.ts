// F58 to F61, F70: which header fields go on, in which form, and who has a say in them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Request, value, values } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { type HttpRoom, type HttpRoomOptions, openHttpRoom, request } from './http-room.ts';

const NODE_FIELDS = [
  'host',
  'connection',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
];

/** What the node got of a GET with these lines. */
async function forwarded(lines: readonly string[], options: HttpRoomOptions = {}): Promise<Request> {
  await using room = await openHttpRoom(options);
  await using client = await room.connect();
  const response = await client.ask(request('GET / HTTP/1.1', lines));
  expect(response.status).toBe(200);
  expect(room.node.broken).toEqual([]);
  return room.node.request;
}

function namesOf({ fields }: Request): string[] {
  return fields.map(([name]) => name).filter((name) => ![...NODE_FIELDS, 'forwarded'].includes(name));
}

describe('F58', () => {
  it.each([
    'X_Forwarded_For: 10.9.9.9',
    'x_forwarded-proto: https',
    'X-Forwarded_Host: evil.test',
    'X_FORWARDED_PORT: 1',
    'X_Real_IP: 10.9.9.9',
    'X-Real-IP: 10.9.9.9',
    'True_Client-IP: 10.9.9.9',
    'Content_Length: 99',
    'Transfer_Encoding: chunked',
    'Proxy_Connection: keep-alive',
    'Content_Type: text/plain',
    'Set_Cookie: a=b',
  ])('%s is dropped', async (line) => {
    expect(namesOf(await forwarded([line, 'X-Stays: yes', 'X_Stays_Too: yes']))).toEqual([
      'x-stays',
      'x_stays_too',
    ]);
  });

  it('the twin of what a route sets or removes as well', async () => {
    const got = await forwarded(['X-User: eve', 'x_user: eve', 'X_Role: root', 'X-Stays: yes'], {
      routes: [{ to: 'pool', http: { request: { set: { 'X-User': 'me' }, remove: 'X-Role' } } }],
    });
    expect(namesOf(got).sort()).toEqual(['x-stays', 'x-user']);
    expect(values(got, 'x-user')).toEqual(['me']);
  });
});

describe('F59', () => {
  it('Connection takes out what it names, and no field that frames or says who', async () => {
    const named =
      'X-Mine, X-Forwarded-For, X-Forwarded-Proto, Forwarded, Content-Length, Host, Authorization, Cookie, close';
    const got = await forwarded([
      `Connection: ${named}`,
      'X-Mine: a',
      'Authorization: b',
      'Cookie: c=d',
      'X-Stays: e',
    ]);
    expect(namesOf(got)).toEqual(['authorization', 'cookie', 'x-stays']);
    expect(value(got, 'x-forwarded-for')).toBe('127.0.0.1');
    expect(value(got, 'host')).toBe('vip.test');
  });

  it('a body keeps its length', async () => {
    await using room = await openHttpRoom();
    await using client = await room.connect();
    const lines = [
      'Connection: Content-Length, Transfer-Encoding',
      'Connection: keep-alive',
      'Content-Length: 5',
    ];
    await client.ask(request('POST / HTTP/1.1', lines, 'hello'));
    expect(room.node.request.body.toString()).toBe('hello');
    expect(value(room.node.request, 'content-length')).toBe('5');
  });

  it('what belongs to a hop ends with it, both ways', async () => {
    await using room = await openHttpRoom({
      script: (connection) =>
        connection.answer(
          'ok',
          'Connection: X-Mine\r\nX-Mine: a\r\nKeep-Alive: timeout=9\r\nUpgrade: h2c\r\nX-Stays: b\r\n',
        ),
    });
    await using client = await room.connect();
    const lines = [
      'TE: trailers',
      'Keep-Alive: timeout=1',
      'Proxy-Authorization: Basic x',
      'Upgrade: h2c',
      'Trailer: X',
    ];
    const response = await client.ask(
      request('GET / HTTP/1.1', [...lines, 'Proxy-Connection: keep-alive', 'X-Stays: a']),
    );
    expect(namesOf(room.node.request)).toEqual(['x-stays']);
    expect(response.fields.map(([name]) => name)).toEqual([
      ...['content-length', 'x-stays', 'date', 'connection', 'keep-alive'],
    ]);
    expect(value(response, 'keep-alive')).toBe('timeout=75');
  });
});

describe.each(['plain', 'TLS', 'TLS without HTTP/2'])('F60 over %s', (kind) => {
  let folder: TlsFolder;
  beforeAll(() => {
    folder = createTlsFolder();
  });
  afterAll(() => folder[Symbol.dispose]());
  const open = (http: Record<string, unknown> = {}): Promise<HttpRoom> =>
    openHttpRoom({
      ...(kind === 'plain' ? {} : { tls: folder }),
      listener: { http: { ...(kind === 'TLS without HTTP/2' ? { http2: false } : {}), ...http } },
    });

  it.each([
    ['a header that is too large', `X: ${'a'.repeat(17_000)}`],
    [
      'headers that are too large together',
      Array.from({ length: 20 }, (_, i) => `X${i}: ${'a'.repeat(1000)}`).join('\r\n'),
    ],
    ['too many', Array.from({ length: 100 }, (_, i) => `X${i}: y`).join('\r\n')],
    ['many more', Array.from({ length: 1000 }, (_, i) => `X${i}: y`).join('\r\n')],
    ['a request line that is too long', undefined],
  ])('%s: 431, and the connection ends', async (_, lines) => {
    await using room = await open();
    await using client = await room.connect();
    void client.send(
      lines === undefined
        ? request(`GET /${'a'.repeat(17_000)} HTTP/1.1`)
        : request('GET / HTTP/1.1', [lines]),
    );
    await client.end();
    expect(client.statuses).toEqual([431]);
    expect(room.node.requests).toEqual([]);
    expect(room.gw.codes).toEqual(['GW_ERR_HTTP_HEADERS']);
  });

  it('as many as there may be go on, the last one too', async () => {
    const lines = Array.from({ length: 98 }, (_, i) => `X${i}: y`);
    await using room = await open();
    await using client = await room.connect();
    expect((await client.ask(request('GET / HTTP/1.1', [...lines, 'X-Last: y']))).status).toBe(200);
    expect(namesOf(room.node.request)).toHaveLength(99);
  });

  it('a length behind more headers than Node.js counts by itself is not lost', async () => {
    await using room = await open({ maxHeaders: 1500, maxHeaderSize: '64KiB' });
    await using client = await room.connect();
    const lines = Array.from({ length: 1200 }, (_, i) => `X${i}: y`);
    await client.ask(request('POST / HTTP/1.1', [...lines, 'Content-Length: 5'], 'hello'));
    expect(room.node.request.body.toString()).toBe('hello');
  });

  it('a length behind too many headers is not lost', async () => {
    await using room = await open({ maxHeaders: 16 });
    await using client = await room.connect();
    const lines = Array.from({ length: 20 }, (_, i) => `X${i}: y`);
    void client.send(
      request('POST / HTTP/1.1', [...lines, 'Content-Length: 40'], request('GET /smuggled HTTP/1.1')),
    );
    await client.end();
    expect(client.statuses).toEqual([431]);
    expect(room.node.requests).toEqual([]);
  });
});

describe('F61', () => {
  const SPOOFED = [
    'X-Forwarded-For: 10.9.9.9',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 443',
    'Forwarded: for=10.9.9.9;proto=https;host=evil.test',
  ];

  it('what an untrusted peer says of the client is replaced', async () => {
    const got = await forwarded(SPOOFED);
    expect(values(got, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(values(got, 'x-forwarded-proto')).toEqual(['http']);
    expect(values(got, 'x-forwarded-host')).toEqual(['vip.test']);
    expect(values(got, 'forwarded')).toEqual(['for=127.0.0.1;host=vip.test;proto=http']);
  });

  it('what a trusted one says is appended to, and is the client', async () => {
    await using room = await openHttpRoom({ listener: { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] } });
    await using client = await room.connect();
    await client.ask(
      request('GET / HTTP/1.1', ['X-Forwarded-For: 192.0.2.7, 198.51.100.9, 10.0.0.3', ...SPOOFED.slice(1)]),
    );
    const got = room.node.request;
    expect(value(got, 'x-forwarded-for')).toBe('192.0.2.7, 198.51.100.9, 10.0.0.3, 127.0.0.1');
    expect(value(got, 'x-forwarded-proto')).toBe('https');
    expect(value(got, 'forwarded')).toBe(
      'for=10.9.9.9;proto=https;host=evil.test, for=127.0.0.1;host=vip.test;proto=http',
    );
    expect(room.gw.proxied[0]?.peer.address).toBe('198.51.100.9');
  });

  it('over TLS the node learns so', async () => {
    using folder = createTlsFolder();
    const got = await forwarded(SPOOFED, { tls: folder });
    expect(value(got, 'x-forwarded-proto')).toBe('https');
    expect(value(got, 'forwarded')).toBe('for=127.0.0.1;host=vip.test;proto=https');
  });
});
