// A queue that keeps its memory. Promises that what has left it is held by nothing, and that a message that passes through makes
// nothing: a V8 array that goes from empty to one and back is given 17 new slots each time.

const FIRST_SLOTS = 4;

export class Ring<T> implements Iterable<T> {
  /** Their number is a power of two. */
  #slots: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The `i`th from the front. */
  at(i: number): T | undefined {
    return i >= 0 && i < this.#length ? this.#slots[(this.#head + i) & (this.#slots.length - 1)] : undefined;
  }

  push(item: T): number {
    if (this.#length === this.#slots.length) this.#grow();
    this.#put(this.#length, item);
    return ++this.#length;
  }

  shift(): T | undefined {
    const first = this.at(0);
    if (this.#length === 0) return undefined;
    this.#put(0, undefined);
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return first;
  }

  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    const last = this.at(this.#length - 1);
    this.#put(--this.#length, undefined);
    return last;
  }

  /** Puts it before the one that is the `i`th now. */
  insert(i: number, item: T): void {
    this.push(item);
    for (let to = this.#length - 1; to > i; to--) this.#put(to, this.at(to - 1));
    this.#put(i, item);
  }

  remove(item: T): void {
    if (this.at(0) === item) {
      this.shift();
      return;
    }
    const at = this.indexOf(item);
    if (at < 0) return;
    for (let to = at; to < this.#length - 1; to++) this.#put(to, this.at(to + 1));
    this.pop();
  }

  indexOf(item: T): number {
    for (let i = 0; i < this.#length; i++) if (this.at(i) === item) return i;
    return -1;
  }

  /** Takes out all from the `i`th on. */
  cut(i: number): T[] {
    const cut = [...this].slice(i);
    while (this.#length > i) this.pop();
    return cut;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.#length; i++) yield this.at(i) as T;
  }

  #put(i: number, item: T | undefined): void {
    this.#slots[(this.#head + i) & (this.#slots.length - 1)] = item;
  }

  #grow(): void {
    const slots = new Array<T | undefined>(Math.max(FIRST_SLOTS, 2 * this.#slots.length)).fill(undefined);
    for (let i = 0; i < this.#length; i++) slots[i] = this.at(i);
    this.#slots = slots;
    this.#head = 0;
  }
}
