// Cuts a stream of bytes into MLLP frames, one reader for each socket. A byte is looked at once; a frame that came
// in one chunk is handed on as a view of it, any other is copied together once.
import type { ErrorCode } from '../errors.ts';
import { CARRIAGE_RETURN, END_BLOCK, FRAMING_BYTES, otherProtocol, START_BLOCK } from './frame.ts';
import type { FrameMemory } from './frame-memory.ts';
import { FrameParts, POOLED_BYTES } from './frame-parts.ts';
import { InterframeBytes } from './interframe-bytes.ts';

export interface FrameReaderLimits {
  /** Largest payload. */
  readonly maxFrameBytes: number;
  /** F5: bytes in a row that belong to no frame. */
  readonly maxJunkBytes: number;
  /** F11: what `1C` without CR is. */
  readonly strayEndByte: 'content' | 'refuse';
  /** F13: whether `1C` without CR may end a frame, where nothing or a start block follows. */
  readonly missingCr: 'refuse' | 'accept';
}

export type FrameFault = Extract<ErrorCode, `GW_ERR_FRAME_${string}`>;

export interface FrameSink {
  /** A whole frame, with its framing bytes; never one with an empty payload. */
  onFrame(frame: Buffer): void;
  /** F15: a frame without payload was swallowed. */
  onEmptyFrame(): void;
  /**
   * Something that cannot become a frame. `bytes` are the frame's first ones (from its start block on, never its end),
   * so that a header in them can be answered; `sample`: of bytes outside any frame that came since the last whole one.
   * After GW_ERR_FRAME_TOO_LARGE and GW_ERR_FRAME_NO_START the reader takes no more.
   */
  onFault(code: FrameFault, bytes: Buffer, sample?: Buffer): void;
  /** A chunk ends in bytes that belong to no frame. */
  onJunk?(): void;
  /** Bytes have come that are not read, as the reader is stopped. */
  onLate?(): void;
}

/** How much of a refused frame is shown to `onFault`: more than any MSH. */
export const FAULT_BYTES = 16 * 1024;

const EMPTY = Buffer.alloc(0);
/** What a cut-off frame's successor begins with, where its first bytes came in other chunks. */
const START_MSH = Buffer.from('\x0bMSH', 'latin1');
const LONE_CR = Buffer.from([CARRIAGE_RETURN]);

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #pool: FrameMemory | undefined;
  #limits: FrameReaderLimits;
  /** Others, from the next frame on. */
  #nextLimits: FrameReaderLimits | undefined;

  readonly #strays: InterframeBytes;
  /** Of the frame that is being read, what came in earlier chunks; its start block first. */
  #parts: FrameParts;
  /** Offset in the current chunk of the open frame's first byte that is not in `#parts`. */
  #frameFrom = 0;
  #inside = false;
  #stopped = false;
  /** The chunk that is read now. */
  #isBorrowed = false;
  #waiting = false;
  /** The last byte was an end block whose CR may follow in the next chunk. */
  #endPending = false;
  /** How many bytes of `0B M S H` inside a frame have been seen, 0 to 3; the rest is in the next chunk. */
  #nested = 0;
  /** F14: the open frame had two start blocks; the first has been stripped. */
  #surplus = false;
  #refused: FrameFault | undefined;
  /**
   * Offsets in the current chunk of the next start block and the next end block, its length if there is none; less than where it is
   * if not looked for. Kept while they lie ahead, so that no byte is scanned twice for the same thing.
   */
  #startAt = -1;
  #endAt = -1;

  #started = 0;

  /** `pool`: where the memory of large frames is from, to be given back there by whoever takes the frames. */
  constructor(sink: FrameSink, limits: FrameReaderLimits, pool?: FrameMemory) {
    this.#sink = sink;
    this.#pool = pool;
    this.#limits = limits;
    this.#strays = new InterframeBytes(limits.maxJunkBytes);
    this.#parts = new FrameParts(limits.maxFrameBytes + FRAMING_BYTES, this.#pool);
  }

  /** Goes by other limits: a frame that is open is read to its end by those that it began with. */
  reconfigure(limits: FrameReaderLimits): void {
    this.#nextLimits = limits;
    if (!this.#inside) this.#takeUpLimits(limits);
  }

  #takeUpLimits(limits: FrameReaderLimits): void {
    this.#nextLimits = undefined;
    this.#limits = limits;
    this.#strays.maxJunkBytes = limits.maxJunkBytes;
    this.#parts = new FrameParts(limits.maxFrameBytes + FRAMING_BYTES, this.#pool);
  }

  /** How many frames have begun; tells a new frame's deadline from its predecessor's. */
  get started(): number {
    return this.#started;
  }

  /** The first frame has come to its end, whatever became of it. */
  get hasEnded(): boolean {
    return this.#stopped || this.#started > 1 || (this.#started === 1 && !this.#inside);
  }

  /** Bytes outside frames so far (F4, F5, F38). */
  get skipped(): number {
    return this.#strays.count;
  }

  /** Bytes of an unfinished frame that are kept. */
  get heldBytes(): number {
    return this.#parts.size;
  }

  /** A frame is open. */
  get inside(): boolean {
    return this.#inside;
  }

  /** A frame is open, or bytes have come that are none: something is owed within the frame's deadline (F6, F7, F17). */
  get unfinished(): boolean {
    return this.#inside || this.#strays.hasJunk;
  }

  /** First of the bytes outside frames since the last whole frame (F6); still there while the next is handed on. */
  get sample(): Buffer {
    return this.#strays.sample;
  }

  /** First bytes of an unfinished frame, with its start block. */
  get head(): Buffer {
    return this.#inside ? this.#parts.head(4) : EMPTY;
  }

  /** What it holds of an unfinished frame, for another reader; it reads no further. */
  takeHeld(): Buffer {
    const held = this.#parts.join();
    this.stop();
    return held;
  }

  /** Reads no further and lets go of what it holds. */
  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** For the sink, while it is given a frame: reads no further in this chunk. */
  wait(): void {
    this.#waiting = true;
  }

  /**
   * Returns how many bytes it has read: all, unless the sink has said `wait`; the rest is to be pushed again. `isBorrowed`: the
   * chunk is another's, and holds until this returns.
   */
  push(chunk: Buffer, isBorrowed = false): number {
    let at = 0;
    this.#isBorrowed = isBorrowed;
    this.#waiting = false;
    this.#startAt = -1;
    this.#endAt = -1;
    if (this.#stopped) this.#sink.onLate?.();
    while (at < chunk.length && !this.#stopped) {
      if (this.#waiting && !this.#inside) return at;
      const nextStart = this.#nextStart(chunk, at);
      if (nextStart === at && !this.#inside) {
        const end = this.#plainEnd(chunk, at);
        if (end > 0) {
          this.#started++;
          this.#strays.frameBegan();
          this.#sink.onFrame(this.#own(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end)));
          this.#strays.frameEnded();
          at = end;
          continue;
        }
      }
      at = this.#inside ? this.#readInside(chunk, at, nextStart) : this.#readBetween(chunk, at, nextStart);
    }
    if (this.#inside && !this.#stopped) this.#keep(chunk);
    if (!this.#inside && this.#strays.hasJunk) this.#sink.onJunk?.();
    return chunk.length;
  }

  /** The stream has ended. A frame without its CR is whole only where `missingCr` allows it; any other is dropped (F8). */
  end(): void {
    if (this.#stopped) return;
    if (this.#inside) {
      const head = this.#parts.head(FAULT_BYTES);
      this.#drop();
      this.#sink.onFault('GW_ERR_FRAME_TRUNCATED', head, this.sample);
    } else if (this.#strays.hasJunk) {
      this.#sink.onFault('GW_ERR_FRAME_NO_START', EMPTY, this.sample);
    }
    this.#stopped = true;
  }

  /**
   * Where a frame ends that begins at `at`, if it is there as a whole, as nearly all are: one start block, one end block, no more
   * than the limit, and something in it. Else 0, and it is read step by step.
   */
  #plainEnd(chunk: Buffer, at: number): number {
    const end = this.#nextEnd(chunk, at + 1);
    const size = end + 2 - at;
    if (chunk[end + 1] !== CARRIAGE_RETURN || size <= FRAMING_BYTES) return 0;
    if (size > this.#limits.maxFrameBytes + FRAMING_BYTES) return 0;
    return this.#nextStart(chunk, at + 1) > end ? end + 2 : 0;
  }

  #readBetween(chunk: Buffer, at: number, nextStart: number): number {
    const isStray = nextStart > at;
    if (isStray && (!this.#strays.take(chunk, at, nextStart) || otherProtocol(this.sample) !== undefined)) {
      this.stop();
      this.#sink.onFault('GW_ERR_FRAME_NO_START', EMPTY, this.sample);
      return chunk.length;
    }
    if (nextStart === chunk.length) return chunk.length;
    this.#open(nextStart);
    return nextStart + 1;
  }

  #readInside(chunk: Buffer, at: number, nextStart: number): number {
    if (this.#endPending) {
      this.#endPending = false;
      if (chunk[at] === CARRIAGE_RETURN) return this.#close(chunk, at + 1);
      this.#strayEnd();
    }
    if (this.#nested > 0) {
      const resumed = this.#resumeNested(chunk, at);
      if (resumed !== undefined) return resumed;
    }
    const end = this.#nextEnd(chunk, at);
    if (nextStart < end) return this.#readNested(chunk, nextStart);
    if (end === chunk.length) return chunk.length;
    const next = chunk[end + 1];
    if (next === CARRIAGE_RETURN) return this.#close(chunk, end + 2);
    if (next === undefined) {
      if (this.#limits.missingCr === 'accept') return this.#close(chunk, end + 1, true);
      this.#endPending = true;
      return chunk.length;
    }
    if (next === START_BLOCK && this.#limits.missingCr === 'accept') return this.#close(chunk, end + 1, true);
    this.#strayEnd();
    return end + 1;
  }

  #nextStart(chunk: Buffer, at: number): number {
    if (this.#startAt < at) {
      const found = chunk.indexOf(START_BLOCK, at);
      this.#startAt = found < 0 ? chunk.length : found;
    }
    return this.#startAt;
  }

  #nextEnd(chunk: Buffer, at: number): number {
    if (this.#endAt < at) {
      const found = chunk.indexOf(END_BLOCK, at);
      this.#endAt = found < 0 ? chunk.length : found;
    }
    return this.#endAt;
  }

  /** F9, F10, F14: a start block inside an open frame, at `at` of this chunk. */
  #readNested(chunk: Buffer, at: number): number {
    // Nothing but the start block has come so far: one of two is surplus (F14). One only, and within the same deadline:
    // else a trickle of start blocks would never end.
    if (!this.#surplus && this.#parts.size + (at - this.#frameFrom) === 1) {
      this.#strays.takeStartBlock();
      this.#parts.clear();
      this.#frameFrom = at;
      this.#surplus = true;
      return at + 1;
    }
    const seen = Math.min(4, chunk.length - at);
    for (let i = 1; i < seen; i++) {
      if (chunk[at + i] !== START_MSH[i]) {
        this.#refuse('GW_ERR_FRAME_START_BLOCK');
        return at + 1;
      }
    }
    if (seen < 4) {
      this.#nested = seen;
      return chunk.length;
    }
    this.#cutOff(this.#parts.head(FAULT_BYTES, chunk.subarray(this.#frameFrom, at)), at);
    return at + 4;
  }

  /** `0B MSH` that began in an earlier chunk. Returns where to go on, or undefined to go on where it was. */
  #resumeNested(chunk: Buffer, at: number): number | undefined {
    let from = at;
    while (this.#nested < 4 && from < chunk.length) {
      if (chunk[from] !== START_MSH[this.#nested]) {
        this.#nested = 0;
        this.#refuse('GW_ERR_FRAME_START_BLOCK');
        return undefined;
      }
      this.#nested++;
      from++;
    }
    if (this.#nested < 4) return chunk.length;
    this.#cutOff(this.#parts.head(FAULT_BYTES), from);
    if (this.#stopped) return chunk.length;
    this.#parts.add(START_MSH);
    return from;
  }

  #cutOff(head: Buffer, from: number): void {
    this.#drop();
    this.#sink.onFault('GW_ERR_FRAME_CUT_OFF', head);
    if (!this.#stopped) this.#open(from);
  }

  #strayEnd(): void {
    if (this.#limits.strayEndByte === 'refuse') this.#refuse('GW_ERR_FRAME_END_BYTE');
  }

  /** The frame goes on to its end, so that the next one is found; then it is refused for the first thing that was wrong. */
  #refuse(code: FrameFault): void {
    this.#refused ??= code;
  }

  #open(from: number): void {
    this.#inside = true;
    this.#frameFrom = from;
    this.#started++;
    this.#strays.frameBegan();
  }

  /** Keeps the open frame's bytes of this chunk. */
  #keep(chunk: Buffer): void {
    if (this.#isTooLarge(chunk, chunk.length)) return;
    this.#parts.add(this.#frameFrom === 0 ? chunk : chunk.subarray(this.#frameFrom), this.#isBorrowed);
    this.#frameFrom = 0;
  }

  /** The frame ends before `to` of this chunk; `bare`: without its CR, which is put there (F13). */
  #close(chunk: Buffer, to: number, bare = false): number {
    if (this.#isTooLarge(chunk, to)) return chunk.length;
    let framed = chunk.subarray(this.#frameFrom, to);
    if (bare) framed = this.#parts.join(framed, LONE_CR);
    else if (this.#parts.size > 0) framed = this.#parts.join(framed);
    else framed = this.#own(framed);
    const refused = this.#refused;
    this.#drop();
    if (framed.length === FRAMING_BYTES) this.#sink.onEmptyFrame();
    else if (refused !== undefined)
      this.#sink.onFault(refused, framed.subarray(0, Math.min(FAULT_BYTES, framed.length - 2)));
    else this.#sink.onFrame(framed);
    this.#strays.frameEnded();
    return to;
  }

  /** A frame that lies in a borrowed chunk as a whole. */
  #own(frame: Buffer): Buffer {
    if (!this.#isBorrowed) return frame;
    const { length } = frame;
    if (this.#pool === undefined || length <= POOLED_BYTES) return Buffer.from(frame);
    const own = Buffer.from(this.#pool.take(length), 0, length);
    own.set(frame);
    return own;
  }

  /** F16: ends the reading if the open frame, up to `to` of this chunk, is larger than it may be. */
  #isTooLarge(chunk: Buffer, to: number): boolean {
    const size = this.#parts.size + (to - this.#frameFrom);
    if (size <= this.#limits.maxFrameBytes + FRAMING_BYTES) return false;
    const head = this.#parts.head(FAULT_BYTES, chunk.subarray(this.#frameFrom));
    this.stop();
    this.#sink.onFault('GW_ERR_FRAME_TOO_LARGE', head);
    return true;
  }

  #drop(): void {
    this.#parts.clear();
    this.#inside = false;
    this.#endPending = false;
    this.#nested = 0;
    this.#surplus = false;
    this.#refused = undefined;
    if (this.#nextLimits !== undefined) this.#takeUpLimits(this.#nextLimits);
  }
}
