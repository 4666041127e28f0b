// The frame that a connection is reading. Promises that its bytes are counted in the budget until it is whole (F79), and that
// it has one time from its first byte to its last, however they trickle (F17).
import { FRAMING_BYTES } from '../../src/mllp/frame.ts';
import type { FrameReader } from '../../src/mllp/frame-reader.ts';
import { PartialMessage, type SourceBudget } from '../accept/buffer-budget.ts';
import { FrameClock } from './frame-clock.ts';

export interface OpenFrameLimits {
  readonly maxFrameBytes: number;
  readonly frameTimeoutMs: number;
}

export class OpenFrame {
  readonly #part: PartialMessage;
  readonly #clock: FrameClock;
  /** Which of the connection's frames they are for. */
  #counted = -1;
  #timed = -1;

  /** `onRoom`: there is room for a frame that had to wait. */
  constructor(source: SourceBudget, onRoom: () => void, onTimeout: () => void) {
    this.#part = new PartialMessage(source, onRoom);
    this.#clock = new FrameClock(onTimeout);
  }

  /** What is counted for it. */
  get bytes(): number {
    return this.#part.bytes;
  }

  /** It is a large one, and there is no room for more of it. */
  get waits(): boolean {
    return this.#part.waits;
  }

  /** The reader has read on. */
  count({ heldBytes, started }: Pick<FrameReader, 'heldBytes' | 'started'>, limits: OpenFrameLimits): void {
    if (heldBytes === 0 || started !== this.#counted) this.#part.end();
    this.#counted = started;
    if (heldBytes > 0) this.#part.grow(heldBytes, limits.maxFrameBytes + FRAMING_BYTES);
  }

  /** Nothing is counted for it any more. */
  uncount(): void {
    this.#part.end();
  }

  /** The reader waits for what comes next; bytes that are no frame have this time too. */
  time({ unfinished, started }: Pick<FrameReader, 'unfinished' | 'started'>, limits: OpenFrameLimits): void {
    if (!unfinished) this.#clock.stop();
    else if (!this.#clock.isSet || this.#timed !== started) {
      this.#timed = started;
      this.#clock.start(limits.frameTimeoutMs);
    }
  }

  pauseTime(): void {
    this.#clock.pause();
  }

  resumeTime(): void {
    this.#clock.resume();
  }

  stopTime(): void {
    this.#clock.stop();
  }
}
