// F53 to F55: what is asked for. The path is normalised once, and the one that routes see is the one that nodes get.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { value } from '../helpers/strict-http.ts';
import { FORWARD_ALL, GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

let room: HttpRoom;
beforeAll(async () => {
  room = await openHttpRoom({
    // What paths are without the options of F122, see http-path-rules.test.ts.
    listener: { http: { path: FORWARD_ALL } },
    routes: [
      { name: 'closed', when: { path: '/^\\/admin(\\/|$)/' }, reject: { text: 'closed' } },
      {
        name: 'encoded',
        when: { path: '/^.*%2F/' },
        to: 'pool',
        http: { request: { set: { 'X-Encoded': 'yes' } } },
      },
      {
        name: 'other',
        when: { host: 'other.test' },
        to: 'pool',
        http: { request: { set: { 'X-Other': 'yes' } } },
      },
      { name: 'rest', to: 'pool' },
    ],
  });
});
afterAll(() => room[Symbol.asyncDispose]());

/** The target and the Host that the node got. */
async function forwarded(startLine: string, host = 'vip.test'): Promise<string> {
  await using client = await room.connect();
  const response = await client.ask(`${startLine}\r\nHost: ${host}\r\n\r\n`);
  const got = room.node.requests.at(-1);
  return response.status === 200 && got !== undefined
    ? `${got.target} ${value(got, 'host')}`
    : String(response.status);
}

describe('F53', () => {
  it.each([
    ['GET http://other.test/a HTTP/1.1', 'vip.test', '/a other.test'],
    ['GET http://other.test:8080/a?b HTTP/1.1', 'vip.test', '/a?b other.test:8080'],
    ['GET HTTP://Other.Test/a HTTP/1.1', 'vip.test', '/a Other.Test'],
    ['GET https://other.test/a HTTP/1.1', 'vip.test', '/a other.test'],
    ['GET http://other.test HTTP/1.1', 'vip.test', '/ other.test'],
    ['GET http://other.test?b HTTP/1.1', 'vip.test', '/?b other.test'],
    ['GET http://other.test/admin HTTP/1.1', 'vip.test', '403'],
    ['GET http://other.test/../admin HTTP/1.1', 'vip.test', '403'],
    ['GET http://vip.test/a HTTP/1.1', 'no host', '/a vip.test'],
  ])('%s, Host: %s: the target wins', async (line, host, expected) => {
    expect(await forwarded(line, host)).toBe(expected);
  });

  it('the route is that of the target, not of the Host', async () => {
    await forwarded('GET http://other.test/a HTTP/1.1');
    expect(value(room.node.requests.at(-1) ?? room.node.request, 'x-other')).toBe('yes');
    await forwarded('GET http://vip.test/a HTTP/1.1', 'other.test');
    expect(value(room.node.requests.at(-1) ?? room.node.request, 'x-other')).toBeUndefined();
  });

  it('the forwarding headers say the host that was asked for', async () => {
    await forwarded('GET http://other.test/a HTTP/1.1');
    const got = room.node.requests.at(-1) ?? room.node.request;
    expect(value(got, 'x-forwarded-host')).toBe('other.test');
    expect(value(got, 'forwarded')).toBe('for=127.0.0.1;host=other.test;proto=http');
  });
});

describe('F54', () => {
  it.each([
    'OPTIONS *',
    'GET *',
    'GET vip.test',
    'GET /a#b',
    'GET /a?b#c',
    'GET ./a',
    'GET mailto:a',
    'CONNECT a:1',
  ])('%s is refused', async (line) => {
    expect(await forwarded(`${line} HTTP/1.1`)).toBe('400');
  });

  it('OPTIONS of a path is a request like others', async () => {
    expect(await forwarded('OPTIONS /a HTTP/1.1')).toBe('/a vip.test');
  });
});

describe('F55', () => {
  it.each([
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['//a//b', '/a/b'],
    ['/a/%2e%2e/b', '/b'],
    ['/a/%2E./b', '/b'],
    ['/a/.%2e', '/'],
    ['/..', '/'],
    ['/../../a', '/a'],
    ['/a/', '/a/'],
    ['/%61%7E%2d', '/a~-'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%5cb', '/a%5Cb'],
    ['/a%20b', '/a%20b'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/%25%32%65', '/%252e'],
    ['/a;b=c/d', '/a;b=c/d'],
    ['/a?b=//..//', '/a?b=//..//'],
    ['/a?b=%2e%2E', '/a?b=%2e%2E'],
    ['/{a}|b', '/%7Ba%7D%7Cb'],
    ['/%E4%f6', '/%E4%F6'],
  ])('%s is forwarded as %s', async (target, expected) => {
    expect(await forwarded(`GET ${target} HTTP/1.1`)).toBe(`${expected} vip.test`);
    // What comes out stays as it is.
    expect(await forwarded(`GET ${expected} HTTP/1.1`)).toBe(`${expected} vip.test`);
  });

  it.each([
    '/admin',
    '/./admin',
    '//admin',
    '/x/../admin',
    '/%61dmin',
    '/x/%2e%2e/admin/users',
    '/x/..%2e/../../admin',
  ])('a route holds for %s in whatever way it is written', async (target) => {
    expect(await forwarded(`GET ${target} HTTP/1.1`)).toBe('403');
  });

  it('an encoded slash is none, for the route as for the node', async () => {
    expect(await forwarded('GET /admin%2fx HTTP/1.1')).toBe('/admin%2Fx vip.test');
    expect(value(room.node.requests.at(-1) ?? room.node.request, 'x-encoded')).toBe('yes');
  });

  it.each([
    '/a/..;/admin',
    '/;/admin',
    '/a/;x/admin',
    '/%3b/../;/admin',
    '/a/.;x/admin',
    '/%2e%2e;/admin',
    '/a\\..\\admin',
    '/a%00',
    '/a%',
    '/a%4',
    '/a%g1',
    '/a\xe4',
  ])('%s is refused', async (target) => {
    expect(await forwarded(`GET ${target} HTTP/1.1`)).toBe('400');
  });

  it('a rewritten path is normalised as well', async () => {
    await using rewriting = await openHttpRoom({
      listener: { http: { path: FORWARD_ALL } },
      routes: [{ to: 'pool', http: { rewrite: { path: ['^/api/(.*)$', '/$1'] } } }],
    });
    await using client = await rewriting.connect();
    await client.ask(request('GET /api/a%2fb/%2e%2e/c?d HTTP/1.1'));
    await client.ask(request('GET /api// HTTP/1.1'));
    await client.ask(GET);
    expect(rewriting.node.requests.map(({ target }) => target)).toEqual(['/c?d', '/', '/']);
  });
});
