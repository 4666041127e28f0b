// Lines of the log that may come without end (a scanner at a port, a wrong token in a loop): limited for each cause, with the
// number of those that were left out. Promises a bound to its memory, whatever the causes are.
import { monotonicMs, setTimeout } from '../../platform/time.ts';

/** A second line every 100 ms is more than anybody reads; a burst of as many is told whole. */
const MOST = 100;
const WINDOW_MS = 10_000;
/** Listeners times error codes; more are counted together. */
const MAX_CAUSES = 1_000;

interface Cause {
  count: number;
  readonly endsAt: number;
}

export class Repeats {
  readonly #causes = new Map<string, Cause>();
  readonly #most: number;
  readonly #windowMs: number;
  readonly #now: () => number;

  constructor(most = MOST, windowMs = WINDOW_MS, now: () => number = () => monotonicMs()) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /**
   * May a line about this cause be written now? `tell` is called once its window is over, with how many were not.
   */
  admits(cause: string, tell: (leftOut: number) => void): boolean {
    const key = this.#causes.has(cause) || this.#causes.size < MAX_CAUSES ? cause : '';
    const now = this.#now();
    let known = this.#causes.get(key);
    if (known === undefined || known.endsAt <= now) {
      known = { count: 0, endsAt: now + this.#windowMs };
      this.#causes.set(key, known);
      this.#endLater(key, known, tell);
    }
    known.count++;
    return known.count <= this.#most;
  }

  #endLater(key: string, cause: Cause, tell: (leftOut: number) => void): void {
    const timer = setTimeout(() => {
      if (this.#causes.get(key) === cause) this.#causes.delete(key);
      if (cause.count > this.#most) tell(cause.count - this.#most);
    }, this.#windowMs);
    timer.unref();
  }
}
