// The bytes of a frame that did not come in one chunk, until it is whole: kept as they came, joined once.

/** Loose chunks are joined in blocks of this many, so that a trickle does not cost an object a byte. */
const MAX_LOOSE = 1024;

export class FrameParts {
  /** Blocks, then loose chunks. */
  #parts: Buffer[] = [];
  #blocks = 0;
  #size = 0;

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#parts.length - this.#blocks < MAX_LOOSE) return;
    this.#parts.push(Buffer.concat(this.#parts.splice(this.#blocks)));
    this.#blocks = this.#parts.length;
  }

  /** All of them, and what comes behind. */
  join(...behind: readonly Buffer[]): Buffer {
    return Buffer.concat([...this.#parts, ...behind]);
  }

  /** The first `bytes` of them, and of what comes behind. */
  head(bytes: number, behind?: Buffer): Buffer {
    const parts: Buffer[] = [];
    let left = bytes;
    for (let i = 0; i < this.#parts.length && left > 0; i++) {
      const part = (this.#parts[i] as Buffer).subarray(0, left);
      parts.push(part);
      left -= part.length;
    }
    if (behind !== undefined) parts.push(behind.subarray(0, left));
    return Buffer.concat(parts);
  }

  clear(): void {
    if (this.#size === 0) return;
    this.#parts = [];
    this.#blocks = 0;
    this.#size = 0;
  }
}
