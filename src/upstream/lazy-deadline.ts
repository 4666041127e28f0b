// A deadline that begins again with each message, request or read of a connection, for the price of a number: its timer is touched only
// where a new deadline is earlier than it, and looks at what has come since when it fires.
import { clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';

export class LazyDeadline {
  readonly #onDue: () => void;
  #limitMs = 0;
  /** In monotonicMs() milliseconds. */
  #dueAt = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  get limitMs(): number {
    return this.#limitMs;
  }

  /** From now on something must come within so long. */
  begin(limitMs: number, now = monotonicMs()): void {
    this.#limitMs = limitMs;
    this.refresh(now);
    if (this.#dueAt < this.#timerAt) this.#arm(limitMs);
  }

  /** Something has come. */
  refresh(now: number): void {
    this.#dueAt = now + this.#limitMs;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.#dueAt;
    // What it watches keeps the process alive, or nothing does.
    this.#timer = setTimeout(this.#onTimer, ms).unref();
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const leftMs = this.#dueAt - monotonicMs();
    if (leftMs > 0) this.#arm(Math.ceil(leftMs));
    else this.#onDue();
  };
}
