// Until when a node has to answer the message that is due. Promises one timer for a connection, whatever goes over it, that is never
// forgotten: the event loop's clock may be coarser than this one, so it can be early.

export class AnswerDeadline {
  readonly #ackMs: number;
  readonly #silenceMs: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = 0;
  #since = 0;
  /** How long it may take from then on. */
  #ms = 0;

  /** `silenceMs`: where no answer means success (F90). */
  constructor(ackMs: number, silenceMs: number, onOver: () => void) {
    this.#ackMs = ackMs;
    this.#silenceMs = Math.min(silenceMs, ackMs);
    this.#onOver = onOver;
  }

  /** When the message that is due became so, in performance.now() milliseconds. */
  get since(): number {
    return this.#since;
  }

  /** The node has taken as long as it may for an answer. */
  get isAnswerLate(): boolean {
    return performance.now() - this.#since > this.#ackMs;
  }

  /** A message's answer is due from now on. */
  start(silenceIsSuccess: boolean, now: number): void {
    this.#since = now;
    this.#ms = silenceIsSuccess ? this.#silenceMs : this.#ackMs;
    // One that wakes before then looks again: it is not set anew for each message.
    if (this.#timer === undefined || this.#wakesAt > now + this.#ms) this.#wakeIn(this.#ms, now);
  }

  /** As long once more, for the same message. */
  extend(): void {
    this.#wakeIn(this.#ms, performance.now());
  }

  /** It may still be started. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wakeIn(ms: number, now: number): void {
    clearTimeout(this.#timer);
    this.#wakesAt = now + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const wokeAt = performance.now();
      const leftMs = this.#since + this.#ms - wokeAt;
      if (leftMs > 1) this.#wakeIn(leftMs, wokeAt);
      else this.#onOver();
    }, ms);
    this.#timer.unref();
  }
}
