// What is gathered in one turn of the event loop and done at its end: one callback for all, in the order in which they were given.

/** `flush` may give it again, for the end of the next turn. */
export class TurnEnd<T extends { flush(): void }> {
  #gathered: T[] = [];

  add(one: T): void {
    if (this.#gathered.push(one) === 1) setImmediate(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const one of gathered) one.flush();
  };
}
