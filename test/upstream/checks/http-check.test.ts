// Health checks of type http, against an HTTP server that does what a test says.
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../../src/upstream/checks/check.ts';
import { createTlsFolder, type TlsFolder } from '../../helpers/tls-folder.ts';
import { until } from '../../helpers/until.ts';
import { asked, checkOf } from './check-parts.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly requests: IncomingMessage[];
  readonly connections: () => number;
}

async function serve(answer: Answer, secure = false): Promise<Server> {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<net.Socket>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request);
    answer(response, request);
  };
  const { certPem, keyPem } = folder.pems.good;
  const server = secure
    ? https.createServer({ cert: certPem, key: keyPem }, listener)
    : http.createServer(listener);
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    requests,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function checkFor({ port }: Server, more: object = {}, scheme = 'http'): Check {
  return checkOf({ type: 'http', url: `${scheme}://{host}:${port}`, timeout: '5s', ...more });
}

const says =
  (status: number, body = ''): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

describe('the status', () => {
  test.each([
    [200, undefined, 'passed'],
    [399, undefined, 'passed'],
    [404, undefined, 'HTTP 404'],
    [503, undefined, 'HTTP 503'],
    [404, '200, 404', 'passed'],
    [201, '200,404', 'HTTP 201'],
    [500, '200-299, 500-599', 'passed'],
    [204, '204', 'passed'],
  ])('%i where %s is good: %s', async (status, good, expected) => {
    await using server = await serve(says(status));
    expect(await asked(checkFor(server, good === undefined ? {} : { status: good }))).toBe(expected);
  });

  test('a redirection is not followed', async () => {
    await using server = await serve((response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await asked(checkFor(server, { status: '200' }))).toBe('HTTP 302');
    expect(server.requests.length).toBe(1);
  });
});

describe('the body', () => {
  test.each([
    ['all is well', 'is well', 'passed'],
    ['all is well', 'IS WELL', 'the body is not as expected'],
    ['all is well', '/^ALL .* well$/i', 'passed'],
    ['all is well', '/^well/', 'the body is not as expected'],
    ['', 'x', 'the body is not as expected'],
    ['a\nb', '/a.b/s', 'passed'],
  ])('%j and %s: %s', async (body, wanted, expected) => {
    await using server = await serve(says(200, body));
    expect(await asked(checkFor(server, { body: wanted }))).toBe(expected);
  });

  test('no regex hangs, whatever comes (F75)', async () => {
    await using server = await serve(says(200, 'a'.repeat(200_000)));
    expect(await asked(checkFor(server, { body: '/(a+)+$x/' }))).toBe('the body is not as expected');
  });

  test('an endless one ends the check', async () => {
    await using server = await serve((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await asked(checkFor(server))).toBe('the answer is too long');
    await until(() => server.connections() === 0);
  });
});

describe('the request', () => {
  test('method, path, headers and credentials', async () => {
    await using server = await serve(says(200));
    const more = {
      method: 'POST',
      path: '/health?deep=1',
      headers: { 'X-Probe': 'a b', Host: 'vip.test' },
      user: 'u',
      password: 'p:q',
    };
    expect(await asked(checkFor(server, more))).toBe('passed');
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      url: '/health?deep=1',
      headers: {
        'x-probe': 'a b',
        host: 'vip.test',
        authorization: `Basic ${Buffer.from('u:p:q').toString('base64')}`,
        'user-agent': 'hl7-gateway',
        connection: 'close',
      },
    });
  });

  test('HEAD, whose answer has no body', async () => {
    await using server = await serve((response) => {
      response.writeHead(200, { 'content-length': '10' }).end();
    });
    expect(await asked(checkFor(server, { method: 'HEAD' }))).toBe('passed');
  });

  test('the path of the URL, and another URL for one node', async () => {
    await using server = await serve(says(200));
    const health = { type: 'http', url: 'http://{host}:1/pool' };
    const node = { url: 'mllp://127.0.0.1:1', healthUrl: `http://127.0.0.1:${server.port}/node` };
    expect(await asked(checkOf(health, node))).toBe('passed');
    expect(server.requests[0]?.url).toBe('/node');
  });

  test('over TLS with the authority of the config', async () => {
    await using server = await serve(says(200), true);
    const tls = { ca: folder.caFile };
    expect(await asked(checkFor(server, { tls }, 'https'))).toBe('passed');
    expect(await asked(checkFor(server, {}, 'https'))).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    expect(await asked(checkFor(server, { tls }))).toBe('closed without an answer');
  });
});

describe('no answer', () => {
  test('in time: silence, headers without end, a body that drips', async () => {
    const answers: Answer[] = [
      () => {},
      (_, { socket }) => void socket.write('HTTP/1.1 200 OK\r\nX-'),
      (response) => void response.writeHead(200).write('x'),
    ];
    for (const answer of answers) {
      await using server = await serve(answer);
      expect(await asked(checkFor(server, { timeout: '60ms' }))).toBe('no answer in time');
      await until(() => server.connections() === 0);
    }
  });

  test('but something else, or nothing', async () => {
    await using noise = await serve((_, { socket }) => void socket.end('MSH|^~\\&|\r'));
    expect(await asked(checkFor(noise))).toBe('the answer is not HTTP');
    await using closing = await serve((_, { socket }) => void socket.destroy());
    expect(await asked(checkFor(closing))).toBe('closed without an answer');
  });
});
