// The bytes of a frame that did not come in one chunk, until it is whole: kept as they came and joined once, or, of a
// large frame, moved to their place as they come. Large frames lie in shared memory, which parse workers can read.
import type { FrameMemory } from './frame-memory.ts';
import { growShared, sharedMemory } from './shared-memory.ts';

/** Loose chunks are joined in blocks of this many, so that a trickle does not cost an object a byte. */
const MAX_LOOSE = 1024;

/**
 * From here on a frame lies in shared memory: a worker reads it there without a copy. In pooled memory from less on, as what
 * that costs is the copy alone.
 */
const SHARED_BYTES = 64 * 1024;
export const POOLED_BYTES = 16 * 1024;

/** Above this the bytes are moved as they come: 1 MiB is joined in 0.2 ms; 50 MiB in 16 ms, in which nobody is served. */
const GROWING_BYTES = 1024 * 1024;

/** Shared memory grows in steps of this: large enough that a 50 MiB frame takes 50 system calls for it. */
const STEP_BYTES = 1024 * 1024;

/** What may come behind a frame of the largest size: its framing bytes, and a CR that was missing. */
const SLACK_BYTES = 64;

export class FrameParts {
  readonly #maxBytes: number;
  /** Where the memory of large frames is from; undefined: made for each. */
  readonly #pool: FrameMemory | undefined;
  /** Blocks, then loose chunks. */
  #parts: Buffer[] = [];
  #blocks = 0;
  #size = 0;
  /** Holds all of them, of a frame that is pooled, or above GROWING_BYTES. */
  #memory: SharedArrayBuffer | undefined;

  /** Of the largest frame there may be. */
  constructor(maxBytes: number, pool?: FrameMemory) {
    this.#maxBytes = maxBytes;
    this.#pool = pool;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** `isBorrowed`: the bytes are another's, and hold until this returns. */
  add(bytes: Buffer, isBorrowed = false): void {
    if (this.#memory !== undefined) {
      this.#append(this.#memory, bytes);
      return;
    }
    this.#parts.push(isBorrowed ? Buffer.from(bytes) : bytes);
    this.#size += bytes.length;
    if (this.#size > (this.#pool === undefined ? GROWING_BYTES : POOLED_BYTES)) this.#moveInto(this.#take());
    else if (this.#parts.length - this.#blocks >= MAX_LOOSE) {
      this.#parts.push(Buffer.concat(this.#parts.splice(this.#blocks)));
      this.#blocks = this.#parts.length;
    }
  }

  /** All of them, and what comes behind. For the last time: to be cleared then. */
  join(...behind: readonly Buffer[]): Buffer {
    if (this.#memory !== undefined) {
      for (const bytes of behind) this.#append(this.#memory, bytes);
      const joined = Buffer.from(this.#memory, 0, this.#size);
      // It is the frame's now.
      this.#memory = undefined;
      return joined;
    }
    const all = [...this.#parts, ...behind];
    let size = 0;
    for (const { length } of all) size += length;
    if (size <= (this.#pool === undefined ? SHARED_BYTES : POOLED_BYTES)) return Buffer.concat(all, size);
    const joined = Buffer.from(this.#pool?.take(size) ?? sharedMemory(size), 0, size);
    let at = 0;
    for (const bytes of all) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }

  /** The first `bytes` of them, and of what comes behind. */
  head(bytes: number, behind?: Buffer): Buffer {
    const own = this.#memory === undefined ? this.#parts : [Buffer.from(this.#memory, 0, this.#size)];
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
    if (this.#memory !== undefined) this.#pool?.giveBack(this.#memory);
    this.#memory = undefined;
  }

  /** Memory for what there is, and some more. */
  #take(): SharedArrayBuffer {
    const size = this.#size;
    const pool = this.#pool;
    // A frame of little more than one read is the rule among large ones.
    const wanted = size + size / 2;
    if (pool !== undefined && wanted <= GROWING_BYTES) return pool.take(wanted);
    const maxByteLength = Math.max(size, this.#maxBytes) + SLACK_BYTES;
    // Addresses for the largest frame, memory for what is there: the rest is not the process's until it is grown into.
    const now = Math.min(maxByteLength, size + STEP_BYTES);
    return pool?.takeGrowable(now, maxByteLength) ?? sharedMemory(now, maxByteLength);
  }

  #moveInto(memory: SharedArrayBuffer): void {
    const view = new Uint8Array(memory);
    let at = 0;
    for (const part of this.#parts) {
      view.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#blocks = 0;
    this.#memory = memory;
  }

  #append(memory: SharedArrayBuffer, bytes: Buffer): void {
    const size = this.#size + bytes.length;
    let into = memory;
    if (size > memory.byteLength) {
      if (memory.growable) growShared(memory, size + STEP_BYTES);
      else into = this.#moveOn(memory, size);
    }
    new Uint8Array(into, this.#size, bytes.length).set(bytes);
    this.#size = size;
  }

  /** Into a larger piece, with room for `size`. */
  #moveOn(memory: SharedArrayBuffer, size: number): SharedArrayBuffer {
    const held = this.#size;
    this.#parts = [Buffer.from(memory, 0, held)];
    this.#size = size;
    const larger = this.#take();
    this.#size = held;
    this.#moveInto(larger);
    this.#pool?.giveBack(memory);
    return larger;
  }
}
