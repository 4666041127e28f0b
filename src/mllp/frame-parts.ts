// The bytes of a frame that did not come in one chunk, until it is whole: kept as they came and joined once, or, of a
// large frame, moved to their place as they come. Large frames lie in shared memory, which parse workers can read.
import { growShared, sharedMemory } from './shared-memory.ts';

/** Loose chunks are joined in blocks of this many, so that a trickle does not cost an object a byte. */
const MAX_LOOSE = 1024;

/**
 * Above this a frame is put into shared memory: a worker reads it there without a copy. One read of a socket brings
 * no more than this, so the bytes of a larger frame are always copied together once, wherever to.
 */
const SHARED_BYTES = 64 * 1024;

/** Above this the bytes are moved as they come: 1 MiB is joined in 0.2 ms; 50 MiB in 16 ms, in which nobody is served. */
const GROWING_BYTES = 1024 * 1024;

/** Shared memory grows in steps of this: large enough that a 50 MiB frame takes 50 system calls for it. */
const STEP_BYTES = 1024 * 1024;

/** What may come behind a frame of the largest size: its framing bytes, and a CR that was missing. */
const SLACK_BYTES = 64;

export class FrameParts {
  readonly #maxBytes: number;
  /** Blocks, then loose chunks. */
  #parts: Buffer[] = [];
  #blocks = 0;
  #size = 0;
  /** Holds all of them, of a frame that is above GROWING_BYTES. */
  #grown: SharedArrayBuffer | undefined;

  /** Of the largest frame there may be. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  add(bytes: Buffer): void {
    if (this.#grown !== undefined) {
      this.#append(this.#grown, bytes);
      return;
    }
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size > GROWING_BYTES) this.#startGrowing();
    else if (this.#parts.length - this.#blocks >= MAX_LOOSE) {
      this.#parts.push(Buffer.concat(this.#parts.splice(this.#blocks)));
      this.#blocks = this.#parts.length;
    }
  }

  /** All of them, and what comes behind. For the last time: to be cleared then. */
  join(...behind: readonly Buffer[]): Buffer {
    if (this.#grown !== undefined) {
      for (const bytes of behind) this.#append(this.#grown, bytes);
      return Buffer.from(this.#grown, 0, this.#size);
    }
    const all = [...this.#parts, ...behind];
    let size = 0;
    for (const { length } of all) size += length;
    if (size <= SHARED_BYTES) return Buffer.concat(all, size);
    const joined = Buffer.from(sharedMemory(size));
    let at = 0;
    for (const bytes of all) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }

  /** The first `bytes` of them, and of what comes behind. */
  head(bytes: number, behind?: Buffer): Buffer {
    const own = this.#grown === undefined ? this.#parts : [Buffer.from(this.#grown, 0, this.#size)];
    const parts: Buffer[] = [];
    let left = bytes;
    for (let i = 0; i < own.length && left > 0; i++) {
      const part = (own[i] as Buffer).subarray(0, left);
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
    this.#grown = undefined;
  }

  #startGrowing(): void {
    const size = this.#size;
    const maxByteLength = Math.max(size, this.#maxBytes) + SLACK_BYTES;
    // Addresses for the largest frame, memory for what is there: the rest is not the process's until it is grown into.
    const grown = sharedMemory(Math.min(maxByteLength, size + STEP_BYTES), maxByteLength);
    const view = new Uint8Array(grown);
    let at = 0;
    for (const part of this.#parts) {
      view.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#blocks = 0;
    this.#grown = grown;
  }

  #append(grown: SharedArrayBuffer, bytes: Buffer): void {
    const size = this.#size + bytes.length;
    if (size > grown.byteLength) growShared(grown, size + STEP_BYTES);
    new Uint8Array(grown, this.#size, bytes.length).set(bytes);
    this.#size = size;
  }
}
