// The receiving half of a sender's connection: from bytes to frames, in single bytes or in UTF-16. Promises that a frame takes
// no more memory and no more time than it may, and that nothing is read while its owner cannot take it.
import type { ListenerConfig } from '../../src/config/config.ts';
import type { Utf16 } from '../../src/hl7/charset.ts';
import { isFramedAsUtf16 } from '../../src/mllp/frame.ts';
import { frameMemory } from '../../src/mllp/frame-memory.ts';
import { FrameReader, type FrameReaderLimits, type FrameSink } from '../../src/mllp/frame-reader.ts';
import type { Transport } from '../../src/mllp/transport.ts';
import { Utf16Detector } from '../../src/mllp/utf16-detector.ts';
import { Utf16FrameReader } from '../../src/mllp/utf16-frame-reader.ts';
import { setImmediate } from '../../src/platform/time.ts';
import type { SourceBudget } from '../accept/buffer-budget.ts';
import { OpenFrame } from './open-frame.ts';

export interface FrameOwner extends FrameSink {
  /** It can take no frame for now. Whoever changes that calls `resume`. */
  readonly isFull: boolean;
  /** The first frame has told that all are in UTF-16. */
  onUtf16(encoding: Utf16): void;
  /** `drain` was called, and no frame is open any more. */
  onDrained(): void;
  /** A whole frame has come that is not taken any more: the first of them. */
  onDiscarded(): void;
  /** The sender has ended its side, and what it has sent before that is read. */
  onEnd(): void;
}

const NO_BYTES = Buffer.alloc(0);
const FRAME_END = Buffer.of(0x1c, 0x0d);

/**
 * Of a frame that is larger than this, so much is read in one turn of the event loop. Node.js would read 2 MiB, in which
 * nobody else is served; the kernel's buffer keeps the sender busy meanwhile.
 */
const TURN_BYTES = 64 * 1024;

export class FrameReceiver {
  readonly #transport: Transport;
  readonly #owner: FrameOwner;
  readonly #source: SourceBudget;
  #config: ListenerConfig;
  #reader: FrameReader | Utf16FrameReader;
  /** F99: until it is known how the first frame is framed. */
  #detector: Utf16Detector | undefined;
  #isReading = true;
  #isDraining = false;
  #isPaused = false;
  readonly #wake = (): void => this.resume();
  readonly #open: OpenFrame;
  /**
   * Read and not looked at yet: one read, of 64 KiB at most, can bring more messages than may wait for their answers. Not in
   * the budget: nothing but an answer would make room, and these wait for none yet.
   */
  #rest: Buffer = NO_BYTES;
  /** Bytes of a large frame that were read in this turn of the event loop. */
  #turnBytes = 0;
  /** Whole frames that came too late to be taken. */
  discarded = 0;
  /** The last byte that was thrown away may be the first of a frame's end. */
  #mayEndFrame = false;

  constructor(transport: Transport, config: ListenerConfig, source: SourceBudget, owner: FrameOwner) {
    this.#transport = transport;
    this.#owner = owner;
    this.#source = source;
    this.#config = config;
    this.#open = new OpenFrame(source, this.#wake, () => this.#onTimeout());
    this.#reader = new FrameReader(owner, limitsOf(config), frameMemory);
    // With `accept` the `1C` of UTF-16 may end a frame.
    if (config.framing.missingCr === 'refuse') this.#detector = new Utf16Detector();
  }

  /** Frames are still taken. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** A frame is open, or bytes have come that belong to none. */
  get unfinished(): boolean {
    return this.#reader.unfinished;
  }

  /** Bytes have been read that no frame has been looked for in. */
  get isBehind(): boolean {
    return this.#rest.length > 0;
  }

  /** The first bytes outside frames since the last frame. */
  get sample(): Buffer {
    return this.#reader.sample;
  }

  /** Bytes that belong to no frame. */
  get skippedBytes(): number {
    return this.#reader.skipped;
  }

  /** A frame that is open is read by the config that it began with. */
  reconfigure(config: ListenerConfig): void {
    this.#config = config;
    this.#reader.reconfigure(limitsOf(config));
    this.resume();
  }

  readonly onRead = (chunk: Buffer, isBorrowed: boolean): void => {
    if (!this.#isReading) {
      this.#discard(chunk);
      return;
    }
    let rest = this.#detector === undefined ? chunk : this.#detectUtf16(chunk, this.#detector);
    do {
      const read = this.#reader.push(rest, isBorrowed);
      rest = read === rest.length ? NO_BYTES : rest.subarray(read);
      this.#open.count(this.#reader, this.#config.limits);
    } while (rest.length > 0 && !this.#mustWait());
    this.#rest = isBorrowed && rest.length > 0 ? Buffer.from(rest) : rest;
    if (this.#open.bytes > TURN_BYTES) this.#yield(chunk.length);
    if (this.#isReading) this.#open.time(this.#reader, this.#config.limits);
    if (this.#isDraining && !this.#reader.inside) this.#owner.onDrained();
    this.pauseIfFull();
  };

  /** The owner counts the bytes of the frame that it has been given. */
  handOver(): void {
    this.#open.uncount();
  }

  /** The owner has taken the frame that it has been given. */
  frameTaken(): void {
    if (this.#isDraining) this.#owner.onDrained();
    this.waitIfFull();
  }

  /** For the owner, while it is given a frame or a fault: the next frame may have to wait. */
  waitIfFull(): void {
    if (this.#mustWait()) this.#reader.wait();
  }

  pauseIfFull(): void {
    if (this.#mustWait()) this.pause();
  }

  pause(): void {
    if (this.#isPaused || !this.#isReading) return;
    this.#isPaused = true;
    this.#transport.pause();
    this.#open.pauseTime();
    this.#awaitRoom();
  }

  /** Reads on, if nothing holds it up any more. */
  resume(): void {
    if (!this.#isPaused || !this.#isReading) return;
    if (this.#mustWait()) {
      this.#awaitRoom();
      return;
    }
    this.#isPaused = false;
    if (this.#rest.length > 0) this.onRead(this.#rest, false);
    if (this.#isPaused) return;
    this.#open.resumeTime();
    this.#transport.resume();
    if (this.#transport.hasEnded) this.#owner.onEnd();
  }

  /** Reads on to the end of the frame that is open, then calls `onDrained`. */
  drain(): void {
    this.#isDraining = true;
    if (!this.#reader.inside) this.#owner.onDrained();
  }

  /** Takes no further frame. `cut-off`: the frame that is open is reported as a fault. */
  stop(openFrame: 'cut-off' | 'dropped'): void {
    this.#isReading = false;
    if (openFrame === 'cut-off') this.#reader.end();
    this.#discard(this.#rest);
    this.release();
    // What still comes is read and thrown away: unread bytes would turn the end of the connection into a reset.
    this.#isPaused = false;
    this.#transport.resume();
  }

  /** The connection is over: lets go of all that is held for it. */
  release(): void {
    this.#isReading = false;
    this.#rest = NO_BYTES;
    this.#reader.stop();
    this.#open.uncount();
    this.#open.stopTime();
    this.#source.forget(this.#wake);
  }

  /**
   * F99: looks for the end of a first message in UTF-16 framing, which the reader has kept as one that does not end.
   * Returns what is to be read: more than the chunk, where that is another reader's.
   */
  #detectUtf16(chunk: Buffer, detector: Utf16Detector): Buffer {
    const reader = this.#reader;
    if (reader instanceof Utf16FrameReader || reader.hasEnded) {
      this.#detector = undefined;
      return chunk;
    }
    const found = detector.push(chunk);
    if (found === undefined) return chunk;
    this.#detector = undefined;
    if (found === 'plain') return chunk;
    const rest = chunk.subarray(reader.push(chunk.subarray(0, found.to), true));
    if (reader.hasEnded || !reader.inside) return rest;
    this.#owner.onUtf16(found.encoding);
    const held = reader.takeHeld();
    this.#reader = new Utf16FrameReader(this.#owner, limitsOf(this.#config), found.encoding);
    // The reader held it from the `0B` on.
    return Buffer.concat(found.encoding === 'utf-16be' ? [Buffer.of(0), held, rest] : [held, rest]);
  }

  /** F29: what comes behind the end that the gateway has decided on is not taken; how much that was is said when it is over. */
  #discard(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const before = this.discarded;
    if (this.#mayEndFrame && chunk[0] === FRAME_END[1]) this.discarded++;
    for (let at = chunk.indexOf(FRAME_END); at >= 0; at = chunk.indexOf(FRAME_END, at + 2)) this.discarded++;
    this.#mayEndFrame = chunk[chunk.length - 1] === FRAME_END[0];
    if (before === 0 && this.discarded > 0) this.#owner.onDiscarded();
  }

  #onTimeout(): void {
    const { inside, sample, head } = this.#reader;
    const seen = isFramedAsUtf16(head) ? head : sample;
    this.#owner.onFault(inside ? 'GW_ERR_FRAME_TIMEOUT' : 'GW_ERR_FRAME_NO_START', NO_BYTES, seen);
  }

  /** F48: within a large frame the others have their turn. */
  #yield(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes < TURN_BYTES || this.#transport.isPaused) return;
    this.#transport.pause();
    setImmediate(() => {
      this.#turnBytes = 0;
      if (!this.#isPaused) this.#transport.resume();
    });
  }

  #mustWait(): boolean {
    return this.#owner.isFull || this.#lacksRoom();
  }

  /** F79: a frame that has begun goes on, unless it is a large one that has to wait. */
  #lacksRoom(): boolean {
    return this.#reader.inside ? this.#open.waits : !this.#source.hasRoom;
  }

  /** A frame that waits is woken anyway. */
  #awaitRoom(): void {
    if (!this.#reader.inside && !this.#source.hasRoom) this.#source.onRoom(this.#wake);
  }
}

function limitsOf({ limits, framing }: ListenerConfig): FrameReaderLimits {
  return { ...limits, ...framing };
}
