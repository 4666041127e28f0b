// Trailers of requests on a way that others have built too: HAProxy before the gateway turns a client's HTTP/1.1 into
// HTTP/2 and back, HAProxy behind it reads them of the gateway's chunks, and nginx, which drops them, stays in step.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawNode, startRawNode } from '../helpers/raw-http-node.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { LONG, PATIENCE_MS } from './http-vips.ts';

const CHUNKED = 'POST / HTTP/1.1\r\nHost: vip.test\r\nTransfer-Encoding: chunked\r\n';
const BODY = '\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nAuthorization: evil\r\n\r\n';
const WITH_TRAILERS = `${CHUNKED}Trailer: X-Sum\r\n${BODY}`;
const WITHOUT = `${CHUNKED}\r\n2\r\nno\r\n0\r\n\r\n`;

const has = (program: string): boolean => spawnSync(program, ['-v']).status === 0;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** The socket at which a program of another kind listens: none of them takes port 0. */
async function startPeer(
  program: string,
  configure: (socket: string, place: string) => string,
  args: (file: string, place: string) => readonly string[],
): Promise<number> {
  const place = mkdtempSync(join(tmpdir(), 'peer-'));
  const file = join(place, 'peer.cfg');
  const path = join(place, 'in');
  writeFileSync(file, configure(path, place));
  const child = spawn(program, args(file, place), { stdio: ['ignore', 'inherit', 'ignore'] });
  const ended = once(child, 'close');
  // What listens at a path is reached by a port that is ours.
  const bridge = net.createServer((socket) => {
    const other = net.connect(path);
    for (const one of [socket, other]) {
      one.on('error', () => undefined);
      one.on('close', () => {
        socket.destroy();
        other.destroy();
      });
    }
    socket.pipe(other).pipe(socket);
  });
  bridge.listen(0, '127.0.0.1');
  await once(bridge, 'listening');
  onTestFinished(async () => {
    bridge.close();
    child.kill('SIGKILL');
    await ended;
    rmSync(place, { recursive: true, force: true });
  });
  await until(() => accepts(path), { deadlineMs: PATIENCE_MS, what: `${program} listening` });
  return (bridge.address() as net.AddressInfo).port;
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function haproxy(server: string): Promise<number> {
  return startPeer(
    'haproxy',
    (socket) => `global
  nbthread 1
  maxconn 100
defaults
  mode http
  timeout connect ${PATIENCE_MS}ms
  timeout client 1m
  timeout server 1m
listen all
  bind unix@${socket}
  server next ${server}
`,
    (file) => ['-db', '-f', file],
  );
}

function nginx(node: RawNode): Promise<number> {
  return startPeer(
    'nginx',
    (
      socket,
      place,
    ) => `daemon off; master_process off; pid ${place}/pid; error_log /dev/null; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${place}/body; proxy_temp_path ${place}/proxy; fastcgi_temp_path ${place}/fastcgi;
  uwsgi_temp_path ${place}/uwsgi; scgi_temp_path ${place}/scgi;
  server {
    listen unix:${socket};
    location / { proxy_pass ${node.url}; proxy_http_version 1.1; proxy_request_buffering off; }
  }
}
`,
    (file, place) => ['-p', place, '-c', file],
  );
}

async function node(): Promise<RawNode> {
  const started = await startRawNode((connection) =>
    connection.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Back: 1\r\n\r\n',
    ),
  );
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

async function gatewayTo(port: number): Promise<TestGateway> {
  const gw = await startGateway({
    nodes: [`http://127.0.0.1:${port}`],
    listener: { protocol: 'http', tls: { ...folder.files.good } },
    pool: { health: { type: 'none' }, connections: { max: 1 } },
  });
  onTestFinished(() => gw[Symbol.asyncDispose]());
  return gw;
}

/** What comes back for two requests, of which the first has trailers. */
async function ask(port: number): Promise<string[]> {
  await using client = await connectClient(port);
  const answers = [await client.ask(WITH_TRAILERS), await client.ask(WITHOUT)];
  return answers.map(({ status, body, trailers }) => `${status} ${body} ${JSON.stringify(trailers)}`);
}

const ANSWER = '200 ok [["x-back","1"]]';

describe('trailers through other programs', LONG, () => {
  test.skipIf(!has('haproxy')).each(['h2', 'http/1.1'])(
    'HAProxy as client (%s) and as node (skipped without haproxy)',
    async (alpn) => {
      const raw = await node();
      const gw = await gatewayTo(await haproxy(`127.0.0.1:${raw.port}`));
      const tls = `ssl verify required ca-file ${folder.caFile} sni str(localhost) verifyhost localhost alpn ${alpn}`;
      const front = await haproxy(`127.0.0.1:${gw.port()} ${tls}`);
      expect(await ask(front)).toEqual([ANSWER, ANSWER]);
      expect(raw.broken).toEqual([]);
      const [first, second, ...more] = raw.requests;
      expect(more).toEqual([]);
      expect([first?.body.toString(), second?.body.toString()]).toEqual(['hello', 'no']);
      expect(first?.trailers).toEqual([
        ['x-sum', '1'],
        ['x-sum', '2'],
      ]);
      expect(first && value(first, 'trailer')?.toLowerCase()).toBe('x-sum');
      expect(second?.trailers).toEqual([]);
      const proxied = await until(() => gw.proxied.length === 2 && [...gw.proxied]);
      expect(proxied.map(({ version }) => version)).toEqual(alpn === 'h2' ? ['2.0', '2.0'] : ['1.1', '1.1']);
    },
  );

  test.skipIf(!has('nginx'))(
    'nginx as node takes them and stays in step (skipped without nginx)',
    async () => {
      const raw = await node();
      const gw = await gatewayTo(await nginx(raw));
      await using client = await connectClient(gw.port(), {
        tls: { ca: folder.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] },
      });
      for (const bytes of [WITH_TRAILERS, WITHOUT, WITH_TRAILERS]) {
        const { status, body } = await client.ask(bytes);
        expect([status, body.toString()]).toEqual([200, 'ok']);
      }
      expect(raw.requests.map(({ body }) => body.toString())).toEqual(['hello', 'no', 'hello']);
      expect(gw.codes).toEqual([]);
    },
  );
});
