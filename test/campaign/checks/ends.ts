// What is left when a campaign is over: senders without their answers, descriptors, memory, and how the gateway ended. Pure.
// Promises: each bound is stated here, with why it is that number.
import type { Promises } from '../profiles.ts';
import type { Disturbance } from './calm.ts';
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
  /** Of each process that another one took over from. */
  readonly handovers: readonly Handover[];
  readonly stderr: string;
  /** Lines of the gateway's own log that say that it failed. */
  readonly failures: readonly string[];
  /** Of those, what the process itself says of an error that nobody had caught. */
  readonly uncaught: readonly string[];
  /** Reloads that went otherwise than what was in the file asks for. */
  readonly reloads: readonly string[];
  readonly disturbances: readonly Disturbance[];
}

/** A hot restart: in microseconds from when the new process was started to when the old one was gone. */
export interface Handover {
  readonly from: number;
  readonly until: number;
  /** Of the old process. Undefined: it did not end. */
  readonly exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  /** Of the old process, before. */
  readonly memory: Memory;
}

const MIB = 1024 * 1024;
/**
 * Code that is compiled on the way, and tables that fill once. A kilobyte left behind by each of a long campaign's 100,000
 * messages would be 100 MiB.
 */
const HEAP_GROWTH = 8 * MIB;
/**
 * Pages that V8 and malloc keep from a burst instead of giving them back: up to 140 MiB were seen in a campaign of 27,000
 * messages whose heap had grown by 1 MiB. A leak outside the heap is found by the soak, which holds RSS to be flat.
 */
const RSS_GROWTH = 192 * MIB;

export function checkEnding(
  facts: Facts,
  { descriptors, memory, exit, handovers, stderr, failures, uncaught, reloads }: Ending,
  { keptOutside }: Pick<Promises, 'keptOutside'> = {},
): Violation[] {
  const found: Violation[] = [...facts.connections.keys()]
    .filter((sender) => !facts.done.has(sender))
    .map((sender) => ({ rule: 'never-answered', text: sender }));
  if (descriptors.after > descriptors.before)
    found.push({
      rule: 'descriptors',
      text: `${descriptors.before} before, ${descriptors.after} after: ${descriptors.what.join(', ')}`,
    });
  // A process that took over has not been measured when it was new: all of them are held against the first.
  for (const after of [...handovers.map((one) => one.memory), memory.after])
    found.push(...checkMemory(memory.before, after, keptOutside));
  for (const [at, { exit: left }] of handovers.entries())
    if (left?.code !== 0)
      found.push({
        rule: 'exit',
        text: `process ${at + 1}: ${left === undefined ? 'not' : JSON.stringify(left)}`,
      });
  if (exit?.code !== 0)
    found.push({ rule: 'exit', text: exit === undefined ? 'too early' : JSON.stringify(exit) });
  if (stderr !== '') found.push({ rule: 'exit', text: `on stderr: ${stderr}` });
  for (const text of uncaught) found.push({ rule: 'uncaught', text });
  for (const line of failures) found.push({ rule: 'exit', text: line });
  for (const text of reloads) found.push({ rule: 'reload', text });
  return found;
}

function checkMemory(before: Memory, after: Memory, keptOutside = 0): Violation[] {
  return (
    [
      ['heapUsed', HEAP_GROWTH],
      ['external', HEAP_GROWTH + keptOutside],
      ['rss', RSS_GROWTH],
    ] as const
  ).flatMap(([what, bound]) => {
    const growth = after[what] - before[what];
    if (growth <= bound) return [];
    return [{ rule: 'memory', text: `${what}: ${inMib(before[what])} before, ${inMib(growth)} more after` }];
  });
}

/** A peer on a busy machine sees what happened that much later. In microseconds. */
const SEEN_LATE = 1_000_000;

/** Both processes may be at work, or have been just now. */
export function isHandover(t: number, handovers: readonly Pick<Handover, 'from' | 'until'>[]): boolean {
  return handovers.some(({ from, until }) => t >= from && t <= until + SEEN_LATE);
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
