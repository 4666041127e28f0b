// The sockets that a process has open, as the kernel counts them: also those that no object of Node.js stands for any more.
// Linux only.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface OpenSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: string;
  /** Bytes that its peer has not taken, and that came and were not read. */
  readonly queues: readonly [sent: number, received: number];
}

/** By number, include/net/tcp_states.h. */
const STATES = [
  'none',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
];

/** Of this process's sockets, by inode: their ports, which stay the same; 0: it is a listener, or none of TCP. */
const ports = new Map<string, number>();

/** At the accepting end. A connection that the process has closed and the kernel still remembers does not count. */
export function socketsAt(port: number): number {
  // The kernel's tables are long, and dear to read: only where they may say something new.
  const mayCount = (inode: string): boolean => (ports.get(inode) ?? port) === port;
  if (!socketInodes('self').some(mayCount)) return 0;
  return openConnections('self').filter(({ localPort }) => localPort === port).length;
}

/** Of all that are sockets, of whatever kind. */
export function socketInodes(process: number | 'self'): string[] {
  return readdirSync(`/proc/${process}/fd`).flatMap((fd) => inodeOf(`/proc/${process}/fd/${fd}`) ?? []);
}

/** Those of TCP. One that the kernel has forgotten the peer of is not among them. */
export function openConnections(process: number | 'self'): OpenSocket[] {
  const known = new Map<string, OpenSocket>();
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${process}/net/${table}`, 'latin1').split('\n').slice(1)) {
      // Thousands of them on a machine that tests, and no process has them.
      if (line.includes(' 06 ')) continue;
      const [, local = '', remote = '', state = '', queues = '', , , , , inode] = line.trim().split(/\s+/);
      if (inode === undefined) continue;
      if (STATES[hex(state)] === 'LISTEN') {
        ports.set(inode, 0);
        continue;
      }
      const [sent = 0, received = 0] = queues.split(':').map(hex);
      const [localPort, remotePort] = [portOf(local), portOf(remote)];
      known.set(inode, {
        localPort,
        remotePort,
        state: STATES[hex(state)] ?? state,
        queues: [sent, received],
      });
    }
  }
  const inodes = socketInodes(process);
  if (process === 'self') rememberPorts(inodes, known);
  return inodes.flatMap((inode) => known.get(inode) ?? []);
}

/** One that no table of TCP has may be about to connect, unless it is of another kind. */
function rememberPorts(inodes: readonly string[], known: ReadonlyMap<string, OpenSocket>): void {
  for (const inode of inodes) {
    const found = known.get(inode);
    if (found !== undefined) ports.set(inode, found.localPort);
  }
  if (inodes.every((inode) => ports.has(inode))) return;
  for (const line of readFileSync('/proc/self/net/unix', 'latin1').split('\n').slice(1))
    ports.set(line.trim().split(/\s+/)[6] ?? '', 0);
}

/** The one that a folder of descriptors was read with is gone by now. */
function inodeOf(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
  } catch {
    return undefined;
  }
}

function portOf(address: string): number {
  return hex(address.split(':')[1] ?? '');
}

function hex(text: string): number {
  return Number.parseInt(text, 16);
}
