// What tests of the whole process share: a config of `run` in a folder of its own, and where it listens, also where its log
// cannot be read.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCommand } from '../cli/command-line.ts';
import { folderWith } from '../config/config-folder.ts';
import { socketInodes } from '../helpers/open-sockets.ts';
import { until } from '../helpers/until.ts';

export interface RunConfig {
  /** Of the one pool, by name: URLs. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Beside the MLLP listener `in`. */
  readonly listeners?: Readonly<Record<string, unknown>>;
  readonly pool?: Readonly<Record<string, unknown>>;
  /** More pools, and the routes to them before the one for all. */
  readonly pools?: Readonly<Record<string, unknown>>;
  readonly routes?: readonly unknown[];
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Addresses of loopback of its own, by which a listener is told from the other. */
const MLLP = '127.0.0.1';
const ADMIN = '127.0.0.2';

/** Path of the file, which goes with the test. */
export function runConfig({ nodes, listeners, pool, pools, routes = [], more }: RunConfig): string {
  const config = {
    listeners: { in: { bind: `${MLLP}:0` }, ...listeners },
    pools: {
      p: {
        nodes: Object.fromEntries(Object.entries(nodes).map(([name, url]) => [name, { url }])),
        health: { type: 'none' },
        ...pool,
      },
      ...pools,
    },
    routes: [...routes, { name: 'all', to: 'p' }],
    admin: { bind: `${ADMIN}:0`, token: 'a-token-of-this-test' },
    ...more,
  };
  return join(folderWith({ 'gateway.yaml': JSON.stringify(config) }), 'gateway.yaml');
}

/** Ports of its MLLP listener and of its admin API, told by its log. */
export async function addresses(gateway: RunningCommand): Promise<{ mllp: number; admin: number }> {
  const port = async (pattern: RegExp): Promise<number> => {
    const [line] = await gateway.line(pattern);
    const { address } = JSON.parse(line) as { address: string };
    return Number(address.split(':').at(-1));
  };
  return {
    mllp: await port(/^\{.*"listener":"in".*"msg":"listening"\}$/),
    admin: await port(/^\{.*"msg":"admin API listening"\}$/),
  };
}

/** The same, told by the kernel: for a gateway whose log nobody can read. */
export async function addressesOf(pid: number): Promise<{ mllp: number; admin: number }> {
  let looks = 0;
  let sockets: ReadonlySet<string> = new Set();
  return until(
    () => {
      const before = sockets;
      sockets = new Set(socketInodes(pid));
      // The kernel's table is dear to read: where there is a new socket, and now and then, as it listens a moment later.
      if (looks++ % 10 !== 0 && [...sockets].every((socket) => before.has(socket))) return undefined;
      const ports = listeningPorts(pid, sockets);
      const [mllp = 0, admin = 0] = [ports.get(MLLP), ports.get(ADMIN)];
      return mllp > 0 && admin > 0 ? { mllp, admin } : undefined;
    },
    { deadlineMs: 60_000, what: 'the gateway listens' },
  );
}

/** By IPv4 address (proc_net(5)): state 0A is LISTEN, the tenth column the inode that a descriptor of the process names. */
function listeningPorts(pid: number, sockets: ReadonlySet<string>): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'latin1').split('\n')) {
    if (!line.includes(' 0A ')) continue;
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== '0A' || !sockets.has(inode)) continue;
    const [address = '', port = ''] = local.split(':');
    const bytes = Buffer.from(address, 'hex').reverse();
    ports.set([...bytes].join('.'), Number.parseInt(port, 16));
  }
  return ports;
}
