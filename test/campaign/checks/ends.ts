// What is left when a campaign is over: senders without their answers, descriptors, memory, and how the gateway ended. Pure.
// Promises: each bound is stated here, with why it is that number.
import type { Facts } from './facts.ts';
import type { Violation } from './violation.ts';

export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

export interface Ending {
  readonly descriptors: { readonly before: number; readonly after: number; readonly what: readonly string[] };
  /** After a garbage collection: before the first event, under load; and after the last, without any. */
  readonly memory: { readonly before: Memory; readonly after: Memory };
  /** Undefined where it had ended before it was told to. */
  readonly exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  readonly stderr: string;
  /** Lines of the gateway's own log that say that it failed. */
  readonly failures: readonly string[];
}

const MIB = 1024 * 1024;
/**
 * Code that is compiled on the way, and tables that fill once. A kilobyte left behind by each of a long campaign's 100,000
 * messages would be 100 MiB.
 */
const HEAP_GROWTH = 4 * MIB;
/** What V8 and malloc keep of a burst's pages instead of giving them back. */
const RSS_GROWTH = 64 * MIB;

export function checkEnding(
  facts: Facts,
  { descriptors, memory, exit, stderr, failures }: Ending,
): Violation[] {
  const found: Violation[] = [...facts.connections.keys()]
    .filter((sender) => !facts.done.has(sender))
    .map((sender) => ({ rule: 'never-answered', text: sender }));
  if (descriptors.after > descriptors.before)
    found.push({
      rule: 'descriptors',
      text: `${descriptors.before} before, ${descriptors.after} after: ${descriptors.what.join(', ')}`,
    });
  for (const [what, bound] of [
    ['heapUsed', HEAP_GROWTH],
    ['external', HEAP_GROWTH],
    ['rss', RSS_GROWTH],
  ] as const) {
    const growth = memory.after[what] - memory.before[what];
    if (growth > bound)
      found.push({
        rule: 'memory',
        text: `${what}: ${inMib(memory.before[what])} before, ${inMib(growth)} more after`,
      });
  }
  if (exit?.code !== 0)
    found.push({ rule: 'exit', text: exit === undefined ? 'too early' : JSON.stringify(exit) });
  if (stderr !== '') found.push({ rule: 'exit', text: `on stderr: ${stderr}` });
  for (const line of failures) found.push({ rule: 'exit', text: line });
  return found;
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
