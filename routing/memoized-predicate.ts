// Remembers the answers to a yes-or-no question about short strings. What it saves: a regex run costs several times a
// Map lookup, and message types, facilities and senders' addresses come in few values, over and over.

/** More distinct values than a site has of anything with few; at most some 40 KB a question. */
const MAX_VALUES = 256;

/** Longer values are free text, which does not come twice. */
const MAX_LENGTH = 64;

export class MemoizedPredicate {
  readonly #answers = new Map<string, boolean>();
  readonly #ask: (value: string) => boolean;

  constructor(ask: (value: string) => boolean) {
    this.#ask = ask;
  }

  answer(value: string): boolean {
    if (value.length > MAX_LENGTH) return this.#ask(value);
    const known = this.#answers.get(value);
    if (known !== undefined) return known;
    const answer = this.#ask(value);
    // Starting over is cheaper than choosing what to forget: few values are asked anew at once, and where there are
    // many (a patient's name) nothing is worth keeping.
    if (this.#answers.size >= MAX_VALUES) this.#answers.clear();
    this.#answers.set(value, answer);
    return answer;
  }
}
