// F43, F89: what one sender's connection is told behind the answers of its messages: application acknowledgements of those
// that were committed. Outlives the connection, holds nothing of its messages, and says how long it is worth waiting.
import { clearTimeout, monotonicMs, setTimeout } from '../../src/platform/time.ts';
import type { ReplyTarget } from '../../src/upstream/delivery.ts';

export class LaterAnswers implements ReplyTarget {
  #write: ((frame: Buffer) => void) | undefined;
  #onOver: (() => void) | undefined;
  #owed = 0;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onOver`: nothing is waited for any more, after `isOwed` was true. */
  constructor(write: (frame: Buffer) => void, onOver: () => void) {
    this.#write = write;
    this.#onOver = onOver;
  }

  get owner(): object {
    return this;
  }

  get isThere(): boolean {
    return this.#write !== undefined;
  }

  /** Some answer is to come, and its time is not over. */
  get isOwed(): boolean {
    return this.#owed > 0 && this.#until > monotonicMs();
  }

  expect(until: number): void {
    this.#owed++;
    if (until > this.#until) this.#until = until;
  }

  tell(frame: Buffer): boolean {
    const { isThere } = this;
    this.#write?.(frame);
    this.release();
    return isThere;
  }

  release(): void {
    if (this.#owed > 0) this.#owed--;
    if (this.#owed === 0) this.#onOver?.();
  }

  /** Nobody waits longer than so many milliseconds from now on. */
  hurry(ms: number): void {
    this.#until = Math.min(this.#until, monotonicMs() + ms);
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.watch();
  }

  /** `onOver` is called when time is over, too; also where it has passed since the caller has looked. */
  watch(): void {
    if (this.#timer !== undefined || this.#owed === 0) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.isOwed) this.watch();
        else this.#onOver?.();
      },
      Math.max(1, this.#until - monotonicMs()),
    );
    this.#timer.unref();
  }

  /** The connection has ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write = undefined;
    this.#onOver = undefined;
  }
}
