// How many bytes of messages the whole gateway holds, and who has stopped reading because they are too many.

export class BufferBudget {
  readonly maxBytes: number;
  #heldBytes = 0;
  readonly #paused = new Set<() => void>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isSpent(): boolean {
    return this.#heldBytes >= this.maxBytes;
  }

  /** Adds to what is held; with a negative number, gives back. Readers that wait are woken when there is room again. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#paused.size === 0 || this.isSpent) return;
    const woken = [...this.#paused];
    this.#paused.clear();
    for (const wake of woken) wake();
  }

  /** Calls `wake` once when there is room. */
  onRoom(wake: () => void): void {
    this.#paused.add(wake);
  }

  forget(wake: () => void): void {
    this.#paused.delete(wake);
  }
}
