// Who has come with wrong tokens, and how long they wait for the next answer. Promises that guessing is slow, that a
// right token never waits, and that neither table nor waiting requests grow without a bound.
import { monotonicMs, setTimeout } from '../platform/time.ts';

/** Somebody who mistypes, or a monitor with yesterday's token, does not notice. */
const FREE = 10;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** Without a wrong token for so long all is forgotten. */
const FORGET_MS = 60_000;
const MAX_SOURCES = 1000;
/** Of one source; each holds a connection, of which there are few. */
const MAX_WAITING = 5;

interface Failures {
  count: number;
  lastAt: number;
  waiting: number;
}

export class TokenFailures {
  readonly #bySource = new Map<string, Failures>();

  get size(): number {
    return this.#bySource.size;
  }

  /** One more. Resolves when it may be answered; false: it is not to be answered at all, so many wait already. */
  async failed(source: string): Promise<boolean> {
    const failures = this.#failuresOf(source);
    failures.count++;
    failures.lastAt = monotonicMs();
    if (failures.count <= FREE) return true;
    if (failures.waiting >= MAX_WAITING) return false;
    failures.waiting++;
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, failures.count - FREE - 1));
    await new Promise<void>((resolve) => {
      // Nobody stays up for it.
      setTimeout(resolve, delayMs).unref();
    });
    failures.waiting--;
    return true;
  }

  #failuresOf(source: string): Failures {
    const now = monotonicMs();
    const known = this.#bySource.get(source);
    this.#bySource.delete(source);
    const failures =
      known !== undefined && (known.waiting > 0 || now - known.lastAt < FORGET_MS)
        ? known
        : { count: 0, lastAt: now, waiting: 0 };
    // The one that was quiet for the longest time stands first.
    this.#bySource.set(source, failures);
    for (const oldest of this.#bySource.keys()) {
      if (this.#bySource.size <= MAX_SOURCES) break;
      this.#bySource.delete(oldest);
    }
    return failures;
  }
}
