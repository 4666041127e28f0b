// F118: SIGTERM and SIGINT end the process within `shutdown.timeout` and a second, whatever hangs: alone, and all together.
// A second signal ends it at once.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { RunningCommand } from '../cli/command-line.ts';
import { answers, type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { openSession } from '../helpers/h2-session.ts';
import { frame, message } from '../helpers/mllp.ts';
import { portOf } from '../helpers/openssl.ts';
import { type RawNode, startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { runConfig } from './process-room.ts';

const LONG = { timeout: 120_000 };
const HUNG_NAMES = fileURLToPath(new URL('../cli/processes/hung-names.ts', import.meta.url));
const TIMEOUT_MS = 1_000;
/** Above `shutdown.timeout`: the promised second, and what a machine with other work needs to start and end a process. */
const ALLOWED_MS = 1_000 + 6_000;

interface Room {
  readonly gateway: RunningCommand;
  readonly mllpNode: FaultyNode;
  readonly webNode: RawNode;
  readonly silent: net.Server;
  readonly tls: TlsFolder;
  /** Of the listener with that name. */
  port(listener: string): number;
}

/** What hangs, by name: what the config has for it, and what is done when the gateway listens. */
interface Hanging {
  readonly config?: (silentPort: number, folder: string) => Readonly<Record<string, unknown>>;
  readonly begin?: (room: Room) => Promise<unknown>;
}

/** Connects, writes, and stays. */
async function stays(port: number, bytes: string | Buffer): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

const request = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: gw\r\n${fields}\r\n`;

const HANGING: Readonly<Record<string, Hanging>> = {
  'a reader of the log that stands still': {
    begin: async ({ gateway, port }) => {
      gateway.child.stdout?.pause();
      const sender = await connectSender(port('in'));
      onTestFinished(() => void sender.socket.destroy());
      for (let i = 0; i < 600; i++) await sender.exchange(message({ controlId: `FILL-${i}` }), 30_000);
    },
  },
  'name servers that do not answer': {
    begin: async ({ port, gateway }) => {
      const asked = join(tmpdir(), `hl7-gateway-hung-${gateway.child.pid}.asked`);
      // More than Node.js has threads: nothing that needs one goes on.
      for (let i = 0; i < 8; i++) await stays(port('in'), frame(message({ app: 'HUNG' })));
      await until(() => existsSync(asked), { deadlineMs: 15_000 });
    },
  },
  'a collector of traces': {
    config: (port) => ({ telemetry: { traces: { endpoint: `http://127.0.0.1:${port}` } } }),
    begin: async ({ port }) => {
      const sender = await connectSender(port('in'));
      onTestFinished(() => void sender.socket.destroy());
      await sender.exchange(message(), 30_000);
    },
  },
  'a collector of metrics': {
    config: (port) => ({
      telemetry: { metrics: { otlp: { endpoint: `http://127.0.0.1:${port}`, interval: '50ms' } } },
    }),
    begin: ({ silent }) => once(silent, 'connection'),
  },
  'an audit repository': {
    config: (port) => ({ audit: { syslog: { address: `127.0.0.1:${port}` } } }),
    begin: ({ silent }) => once(silent, 'connection'),
  },
  'an audit file that is a pipe nobody reads': {
    config: (_, folder) => ({ audit: { file: join(folder, 'audit.pipe') } }),
  },
  'an audit spool and a repository': {
    config: (port, folder) => ({
      audit: { syslog: { address: `127.0.0.1:${port}` }, spool: { folder: join(folder, 'spool') } },
    }),
  },
  'senders and clients that stay': {
    begin: async ({ port, mllpNode, webNode }) => {
      await stays(port('in'), '');
      await stays(port('in'), frame(message()).subarray(0, 40));
      await stays(port('in'), frame(message({ app: 'UNANSWERED' })));
      await stays(port('web'), '');
      await stays(port('web'), 'POST /hl7 HTTP/1.1\r\nHost: gw\r\nContent-Length: 9\r\n\r\nabc');
      await stays(port('web'), request('/unanswered'));
      await mllpNode.received(1);
      await webNode.arrived(1);
    },
  },
  'TLS handshakes that are not gone on with': {
    begin: async ({ port }) => {
      for (const listener of ['secure', 'websecure']) {
        await stays(port(listener), '');
        // The head of a record with a ClientHello of 512 bytes, and nothing of that.
        await stays(port(listener), Buffer.of(0x16, 3, 1, 2, 0, 1));
      }
    },
  },
  'HTTP/2 sessions with a request': {
    begin: async ({ port, tls, webNode }) => {
      const session = await openSession(port('websecure'), tls.caPem);
      onTestFinished(() => void session.destroy());
      session.request({ ':path': '/unanswered' }).on('error', () => {});
      await webNode.when(
        () => webNode.requests.some(({ target }) => target === '/unanswered'),
        'the request',
      );
    },
  },
  tunnels: {
    begin: async ({ port }) => {
      const upgrade = request('/tunnel', 'Connection: upgrade\r\nUpgrade: anything\r\n');
      const socket = await stays(port('web'), upgrade);
      const [first] = (await once(socket, 'data')) as [Buffer];
      expect(first.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
    },
  },
};

async function start(hanging: readonly Hanging[]): Promise<Room> {
  const mllpNode = await startFaultyNode((exchange) =>
    exchange.payload.includes('UNANSWERED') ? answers.none()(exchange) : answers.aa()(exchange),
  );
  const webNode = await startRawNode((connection, { target }) => {
    if (target === '/tunnel')
      return connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: anything\r\n\r\n',
      );
    return target === '/unanswered' ? undefined : connection.answer('ok');
  });
  const silent = net.createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => {}));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const tls = createTlsFolder();
  onTestFinished(async () => {
    silent.close();
    tls[Symbol.dispose]();
    await Promise.all([mllpNode[Symbol.asyncDispose](), webNode[Symbol.asyncDispose]()]);
  });
  const bind = '127.0.0.1:0';
  const file = runConfig({
    nodes: { a: mllpNode.url },
    listeners: {
      secure: { bind, tls: tls.files.good },
      web: { protocol: 'http', bind },
      websecure: { protocol: 'http', bind, tls: tls.files.good },
    },
    pools: {
      hung: { nodes: { a: { url: 'mllp://node.hung:2575' } }, health: { type: 'none' } },
      w: { nodes: { a: { url: webNode.url } }, health: { type: 'none' } },
    },
    routes: [
      { name: 'hung', when: { 'MSH-3': 'HUNG' }, to: 'hung' },
      { name: 'web', when: { listener: ['web', 'websecure'] }, to: 'w' },
    ],
    more: { shutdown: { timeout: `${TIMEOUT_MS}ms` } },
  });
  const folder = dirname(file);
  execFileSync('mkfifo', [join(folder, 'audit.pipe')]);
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  for (const { config: more } of hanging)
    for (const [key, value] of Object.entries(more?.(portOf(silent), folder) ?? {}))
      config[key] = { ...config[key], ...(value as object) };
  writeFileSync(file, JSON.stringify(config));
  const gateway = new RunningCommand(['run', '-c', file], { NODE_OPTIONS: `--import ${HUNG_NAMES}` });
  onTestFinished(() => {
    // One that ends with its threads hanging removes nothing itself.
    const pipe = join(tmpdir(), `hl7-gateway-hung-${gateway.child.pid}`);
    for (const path of [pipe, `${pipe}.asked`]) rmSync(path, { force: true });
  });
  await gateway.line(/"msg":"admin API listening"/);
  const ports = new Map<string, number>();
  for (const line of gateway.out) {
    const { listener, address } = JSON.parse(line) as { listener?: string; address?: string };
    if (listener !== undefined) ports.set(listener, Number(address?.split(':').at(-1)));
  }
  return { gateway, mllpNode, webNode, silent, tls, port: (listener) => ports.get(listener) ?? 0 };
}

async function endsInTime(gateway: RunningCommand, signal: NodeJS.Signals): Promise<void> {
  const at = performance.now();
  const { code, signal: endedBy } = await gateway.stop(signal);
  expect(performance.now() - at).toBeLessThan(TIMEOUT_MS + ALLOWED_MS);
  expect(endedBy).toBeNull();
  expect([0, 1]).toContain(code);
}

test.for(Object.keys(HANGING))('F118 it ends in time, whatever hangs: %s', LONG, async (name) => {
  const hanging = HANGING[name] ?? {};
  const room = await start([hanging]);
  await hanging.begin?.(room);
  await endsInTime(room.gateway, 'SIGTERM');
});

test.for(['SIGTERM', 'SIGINT'] as const)(
  'F118 it ends in time (%s), though all of that hangs',
  LONG,
  async (signal) => {
    const all = Object.values(HANGING);
    const room = await start(all);
    // The reader of the log stands still last: others wait for what it says.
    for (const { begin } of all.toReversed()) await begin?.(room);
    await endsInTime(room.gateway, signal);
  },
);

test.for([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('F118 a second %s ends it at once, though threads hang', LONG, async ([signal, code]) => {
  const name = 'name servers that do not answer';
  const room = await start([HANGING[name] ?? {}]);
  await HANGING[name]?.begin?.(room);
  room.gateway.child.kill(signal);
  await until(() => room.gateway.out.some((line) => line.includes('"msg":"draining"')), {
    deadlineMs: 15_000,
  });
  expect(await room.gateway.stop(signal)).toMatchObject({ code, signal: null });
});
