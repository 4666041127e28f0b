// Whose a file of a spool is: a process, and in it one queue. Promises that a file of a process that has ended, or of a queue
// that has, is found to be nobody's, and no other is, as long as the folder is on one machine.
import { readFileSync } from 'node:fs';

/** Of this process. */
const alive = new Set<string>();
let owners = 0;

export class Owner {
  /** For a file's name: process id, when that process has started, and which of its owners. */
  readonly token: string;

  constructor() {
    owners++;
    this.token = `${process.pid}-${startOf(process.pid) ?? 0}-${owners}`;
    alive.add(this.token);
  }

  /** What it has is nobody's from now on. */
  release(): void {
    alive.delete(this.token);
  }
}

export function isAlive(token: string): boolean {
  const [pid = 0, start = 0] = token.split('-').map(Number);
  const ownStart = startOf(process.pid);
  if (pid === process.pid && start === (ownStart ?? 0)) return alive.has(token);
  // An id is given out again, in a container at each start; the moment of the start is not.
  if (ownStart !== undefined) return startOf(pid) === start;
  return isThere(pid);
}

/** In ticks since the machine has started; undefined: there is no such process, it has ended, or this is no Linux. */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the name in parentheses may hold anything; behind it come the state, and as the 20th value the start.
    const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ['Z', 'X'].includes(values[0] ?? '') ? undefined : Number(values[19]);
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
