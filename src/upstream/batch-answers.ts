// F82: the answers to one frame of several messages, where a node gives each message an answer of its own. Promises that all of
// them come back to the sender together, none is dropped, and that it ends.
import { type Ack, isNegative } from '../hl7/ack.ts';
import { findHeader, type Header } from '../hl7/header.ts';

/** After an answer, so long a further one is waited for. Mirth works on the messages of a batch one after the other. */
const QUIET_MS = 300;

/** Messages in the frame. */
export function messagesIn({ bytes, isMsh, start, end }: Header): number {
  if (!isMsh) return 0;
  let count = 1;
  for (let at = findHeader(bytes, Math.max(end - 1, start)); at >= 0; at = findHeader(bytes, at)) count++;
  return count;
}

export class BatchAnswers {
  readonly #messages: number;
  readonly #onQuiet: () => void;
  readonly #frames: Buffer[] = [];
  #ack: Ack | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onQuiet`: no further answer has come for a while. */
  constructor(messages: number, onQuiet: () => void) {
    this.#messages = messages;
    this.#onQuiet = onQuiet;
  }

  /** One more answer. True: there are no more to come. */
  add(ack: Ack, payload: Buffer, frame: Buffer): boolean {
    clearTimeout(this.#timer);
    // It may be a view of memory that is read into again.
    this.#frames.push(Buffer.from(frame));
    if (this.#ack === undefined || (!isNegative(this.#ack.code) && isNegative(ack.code))) this.#ack = ack;
    if (this.#frames.length >= this.#messages || isWhole(payload)) return true;
    this.#timer = setTimeout(this.#onQuiet, QUIET_MS);
    return false;
  }

  /** The first negative one, or the first; with the frames of all of them, one behind the other. */
  end(): { readonly ack: Ack; readonly frames: Buffer } | undefined {
    clearTimeout(this.#timer);
    return this.#ack && { ack: this.#ack, frames: Buffer.concat(this.#frames) };
  }
}

/** A batch of answers, or several in one frame: the answer to all. */
function isWhole(payload: Buffer): boolean {
  const name = payload.toString('latin1', 0, 3);
  return name === 'FHS' || name === 'BHS' || findHeader(payload, 0) > 0;
}
