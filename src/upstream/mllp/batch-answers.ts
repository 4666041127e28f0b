// F82: the answers to one frame of several messages, where a node gives each message an answer of its own. Promises that all of
// them come back to the sender together, none is dropped, and that it ends.
import { type Ack, isNegative } from '../../hl7/ack.ts';
import { findHeader, type Header } from '../../hl7/header.ts';
import { monotonicMs } from '../../platform/time.ts';
import { afterLoopTime } from '../loop-time.ts';

/** Behind the first answer a further one is waited for so long at least. Mirth works on the messages of a batch one after the other. */
const QUIET_MS = 300;
/** And this many times as long as the first one took: a slow channel is slow with each message. */
const QUIET_TIMES = 2;

/** Messages in the frame. */
export function messagesIn({ bytes, isMsh, start, end }: Header): number {
  if (!isMsh) return 0;
  let count = 1;
  for (let at = findHeader(bytes, Math.max(end - 1, start)); at >= 0; at = findHeader(bytes, at)) count++;
  return count;
}

export class BatchAnswers {
  readonly #messages: number;
  readonly #ackMs: number;
  readonly #sentAt = monotonicMs();
  readonly #onQuiet: () => void;
  readonly #frames: Buffer[] = [];
  #ack: Ack | undefined;
  #endWait: (() => void) | undefined;

  /** `ackMs`: how long an answer may take. `onQuiet`: no further answer has come for a while. */
  constructor(messages: number, ackMs: number, onQuiet: () => void) {
    this.#messages = messages;
    this.#ackMs = ackMs;
    this.#onQuiet = onQuiet;
  }

  /** One more answer. True: there are no more to come. */
  add(ack: Ack, payload: Buffer, frame: Buffer): boolean {
    this.#endWait?.();
    // It may be a view of memory that is read into again.
    this.#frames.push(Buffer.from(frame));
    if (this.#ack === undefined || (!isNegative(this.#ack.code) && isNegative(ack.code))) this.#ack = ack;
    if (this.#frames.length >= this.#messages || isWhole(payload)) return true;
    // A second answer says that the node answers each message.
    const waitMs =
      this.#frames.length > 1
        ? this.#ackMs
        : Math.min(this.#ackMs, Math.max(QUIET_MS, QUIET_TIMES * (monotonicMs() - this.#sentAt)));
    this.#endWait = afterLoopTime(waitMs, this.#onQuiet);
    return false;
  }

  /** The first negative one, or the first; with the frames of all of them, one behind the other. */
  end(): { readonly ack: Ack; readonly frames: Buffer } | undefined {
    this.#endWait?.();
    return this.#ack && { ack: this.#ack, frames: Buffer.concat(this.#frames) };
  }
}

/** A batch of answers, or several in one frame: the answer to all. */
function isWhole(payload: Buffer): boolean {
  const name = payload.toString('latin1', 0, 3);
  return name === 'FHS' || name === 'BHS' || findHeader(payload, 0) > 0;
}
