// Bytes that belong to no frame: counted, bounded, and the first of them kept, to tell what protocol they are of.

/** NUL, CR, LF and spaces between frames mean nothing (F4); a stream of nothing else is still ended some time. */
const MAX_FILLER_BYTES = 64 * 1024;
/** Enough to tell what protocol it is. */
const SAMPLE_BYTES = 16;
const EMPTY = Buffer.alloc(0);

export class InterframeBytes {
  maxJunkBytes: number;
  #junk = 0;
  #filler = 0;
  #sample: Buffer = EMPTY;
  #count = 0;

  constructor(maxJunkBytes: number) {
    this.maxJunkBytes = maxJunkBytes;
  }

  /** All of them so far (F4, F5, F38). */
  get count(): number {
    return this.#count;
  }

  /** Since the last start block there were some that are not filler. */
  get hasJunk(): boolean {
    return this.#junk > 0;
  }

  /** The first since the last whole frame (F6). TLS holds a `0B` soon, which opens a frame. */
  get sample(): Buffer {
    return this.#sample;
  }

  /** Takes `from`…`to` of a chunk; false if there are too many in a row (F5). */
  take(chunk: Buffer, from: number, to: number): boolean {
    this.#count += to - from;
    // It may come byte by byte.
    const missing = this.#junk === 0 ? 0 : SAMPLE_BYTES - this.#sample.length;
    if (missing > 0)
      this.#sample = Buffer.concat([this.#sample, chunk.subarray(from, Math.min(to, from + missing))]);
    for (let i = from; i < to; i++) {
      const byte = chunk[i] as number;
      // Behind the first byte that is none, filler is part of what that begins: an HTTP request has spaces.
      const filler = byte === 0x00 || byte === 0x0a || byte === 0x0d || byte === 0x20;
      if (filler && this.#junk === 0) this.#filler++;
      else {
        if (this.#junk === 0) this.#sample = Buffer.from(chunk.subarray(i, Math.min(to, i + SAMPLE_BYTES)));
        this.#junk++;
      }
      if (this.#junk > this.maxJunkBytes || this.#filler > MAX_FILLER_BYTES) return false;
    }
    return true;
  }

  /** F14: a start block too many. */
  takeStartBlock(): void {
    this.#count++;
  }

  /** A frame has begun: what comes next in a row is counted anew. */
  frameBegan(): void {
    this.#junk = 0;
    this.#filler = 0;
  }

  /** A whole frame has come: the peer speaks MLLP. */
  frameEnded(): void {
    this.#sample = EMPTY;
  }
}
