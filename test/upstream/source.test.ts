// Where connections to nodes come from: `source` of a pool or a node, whatever its protocol, and in its checks.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import tls from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { GatewayError } from '../../src/errors.ts';
import { dial } from '../../src/upstream/dial.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, FrameSplitter, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';

/** Linux has all of 127.0.0.0/8. */
const onLinux = process.platform === 'linux';
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

/** Answers MLLP and HTTP, echoes anything else, and knows where each connection came from. */
class Witness implements AsyncDisposable {
  readonly from: string[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(server: net.Server) {
    this.#server = server;
    server.on(server instanceof tls.Server ? 'secureConnection' : 'connection', (socket: net.Socket) => {
      this.from.push(socket.remoteAddress ?? '');
      this.#sockets.add(socket);
      socket.on('error', () => {});
      const frames = new FrameSplitter();
      socket.on('data', (chunk: Buffer) => {
        if (/^(GET|POST)/.test(chunk.toString('latin1'))) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          return;
        }
        if (chunk[0] !== 0x0b) socket.write(chunk);
        else for (const payload of frames.push(chunk)) socket.write(frame(ackFor(payload)));
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(host: string): Promise<this> {
    await once(this.#server.listen(0, host), 'listening');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const witness = (host = '127.0.0.1'): Promise<Witness> => new Witness(net.createServer()).listen(host);

/** All that came, from its first connection on. */
async function cameFrom(node: Witness): Promise<readonly string[]> {
  await until(() => node.from.length > 0);
  return [...new Set(node.from)];
}

describe.runIf(onLinux)('source (Linux: all of 127.0.0.0/8)', () => {
  test('MLLP: that of the pool, and instead of it that of a node', async () => {
    await using a = await witness();
    await using b = await witness();
    await using gateway = await startGateway({
      nodes: [
        { url: `mllp://127.0.0.1:${a.port}` },
        { url: `mllp://127.0.0.1:${b.port}`, source: '127.0.0.8' } as { url: string },
      ],
      pool: { source: '127.0.0.7', balance: 'round-robin' },
    });
    await using sender = await connectSender(gateway.port());
    for (let i = 0; i < 4; i++) expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    expect(await cameFrom(a)).toEqual(['127.0.0.7']);
    expect(await cameFrom(b)).toEqual(['127.0.0.8']);
  });

  test('over TLS', async () => {
    using folder = createTlsFolder();
    const { cert, key } = folder.files.good;
    const pair = { cert: readFileSync(cert), key: readFileSync(key) };
    await using node = await new Witness(tls.createServer(pair)).listen('127.0.0.1');
    await using gateway = await startGateway({
      nodes: [
        {
          url: `mllps://127.0.0.1:${node.port}`,
          tls: { ca: folder.caFile },
        } as { url: string },
      ],
      pool: { source: '127.0.0.7' },
    });
    await using sender = await connectSender(gateway.port());
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    expect(await cameFrom(node)).toEqual(['127.0.0.7']);
  });

  test('HTTP', async () => {
    await using node = await witness();
    await using gateway = await startGateway(`
listeners: { web: { protocol: http, bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "http://127.0.0.1:${node.port}" } }, source: 127.0.0.7, health: { type: none } } }
routes: [{ to: p }]`);
    const response = await fetch(`http://127.0.0.1:${gateway.port()}/page`);
    expect(await response.text()).toBe('ok');
    expect(await cameFrom(node)).toEqual(['127.0.0.7']);
  });

  test('protocol: tcp', async () => {
    await using node = await witness();
    await using gateway = await startGateway(`
listeners: { in: { protocol: tcp, bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "tcp://127.0.0.1:${node.port}" } }, source: 127.0.0.7, health: { type: none } } }
routes: [{ to: p }]`);
    const socket = net.connect(gateway.port(), '127.0.0.1');
    socket.write('ping');
    expect(String(await once(socket, 'data'))).toBe('ping');
    socket.destroy();
    expect(await cameFrom(node)).toEqual(['127.0.0.7']);
  });

  test.each([
    ['tcp', '{ interval: 100ms, type: tcp }'],
    ['mllp', '{ interval: 100ms, type: mllp, message: MESSAGE }'],
    ['http', '{ interval: 100ms, type: http, url: "http://{host}:PORT/" }'],
    ['mirth', '{ interval: 100ms, type: mirth, url: "http://{host}:PORT/" }'],
  ])('checks of type %s', async (_, health) => {
    using folder = createTlsFolder();
    const file = folder.write('probe.hl7', message());
    await using node = await witness();
    const check = health.replace('PORT', String(node.port)).replace('MESSAGE', file);
    await using gateway = await startGateway(`
listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "mllp://127.0.0.1:${node.port}" } }, source: 127.0.0.7, health: ${check} } }
routes: [{ to: p }]`);
    expect(gateway.port()).toBeGreaterThan(0);
    expect(await cameFrom(node)).toEqual(['127.0.0.7']);
  });

  test('a name is looked up in its family', async () => {
    await using node = await witness();
    const socket = await new Promise<net.Socket>((opened, failed) =>
      dial({ ...DIAL, host: 'localhost', port: node.port, source: '127.0.0.7' }, opened, failed),
    );
    socket.destroy();
    expect(node.from).toEqual(['127.0.0.7']);
  });

  test('what cannot come from there says so, and is no node that was reached', async () => {
    await using node = await witness();
    const error = await new Promise<GatewayError>((resolve) =>
      // RFC 5737: nobody's.
      dial({ ...DIAL, port: node.port, source: '192.0.2.1' }, () => {}, resolve),
    );
    expect(error).toMatchObject({
      code: 'GW_ERR_NODE_CONNECT',
      detail: 'EADDRNOTAVAIL: cannot come from 192.0.2.1',
    });
    expect(node.from).toEqual([]);
  });
});

test.runIf(hasIpv6)('IPv6 (::1)', async () => {
  await using node = await witness('::1');
  await using gateway = await startGateway({
    nodes: [`mllp://[::1]:${node.port}`],
    pool: { source: '::1' },
  });
  await using sender = await connectSender(gateway.port());
  expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
  expect(await cameFrom(node)).toEqual(['::1']);
});

const DIAL = { node: 'a', host: '127.0.0.1', tls: undefined, connectMs: 5_000, settleMs: 0 };
