// curl through both VIPs: each version of HTTP, each way to send a body, and what the node gets to know of it.
// curl is a peer with parsers of its own for HTTP/1 and (nghttp2) HTTP/2.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Curl, curl, hasCurl, lastHead, valuesOf } from './curl.ts';
import { LONG, openVips, startSimulatedNodes, VIPS, type Vip, vipCertificate } from './http-vips.ts';
import { type Serve, startWebNode } from './web-node.ts';

let certificate: ReturnType<typeof vipCertificate>;
let folder: string;
beforeAll(() => {
  certificate = vipCertificate();
  folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
});
afterAll(() => {
  certificate[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const trust = (): string[] => ['--cacert', certificate.caFile];
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const MEGABYTE = randomBytes(1_000_000);

/** The deadline of the whole run comes before curl sends a body unasked. */
const WAITS = ['--http1.1', '-H', 'Expect: 100-continue', '--expect100-timeout', '3600'];

/** What a simulated node says of a request to `/echo`, or of any PUT. */
interface Echo {
  readonly node: string;
  readonly method: string;
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly headers: Record<string, string>;
}

const echoOf = (body: Buffer): Echo => JSON.parse(body.toString('utf8')) as Echo;

describe.skipIf(!hasCurl).each(VIPS)('curl at the %s VIP (skipped without curl)', LONG, (vip: Vip) => {
  const versions: readonly [string, { client: string; record: string }][] = [
    // Node.js answers a request of HTTP/1.0 as RFC 9112 2.3 asks it to: by the version that it speaks itself.
    ['--http1.0', { client: '1.1', record: '1.0' }],
    ['--http1.1', { client: '1.1', record: '1.1' }],
    // In clear text curl asks for an upgrade to h2c, which is not given.
    ['--http2', vip === 'https' ? { client: '2', record: '2.0' } : { client: '1.1', record: '1.1' }],
  ];

  test.each(versions)('%s: the page, and its version by ALPN', async (version, is) => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    const run = await curl([...trust(), version, vips.url(vip, '/bytes/300000')]);
    expect(run.info).toMatchObject({ http_version: is.client, response_code: 200 });
    expect(run.body).toEqual(Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251)));
    expect(await vips.proxied(1)).toMatchObject([{ version: is.record, status: 200, listener: vip }]);
  });

  test.each(versions)('%s: a node without a length: no chunk of it is shown', async (version) => {
    await using node = await startWebNode('a', (_, response) => {
      response.write('one ');
      response.end('two');
    });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    // --raw shows a chunked body as it came: HTTP/1.0 knows of none (RFC 9112 6.1).
    const run = await curl([...trust(), version, '--raw', vips.url(vip)]);
    const isChunked = run.info.http_version === '1.1' && version !== '--http1.0';
    if (isChunked) expect(run.body.toString()).toMatch(/^[\da-f]+\r\none .*two\r\n0\r\n\r\n$/s);
    else expect(run.body.toString()).toBe('one two');
    expect(node.seen[0]?.headers).not.toHaveProperty('upgrade');
    expect(node.seen[0]?.headers).not.toHaveProperty('http2-settings');
  });

  test.each(versions)(
    '%s -I: the head of a GET, and the connection is good for the next',
    async (version) => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, { nodes: room.urls });
      const url = vips.url(vip, '/bytes/5000000000');
      const run = await curl([...trust(), version, '-I', url, url]);
      expect(run.infos.map(({ response_code }) => response_code)).toEqual([200, 200]);
      expect(run.heads.map((head) => valuesOf(head, 'content-length'))).toEqual([
        ['5000000000'],
        ['5000000000'],
      ]);
      // HTTP/1.0 closes; and behind an upgrade that was offered and is not taken nothing is read any more.
      const isLast = version === '--http1.0' || (version === '--http2' && vip === 'http');
      expect(run.infos[1]?.num_connects).toBe(isLast ? 1 : 0);
      const records = await vips.proxied(2);
      expect(records.map(({ method, responseBytes }) => [method, responseBytes])).toEqual([
        ['HEAD', 0],
        ['HEAD', 0],
      ]);
    },
  );

  test('-T with Expect: 100-continue: the node says so, and then gets a megabyte', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    const file = join(folder, `${vip}-megabyte`);
    writeFileSync(file, MEGABYTE);
    const run = await curl([...trust(), ...WAITS, '-T', file, vips.url(vip, '/in')]);
    // Without the 100 curl would still be waiting.
    expect(run.heads.map(({ status }) => status)).toEqual([100, 200]);
    const { headers, ...echo } = echoOf(run.body);
    expect(echo).toMatchObject({ method: 'PUT', bytes: 1_000_000, sha256: sha256(MEGABYTE) });
    expect(headers).toMatchObject({ expect: '100-continue', 'content-length': '1000000' });
  });

  test('-T with Expect: a node that says no gets no body', async () => {
    const refuse: Serve = (_, response) => {
      response.statusCode = 413;
      response.end('too much');
    };
    await using node = await startWebNode('a', refuse);
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const run = await curl([...trust(), ...WAITS, '-T', '-', vips.url(vip)], MEGABYTE);
    expect(run.heads.map(({ status }) => status)).toEqual([413]);
    expect(run.body.toString()).toBe('too much');
    expect(await vips.proxied(1)).toMatchObject([{ status: 413, requestBytes: 0 }]);
  });

  test.each(['--http1.1', '--http2'])('%s: an upload of unknown length', async (version) => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    const args = [version, '-H', 'Expect:', '-T', '-', '-X', 'POST'];
    const run = await curl([...trust(), ...args, vips.url(vip, '/in')], MEGABYTE);
    const { headers, ...echo } = echoOf(run.body);
    expect(echo).toMatchObject({ method: 'POST', bytes: 1_000_000, sha256: sha256(MEGABYTE) });
    expect(headers['transfer-encoding']).toBe('chunked');
    expect(headers).not.toHaveProperty('content-length');
  });

  test('--compressed: passed through as it is, both ways', async () => {
    const page = Buffer.from('the same line again and again\n'.repeat(10_000));
    const packed = gzipSync(page);
    await using node = await startWebNode('a', (_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.setHeader('content-length', packed.length);
      response.end(packed);
    });
    await using vips = await openVips(certificate, { nodes: [node.url] });
    const run = await curl([...trust(), '--compressed', vips.url(vip)]);
    expect(run.body.equals(page)).toBe(true);
    expect(run.info.size_download).toBe(packed.length);
    expect(valuesOf(lastHead(run), 'content-encoding')).toEqual(['gzip']);
    expect(node.seen[0]?.headers['accept-encoding']).toMatch(/gzip/);
    // Who does not ask for it gets it all the same: it is the node's business.
    const raw = await curl([...trust(), vips.url(vip)]);
    expect(gunzipSync(raw.body).equals(page)).toBe(true);
    expect(node.seen[1]?.headers).not.toHaveProperty('accept-encoding');
  });

  test('a WebSocket upgrade by hand', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls });
    const fields = [
      'Connection: keep-alive, Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      // RFC 6455 1.3, and what must come back for it.
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ].flatMap((field) => ['-H', field]);
    const url = vips.url(vip, '/ws');
    const running = new Curl([...trust(), '--http1.1', '-N', ...fields, '-o', '-', '-D', '-', url]);
    await running.wrote('HTTP/1.1 101 Switching Protocols\r\n'.length);
    const [a, b] = room.nodes;
    await (a.received === 1 ? a : b).stop();
    const run = await running.ended;
    const [, head = '', rest = ''] = /^(.*?)\r\n\r\n(.*)$/s.exec(run.body.toString('latin1')) ?? [];
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toMatch(/^upgrade: websocket\r?$/im);
    expect(head).toMatch(/^connection: upgrade\r?$/im);
    expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$/im);
    // The node's close frame: 1001, going away.
    expect(Buffer.from(rest, 'latin1')).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xe9]));
    expect(await vips.proxied(1)).toMatchObject([{ upgraded: true, status: 101 }]);
  });

  test('-L: redirections of a node whose path was rewritten, with its cookie', async () => {
    const places: Serve = ({ url }, response) => {
      if (url === '/old') response.setHeader('location', '/moved?x=1');
      else if (url === '/moved?x=1') response.setHeader('location', `${node.url}/new`);
      if (url !== '/new') response.statusCode = 302;
      if (url === '/old') response.setHeader('set-cookie', 'SEEN=yes; Path=/');
      response.end(`at ${url}`);
    };
    await using node = await startWebNode('a', places);
    await using vips = await openVips(certificate, {
      nodes: [node.url],
      routes: [
        { when: { path: '/^\\/app\\//' }, to: 'web', http: { rewrite: { path: ['^/app/', '/'] } } },
        { reject: {} },
      ],
    });
    const jar = join(folder, `${vip}-redirect.jar`);
    const run = await curl([...trust(), '-L', '-c', jar, vips.url(vip, '/app/old')]);
    expect(run.body.toString()).toMatch(/at \/new$/);
    expect(run.info).toMatchObject({
      num_redirects: 2,
      response_code: 200,
      url_effective: vips.url(vip, '/app/new'),
    });
    expect(node.seen.map(({ url, headers }) => [url, headers.cookie])).toEqual([
      ['/old', undefined],
      ['/moved?x=1', 'SEEN=yes'],
      ['/new', 'SEEN=yes'],
    ]);
    expect(readFileSync(jar, 'utf8')).toMatch(/^127\.0\.0\.1\tFALSE\t\/app\/\tFALSE\t0\tSEEN\tyes$/m);
  });

  test('a cookie jar keeps its client on its node', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, {
      nodes: room.urls,
      pool: { persistence: { cookie: 'GATEWAY_NODE' } },
    });
    const jar = join(folder, `${vip}-visits.jar`);
    writeFileSync(jar, '');
    const url = vips.url(vip);
    const first = await curl([...trust(), '-b', jar, '-c', jar, url]);
    const [node] = valuesOf(lastHead(first), 'x-simulated-node');
    for (let visit = 2; visit <= 8; visit++) {
      const run = await curl([...trust(), '-b', jar, '-c', jar, url]);
      expect(valuesOf(lastHead(run), 'x-simulated-node')).toEqual([node]);
      expect(run.body.toString()).toContain(`Visit <b id="visits">${visit}</b>`);
      expect(valuesOf(lastHead(run), 'set-cookie')).toEqual([]);
    }
    // Name and value behind HttpOnly's mark, domain, subdomains, path, secure, expiry.
    const secure = vip === 'https' ? 'TRUE' : 'FALSE';
    expect(readFileSync(jar, 'utf8')).toMatch(
      new RegExp(`^#HttpOnly_127\\.0\\.0\\.1\\tFALSE\\t/\\t${secure}\\t0\\tGATEWAY_NODE\\t[\\w-]{16}$`, 'm'),
    );
    const strangers = await Promise.all([url, url].map((one) => curl([...trust(), one])));
    expect(strangers.flatMap((run) => valuesOf(lastHead(run), 'x-simulated-node')).sort()).toEqual([
      'a',
      'b',
    ]);
  });
});
