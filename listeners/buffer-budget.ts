// How many bytes of messages the whole gateway holds, and who has stopped reading because they are too many.

export class BufferBudget {
  #maxBytes: number;
  #heldBytes = 0;
  readonly #paused = new Set<() => void>();
  #favourite: object | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** More may be room for those that wait. */
  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
    if (!this.isSpent) this.#wakeAll();
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isSpent(): boolean {
    return this.#heldBytes >= this.#maxBytes;
  }

  /** Adds to what is held; with a negative number, gives back. Readers that wait are woken when there is room again. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (!this.isSpent) this.#wakeAll();
  }

  /**
   * Messages that have come in part can take all the room, and none becomes whole without more of it. So one at a time
   * may go on, until it is over: is it this one, or may it be?
   */
  favours(message: object): boolean {
    this.#favourite ??= message;
    return this.#favourite === message;
  }

  /** It is over. Whoever is woken asks again. */
  unfavour(message: object): void {
    if (this.#favourite !== message) return;
    this.#favourite = undefined;
    this.#wakeAll();
  }

  /** Calls `wake` once when there is room. */
  onRoom(wake: () => void): void {
    this.#paused.add(wake);
  }

  forget(wake: () => void): void {
    this.#paused.delete(wake);
  }

  #wakeAll(): void {
    if (this.#paused.size === 0) return;
    const woken = [...this.#paused];
    this.#paused.clear();
    for (const wake of woken) wake();
  }
}
