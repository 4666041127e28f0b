// Waiting in tests: for an event with a deadline, or, where there is no event, for a condition.
// Promises: a wait that fails says what it waited for; no timer survives the wait.
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';

/** Rounds on setImmediate before the poll slows down: enough for a few loopback round trips in one process. */
const QUICK_ROUNDS = 50;
/** After that, short enough not to be felt and long enough to leave a busy machine to the work that is awaited. */
const POLL_MS = 2;
/** A long wait is looked at less often: it becomes this part longer at most. */
const POLL_SHARE = 0.05;
const MAX_POLL_MS = 50;

/** How long something is waited for that comes at once on an idle machine: cores that others use as well are slow, not wrong. */
export const PATIENCE_MS = 30_000;

/** Resolves with the first truthy value of `check`; rejects at the deadline, with the last error of `check` as cause. */
export async function until<T>(
  check: () => T | Promise<T>,
  { deadlineMs = PATIENCE_MS, what = 'the condition' }: { deadlineMs?: number; what?: string } = {},
): Promise<Exclude<Awaited<T>, undefined | null | false | 0 | ''>> {
  const begun = performance.now();
  const end = begun + deadlineMs;
  let cause: unknown;
  for (let round = 0; ; round++) {
    try {
      const value = await check();
      if (value) return value as Exclude<Awaited<T>, undefined | null | false | 0 | ''>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) throw new Error(`${what} did not hold within ${deadlineMs} ms`, { cause });
    const waitedMs = performance.now() - begun;
    const pollMs = Math.min(MAX_POLL_MS, Math.max(POLL_MS, waitedMs * POLL_SHARE));
    await (round < QUICK_ROUNDS ? turn() : pause(pollMs));
  }
}

/** The promise's own outcome, or a rejection that says what was awaited. */
export async function within<T>(promise: Promise<T>, deadlineMs: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what()} (deadline ${deadlineMs} ms)`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Event-loop turns, so that peers in this process have seen what was written before. Not a time: on loopback the kernel
 * hands bytes over during the write, and three turns take them through poll, parse and a TLS record layer.
 */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** A promise that the test opens by hand: `node.script = answers.after(hold, answers.aa())`, then `hold.open()`. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Lets waits look again whenever something has happened. */
export class Waits {
  #wakes: (() => void)[] = [];

  /** Something has happened. */
  changed(): void {
    for (const wake of this.#wakes) wake();
  }

  /** Resolves once `holds`; rejects at the deadline, or at once if `hopeless` gives a reason why it never will. */
  async when(
    holds: () => boolean,
    deadlineMs: number,
    what: () => string,
    hopeless: () => string | undefined = () => undefined,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const wake = (): void => {
      const reason = hopeless();
      if (holds()) resolve();
      else if (reason !== undefined) reject(new Error(`${what()}: ${reason}`));
    };
    this.#wakes.push(wake);
    wake();
    try {
      await within(promise, deadlineMs, what);
    } finally {
      this.#wakes = this.#wakes.filter((other) => other !== wake);
    }
  }
}
