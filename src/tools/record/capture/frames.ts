// The MLLP frames of one direction, each with the pieces in which it came. After a gap it goes on at the next start block.

import { payloadOf } from '../../../mllp/frame.ts';
import { FrameReader } from '../../../mllp/frame-reader.ts';
import type { Chunk } from '../exchange.ts';

export interface Frame {
  readonly payload: Buffer;
  readonly timeMs: number;
  readonly chunks: readonly Chunk[];
}

/** Above the gateway's own `maxFrame` of 16 MiB: what was on the wire may have been refused. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export class Frames {
  readonly #onFrame: (frame: Frame) => void;
  #reader: FrameReader;
  #framed: Buffer | undefined;
  /** Of what lies before where the reader is, the pieces that an open frame may have begun in. */
  #chunks: Chunk[] = [];
  /** Frames that cannot be read: cut off, or with a hole. */
  broken = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
    this.#reader = this.#newReader();
  }

  push(bytes: Buffer, timeMs: number): void {
    for (let rest = bytes; rest.length > 0; ) {
      const read = this.#reader.push(rest);
      this.#chunks.push({ bytes: read, timeMs });
      rest = rest.subarray(read);
      const framed = this.#framed;
      this.#framed = undefined;
      if (framed !== undefined) this.#onFrame(this.#frameOf(framed, timeMs));
      if (!this.#reader.inside) this.#chunks = [];
    }
  }

  gap(): void {
    if (this.#reader.inside) this.broken++;
    this.#reader = this.#newReader();
    this.#chunks = [];
  }

  end(): void {
    this.#reader.end();
  }

  /** The frame ends where the reader is. */
  #frameOf(framed: Buffer, timeMs: number): Frame {
    let left = framed.length;
    const own: Chunk[] = [];
    for (let i = this.#chunks.length - 1; i >= 0 && left > 0; i--) {
      const chunk = this.#chunks[i] as Chunk;
      const bytes = Math.min(left, chunk.bytes);
      own.unshift({ bytes, timeMs: chunk.timeMs });
      left -= bytes;
    }
    // What was read may be a view of a packet, and packets are not kept.
    return { payload: Buffer.from(payloadOf(framed)), timeMs, chunks: own };
  }

  #newReader(): FrameReader {
    const reader = new FrameReader(
      {
        onFrame: (framed) => {
          this.#framed = framed;
          reader.wait();
        },
        onEmptyFrame: () => {},
        onFault: (code) => {
          if (code !== 'GW_ERR_FRAME_NO_START') this.broken++;
        },
      },
      {
        maxFrameBytes: MAX_FRAME_BYTES,
        maxJunkBytes: Number.MAX_SAFE_INTEGER,
        strayEndByte: 'content',
        missingCr: 'refuse',
      },
    );
    return reader;
  }
}
