// F49 to F54 over HTTP/2, whose requests go to nodes over HTTP/1.1: nothing in a pseudo-field, a field or a frame makes two
// requests of one, or another one than the gateway read. Headers are written as they are, past every client's checks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectH2, type Field, FLAG, FRAME, type RawH2Client } from '../helpers/raw-h2-client.ts';
import { value, values } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns } from '../helpers/until.ts';
import { DROPPED, get, HEADERS, post, pseudo, SMUGGLED } from './http-h2-probes.ts';
import { type HttpRoom, openHttpRoom } from './http-room.ts';

let folder: TlsFolder;
let room: HttpRoom;
beforeAll(async () => {
  folder = createTlsFolder();
  room = await openHttpRoom({ tls: folder });
});
afterAll(async () => {
  await room[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const connect = (): Promise<RawH2Client> => connectH2(room.gw.port(), { ca: folder.caPem });

/** Refused as a stream, as a connection, or with a status of 4xx. */
const REFUSED = /^(400|status|reset (1|2|7|8)|goaway (1|2|9)|closed)$/;

describe('a header that no HTTP/1.1 request could have', () => {
  it.each(HEADERS)('%s', async (_, fields) => {
    const before = room.node.requests.length;
    for (const body of [undefined, 'hello', SMUGGLED]) {
      await using client = await connect();
      client.headers(1, fields, body === undefined);
      if (body !== undefined) client.data(1, body, true);
      expect(await client.outcome(1)).toMatch(REFUSED);
      await turns();
      expect(room.node.requests.length).toBe(before);
    }
  });
});

describe('F122 a field that no HTTP/1.1 request could have is not passed on', () => {
  it.each(DROPPED)('%s', async (_, fields) => {
    for (const body of [undefined, 'hello', SMUGGLED]) {
      const before = room.node.requests.length;
      await using client = await connect();
      client.headers(1, fields, body === undefined);
      if (body !== undefined) client.data(1, body, true);
      expect(await client.outcome(1)).toBe('200');
      const [got, ...more] = room.node.requests.slice(before);
      expect([got?.body.toString(), more]).toEqual([body ?? '', []]);
      expect(
        got?.fields.filter(([name]) => /^x|smuggl|^$/.test(name) && !name.startsWith('x-forwarded')),
      ).toEqual([]);
      expect(got && values(got, 'transfer-encoding')).toEqual(body === undefined ? [] : ['chunked']);
      expect(room.node.broken).toEqual([]);
    }
  });
});

describe('a body that is not what was said', () => {
  const LENGTHS: readonly (readonly [string, readonly string[]])[] = [
    ['more than its Content-Length', ['helloGET /smuggled HTTP/1.1\r\n\r\n']],
    ['more, in a second frame', ['hello', SMUGGLED]],
    ['less than its Content-Length', ['hell']],
    ['nothing', ['']],
  ];
  it.each(LENGTHS)('%s', async (_, parts) => {
    const before = room.node.requests.length;
    await using client = await connect();
    client.headers(1, post(['content-length', '5']), false);
    for (const [i, part] of parts.entries()) {
      client.data(1, part, i === parts.length - 1);
      await turns(5);
    }
    expect(await client.outcome(1)).toMatch(REFUSED);
    await turns(10);
    expect(room.node.requests.length).toBe(before);
    expect(room.node.broken).toEqual([]);
  });

  it('a body where none was said', async () => {
    await using client = await connect();
    client.headers(1, post(['content-length', '0']), false);
    client.data(1, SMUGGLED, true);
    expect(await client.outcome(1)).toMatch(/^(200|400|reset 1|goaway 2)$/);
    await turns(10);
    expect(room.node.requests.filter(({ target }) => target === '/smuggled')).toEqual([]);
    expect(room.node.broken).toEqual([]);
  });

  it('a length where no body comes', async () => {
    await using client = await connect();
    client.headers(1, post(['content-length', '5']), true);
    expect(await client.outcome(1)).toMatch(REFUSED);
    await turns(10);
    expect(room.node.broken).toEqual([]);
  });
});

describe('what goes through', () => {
  it.each([
    ['without a length: in chunks', post(), 'hello', 'chunked', undefined],
    ['with one', post(['content-length', '5']), 'hello', undefined, '5'],
    ['no body', post(), undefined, undefined, '0'],
    ['an empty one', post(), '', undefined, '0'],
    ['that looks like a request', post(), SMUGGLED, 'chunked', undefined],
    ['of a GET', get(), 'hello', 'chunked', undefined],
  ])('a body %s', async (_, fields, body, encoding, length) => {
    const before = room.node.requests.length;
    await using client = await connect();
    client.headers(1, fields, body === undefined);
    if (body !== undefined) client.data(1, body, true);
    expect(await client.outcome(1)).toBe('200');
    expect(room.node.broken).toEqual([]);
    const [got, ...more] = room.node.requests.slice(before);
    expect(more).toEqual([]);
    expect(got?.body.toString()).toBe(body ?? '');
    expect(got && [value(got, 'transfer-encoding'), value(got, 'content-length')]).toEqual([
      encoding,
      length,
    ]);
  });

  it('cookies in one field, :authority as Host, te away', async () => {
    const before = room.node.requests.length;
    await using client = await connect();
    const cookies: Field[] = [
      ['cookie', 'a=b'],
      ['cookie', 'c=d; e=f'],
      ['cookie', 'a=g'],
    ];
    client.headers(
      1,
      post(['host', 'VIP.test'], ...cookies, ['te', 'trailers'], ['trailer', 'x-sum'], ['x', 'y']),
      false,
    );
    client.data(1, 'hello', false);
    client.send(
      FRAME.headers,
      FLAG.endHeaders | FLAG.endStream,
      1,
      Buffer.from('\0\x05x-sum\x011', 'latin1'),
    );
    expect(await client.outcome(1)).toBe('200');
    const [got] = room.node.requests.slice(before);
    expect(got && values(got, 'cookie')).toEqual(['a=b; c=d; e=f; a=g']);
    expect(got && values(got, 'host')).toEqual(['vip.test']);
    expect(got && [...values(got, 'te'), ...got.trailers.flat()]).toEqual(['x-sum', '1']);
  });

  it('a Host where there is no :authority', async () => {
    const before = room.node.requests.length;
    await using client = await connect();
    client.headers(1, [...pseudo({ ':authority': undefined }), ['host', 'other.test']], true);
    expect(await client.outcome(1)).toBe('200');
    expect(values(room.node.requests[before] ?? room.node.request, 'host')).toEqual(['other.test']);
  });
});
