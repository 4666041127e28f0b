// Cuts a stream whose framing is in UTF-16 into frames, and hands each on in framing of single bytes, as nodes read it: the
// payload's bytes are those that came. Promises what FrameReader promises; only where the two framings differ it is stricter.
import { CARRIAGE_RETURN, END_BLOCK, FRAMING_BYTES, holdsFrameEnd, payloadOf, START_BLOCK } from './frame.ts';
import { FrameParts } from './frame-parts.ts';
import { FAULT_BYTES, type FrameFault, type FrameReaderLimits, type FrameSink } from './frame-reader.ts';
import { InterframeBytes } from './interframe-bytes.ts';
import type { Utf16 } from './utf16-detector.ts';

const EMPTY = Buffer.alloc(0);
const BEFORE = Buffer.of(START_BLOCK);
const BEHIND = Buffer.of(END_BLOCK, CARRIAGE_RETURN);
const BYTE_ORDER_MARK = 0xfeff;
/** M, S, H: behind a start block in an open frame they say that the frame was cut off. */
const MSH = [0x4d, 0x53, 0x48];

export class Utf16FrameReader {
  readonly #sink: FrameSink;
  readonly #isBigEndian: boolean;
  #limits: FrameReaderLimits;
  #nextLimits: FrameReaderLimits | undefined;
  readonly #strays: InterframeBytes;
  /** Of the open frame: `0B`, and what came in earlier chunks of its payload. */
  #parts: FrameParts;
  /** The first byte of a character whose second one is in the next chunk. */
  #half: number | undefined;
  /** Where in the bytes that are read now the part of the payload begins that is not kept yet. */
  #from = 0;
  #inside = false;
  #stopped = false;
  #waiting = false;
  /** The last character was an end block. */
  #endPending = false;
  /** How many characters of MSH have come behind a start block inside the frame; undefined: none is looked for. */
  #nested: number | undefined;
  /** F14: the open frame had two start blocks; the first has been stripped. */
  #surplus = false;
  #refused: FrameFault | undefined;
  #started = 0;

  constructor(sink: FrameSink, limits: FrameReaderLimits, encoding: Utf16) {
    this.#sink = sink;
    this.#limits = limits;
    this.#isBigEndian = encoding === 'utf-16be';
    this.#strays = new InterframeBytes(limits.maxJunkBytes);
    this.#parts = new FrameParts(limits.maxFrameBytes + FRAMING_BYTES);
  }

  reconfigure(limits: FrameReaderLimits): void {
    this.#nextLimits = limits;
    if (!this.#inside) this.#takeUpLimits(limits);
  }

  get started(): number {
    return this.#started;
  }

  get skipped(): number {
    return this.#strays.count;
  }

  get heldBytes(): number {
    return this.#parts.size;
  }

  get inside(): boolean {
    return this.#inside;
  }

  get unfinished(): boolean {
    return this.#inside || this.#strays.hasJunk;
  }

  get sample(): Buffer {
    return this.#strays.sample;
  }

  get head(): Buffer {
    return this.#inside ? this.#parts.head(4) : EMPTY;
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  wait(): void {
    this.#waiting = true;
  }

  push(chunk: Buffer, isBorrowed = false): number {
    this.#waiting = false;
    const before = this.#half === undefined ? 0 : 1;
    let bytes = chunk;
    if (this.#half !== undefined) bytes = Buffer.concat([Buffer.of(this.#half), chunk]);
    else if (isBorrowed) bytes = Buffer.from(chunk);
    this.#half = undefined;
    this.#from = 0;
    let at = 0;
    while (at + 1 < bytes.length && !this.#stopped) {
      if (this.#waiting && !this.#inside) return at - before;
      const character = this.#isBigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
      at += 2;
      if (this.#inside) this.#readInside(bytes, character, at);
      else this.#readBetween(bytes, character, at);
    }
    if (this.#stopped) return chunk.length;
    if (this.#inside) this.#keep(bytes, this.#endPending ? at - 2 : at);
    if (at < bytes.length) this.#half = bytes[at];
    return chunk.length;
  }

  end(): void {
    if (this.#stopped) return;
    if (this.#inside) {
      const head = this.#parts.head(FAULT_BYTES);
      this.#drop();
      this.#sink.onFault('GW_ERR_FRAME_TRUNCATED', head, this.sample);
    } else if (this.#strays.hasJunk) this.#sink.onFault('GW_ERR_FRAME_NO_START', EMPTY, this.sample);
    this.#stopped = true;
  }

  /** `at`: behind the character. */
  #readBetween(bytes: Buffer, character: number, at: number): void {
    if (character === START_BLOCK) this.#open(at);
    else if (character !== BYTE_ORDER_MARK && !this.#strays.take(bytes, at - 2, at)) {
      this.stop();
      this.#sink.onFault('GW_ERR_FRAME_NO_START', EMPTY, this.sample);
    }
  }

  #readInside(bytes: Buffer, character: number, at: number): void {
    if (this.#endPending) {
      this.#endPending = false;
      if (character === CARRIAGE_RETURN) {
        this.#close(bytes, Math.max(this.#from, at - 4));
        this.#from = at;
        return;
      }
      // One that ended an earlier chunk has not been kept.
      if (at === 2) this.#parts.add(this.#encoded(END_BLOCK));
      if (this.#limits.strayEndByte === 'refuse') this.#refused ??= 'GW_ERR_FRAME_END_BYTE';
    }
    if (character === END_BLOCK) this.#endPending = true;
    else if (character === START_BLOCK) this.#readNested(at);
    else if (this.#nested !== undefined) this.#readBehindNested(bytes, character, at);
  }

  /** F9, F10, F14: a start block inside an open frame. */
  #readNested(at: number): void {
    const isFirst = this.#parts.size === BEFORE.length && at - 2 <= this.#from;
    if (isFirst && !this.#surplus) {
      this.#strays.takeStartBlock();
      this.#surplus = true;
      this.#from = at;
      return;
    }
    this.#refused ??= 'GW_ERR_FRAME_START_BLOCK';
    this.#nested = 0;
  }

  #readBehindNested(bytes: Buffer, character: number, at: number): void {
    this.#nested = character === MSH[this.#nested ?? 0] ? (this.#nested ?? 0) + 1 : undefined;
    if (this.#nested !== MSH.length) return;
    const head = this.#parts.head(FAULT_BYTES, bytes.subarray(this.#from, at));
    this.#drop();
    this.#sink.onFault('GW_ERR_FRAME_CUT_OFF', head);
    if (this.#stopped) return;
    this.#open(at);
    for (const letter of MSH) this.#parts.add(this.#encoded(letter));
  }

  #open(from: number): void {
    this.#inside = true;
    this.#from = from;
    this.#started++;
    this.#parts.add(BEFORE);
    this.#strays.frameBegan();
  }

  /** Keeps the open frame's bytes of this chunk, up to `to`. */
  #keep(bytes: Buffer, to: number): void {
    if (to <= this.#from) return;
    const rest = bytes.subarray(this.#from, to);
    if (!this.#isTooLarge(rest)) this.#parts.add(rest);
  }

  /** The frame's payload ends before `to`. */
  #close(bytes: Buffer, to: number): void {
    const rest = bytes.subarray(this.#from, to);
    if (this.#isTooLarge(rest)) return;
    const framed = this.#parts.join(rest, BEHIND);
    const payload = payloadOf(framed);
    // F12: framed in single bytes these would end the frame, or begin another.
    const refused =
      this.#refused ??
      (payload.includes(START_BLOCK)
        ? 'GW_ERR_FRAME_START_BLOCK'
        : holdsFrameEnd(payload)
          ? 'GW_ERR_FRAME_END_BYTE'
          : undefined);
    this.#drop();
    if (payload.length === 0) this.#sink.onEmptyFrame();
    else if (refused !== undefined)
      this.#sink.onFault(refused, framed.subarray(0, Math.min(FAULT_BYTES, framed.length - BEHIND.length)));
    else this.#sink.onFrame(framed);
    this.#strays.frameEnded();
  }

  /** F16. */
  #isTooLarge(rest: Buffer): boolean {
    if (this.#parts.size - BEFORE.length + rest.length <= this.#limits.maxFrameBytes) return false;
    const head = this.#parts.head(FAULT_BYTES, rest);
    this.stop();
    this.#sink.onFault('GW_ERR_FRAME_TOO_LARGE', head);
    return true;
  }

  #drop(): void {
    this.#parts.clear();
    this.#inside = false;
    this.#endPending = false;
    this.#nested = undefined;
    this.#surplus = false;
    this.#refused = undefined;
    if (this.#nextLimits !== undefined) this.#takeUpLimits(this.#nextLimits);
  }

  #takeUpLimits(limits: FrameReaderLimits): void {
    this.#nextLimits = undefined;
    this.#limits = limits;
    this.#strays.maxJunkBytes = limits.maxJunkBytes;
    this.#parts = new FrameParts(limits.maxFrameBytes + FRAMING_BYTES);
  }

  #encoded(character: number): Buffer {
    return this.#isBigEndian ? Buffer.of(0, character) : Buffer.of(character, 0);
  }
}
