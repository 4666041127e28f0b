// Recorded messages in the order in which they came, though their answers come in another. Promises that a message which is
// never answered does not hold up the rest for ever.
import type { Recorded } from './exchange.ts';

/** Seconds of a busy line; an answer that is later than that is not recorded. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

interface Place {
  recorded: Recorded;
  isWhole: boolean;
}

export class InOrder {
  readonly #onRecorded: (recorded: Recorded) => void;
  readonly #waiting: Place[] = [];
  #bytes = 0;

  constructor(onRecorded: (recorded: Recorded) => void) {
    this.#onRecorded = onRecorded;
  }

  /** The result is to be called with the message and its answer, or with the message alone. */
  place(recorded: Recorded): (whole: Recorded) => void {
    const place: Place = { recorded, isWhole: false };
    this.#waiting.push(place);
    this.#bytes += recorded.message.length;
    this.#flush();
    return (whole) => {
      place.recorded = whole;
      place.isWhole = true;
      this.#flush();
    };
  }

  /** Those that still wait go as they are. */
  end(): void {
    for (const place of this.#waiting) place.isWhole = true;
    this.#flush();
  }

  #flush(): void {
    let gone = 0;
    for (; gone < this.#waiting.length; gone++) {
      const { recorded, isWhole } = this.#waiting[gone] as Place;
      const isFull = this.#waiting.length - gone > MAX_WAITING || this.#bytes > MAX_WAITING_BYTES;
      if (!isWhole && !isFull) break;
      this.#bytes -= recorded.message.length;
      this.#onRecorded(recorded);
    }
    if (gone > 0) this.#waiting.splice(0, gone);
  }
}
