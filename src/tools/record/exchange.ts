// A message and its answer as they were on the wire: what every recording is made of, wherever it comes from.
import { type Ack, readAck } from '../../hl7/ack.ts';
import { answers } from '../../hl7/answers.ts';
import { type Header, readHeader } from '../../hl7/header.ts';

/** A piece of a frame as it was on the wire: its length, framing included, and when it came. */
export interface Chunk {
  readonly bytes: number;
  readonly timeMs: number;
}

export interface Recorded {
  /** Which connection, from 1 in the order in which they were seen. */
  readonly connection: number;
  readonly timeMs: number;
  readonly message: Buffer;
  readonly chunks?: readonly Chunk[] | undefined;
  readonly answer?: Buffer | undefined;
  readonly code?: string | undefined;
  readonly answeredMs?: number | undefined;
}

interface Open {
  readonly header: Header;
  readonly give: (answer: RecordedAnswer | undefined) => void;
}

export interface RecordedAnswer {
  readonly payload: Buffer;
  readonly ack: Ack;
  readonly timeMs: number;
}

/** A receiver that answers nothing is no reason to keep all that it was sent. */
const MAX_OPEN = 1000;

/** The messages of one direction that wait for their answers from the other. */
export class Unanswered {
  readonly #open: Open[] = [];

  /** `give` is called once: with the answer, or without where none came. */
  add(header: Header, give: Open['give']): void {
    this.#open.push({ header, give });
    if (this.#open.length > MAX_OPEN) this.#open.shift()?.give(undefined);
  }

  /** Answers come in the order of the messages (MLLP R1): those before the one that is answered never will be. */
  take(answer: RecordedAnswer): boolean {
    const at = this.#open.findIndex(({ header }) => answers(answer.ack, header));
    if (at < 0) return false;
    for (const skipped of this.#open.splice(0, at)) skipped.give(undefined);
    this.#open.shift()?.give(answer);
    return true;
  }

  end(): void {
    for (const one of this.#open.splice(0)) one.give(undefined);
  }
}

/** An acknowledgement, whatever else is in it. */
export function ackIn(payload: Buffer): Ack | undefined {
  return readAck(payload);
}

/** Undefined: no HL7. */
export function headerIn(payload: Buffer): Header | undefined {
  try {
    return readHeader(payload);
  } catch {
    return undefined;
  }
}
