// Senders of a pair's test, and what they saw: when each message was acknowledged, so how long nobody was served.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../helpers/namespaces.ts';
import { Waits } from '../../helpers/until.ts';

const SENDER = fileURLToPath(new URL('./sender.ts', import.meta.url));
/**
 * A gateway that hangs still has connections accepted, by its kernel: who connects anew each time tries again soon. Who keeps a
 * connection waits for as long as interface engines do at least, which is longer than a hang takes to be found.
 */
const ACK_TIMEOUT_MS = { new: 300, open: 5000 };

export interface Acknowledged {
  readonly id: string;
  readonly facility: string;
  /** Attempts that were written and had no answer. */
  readonly ambiguous: number;
  /** When it came here, by this process's monotonic clock. */
  readonly at: number;
}

export class Traffic {
  readonly acknowledged: Acknowledged[] = [];
  readonly #waits = new Waits();
  readonly #end: () => Promise<void>;
  #from = performance.now();

  /** `kind`: each message by a `new` connection, or all by one that stays `open`. */
  constructor(host: Host, address: string, port: number, kind: 'new' | 'open', name: string) {
    const args = [SENDER, address, String(port), kind, String(ACK_TIMEOUT_MS[kind]), name];
    const child = host.spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    createInterface({ input: stdout }).on('line', (line) => {
      const { id, facility, ambiguous }: Acknowledged = JSON.parse(line);
      this.acknowledged.push({ id, facility, ambiguous, at: performance.now() });
      this.#waits.changed();
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.#end = () => {
      stdin.end();
      return ended;
    };
  }

  /** From now on it counts how long nobody is served. */
  mark(): void {
    this.#from = performance.now();
  }

  /** The longest time without an acknowledgement since `mark`, up to now. */
  get longestGapMs(): number {
    const times = this.acknowledged.map(({ at }) => at);
    const before = times.findLast((at) => at <= this.#from) ?? this.#from;
    const all = [before, ...times.filter((at) => at > this.#from), performance.now()];
    return all.slice(1).reduce((most, at, i) => Math.max(most, at - (all[i] ?? at)), 0);
  }

  /** Until that many more are acknowledged. */
  async more(count: number, deadlineMs = 60_000): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await this.#waits.when(
      () => this.acknowledged.length >= wanted,
      deadlineMs,
      () => `${count} more acknowledgements; there are ${this.acknowledged.length} of ${wanted}`,
    );
  }

  /** Ends when the message in work is answered. */
  async stop(): Promise<void> {
    await this.#end();
  }
}

/** What became of all messages. */
export interface Account {
  readonly acknowledged: number;
  /** Acknowledged, and with no node. */
  readonly lost: readonly string[];
  /** With a node more than once although each time but one there was an answer. */
  readonly twice: readonly string[];
  /** Sent again by their senders, as there was no answer, and with a node more than once. */
  readonly ambiguous: readonly string[];
  /** Facilities whose messages have gone to more than one node. */
  readonly moved: readonly string[];
}

/** `delivered`: MSH-10 of what each node got. */
export function accountOf(
  acknowledged: readonly Acknowledged[],
  delivered: readonly (readonly string[])[],
): Account {
  const times = new Map<string, number>();
  for (const id of delivered.flat()) times.set(id, (times.get(id) ?? 0) + 1);
  const repeated = acknowledged.filter(({ id }) => (times.get(id) ?? 0) > 1);
  const facilities = delivered.map((ids) => new Set(ids.map((id) => id.split('-')[1] ?? '')));
  const all = new Set(facilities.flatMap((one) => [...one]));
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(({ id }) => !times.has(id)).map(({ id }) => id),
    twice: repeated.filter(({ id, ambiguous }) => (times.get(id) ?? 0) > 1 + ambiguous).map(({ id }) => id),
    ambiguous: repeated.map(({ id }) => id),
    moved: [...all].filter((facility) => facilities.filter((one) => one.has(facility)).length > 1),
  };
}
