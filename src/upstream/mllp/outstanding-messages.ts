// The messages of one connection whose answers are due, in the order in which they were sent. Promises to know of which no byte has
// been handed to the operating system: those may go to another node when the connection ends.
import type { GatewayError } from '../../errors.ts';
import type { Ack } from '../../hl7/ack.ts';
import { answers } from '../../hl7/answers.ts';
import { Ring } from '../../ring.ts';
import type { Delivery } from '../delivery.ts';
import type { ConnectionErrors } from './connection-errors.ts';

export class OutstandingMessages {
  readonly #all = new Ring<Delivery>();
  /** The last ones, whose bytes are not handed over yet. */
  #unwritten = 0;

  get length(): number {
    return this.#all.length;
  }

  /** Those that are gathered in this turn of the event loop. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** The one whose answer is due. */
  get first(): Delivery | undefined {
    return this.#all.at(0);
  }

  get isFirstWritten(): boolean {
    return this.#unwritten < this.#all.length;
  }

  /** One message is out, and every byte of it has been handed over. */
  get isOnlyOne(): boolean {
    return this.#all.length === 1 && this.#unwritten === 0;
  }

  /** Nobody waits for their answers. */
  get areUnwanted(): boolean {
    return [...this.#all].every(({ unwanted }) => unwanted === true);
  }

  add(delivery: Delivery): void {
    this.#all.push(delivery);
    this.#unwritten++;
  }

  onFlush(): void {
    const { length } = this.#all;
    for (let i = length - this.#unwritten; i < length; i++) this.#all.at(i)?.written();
    this.#unwritten = 0;
  }

  /** The first is over. */
  shift(): void {
    this.#all.shift();
  }

  /** F90: those that the node has nothing to say of, as answers come in order and this one is for a message behind them. */
  silentBefore(ack: Ack): readonly Delivery[] {
    const written = this.#all.length - this.#unwritten;
    let silent = 0;
    while (silent < written && this.#all.at(silent)?.silenceIsSuccess === true) {
      if (answers(ack, (this.#all.at(silent) as Delivery).header)) return [];
      silent++;
    }
    const next = this.#all.at(silent);
    if (silent === 0 || silent === written || next === undefined || !answers(ack, next.header)) return [];
    return [...this.#all].slice(0, silent);
  }

  /** All are over: the first fails of `error`, and what was not written can be sent elsewhere. */
  fail(error: GatewayError | undefined, errors: ConnectionErrors): void {
    const all = this.#all.cut(0);
    const written = all.length - this.#unwritten;
    for (const [i, delivery] of all.entries()) {
      if (i >= written) delivery.failed(errors.stale());
      else delivery.failed(i === 0 && error !== undefined ? error : errors.closed());
    }
  }
}
