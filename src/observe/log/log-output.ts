// Log lines on their way to standard output, some at a time: a line for each message would otherwise cost a write for each.
// Promises that nobody waits for whoever reads them, whatever becomes of it (a full disk, a pipe without a reader, a reader
// that stands still), that memory is bounded, and that dropped lines are counted and told of.
import type { DestinationStream } from 'pino';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import { LineWriter } from './line-writer.ts';
import { type LogTarget, standardOutput } from './log-target.ts';

/** Nobody sees the difference; at 100 messages a second it is a write for each line as before. */
const DELAY_MS = 10;
/** Some 16 KiB, which is what is written at once. */
const MAX_LINES = 50;
/** As many as that of one message each, which take 400 bytes. */
const BLOCK_BYTES = 64 * 1024;
/** Longer than any line of a message: names of a config have 200 characters, identifiers 64. */
const MAX_LINE_BYTES = 8 * 1024;
/** Of a character in UTF-8, by JavaScript's count of characters. */
const MAX_CHARACTER_BYTES = 3;
/** As much as a reader that stands still for a second at 20,000 messages a second leaves behind. More is dropped. */
const MAX_BYTES = 8 * 1024 * 1024;
/** A reader that is only slow has made room by then; one that stands still costs 20 attempts a second. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 50;
/** At the end of the process: far more than a write of 64 KiB takes. */
const SETTLE_MS = 20;
/** At the end of the process: a reader that takes nothing for so long does not read. */
const GIVE_UP_MS = 100;

/** Why lines were dropped: nobody read them in time, or a write failed. */
export type DropReason = 'slow' | 'failed';

interface Chunk {
  readonly bytes: Buffer;
  readonly lines: number;
}

const LINE_END = 0x0a;

export class LogOutput implements DestinationStream {
  /** Lines since the process began, for metrics. */
  readonly dropped: Record<DropReason, number> = { slow: 0, failed: 0 };
  /** Members that each line has behind its time. */
  bindings: Buffer = Buffer.alloc(0);
  /** Called once lines are taken again. `cause`: the code of the last error, or `slow`. */
  onDropped: (lines: number, cause: string) => void = () => {};
  readonly #target: LogTarget;
  readonly #block = new LineWriter(BLOCK_BYTES);
  #lines = 0;
  /** Bytes of the block that are whole lines: behind them may be the beginning of one that was never ended. */
  #wholeBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  /** Bytes of the first chunk that are written. */
  #offset = 0;
  /** What was written last is no line end: the rest of that line was dropped. */
  #isTorn = false;
  /** When the write began that is under way in another thread. */
  #writingSince: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #untold = 0;
  #cause = '';
  #waiting: (() => void)[] = [];

  constructor(target: LogTarget = standardOutput()) {
    this.#target = target;
    process.prependListener('exit', () => this.#writeLast());
  }

  write(line: string): void {
    this.#block.used = this.#wholeBytes;
    const most = line.length * MAX_CHARACTER_BYTES;
    if (most > this.#block.room) this.#gather();
    if (most > this.#block.room) {
      this.#keep(Buffer.from(line), 1);
      this.#writeOn();
      return;
    }
    this.#block.utf8(line);
    this.end();
  }

  /** Where a line is to be written, with its line end, of 8 KiB at most; `end` has to be called behind it. */
  begin(): LineWriter {
    this.#block.used = this.#wholeBytes;
    if (this.#block.room < MAX_LINE_BYTES) this.#gather();
    return this.#block;
  }

  /** The line that was begun is there. */
  end(): void {
    this.#wholeBytes = this.#block.used;
    this.#lines++;
    if (this.#lines >= MAX_LINES) this.#gather();
    else this.#timer ??= setTimeout(() => this.#gather(), DELAY_MS).unref();
  }

  /** Whole lines of another process, as they are. */
  pass(bytes: Buffer, lines: number): void {
    this.#gather();
    this.#keep(bytes, lines);
    this.#writeOn();
  }

  /** `done` is called when all that there was is written or dropped; with a reader that stands still, never. */
  flush(done?: (error?: Error) => void): void {
    this.#gather();
    if (done === undefined) return;
    if (this.#queue.length === 0) done();
    else this.#waiting.push(done);
  }

  #gather(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === 0) return;
    this.#keep(...this.#takeBlock());
    this.#writeOn();
  }

  /** What is in the block: a copy, as the block is written to again. */
  #takeBlock(): [bytes: Buffer, lines: number] {
    const bytes = Buffer.from(this.#block.bytes.subarray(0, this.#wholeBytes));
    const lines = this.#lines;
    this.#block.used = 0;
    this.#wholeBytes = 0;
    this.#lines = 0;
    return [bytes, lines];
  }

  #keep(bytes: Buffer, lines: number): void {
    if (this.#queuedBytes + bytes.length > MAX_BYTES) {
      this.#count(lines, 'slow', 'slow');
      return;
    }
    this.#queue.push({ bytes, lines });
    this.#queuedBytes += bytes.length;
  }

  #writeOn(): void {
    if (this.#writingSince !== undefined || this.#retry !== undefined) return;
    if (!this.#target.isPrompt) this.#writeElsewhere();
    else while (this.#retry === undefined && this.#queue.length > 0) this.#writePromptly();
  }

  #writePromptly(): void {
    try {
      this.#taken(this.#target.writeNow(this.#rest()));
    } catch (thrown) {
      this.#failed(thrown as NodeJS.ErrnoException);
    }
  }

  #writeElsewhere(): void {
    if (this.#queue.length === 0) return;
    this.#writingSince = monotonicMs();
    this.#target.write(this.#rest(), (error, taken) => {
      this.#writingSince = undefined;
      if (error === null) this.#taken(taken);
      else this.#failed(error);
      this.#writeOn();
    });
  }

  /** What of the first chunk is to be written, behind the end of a torn line. */
  #rest(): Buffer {
    const rest = this.#queue[0]?.bytes.subarray(this.#offset) ?? Buffer.alloc(0);
    return this.#isTorn ? Buffer.concat([Buffer.of(LINE_END), rest]) : rest;
  }

  #taken(bytes: number): void {
    this.#retryMs = FIRST_RETRY_MS;
    const ofTorn = this.#isTorn && bytes > 0 ? 1 : 0;
    if (ofTorn > 0) this.#isTorn = false;
    this.#offset += bytes - ofTorn;
    const first = this.#queue[0];
    if (first !== undefined && this.#offset >= first.bytes.length) this.#next();
    // With half of it free, what is told now is not dropped at once.
    if (this.#untold > 0 && this.#queuedBytes <= MAX_BYTES / 2) this.#tell();
  }

  #failed({ code = 'unknown' }: NodeJS.ErrnoException): void {
    if (code === 'EAGAIN') {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#writeOn();
      }, this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
      return;
    }
    const first = this.#queue[0];
    if (first === undefined) return;
    if (this.#offset > 0) this.#isTorn = first.bytes[this.#offset - 1] !== LINE_END;
    this.#count(first.lines, 'failed', code);
    this.#next();
  }

  /** The first chunk is done with. */
  #next(): void {
    this.#offset = 0;
    this.#queuedBytes -= this.#queue.shift()?.bytes.length ?? 0;
    if (this.#queue.length > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }

  #count(lines: number, reason: DropReason, cause: string): void {
    this.dropped[reason] += lines;
    this.#untold += lines;
    this.#cause = cause;
  }

  #tell(): void {
    const lines = this.#untold;
    this.#untold = 0;
    this.onDropped(lines, this.#cause);
  }

  /** Nothing that is begun now would be finished, so what there is is written before this returns. */
  #writeLast(): void {
    clearTimeout(this.#timer);
    if (this.#writingSince !== undefined) {
      // It can't be waited for, only given the time that it takes; behind one that hangs another would hang too.
      if (monotonicMs() - this.#writingSince > GIVE_UP_MS) return;
      pause(SETTLE_MS);
      this.#next();
    }
    let triedMs = 0;
    while (triedMs < GIVE_UP_MS) {
      if (this.#lines > 0) {
        const [bytes, lines] = this.#takeBlock();
        this.#queue.push({ bytes, lines });
      }
      if (this.#queue.length === 0) return;
      try {
        this.#taken(this.#target.writeNow(this.#rest()));
        triedMs = 0;
      } catch (thrown) {
        // Nobody reads any more, or the disk is full: a process that ends waits for neither.
        if (!isAgain(thrown)) return;
        pause(SETTLE_MS);
        triedMs += SETTLE_MS;
      }
    }
  }
}

function isAgain(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN';
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
