// How long a message may take to come in. Promises that only the time counts in which it is read: a sender that the
// gateway makes wait is not the slow one.
import { clearTimeout, monotonicMs, setTimeout } from '../../src/platform/time.ts';

export class FrameClock {
  readonly #onTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;
  #leftMs: number | undefined;
  #startedAt = 0;

  constructor(onTimeout: () => void) {
    this.#onTimeout = onTimeout;
  }

  /** It has been started, and is neither stopped nor over. */
  get isSet(): boolean {
    return this.#leftMs !== undefined;
  }

  start(ms: number): void {
    this.stop();
    this.#leftMs = ms;
    this.resume();
  }

  pause(): void {
    if (this.#timer === undefined || this.#leftMs === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs -= monotonicMs() - this.#startedAt;
  }

  resume(): void {
    if (this.#timer !== undefined || this.#leftMs === undefined) return;
    this.#startedAt = monotonicMs();
    this.#timer = setTimeout(
      () => {
        this.stop();
        this.#onTimeout();
      },
      Math.max(1, this.#leftMs),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = undefined;
  }
}
