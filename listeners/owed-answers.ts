// The answers that a connection owes, in the order of its messages: each is known some time, none is paid before those
// ahead of it. Where an answer is the end of the connection, nothing behind it is owed.
import type { Exchange } from '../src/relay/exchange.ts';

/** `null`: the connection ends here. */
export type Answer = Buffer | null;

interface Owed {
  /** Undefined: for something that never became an exchange. */
  readonly exchange: Exchange | undefined;
  answer: Answer | undefined;
}

export class OwedAnswers {
  readonly #owed: Owed[] = [];

  get count(): number {
    return this.#owed.length;
  }

  /** For a message whose answer is not known yet. */
  expect(exchange: Exchange): void {
    this.#owed.push({ exchange, answer: undefined });
  }

  /** An answer that is known at once. */
  add(answer: Answer): void {
    this.#owed.push({ exchange: undefined, answer });
    if (answer === null) this.#cutBehind(this.#owed.length - 1);
  }

  /** False if none is owed for this exchange any more. */
  settle(exchange: Exchange, answer: Answer): boolean {
    const at = this.#owed.findIndex((one) => one.exchange === exchange);
    const owed = this.#owed[at];
    if (owed === undefined) return false;
    owed.answer = answer;
    if (answer === null) this.#cutBehind(at);
    return true;
  }

  /** Takes out the next answer if it is known. */
  next(): Answer | undefined {
    const answer = this.#owed[0]?.answer;
    if (answer !== undefined) this.#owed.shift();
    return answer;
  }

  /** Nobody is owed anything any more: what has not been sent is not sent. */
  abandon(): void {
    for (const { exchange } of this.#owed.splice(0)) exchange?.abandon();
  }

  #cutBehind(at: number): void {
    for (const { exchange } of this.#owed.splice(at + 1)) exchange?.abandon();
  }
}
