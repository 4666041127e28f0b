// F115: whatever is refused, on whichever listener, leaves nothing behind: no descriptor, no place under a limit, no bytes
// that count as held, no memory. `REFUSALS=100` sends each as often; in the suite each goes 12 times, and those of the long
// tables of framings and of HTTP/2 heads 4 times: so each client behaves in each way.
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { usedBytes } from '../helpers/heap.ts';
import { socketsAt } from '../helpers/open-sockets.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawNode, startRawNode } from '../helpers/raw-http-node.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { GET } from './http-room.ts';
import {
  H2_PROBES,
  H2_REFUSALS,
  HTTP_PROBES,
  HTTP_REFUSALS,
  MLLP_REFUSALS,
  PROXY_REFUSALS,
  type Refusal,
  TLS_REFUSALS,
} from './refusals.ts';

const TIMES = Number(process.env.REFUSALS ?? 12);
const PROBE_TIMES = Number(process.env.REFUSALS ?? 4);
const AT_ONCE = 25;
/** Connections that are lingering when a test begins to wait: some seconds, on a busy machine some more. */
const PATIENCE_MS = 60_000;
/** What the runner and V8 keep for themselves. A single socket that stays takes some 10 kB, ten thousand of them far more. */
const SPARE_BYTES = 24 * 2 ** 20;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Client {
  /** `raw`: below TLS, or the same. */
  readonly socket: net.Socket;
  readonly raw: net.Socket;
  readonly ended: Promise<void>;
}

type Over = 'plain' | 'TLS' | 'TLS, HTTP/2';
let session: Buffer | undefined;
/** Of the client. */
let shown: tls.ConnectionOptions = {};

async function connect(port: number, over: Over): Promise<Client> {
  const raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  raw.on('error', () => undefined);
  const ALPNProtocols = over === 'TLS, HTTP/2' ? ['h2'] : ['http/1.1'];
  const socket =
    over === 'plain'
      ? raw
      : tls.connect({
          socket: raw,
          ca: folder.caPem,
          servername: 'localhost',
          ALPNProtocols,
          ...shown,
          ...(session && { session }),
        });
  socket.on('session', (got: Buffer) => {
    session = got;
  });
  socket.on('error', () => undefined);
  socket.resume();
  const ended = new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()));
  await new Promise((resolve) => {
    raw.once('close', resolve);
    socket.once(over === 'plain' ? 'connect' : 'secureConnect', resolve);
  });
  return { socket, raw, ended };
}

/** How clients behave that are refused. */
const WAYS = ['waits for the end', 'ends its side', 'goes at once', 'resets'] as const;

async function refuse(
  port: number,
  over: Over,
  { bytes, clientEnds }: Refusal,
  way: (typeof WAYS)[number],
): Promise<void> {
  const { socket, raw, ended } = await connect(port, over);
  socket.write(bytes);
  if (way === 'resets') setImmediate(() => raw.resetAndDestroy());
  else if (way === 'goes at once') socket.destroySoon();
  else {
    if (way === 'ends its side' || clientEnds === true) socket.end();
    await ended;
    socket.destroy();
  }
  if (!raw.closed) await new Promise((resolve) => raw.once('close', resolve));
}

async function refuseAll(port: number, over: Over, refusal: Refusal, times: number): Promise<void> {
  for (let sent = 0; sent < times; sent += AT_ONCE) {
    const some = Math.min(AT_ONCE, times - sent);
    await Promise.all(
      Array.from({ length: some }, (_, i) =>
        refuse(port, over, refusal, WAYS[(sent + i) % WAYS.length] ?? 'resets'),
      ),
    );
  }
}

async function expectNothingLeft(gw: TestGateway): Promise<void> {
  const port = gw.port();
  const [listener] = gw.gateway.listeners;
  const left = (): unknown => ({
    sockets: socketsAt(port),
    connections: listener?.connections,
    ...gw.held,
  });
  const nothing = { sockets: 0, connections: 0, queued: 0, inFlight: 0, bytes: 0 };
  let last: unknown;
  // The kernel's tables are long, and read when the gateway says that nobody is there.
  const isNothingLeft = (): boolean => {
    if (listener?.connections !== 0) return false;
    last = left();
    return JSON.stringify(last) === JSON.stringify(nothing);
  };
  await until(isNothingLeft, { deadlineMs: PATIENCE_MS }).catch(() => {
    last = left();
  });
  expect(last).toEqual(nothing);
}

/** A client that is told of its refusal, and does not go. It is the gateway that ends the connection, within seconds. */
async function expectEndedByGateway(
  gw: TestGateway,
  over: Over,
  refusals: readonly Refusal[],
): Promise<void> {
  const clients: Client[] = [];
  for (const { bytes, clientEnds } of refusals) {
    if (clientEnds === true) continue;
    for (let i = 0; i < 3; i++) {
      const client = await connect(gw.port(), over);
      client.socket.write(bytes);
      clients.push(client);
    }
  }
  await Promise.all(clients.map(({ ended }) => ended));
  await expectNothingLeft(gw);
  for (const { socket, raw } of clients) {
    socket.destroy();
    raw.destroy();
  }
}

/** Nothing is sent there. */
const NOBODY = 'mllp://127.0.0.1:9';
const LIMITS = { maxFrame: '1KiB', maxConnections: 400 };
const ROUTES = [
  { when: { path: '/rejected' }, reject: {} },
  { when: { path: '/^\\/(probe|held)?$/' }, to: 'pool' },
];

describe.each(['plain', 'TLS', 'TLS, HTTP/2'] as const)('over %s', (over) => {
  let node: RawNode;
  let gw: TestGateway;
  let before = 0;
  beforeAll(async () => {
    session = undefined;
    node = await startRawNode((connection, { target }) =>
      target === '/held' ? undefined : connection.answer('ok'),
    );
    gw = await startGateway({
      nodes: [node.url],
      listener: {
        protocol: 'http',
        limits: LIMITS,
        ...(over === 'plain' ? {} : { tls: folder.files.good }),
        http: { headersTimeout: '2s', ...(over === 'TLS' ? { http2: false } : {}) },
      },
      pool: { health: { type: 'none' } },
      routes: ROUTES,
    });
    before = usedBytes();
  });
  afterAll(async () => {
    await gw[Symbol.asyncDispose]();
    await node[Symbol.asyncDispose]();
  });

  const refusals = over === 'TLS, HTTP/2' ? H2_REFUSALS : HTTP_REFUSALS;
  const probes = over === 'TLS, HTTP/2' ? H2_PROBES : HTTP_PROBES;

  it.each(refusals)('F115 HTTP: $name', { timeout: 120_000 }, async (refusal) => {
    await refuseAll(gw.port(), over, refusal, TIMES);
    await expectNothingLeft(gw);
  });
  it.each(probes)('F115 HTTP: $name', { timeout: 120_000 }, async (refusal) => {
    await refuseAll(gw.port(), over, refusal, PROBE_TIMES);
    await expectNothingLeft(gw);
  });
  it('F115 HTTP: clients that stay', { timeout: 120_000 }, async () => {
    await expectEndedByGateway(gw, over, [...refusals, ...probes]);
  });
  it('F115 HTTP: memory', () => {
    // What the test itself has kept.
    for (const kept of [gw.log, gw.proxied, gw.messages, node.requests]) (kept as unknown[]).length = 0;
    expect(usedBytes() - before).toBeLessThan(SPARE_BYTES);
  });
  it('F115 HTTP: the next request is served', async () => {
    const more =
      over === 'plain'
        ? {}
        : { tls: { ca: folder.caPem, servername: 'localhost', ALPNProtocols: ['http/1.1'] } };
    await using client = await connectClient(gw.port(), more);
    expect((await client.ask(GET)).status).toBe(200);
  });
});

describe.each(['plain', 'TLS'] as const)('over %s', (over) => {
  it('F115 MLLP', { timeout: 300_000 }, async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: {
        limits: { ...LIMITS, frameTimeout: '2s' },
        onRejected: 'close',
        utf16: 'refuse',
        ...(over === 'plain' ? {} : { tls: folder.files.good }),
      },
      routes: [{ when: { 'MSH-3': { not: 'NOBODY' } }, to: 'pool' }],
    });
    const before = usedBytes();
    for (const refusal of MLLP_REFUSALS) {
      await refuseAll(gw.port(), over, refusal, TIMES);
      await expectNothingLeft(gw);
    }
    await expectEndedByGateway(gw, over, MLLP_REFUSALS);
    expect(usedBytes() - before).toBeLessThan(SPARE_BYTES);
  });
});

describe.each(['mllp', 'http'] as const)('%s', (protocol) => {
  const vip = () => ({ protocol, limits: LIMITS, tls: { ...folder.files.good } });

  it('F115 F47 what is no handshake', { timeout: 300_000 }, async () => {
    await using gw = await startGateway({ nodes: [NOBODY], listener: vip(), routes: [{ reject: {} }] });
    for (const refusal of TLS_REFUSALS) {
      await refuseAll(gw.port(), 'plain', refusal, TIMES);
      await expectNothingLeft(gw);
    }
    await expectEndedByGateway(gw, 'plain', TLS_REFUSALS);
  });
});

describe.each(['mllp', 'http'] as const)('%s behind a balancer', (protocol) => {
  it.each(['plain', 'TLS'] as const)('F115 PROXY protocol, %s', { timeout: 300_000 }, async (over) => {
    await using gw = await startGateway({
      nodes: [NOBODY],
      listener: {
        ...{ protocol, limits: LIMITS, proxyProtocol: true, trustedProxies: '127.0.0.1' },
        ...(over === 'plain' ? {} : { tls: { ...folder.files.good } }),
      },
      routes: [{ reject: {} }],
    });
    for (const refusal of PROXY_REFUSALS) {
      await refuseAll(gw.port(), 'plain', refusal, TIMES);
      await expectNothingLeft(gw);
    }
    await expectEndedByGateway(gw, 'plain', PROXY_REFUSALS);
  });

  it('F115 whoever is no balancer', { timeout: 120_000 }, async () => {
    await using gw = await startGateway({
      nodes: [NOBODY],
      listener: { protocol, limits: LIMITS, proxyProtocol: true, trustedProxies: '192.0.2.1' },
      routes: [{ reject: {} }],
    });
    const nothing = { name: 'anything', bytes: Buffer.from('anything') };
    await refuseAll(gw.port(), 'plain', nothing, TIMES);
    await expectNothingLeft(gw);
  });
});

describe.each(['mllp', 'http'] as const)('limits of %s', (protocol) => {
  it.each(['plain', 'TLS'] as const)('F115 maxConnections, %s', { timeout: 120_000 }, async (over) => {
    await using gw = await startGateway({
      nodes: [NOBODY],
      listener: {
        ...{ protocol, limits: { ...LIMITS, maxConnections: 2 } },
        ...(over === 'plain' ? {} : { tls: { ...folder.files.good } }),
      },
      routes: [{ reject: {} }],
    });
    const inside = [await connect(gw.port(), over), await connect(gw.port(), over)];
    for (const { socket } of inside) socket.write('\x0b');
    // Some of them get in where it is the idle ones that go.
    await refuseAll(
      gw.port(),
      over,
      { name: 'one too many', bytes: Buffer.from('\x0b'), clientEnds: true },
      TIMES,
    );
    for (const { socket } of inside) socket.destroy();
    await expectNothingLeft(gw);
  });

  it('F115 handshakes', { timeout: 120_000 }, async () => {
    await using gw = await startGateway({
      nodes: [NOBODY],
      listener: { protocol, limits: LIMITS, tls: { ...folder.files.good, maxHandshakes: 1 } },
      routes: [{ reject: {} }],
    });
    await refuseAll(
      gw.port(),
      'TLS',
      { name: 'many at once', bytes: Buffer.from('\x0b'), clientEnds: true },
      TIMES,
    );
    await expectNothingLeft(gw);
  });

  it.each(['client', 'oldClient', 'strangeClient', undefined] as const)(
    'F115 a client certificate that is asked for: %s',
    { timeout: 120_000 },
    async (name) => {
      await using gw = await startGateway({
        nodes: [NOBODY],
        listener: {
          ...{ protocol, limits: LIMITS },
          tls: { ...folder.files.good, clientCa: folder.caFile, requireClientCert: true },
        },
        routes: [{ reject: {} }],
      });
      shown = name === undefined ? {} : { cert: folder.pems[name].certPem, key: folder.pems[name].keyPem };
      session = undefined;
      const anything = { name: 'anything', bytes: Buffer.from('\x0b'), clientEnds: true };
      await refuseAll(gw.port(), 'TLS', anything, TIMES);
      shown = {};
      session = undefined;
      await expectNothingLeft(gw);
    },
  );
});
