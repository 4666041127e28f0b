// One question that several checks ask: asked once at a time, and its answer serves all who find it new enough.

export interface Dated<T> {
  readonly value: T;
  /** When it came, in performance.now() milliseconds. */
  readonly at: number;
}

export class SharedAnswer<T> {
  #pending: Promise<Dated<T>> | undefined;
  #last: Dated<T> | undefined;

  /** `fetch` never rejects. One that is under way is waited for, whatever its asker has given up since. */
  get(maxAgeMs: number, fetch: () => Promise<T>): Promise<Dated<T>> {
    if (this.#pending !== undefined) return this.#pending;
    const last = this.#last;
    if (last !== undefined && performance.now() - last.at < maxAgeMs) return Promise.resolve(last);
    const pending = fetch().then((value) => {
      const dated = { value, at: performance.now() };
      this.#pending = undefined;
      this.#last = dated;
      return dated;
    });
    this.#pending = pending;
    return pending;
  }
}
