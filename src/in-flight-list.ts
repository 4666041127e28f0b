// What a pool has taken and that is not over, each linked to the next. Promises that one that has left is held by nothing: a Set
// of what lives for milliseconds leaves old tables behind, which keep what was in them, and the frames, until the whole heap is
// collected; that made a message cost a third more at full speed.

/** What is in such a list; in one at most. */
export interface Linked<T> {
  isLinked: boolean;
  ahead: T | undefined;
  behind: T | undefined;
}

export class InFlightList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has been in it for longest. */
  get first(): T | undefined {
    return this.#first;
  }

  add(one: T): void {
    if (one.isLinked) return;
    one.isLinked = true;
    one.ahead = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.#size++;
  }

  /** It must be in this list, or in none. */
  delete(one: T): void {
    if (!one.isLinked) return;
    const { ahead, behind } = one;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    one.isLinked = false;
    one.ahead = undefined;
    one.behind = undefined;
    this.#size--;
  }

  /** In the order in which they came. Not while any is added or taken out. */
  *[Symbol.iterator](): Iterator<T> {
    for (let one = this.#first; one !== undefined; one = one.behind) yield one;
  }
}
