// What a node over HTTP gets of a message, whether that came by MLLP or was posted: type and charset, Date, who the client
// is, the route's headers, and the path.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message } from '../helpers/mllp.ts';
import type { RawNode } from '../helpers/raw-http-node.ts';
import { type Request, value, values } from '../helpers/strict-http.ts';
import { arrived, byMllp, ER7, LONG, PATIENCE_MS, type PostRoom, post, toHttp, told } from './room.ts';

const X1 = message({ controlId: 'X1' });

describe('type and charset', LONG, () => {
  it.each([
    [undefined, ER7],
    ['text/plain', 'text/plain'],
    ['application/hl7-v2', 'application/hl7-v2'],
  ])('pool.contentType %s', async (contentType, expected) => {
    const pool = contentType === undefined ? {} : { contentType };
    expect(value(await byMllp(X1, { pool }), 'content-type')).toBe(expected);
    await using room = await toHttp({ pool });
    await room.ask(post(X1, { type: 'application/hl7-v2+er7' }));
    expect(values(room.node.request, 'content-type')).toEqual([expected]);
  });

  it.each([
    ['', undefined],
    ['ASCII', 'us-ascii'],
    ['8859/1', 'iso-8859-1'],
    ['8859/15', 'iso-8859-15'],
    ['UNICODE UTF-8', 'utf-8'],
    ['GB 18030-2000', 'gb18030'],
    ['~ISO IR87', 'iso-2022-jp'],
    ['NO SUCH', undefined],
  ])('MSH-18 %s is declared as %s', async (charset, label) => {
    const body = message({ charset });
    const expected = label === undefined ? ER7 : `${ER7}; charset=${label}`;
    expect(value(await byMllp(body), 'content-type')).toBe(expected);
    await using room = await toHttp();
    await room.ask(post(body));
    expect(value(room.node.request, 'content-type')).toBe(expected);
  });

  it.each([
    ['ISO-8859-1', 'ISO-8859-1'],
    ['utf-8', 'utf-8'],
    ['"8859/1"', '"8859/1"'],
  ])('a declared %s goes before MSH-18', async (declared, expected) => {
    await using room = await toHttp();
    const body = message({ charset: 'GB 18030-2000' });
    await room.ask(post(body, { type: `application/hl7-v2; charset=${declared}` }));
    expect(value(room.node.request, 'content-type')).toBe(`${ER7}; charset=${expected}`);
    expect(room.node.request.body.equals(body)).toBe(true);
  });
});

describe('of a posted message', LONG, () => {
  let room: PostRoom<RawNode>;
  let request: Request;
  beforeAll(async () => {
    room = await toHttp();
    const fields = [
      'Date: Tue, 01 Jan 1980 00:00:00 GMT',
      'Accept: application/hl7-v2',
      'Accept-Encoding: gzip',
      'Authorization: Bearer of-the-node',
      'Cookie: a=b',
      'X-Own: one',
      'X-Own: two',
      'Content-Language: de',
      'Connection: keep-alive, X-Hop',
      'X-Hop: of this connection',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Trailer: X-Later',
      'X-Forwarded-For: 192.0.2.66',
      'Forwarded: for=192.0.2.66',
      'X_Forwarded_For: 192.0.2.66',
      'Proxy-Authorization: Basic eDp5',
    ];
    expect(told(await room.ask(post(X1, { fields })))).toBe('200 AA X1');
    request = room.node.request;
  }, PATIENCE_MS);
  afterAll(() => room[Symbol.asyncDispose]());

  it('the node gets its end-to-end fields', () => {
    expect(values(request, 'x-own')).toEqual(['one', 'two']);
    expect(value(request, 'accept')).toBe('application/hl7-v2');
    expect(value(request, 'content-language')).toBe('de');
    expect(value(request, 'cookie')).toBe('a=b');
  });

  it('the sender’s log-in is the node’s where the gateway has no users', () => {
    expect(value(request, 'authorization')).toBe('Bearer of-the-node');
  });

  it.each([
    'x-hop',
    'keep-alive',
    'te',
    'trailer',
    'accept-encoding',
    'proxy-authorization',
    'x_forwarded_for',
  ])('it does not get %s', (name) => {
    expect(values(request, name)).toEqual([]);
  });

  it('it has its own Host, Date and length', () => {
    expect(values(request, 'host')).toEqual([new URL(room.node.url).host]);
    expect(values(request, 'content-length')).toEqual([String(X1.length)]);
    const [date = ''] = values(request, 'date');
    expect(values(request, 'date')).toEqual([new Date(date).toUTCString()]);
    expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(600_000);
  });

  it('it is told who the client is, and nothing that the client says of that', () => {
    expect(values(request, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(values(request, 'x-forwarded-host')).toEqual(['vip.test']);
    expect(values(request, 'x-forwarded-proto')).toEqual(['http']);
    expect(values(request, 'x-forwarded-port')).toEqual([String(room.gw.port())]);
    expect(values(request, 'forwarded')).toEqual(['for=127.0.0.1;host=vip.test;proto=http']);
  });
});

describe('of a message that came by MLLP', LONG, () => {
  it('the node gets these fields, and no others', async () => {
    const request = await byMllp(X1);
    expect(request.fields.map(([name]) => name).sort()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'date',
      'host',
      'x-forwarded-for',
    ]);
    expect(value(request, 'x-forwarded-for')).toBe('127.0.0.1');
    expect(request.target).toBe('/');
  });

  it('an address of IPv4 is one, where the listener takes IPv6 as well', async () => {
    const http = { request: { set: { 'X-Client': '${client.address}' } } };
    const request = await byMllp(X1, { bind: '[::]:0', http });
    expect([value(request, 'x-forwarded-for'), value(request, 'x-client')]).toEqual([
      '127.0.0.1',
      '127.0.0.1',
    ]);
  });
});

describe('a route’s request rules', LONG, () => {
  const rules = {
    request: {
      remove: ['X-Own', 'X-Forwarded-For'],
      set: {
        'X-Node': '${node}',
        'X-Client': '${client.address}',
        'Content-Type': 'text/x-hl7',
        'X-Id': '${request.id}',
      },
      add: { 'X-Also': '${request.id}' },
    },
  };

  it('hold for messages of both kinds', async () => {
    await using room = await toHttp({ routes: [{ to: 'pool', http: rules }] });
    await room.ask(post(X1, { fields: ['X-Own: gone', 'X-Node: spoofed', 'X_Node: spoofed'] }));
    for (const request of [room.node.request, await byMllp(X1, { http: rules })]) {
      expect(values(request, 'x-own')).toEqual([]);
      expect(values(request, 'x-forwarded-for')).toEqual([]);
      expect(values(request, 'x-node')).toEqual(['a']);
      expect(values(request, 'x_node')).toEqual([]);
      expect(values(request, 'x-client')).toEqual(['127.0.0.1']);
      expect(values(request, 'content-type')).toEqual(['text/x-hl7']);
      expect(value(request, 'x-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(value(request, 'x-also')).toBe(value(request, 'x-id'));
    }
  });

  it('one id goes with a message to every node that it is tried at, and their names change', async () => {
    await using room = await toHttp({
      count: 2,
      pool: { balance: 'round-robin' },
      routes: [{ to: 'pool', http: rules }],
    });
    const [a, b] = room.nodes as [RawNode, RawNode];
    a.script = (connection) => connection.write('HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n');
    expect(told(await room.ask(post(X1)))).toBe('200 AA X1');
    await arrived(a, 1);
    expect([a.request, b.request].map((request) => value(request, 'x-node'))).toEqual(['a', 'b']);
    expect(value(a.request, 'x-id')).toBe(value(b.request, 'x-id'));
  });
});
