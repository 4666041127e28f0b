// The simulated node over HTTP as a web server: what each path answers, sessions, limits, and how connections end.
import { createHash } from 'node:crypto';
import http from 'node:http';
import type net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { requestPathOf, stream } from '../../../src/tools/simulation/http-reply.ts';
import { page, Sessions } from '../../../src/tools/simulation/web-page.ts';
import { runTool } from '../../helpers/openssl.ts';
import { connectSender } from '../../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { turns, until } from '../../helpers/until.ts';
import { curl, startHttpNode } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const tlsOf = (): tls.TlsOptions => ({ cert: folder.pems.good.certPem, key: folder.pems.good.keyPem });
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const GET = 'GET / HTTP/1.1\r\nHost: n\r\n\r\n';
/** Of GET's answer. */
const PAGE_END = '</html>\n';

describe('any path', () => {
  test.for([
    ['GET', '/'],
    ['GET', '/any/path?with=query'],
    ['DELETE', '/api/x'],
    ['OPTIONS', '/'],
    ['PROPFIND', '/dav'],
    ['GET', '/bytes/abc'],
    ['GET', '/assets/none'],
    ['GET', '/ws'],
  ])('%s %s is the page that names the node', async ([method, path]) => {
    const { node, url } = await startHttpNode({ name: 'mirth-a' });
    const { status, fields, body } = await curl('-X', method as string, `${url}${path}`);
    expect(status).toBe(200);
    expect(fields.get('content-type')).toBe('text/html;charset=utf-8');
    expect(fields.get('x-simulated-node')).toBe('mirth-a');
    expect(body).toContain('<h1 id="node">mirth-a</h1>');
    expect({ received: node.received, messages: node.messages }).toEqual({ received: 1, messages: 0 });
  });

  test('without a name it is called by its port', async () => {
    const { node, url } = await startHttpNode();
    expect((await curl(url)).body).toContain(`<title>simulated-node-${node.port}</title>`);
  });

  test('HEAD has the same header and no body', async () => {
    const { url } = await startHttpNode({ name: 'a' });
    const whole = await curl(url);
    const head = await curl('-I', url);
    expect(head.body).toBe('');
    expect(head.fields.get('content-length')).toBe(whole.fields.get('content-length'));
  });

  test('its assets are what the page names', async () => {
    const { url } = await startHttpNode();
    const { body } = await curl(url);
    const [, style = ''] = /<link rel="stylesheet" href="([^"]+)">/.exec(body) ?? [];
    const [, script = ''] = /<script src="([^"]+)">/.exec(body) ?? [];
    const css = await curl(`${url}${style}`);
    expect([css.fields.get('content-type'), css.body]).toEqual([
      'text/css;charset=utf-8',
      expect.stringContaining('color:'),
    ]);
    const js = await curl(`${url}${script}`);
    expect([js.fields.get('content-type'), js.body]).toEqual([
      'text/javascript;charset=utf-8',
      expect.stringContaining("'/ws'"),
    ]);
  });

  test('a name is no HTML', () => {
    expect(page(`<b>&"'`, 1)).toContain('<h1 id="node">&#60;b&#62;&#38;&#34;&#39;</h1>');
  });

  test.for<[string, string, string]>([
    ['/a?b=c', '/a', 'b=c'],
    ['/a', '/a', ''],
    ['//x/y', '//x/y', ''],
    ['http://host:1/a?b', '/a', 'b='],
    ['*', '*', ''],
  ])('the target %s has the path %s', ([url, path, query]) => {
    const [read, params] = requestPathOf({ url } as http.IncomingMessage);
    expect([read, `${params}`]).toEqual([path, query]);
  });
});

describe('sessions', () => {
  test('a browser keeps its session on this node, and gets a new one on another', async () => {
    const [one, other] = [await startHttpNode({ name: 'a' }), await startHttpNode({ name: 'b' })];
    const first = await curl(one.url);
    const cookie = first.fields.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^JSESSIONID=node0[0-9a-f]{32}0; Path=\/; HttpOnly$/);
    const [pair = ''] = cookie.split(';');
    const second = await curl('-H', `Cookie: x=1; ${pair}; y=2`, one.url);
    expect(second.fields.has('set-cookie')).toBe(false);
    expect(second.body).toContain('<b id="visits">2</b>');
    const moved = await curl('-H', `Cookie: ${pair}`, other.url);
    expect(moved.fields.get('set-cookie')).toMatch(/^JSESSIONID=/);
    expect(moved.fields.get('set-cookie')).not.toContain(pair);
    expect(moved.body).toContain('<b id="visits">1</b>');
  });

  test('over TLS the cookie is Secure', async () => {
    const { url } = await startHttpNode({ tls: tlsOf() });
    expect((await curl('-k', url)).fields.get('set-cookie')).toMatch(/; Secure; HttpOnly$/);
  });

  test('a thousand are remembered, the oldest forgotten first', () => {
    const sessions = new Sessions(false);
    const cookies = Array.from({ length: 1001 }, () => sessions.visit(undefined).setCookie ?? '');
    expect(sessions.count).toBe(1000);
    expect(sessions.visit(cookies[1]).count).toBe(2);
    expect(sessions.visit(cookies[0]).setCookie).toBeDefined();
    expect(sessions.count).toBe(1000);
    expect(new Set(cookies).size).toBe(1001);
  });

  test.for(['', 'JSESSIONID', 'JSESSIONID=', 'XJSESSIONID=%', 'JSESSIONID=__proto__'])(
    '%j is none',
    (text) => {
      const sessions = new Sessions(false);
      const [known = ''] = (sessions.visit(undefined).setCookie ?? '').replace('JSESSIONID=', '').split(';');
      expect(sessions.visit(text.replace('%', known)).setCookie).toBeDefined();
    },
  );
});

describe('bodies', () => {
  test.for([
    ['POST', '/form'],
    ['PUT', '/any'],
    ['POST', '/echo'],
    ['PATCH', '/echo'],
  ])('%s %s is answered with length and SHA-256 of what came', async ([method, path]) => {
    const { url, node } = await startHttpNode({ name: 'a' });
    const body = 'a=ü&b='.repeat(20_000);
    const file = folder.write('body.bin', body);
    const {
      status,
      fields,
      body: answer,
    } = await curl(
      ...['-X', method as string, '--data-binary', `@${file}`, '-H', 'X-Test: 1', `${url}${path}?q`],
    );
    expect({ status, type: fields.get('content-type') }).toEqual({ status: 200, type: 'application/json' });
    expect(JSON.parse(answer)).toMatchObject({
      node: 'a',
      method,
      url: `${path}?q`,
      bytes: Buffer.byteLength(body),
      sha256: sha256(body),
      headers: { 'x-test': '1' },
    });
    expect(node.messages).toBe(0);
  });

  test('chunked, HTTP/1.0 and Expect: 100-continue', async () => {
    const { url } = await startHttpNode();
    const file = folder.write('body.bin', 'hello');
    for (const args of [
      ['-H', 'Transfer-Encoding: chunked'],
      ['--http1.0'],
      ['-H', 'Expect: 100-continue'],
    ]) {
      const { body } = await curl(...args, '--data-binary', `@${file}`, `${url}/x`);
      expect(JSON.parse(body)).toMatchObject({ bytes: 5, sha256: sha256('hello') });
    }
  });

  test('HL7 to /echo is hashed like anything else', async () => {
    const { url, node } = await startHttpNode();
    const { body } = await curl('-H', 'Content-Type: application/hl7-v2', '-d', 'MSH|^~\\&|A', `${url}/echo`);
    expect(JSON.parse(body)).toMatchObject({ bytes: 10, sha256: sha256('MSH|^~\\&|A') });
    expect(node.messages).toBe(0);
  });

  test('a body that is broken off is no request that was answered, and the node goes on', async () => {
    const { node, url } = await startHttpNode();
    {
      await using client = await connectSender(node.port);
      await client.write('POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: 100\r\n\r\nhalf');
      await until(() => node.received === 1);
      client.reset();
    }
    expect((await curl(url)).status).toBe(200);
  });
});

describe('/bytes', () => {
  test.for([0, 1, 250, 251, 64_256, 64_257, 3_000_000])('%i bytes are those', async (n) => {
    const { url } = await startHttpNode();
    const expected = Buffer.alloc(n);
    for (let i = 0; i < n; i++) expected[i] = i % 251;
    const response = await fetch(`${url}/bytes/${n}`);
    expect(response.headers.get('content-length')).toBe(`${n}`);
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(expected));
  });

  test('and not one more: the connection goes on behind them', async () => {
    const { node } = await startHttpNode();
    await using client = await connectSender(node.port);
    await client.write(GET.replace('/', '/bytes/3'));
    await until(() => client.received.includes('\r\n\r\n\0\x01\x02'));
    await client.write(GET);
    await until(() => client.received.includes(PAGE_END));
    expect(client.received.toString()).toContain('\r\n\r\n\0\x01\x02HTTP/1.1 200 OK\r\n');
  });

  test('HEAD says how many there would be', async () => {
    const { url } = await startHttpNode();
    const { fields, body } = await curl('-I', `${url}/bytes/9999999999999`);
    expect([fields.get('content-length'), body]).toEqual(['9999999999999', '']);
  });

  test('a client that does not read holds no more than a block or two in memory', async () => {
    const responses: http.ServerResponse[] = [];
    const server = http.createServer((request, response) => {
      responses.push(response);
      stream(request, response, 1e12);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close().closeAllConnections());
    await using client = await connectSender((server.address() as net.AddressInfo).port);
    client.pauseReading();
    await client.write(GET);
    await until(() => responses[0]?.writableNeedDrain);
    await turns(50);
    expect(responses[0]?.writableLength).toBeLessThan(512 * 1024);
    client.reset();
    // The stream ends with its client.
    await until(() => responses[0]?.destroyed);
  });
});

describe('/slow', () => {
  test('takes as long as it is told', async () => {
    const { url } = await startHttpNode();
    const startedAt = performance.now();
    expect((await curl(`${url}/slow?ms=120`)).body).toContain(PAGE_END);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(118);
  });

  test.for(['', '?ms=', '?ms=-5', '?ms=abc', '?ms=NaN'])('%j is at once', async (query) => {
    const { url } = await startHttpNode();
    expect((await curl(`${url}/slow${query}`)).status).toBe(200);
  });

  test('of a client that went away no timer is left, and no wait is longer than five minutes', async () => {
    const { node } = await startHttpNode();
    const [set, clear] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')];
    onTestFinished(() => void vi.restoreAllMocks());
    await using client = await connectSender(node.port);
    await client.write('GET /slow?ms=1e99 HTTP/1.1\r\nHost: n\r\n\r\n');
    await until(() => node.received === 1);
    const index = set.mock.calls.findIndex(([, ms]) => ms === 300_000);
    const timer = set.mock.results[index]?.value as NodeJS.Timeout;
    expect(timer).toBeDefined();
    client.reset();
    await until(() => clear.mock.calls.some(([cleared]) => cleared === timer));
  });
});

describe('connections', () => {
  test('as in Jetty nothing is said of keeping one, and it is kept', async () => {
    const { node } = await startHttpNode();
    await using client = await connectSender(node.port);
    for (let i = 1; i <= 3; i++) {
      await client.write(GET);
      await until(() => client.received.toString().split(PAGE_END).length === i + 1);
    }
    expect(client.received.toString()).not.toMatch(/\r\n(connection|keep-alive):/i);
    expect(node.received).toBe(3);
  });

  test('an idle one is closed after its time', async () => {
    const { node } = await startHttpNode({ idleMs: 80 });
    await using client = await connectSender(node.port);
    await client.write(GET);
    await until(() => client.received.includes(PAGE_END));
    const startedAt = performance.now();
    expect((await client.closed).hadError).toBe(false);
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(40);
    // Node.js itself would wait for seconds.
    expect(tookMs).toBeLessThan(4_500);
  });

  test.for(['HTTP/1.0\r\n', 'HTTP/1.1\r\nHost: n\r\nConnection: close\r\n'])(
    'a client of %j gets its answer and the end',
    async (line) => {
      const { node } = await startHttpNode();
      await using client = await connectSender(node.port);
      await client.write(`GET / ${line}\r\n`);
      await client.closed;
      expect(client.received.toString()).toContain(PAGE_END);
    },
  );

  test.for<['plain' | 'TLS']>([['plain'], ['TLS']])(
    '%s: those above the limit are accepted and closed, and room comes again',
    async ([kind]) => {
      const secured = kind === 'TLS' ? { tls: { rejectUnauthorized: false } } : {};
      const { node } = await startHttpNode({
        maxConnections: 2,
        ...(kind === 'TLS' ? { tls: tlsOf() } : {}),
      });
      await using first = await connectSender(node.port, secured);
      {
        await using second = await connectSender(node.port, secured);
        await second.write(GET);
        await until(() => second.received.includes(PAGE_END));
        await using third = await connectSender(node.port, secured);
        await third.write(GET);
        expect((await third.closed).hadError).toBe(false);
        expect(third.received).toHaveLength(0);
        expect(node.received).toBe(1);
      }
      await until(async () => {
        await using again = await connectSender(node.port, secured);
        await again.write(GET);
        await until(() => again.received.includes(PAGE_END) || again.ended);
        return again.received.includes(PAGE_END);
      });
      await first.write(GET);
      await until(() => first.received.includes(PAGE_END));
    },
  );

  test('over TLS any ALPN that a client of HTTP/1 names will do, and none', async () => {
    const { node, url } = await startHttpNode({ tls: tlsOf() });
    for (const args of [['--http1.0'], ['--http1.1'], ['--http2'], ['--no-alpn']])
      expect((await curl('-k', ...args, url)).status).toBe(200);
    expect(node.received).toBe(4);
  });

  test('over plain HTTP an upgrade to HTTP/2 is passed over', async () => {
    const { url } = await startHttpNode();
    expect((await curl('--http2', url)).status).toBe(200);
  });

  test('a header over 16 KiB is 431', async () => {
    const { url } = await startHttpNode();
    expect((await curl('-H', `X: ${'x'.repeat(17_000)}`, url)).status).toBe(431);
  });
});

describe('stop', () => {
  test('ends idle connections, those with a request under way, and the port', async () => {
    const { node, url } = await startHttpNode();
    await using idle = await connectSender(node.port);
    await idle.write(GET);
    await until(() => idle.received.includes(PAGE_END));
    await using busy = await connectSender(node.port);
    await busy.write('GET /slow?ms=100000 HTTP/1.1\r\nHost: n\r\n\r\n');
    await until(() => node.received === 2);
    const startedAt = performance.now();
    await node.stop();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect((await idle.closed).hadError).toBe(false);
    expect((await busy.closed).hadError).toBe(false);
    expect((await runTool('curl', ['-s', url])).code).toBe(7);
  });

  test('does not wait for a TLS handshake', async () => {
    const { node } = await startHttpNode({ tls: tlsOf() });
    await using silent = await connectSender(node.port);
    const done = tls.connect({ port: node.port, host: '127.0.0.1', rejectUnauthorized: false });
    onTestFinished(() => void done.destroy());
    // Accepted in order, so that the silent one is known when this one's handshake is done.
    await new Promise((resolve) => done.once('secureConnect', resolve));
    const startedAt = performance.now();
    await node.stop();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await silent.closed;
  });

  test('a port in use is named', async () => {
    const { node } = await startHttpNode();
    await expect(startHttpNode({ port: node.port })).rejects.toThrow(
      /simulated node on 127\.0\.0\.1:\d+: the port is in use/,
    );
  });
});
