// The proxies under test, each a child process that listens on a port of its own in front of the same node processes.
// Promises: started from a config in a folder of its own, ended by their process id.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StartOptions } from './part.ts';
import type { LoopOrder, LoopReport } from './processes/loop-watch.ts';
import { HAPROXY_BIND_OPTIONS, type TlsFiles } from './tls-files.ts';

export interface ProxyProcess {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** The gateway's event loop, where it was started as `watched`: since it was last asked; watches on, or no longer. */
  readonly watch?: (on: boolean, collect?: boolean) => Promise<LoopReport>;
  /** The end of its log, to tell why it answered as it did. */
  readonly lastLog?: () => string;
  /** Another one like it, as it is right after its start. */
  readonly fresh?: () => Promise<ProxyProcess>;
  stop(): Promise<void>;
}

/** In place of one that is measured: `fresh` starts it for each round. */
export function startedEachRound(fresh: () => Promise<ProxyProcess>): ProxyProcess {
  return { name: 'not started yet', pid: process.pid, port: 0, fresh, stop: async () => {} };
}

export interface GatewayShape {
  readonly name: string;
  /** Connections to each node, and messages in flight on each. */
  readonly max: number;
  readonly pipelining: number;
  /** Default: `redial`, as it is the gateway's. */
  readonly repeatedIds?: 'auto' | 'redial' | 'reuse';
  readonly logMessages: boolean;
  /** Default: one on MSH-9.1 that matches, one behind it. */
  readonly routes?: readonly object[];
  /** More of `telemetry`. */
  readonly telemetry?: Readonly<Record<string, unknown>>;
}

/** All of one pool. */
export type NodePorts = readonly number[];

export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface SpawnOptions extends StartOptions {
  /** Its event loop can be asked after. */
  readonly watched?: boolean | undefined;
}

export interface GatewayExtras extends SpawnOptions {
  /** With them the listener speaks TLS; the nodes get plaintext all the same. */
  readonly files?: TlsFiles | undefined;
}

/** A few lines. */
const LOG_CHARACTERS = 1_500;
const WATCH = new URL('./processes/loop-watch.ts', import.meta.url).href;

/** A gateway with this config, as `run -c` starts it. */
export async function spawnGateway(
  name: string,
  folder: string,
  port: number,
  config: object,
  { main = MAIN, nodeOptions = [], watched = false }: SpawnOptions = {},
): Promise<ProxyProcess> {
  const file = join(folder, `gateway-${port}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  const imports = watched ? ['--import', WATCH] : [];
  // The log goes through a pipe as it does to a container's runtime; nobody's reading of it is measured.
  const child = spawn(
    process.execPath,
    ['--expose-gc', ...imports, ...nodeOptions, main, 'run', '-c', file],
    { stdio: watched ? ['ignore', 'pipe', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit'] },
  );
  let last: Buffer = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    last = chunk;
  });
  const lastLog = (): string => last.toString('utf8').slice(-LOG_CHARACTERS);
  const proxy = { ...(await started(name, child, port)), lastLog };
  if (!watched) return proxy;
  const watch = async (on: boolean, collect = false): Promise<LoopReport> => {
    const answer = once(child, 'message');
    child.send({ on, collect } satisfies LoopOrder);
    const [report] = (await answer) as [LoopReport];
    return report;
  };
  return { ...proxy, watch };
}

/** `nodes` of a pool. */
export function nodesConfig(
  protocol: 'mllp' | 'http' | 'tcp',
  ports: NodePorts,
): Record<string, { url: string }> {
  return Object.fromEntries(ports.map((port, i) => [`n${i}`, { url: `${protocol}://127.0.0.1:${port}` }]));
}

/** The gateway reads each header and routes on it. */
export async function startGateway(
  shape: GatewayShape,
  nodes: NodePorts,
  folder: string,
  { files, ...options }: GatewayExtras = {},
): Promise<ProxyProcess> {
  const port = await freePort();
  const tls = files === undefined ? {} : { tls: { cert: files.cert, key: files.key } };
  const config = {
    listeners: { in: { bind: `127.0.0.1:${port}`, limits: { maxConnections: 20_000 }, ...tls } },
    pools: {
      p: {
        nodes: nodesConfig('mllp', nodes),
        // On a busy machine thousands of messages that come at once wait for longer than the three seconds of the default.
        queue: { timeout: '1m' },
        connections: {
          max: shape.max,
          pipelining: shape.pipelining,
          repeatedIds: shape.repeatedIds ?? 'auto',
        },
      },
    },
    routes: shape.routes ?? [
      { name: 'admissions', when: { 'MSH-9.1': 'ADT' }, to: 'p' },
      { name: 'rest', to: 'p' },
    ],
    telemetry: {
      log: { level: shape.logMessages ? 'info' : 'warn', messages: shape.logMessages },
      ...shape.telemetry,
    },
  };
  return spawnGateway(shape.name, folder, port, config, options);
}

/** Connections are passed on as they are, as many as there are senders. */
export async function startTcpGateway(
  nodes: NodePorts,
  folder: string,
  options: StartOptions = {},
): Promise<ProxyProcess> {
  const port = await freePort();
  const config = {
    listeners: { in: { protocol: 'tcp', bind: `127.0.0.1:${port}`, limits: { maxConnections: 20_000 } } },
    pools: { p: { nodes: nodesConfig('tcp', nodes), connections: { max: 10_000 } } },
    routes: [{ to: 'p' }],
    telemetry: { log: { level: 'warn', messages: false } },
  };
  return spawnGateway('gateway', folder, port, config, options);
}

export const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

export interface HaproxyExtras {
  /** As with the gateway. */
  readonly files?: TlsFiles | undefined;
  /** Dials a node for a sender's first byte and not for its connection, as the gateway does. */
  readonly dialsOnData?: boolean;
}

/** One thread, in the mode that is given, the nodes behind it. */
async function startHaproxyWith(
  name: string,
  folder: string,
  nodes: NodePorts,
  defaults: string,
  frontend: string,
): Promise<ProxyProcess> {
  const port = await freePort();
  const file = join(folder, `haproxy-${port}.cfg`);
  const servers = nodes.map((node, i) => `  server n${i} 127.0.0.1:${node}`).join('\n');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9500
defaults
${defaults}
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend in
  bind 127.0.0.1:${port} backlog 4096${frontend}
  default_backend nodes
backend nodes
  balance leastconn
${servers}
`,
  );
  // -db: in the foreground, so that the child is the process that works.
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started(name, child, port);
}

/** TCP mode, as many connections to the nodes as there are senders: what a load balancer does. */
export function startHaproxy(
  nodes: NodePorts,
  folder: string,
  { files, dialsOnData = false }: HaproxyExtras = {},
): Promise<ProxyProcess> {
  const tls = files === undefined ? '' : ` ssl crt ${files.both} ${HAPROXY_BIND_OPTIONS}`;
  const wait = `
  tcp-request inspect-delay 1m
  tcp-request content reject unless { req.len gt 0 }`;
  const name = dialsOnData ? 'HAProxy that dials on data' : 'HAProxy, TCP mode';
  return startHaproxyWith(name, folder, nodes, '  mode tcp', `${tls}${dialsOnData ? wait : ''}`);
}

export function startHaproxyHttp(nodes: NodePorts, folder: string): Promise<ProxyProcess> {
  const defaults = '  mode http\n  option http-keep-alive\n  option forwardfor\n  http-reuse safe';
  return startHaproxyWith('HAProxy, HTTP mode', folder, nodes, defaults, '');
}

export function haproxyVersion(): string {
  const { stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return /version (\d+\.\d+)/.exec(stdout)?.[1] ?? '';
}

export async function started(
  name: string,
  child: ChildProcess,
  port: number,
  withinMs = 30_000,
): Promise<ProxyProcess> {
  // It must not outlive the benchmark, however that ends.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const end = performance.now() + withinMs;
  // Often, as it is also how long a start takes.
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > end) throw new Error(`${name} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    // HAProxy waits for its connections; there is none left that matters.
    const hard = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await gone;
    clearTimeout(hard);
  };
  return { name, pid: child.pid ?? 0, port, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** HAProxy cannot tell the port that it got for 0. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Linux counts a process's time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

/** User and system time of a process so far, all its threads (proc(5): fields 14 and 15 of stat). */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the name in brackets, which may hold anything; the third follows the last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
