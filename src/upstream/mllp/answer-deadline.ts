// Until when a node has to answer the message that is due. Promises one timer for a connection, whatever goes over it, that is never
// forgotten: the event loop's clock may be coarser than this one, so it can be early.

export class AnswerDeadline {
  readonly #ackMs: number;
  readonly #silenceMs: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
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
    const ms = silenceIsSuccess ? this.#silenceMs : this.#ackMs;
    if (this.#timer !== undefined && ms === this.#ms) this.#timer.refresh();
    else {
      this.#ms = ms;
      this.#wakeIn(ms);
    }
  }

  /** As long once more, for the same message. */
  extend(): void {
    this.#wakeIn(this.#ms);
  }

  /** It may still be started. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const leftMs = this.#since + this.#ms - performance.now();
      if (leftMs > 1) this.#wakeIn(leftMs);
      else this.#onOver();
    }, ms);
    this.#timer.unref();
  }
}
