// TCP connections that this process has open at one of its ports, as the kernel counts them: also those that no object of
// Node.js stands for any more. Linux only.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/** At the accepting end. A connection that the process has closed and the kernel still remembers does not count. */
export function socketsAt(port: number): number {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/self/net/${table}`, 'latin1').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${local}`) === true && columns[3] !== LISTENING)
        inodes.add(`socket:[${columns[9]}]`);
    }
  }
  if (inodes.size === 0) return 0;
  let count = 0;
  for (const fd of readdirSync('/proc/self/fd')) if (inodes.has(targetOf(fd))) count++;
  return count;
}

/** The one that the folder was read with is gone by now. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
