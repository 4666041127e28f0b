// The proxies under test, each a child process that listens on a port of its own in front of the same node processes.
// Promises: started from a config in a folder of its own, ended by their process id.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HAPROXY_BIND_OPTIONS, type TlsFiles } from './tls-files.ts';

export interface ProxyProcess {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface GatewayShape {
  readonly name: string;
  /** Connections to each node, and messages in flight on each. */
  readonly max: number;
  readonly pipelining: number;
  /** Default: `redial`, as it is the gateway's. */
  readonly repeatedIds?: 'auto' | 'redial' | 'reuse';
  readonly logMessages: boolean;
  /** The `src/main.ts` of another revision; default: this one's. */
  readonly main?: string;
  /** More of `telemetry`. */
  readonly telemetry?: Readonly<Record<string, unknown>>;
}

/** Two nodes, as in the product's own examples. */
export type NodePorts = readonly [number, number];

export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface GatewayExtras {
  /** With them the listener speaks TLS; the nodes get plaintext all the same. */
  readonly files?: TlsFiles | undefined;
  readonly nodeOptions?: readonly string[];
}

/** The gateway reads each header and routes on it: one route on MSH-9.1 that matches, one behind it. */
export async function startGateway(
  shape: GatewayShape,
  nodes: NodePorts,
  folder: string,
  { files, nodeOptions = [] }: GatewayExtras = {},
): Promise<ProxyProcess> {
  const port = await freePort();
  const tls = files === undefined ? {} : { tls: { cert: files.cert, key: files.key } };
  const config = {
    listeners: { in: { bind: `127.0.0.1:${port}`, ...tls } },
    pools: {
      p: {
        nodes: { a: { url: `mllp://127.0.0.1:${nodes[0]}` }, b: { url: `mllp://127.0.0.1:${nodes[1]}` } },
        connections: {
          max: shape.max,
          pipelining: shape.pipelining,
          repeatedIds: shape.repeatedIds ?? 'auto',
        },
      },
    },
    routes: [
      { name: 'admissions', when: { 'MSH-9.1': 'ADT' }, to: 'p' },
      { name: 'rest', to: 'p' },
    ],
    telemetry: {
      log: { level: shape.logMessages ? 'info' : 'warn', messages: shape.logMessages },
      ...shape.telemetry,
    },
  };
  const file = join(folder, `gateway-${port}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  // The log goes through a pipe as it does to a container's runtime; nobody's reading of it is measured.
  const child = spawn(
    process.execPath,
    ['--expose-gc', ...nodeOptions, shape.main ?? MAIN, 'run', '-c', file],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  child.stdout.resume();
  return started(shape.name, child, port);
}

export const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

export interface HaproxyExtras {
  /** As with the gateway. */
  readonly files?: TlsFiles | undefined;
  /** Dials a node for a sender's first byte and not for its connection, as the gateway does. */
  readonly dialsOnData?: boolean;
}

/** TCP mode, one thread, as many connections to the nodes as there are senders: what a load balancer does. */
export async function startHaproxy(
  nodes: NodePorts,
  folder: string,
  { files, dialsOnData = false }: HaproxyExtras = {},
): Promise<ProxyProcess> {
  const port = await freePort();
  const tls = files === undefined ? '' : ` ssl crt ${files.both} ${HAPROXY_BIND_OPTIONS}`;
  const wait = `
  tcp-request inspect-delay 1m
  tcp-request content reject unless { req.len gt 0 }`;
  const file = join(folder, `haproxy-${port}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend in
  bind 127.0.0.1:${port}${tls}${dialsOnData ? wait : ''}
  default_backend nodes
backend nodes
  balance leastconn
  server a 127.0.0.1:${nodes[0]}
  server b 127.0.0.1:${nodes[1]}
`,
  );
  // -db: in the foreground, so that the child is the process that works.
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  return started(dialsOnData ? 'HAProxy that dials on data' : 'HAProxy, TCP mode', child, port);
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
  const end = performance.now() + withinMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > end) throw new Error(`${name} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
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
