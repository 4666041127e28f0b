// Memory for large frames, which is used again when the message is over. Made anew for each it would be cleared for each,
// and V8 marks its whole heap when enough of it has been let go: most of what a large message costs.
// Promises that a piece is lent to one frame at a time. One that is never given back is collected as any other.
import { setTimeout } from '../platform/time.ts';
import { sharedMemory } from './shared-memory.ts';

/** What is kept for frames to come: some frames of each size that a busy gateway has at a time. */
const MAX_FREE_BYTES = 64 * 1024 * 1024;
/** Memory that nobody has asked for in so long is let go. */
const IDLE_MS = 10_000;
/** More than this is not kept in one piece: such frames are rare. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** Tests can have what is given back overwritten: whoever reads it then reads this. */
const POISON = process.env.TEST_GUARD === '1' ? 0xdd : undefined;

export class FrameMemory {
  readonly #maxFreeBytes: number;
  /** Of a fixed size, by that. */
  readonly #fixed = new Map<number, SharedArrayBuffer[]>();
  readonly #growable: SharedArrayBuffer[] = [];
  /** As many bytes as each had when it was lent. */
  readonly #lent = new WeakMap<SharedArrayBuffer, number>();
  readonly #collected = new FinalizationRegistry<number>((bytes) => {
    this.#lentBytes -= bytes;
  });
  #lentBytes = 0;
  #freeBytes = 0;
  #isAskedFor = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(maxFreeBytes = MAX_FREE_BYTES) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** Bytes of frames that are under way. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes that are kept for frames to come. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Of at least that size, with whatever was in it. */
  take(bytes: number): SharedArrayBuffer {
    const size = sizeFor(bytes);
    return this.#lend(this.#taken(this.#fixed.get(size)?.pop()) ?? sharedMemory(size));
  }

  /** The same, that can grow to `maxBytes`. */
  takeGrowable(bytes: number, maxBytes: number): SharedArrayBuffer {
    const at = this.#growable.findIndex(
      (free) => free.maxByteLength === maxBytes && free.byteLength >= bytes,
    );
    const found = at < 0 ? undefined : this.#growable.splice(at, 1)[0];
    return this.#lend(this.#taken(found) ?? sharedMemory(bytes, maxBytes));
  }

  /** Nobody reads it any more. What was not lent here, or is not any more, is left alone. */
  giveBack(memory: ArrayBufferLike): void {
    const lent = memory instanceof SharedArrayBuffer ? this.#lent.get(memory) : undefined;
    if (lent === undefined || !(memory instanceof SharedArrayBuffer)) return;
    this.#lent.delete(memory);
    this.#collected.unregister(memory);
    this.#lentBytes -= lent;
    if (POISON !== undefined) new Uint8Array(memory).fill(POISON);
    const { byteLength } = memory;
    if (byteLength > MAX_KEPT_BYTES || this.#freeBytes + byteLength > this.#maxFreeBytes) return;
    this.#freeBytes += byteLength;
    if (memory.growable) this.#growable.push(memory);
    else {
      const same = this.#fixed.get(byteLength);
      if (same === undefined) this.#fixed.set(byteLength, [memory]);
      else same.push(memory);
    }
    this.#timer ??= setTimeout(() => this.#letGo(), IDLE_MS).unref();
  }

  #taken(free: SharedArrayBuffer | undefined): SharedArrayBuffer | undefined {
    this.#isAskedFor = true;
    if (free !== undefined) this.#freeBytes -= free.byteLength;
    return free;
  }

  #lend(memory: SharedArrayBuffer): SharedArrayBuffer {
    const { byteLength } = memory;
    this.#lent.set(memory, byteLength);
    this.#lentBytes += byteLength;
    this.#collected.register(memory, byteLength, memory);
    return memory;
  }

  #letGo(): void {
    this.#timer = undefined;
    if (this.#isAskedFor) {
      this.#isAskedFor = false;
      this.#timer = setTimeout(() => this.#letGo(), IDLE_MS).unref();
      return;
    }
    this.#fixed.clear();
    this.#growable.length = 0;
    this.#freeBytes = 0;
  }
}

/** A power of two or one and a half of one: a third of it is unused at most. */
function sizeFor(bytes: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(bytes, 1)));
  if (power >= bytes) return power;
  return power * 1.5 >= bytes ? power * 1.5 : power * 2;
}

/** Of all senders of this process. */
export const frameMemory = new FrameMemory();
