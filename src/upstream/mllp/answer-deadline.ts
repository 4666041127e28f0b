// Until when a node has to answer the message that is due. Promises one timer for a connection, whatever goes over it, that is never
// forgotten.
import { monotonicMs } from '../../platform/time.ts';
import { LazyDeadline } from '../lazy-deadline.ts';

export class AnswerDeadline {
  readonly #ackMs: number;
  readonly #silenceMs: number;
  readonly #deadline: LazyDeadline;
  #since = 0;

  /** `silenceMs`: where no answer means success (F90). */
  constructor(ackMs: number, silenceMs: number, onOver: () => void) {
    this.#ackMs = ackMs;
    this.#silenceMs = Math.min(silenceMs, ackMs);
    this.#deadline = new LazyDeadline(onOver);
  }

  /** When the message that is due became so, in monotonicMs() milliseconds. */
  get since(): number {
    return this.#since;
  }

  /** The node has taken as long as it may for an answer. */
  get isAnswerLate(): boolean {
    return monotonicMs() - this.#since > this.#ackMs;
  }

  /** A message's answer is due from now on. */
  start(silenceIsSuccess: boolean, now: number): void {
    this.#since = now;
    this.#deadline.begin(silenceIsSuccess ? this.#silenceMs : this.#ackMs, now);
  }

  /** As long once more, for the same message. */
  extend(): void {
    this.#deadline.begin(this.#deadline.limitMs);
  }

  /** It may still be started. */
  stop(): void {
    this.#deadline.end();
  }
}
