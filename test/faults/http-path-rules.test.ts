// F122: what a node may make of a path that a route rule reads otherwise (an encoded slash, parameters, blanks and dots at a
// segment's end) is refused before rules are asked, or normalised, or forwarded: by option, over HTTP/1, TLS and HTTP/2.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectH2 } from '../helpers/raw-h2-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { pseudo } from './http-h2-probes.ts';
import { FORWARD_ALL, type HttpRoom, openHttpRoom } from './http-room.ts';

const ROUTES = [
  { name: 'closed', when: { path: '/^\\/admin(\\/|$)/' }, reject: { text: 'closed' } },
  { name: 'rest', to: 'pool' },
];

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

type Path = Readonly<Record<string, string>>;
const open = (path: Path | undefined, tls?: TlsFolder): Promise<HttpRoom> =>
  openHttpRoom({
    routes: ROUTES,
    ...(path === undefined ? {} : { listener: { http: { path } } }),
    ...(tls === undefined ? {} : { tls }),
  });

/** What the node got for this target; the status where it got nothing. */
async function askV1(room: HttpRoom, target: string): Promise<string> {
  const before = room.node.requests.length;
  await using client = await room.connect();
  const { status } = await client.ask(`GET ${target} HTTP/1.1\r\nHost: vip.test\r\n\r\n`);
  return room.node.requests[before]?.target ?? String(status);
}

async function askV2(room: HttpRoom, target: string): Promise<string> {
  const before = room.node.requests.length;
  await using client = await connectH2(room.gw.port(), { ca: folder.caPem });
  client.headers(1, pseudo({ ':path': target }), true);
  const outcome = await client.outcome(1);
  // Of the codes in this file HPACK has one for 200 and one for 400; any other status comes as a literal.
  return room.node.requests[before]?.target ?? (outcome === 'status' ? '403' : outcome);
}

const WIRES = [
  ['HTTP/1', false, askV1],
  ['HTTPS', true, askV1],
  ['HTTP/2', true, askV2],
] as const;

/** Each is `/admin` or below it for some node, and not for the rule. */
const OTHER_READINGS = [
  '/x/..%2fadmin',
  '/admin%2Fusers',
  '/admin%5Cusers',
  '/%2Fadmin',
  '/admin;x/users',
  '/admin;jsessionid=1',
  '/admin%20',
  '/admin%20/users',
  '/%20admin',
  '/admin%09',
  '/admin%0d%0a',
  '/admin.',
  '/admin./users',
  '/admin..',
  '/admin.%20.',
  '/admin%20;x',
  '/...',
];

describe.each(WIRES)('over %s', (_, secure, ask) => {
  const tls = (): TlsFolder | undefined => (secure ? folder : undefined);

  it('F122 what nodes read in two ways is refused, unless the config says otherwise', async () => {
    await using room = await open(undefined, tls());
    for (const target of OTHER_READINGS) expect([target, await ask(room, target)]).toEqual([target, '400']);
    expect(room.node.requests).toEqual([]);
    for (const target of ['/a%20b/c.d', '/a.b/.c', '/%252F', '/a%3Bb', '/a?b;c=%2F%20.', '/a/', '/.hidden'])
      expect(await ask(room, target)).toBe(target);
    for (const target of ['/admin', '/x/../admin/users', '/%61dmin'])
      expect(await ask(room, target)).toBe('403');
  });

  it('F122 normalised, a rule holds for what the node gets', async () => {
    const path = { encodedSlash: 'decode', parameters: 'remove', blanks: 'remove', trailingDots: 'remove' };
    await using room = await open(path, tls());
    for (const target of OTHER_READINGS) {
      // No node is to guess what a backslash is, or a segment that is nothing but dots.
      const expected = /%5C|\.\.\.$/.test(target) ? '400' : '403';
      expect([target, await ask(room, target)]).toEqual([target, expected]);
    }
    expect(room.node.requests).toEqual([]);
    expect(await ask(room, '/a%2Fb;c/d%20/e./f?g;h')).toBe('/a/b/d/e/f?g;h');
    expect(await ask(room, '/a%2F..%2F..%2Fb')).toBe('/b');
    for (const target of ['/..%2F;/admin', '/a/..%20/admin', '/a/%20../admin', '/a%2F..;/admin', '/%20/a'])
      expect([target, await ask(room, target)]).toEqual([target, '400']);
  });

  it('F122 forwarded, the node gets what the rule saw', async () => {
    await using room = await open(FORWARD_ALL, tls());
    for (const target of OTHER_READINGS.filter((one) => one !== '/x/..%2fadmin' && one !== '/admin%0d%0a'))
      expect(await ask(room, target)).toBe(target);
    expect(await ask(room, '/x/..%2fadmin')).toBe('/x/..%2Fadmin');
    for (const target of ['/a/..;/admin', '/a/..%20/admin', '/a/%20../admin'])
      expect([target, await ask(room, target)]).toEqual([target, '400']);
  });
});

it('F122 a reload takes up the options without closing the port', async () => {
  await using room = await open(undefined);
  expect(await askV1(room, '/a;b')).toBe('400');
  const [listener] = room.gw.gateway.config.listeners;
  if (listener === undefined) throw new Error('no listener');
  const port = room.gw.port();
  const http = { ...listener.http, path: { ...listener.http.path, parameters: 'forward' as const } };
  await room.gw.gateway.reload({ ...room.gw.gateway.config, listeners: [{ ...listener, http }] });
  expect(room.gw.port()).toBe(port);
  expect(await askV1(room, '/a;b')).toBe('/a;b');
});
