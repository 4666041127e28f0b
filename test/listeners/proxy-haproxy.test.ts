// HAProxy in front of a gateway, with send-proxy and send-proxy-v2: a PROXY protocol peer that was not written here.
// It listens on Unix sockets, and is told whose a connection is by a header that it takes, reads and writes anew.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { lineHeader } from '../helpers/proxy-header.ts';
import { Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;
const DEADLINE_MS = 10_000;

let folder: TlsFolder;
let node: FaultyNode;
beforeAll(async () => {
  folder = createTlsFolder();
  node = await startFaultyNode();
});
afterAll(async () => {
  await node.close();
  folder[Symbol.dispose]();
});

interface Haproxy {
  /** Of a Unix socket: takes a PROXY header. */
  readonly known: string;
  /** Takes none: all it knows is that the sender came by a Unix socket. */
  readonly unknown: string;
  /** What it has logged. */
  readonly log: string;
}

/** TCP mode, one thread; `server` is what its `server` line says behind the address. */
async function startHaproxy(gw: TestGateway, server: string): Promise<Haproxy> {
  const place = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const known = join(place, 'known');
  const unknown = join(place, 'unknown');
  const file = join(place, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 100
  log stdout format raw local0
defaults
  mode tcp
  log global
  option log-health-checks
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend in
  bind unix@${known} accept-proxy
  bind unix@${unknown}
  unique-id-format %rt
  default_backend gateway
backend gateway
  server gw 127.0.0.1:${gw.port()} ${server}
`,
  );
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(place, { recursive: true, force: true });
  });
  await until(() => accepts(unknown), { deadlineMs: DEADLINE_MS, what: 'HAProxy listening' }).catch(
    (cause) => {
      throw new Error(`it printed\n${log}`, { cause });
    },
  );
  return {
    known,
    unknown,
    get log() {
      return log;
    },
  };
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function connect(path: string, source?: string, options?: tls.ConnectionOptions): Promise<Sender> {
  const raw = net.connect({ path });
  raw.on('error', () => undefined);
  if (source !== undefined) raw.write(lineHeader({ source, port: 40_001 }));
  await once(raw, 'connect');
  if (options === undefined) return new Sender(raw, raw);
  const secure = tls.connect({ ca: folder.caPem, servername: '', ...options, socket: raw });
  await once(secure, 'secureConnect');
  return new Sender(secure, raw);
}

const OPTIONS = [
  'send-proxy',
  'send-proxy-v2',
  'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority',
  'send-proxy-v2-ssl-cn',
];

describe.skipIf(!hasHaproxy)('HAProxy (skipped without haproxy)', () => {
  test.each(OPTIONS)('%s: senders of both families, over TLS as well', async (server) => {
    for (const secure of [undefined, {}]) {
      const secured = secure === undefined ? {} : { tls: folder.files.good };
      const listener = { proxyProtocol: true, trustedProxies: '127.0.0.1', ...secured };
      await using gw = await startGateway({ nodes: [node.url], listener });
      const haproxy = await startHaproxy(gw, server);
      for (const source of ['10.1.2.3', '2001:db8::7', '255.255.255.255']) {
        await using sender = await connect(haproxy.known, source, secure);
        for (const controlId of ['X1', 'X2'])
          expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
        expect(gw.messages.at(-1)?.origin.peer).toMatchObject({ address: source, port: 40_001 });
      }
      expect(gw.codes).toEqual([]);
    }
  });

  test.each(OPTIONS)('%s: of a sender that it knows no address of, its own is taken', async (server) => {
    const listener = { proxyProtocol: true, trustedProxies: '127.0.0.1' };
    await using gw = await startGateway({ nodes: [node.url], listener });
    const haproxy = await startHaproxy(gw, server);
    await using sender = await connect(haproxy.unknown);
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(gw.messages[0]?.origin.peer.address).toBe('127.0.0.1');
    expect(gw.codes).toEqual([]);
  });

  test.each(OPTIONS)('F27 %s: its health checks pass and are silent', async (server) => {
    const listener = { proxyProtocol: true, trustedProxies: '127.0.0.1' };
    await using gw = await startGateway({ nodes: [node.url], listener });
    const haproxy = await startHaproxy(gw, `${server} check check-send-proxy inter 50ms rise 1 fall 1`);
    const passed = { deadlineMs: DEADLINE_MS, what: 'a health check that passed' };
    await until(() => /Health check for server gateway\/gw succeeded/.test(haproxy.log), passed);
    await using sender = await connect(haproxy.known, '10.1.2.3');
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(gw.codes).toEqual([]);
  });

  test('without send-proxy: refused, and the log says what came instead', async () => {
    const listener = { proxyProtocol: true, trustedProxies: '127.0.0.1' };
    await using gw = await startGateway({ nodes: [node.url], listener });
    const haproxy = await startHaproxy(gw, '');
    await using sender = await connect(haproxy.known, '10.1.2.3');
    void sender.send(message());
    await sender.closed;
    expect(await gw.logged('GW_ERR_SENDER_PROXY')).toMatchObject({ source: '127.0.0.1' });
  });

  test('the other way round: without proxyProtocol its header is no MLLP frame, and the log says so', async () => {
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { limits: { frameTimeout: '100ms' } },
    });
    const haproxy = await startHaproxy(gw, 'send-proxy');
    await using sender = await connect(haproxy.known, '10.1.2.3');
    await sender.closed;
    expect((await gw.logged('GW_ERR_FRAME_NO_START')).detail).toMatch(/a PROXY protocol header/);
  });
});
