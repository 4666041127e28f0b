// Log lines on their way to standard output, some at a time: a line for each message would otherwise cost a write for each.
// Promises that nobody waits for whoever reads them, that memory is bounded, and that dropped lines are told of.
import { writeSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';

/** Nobody sees the difference; at 100 messages a second it is a write for each line as before. */
const DELAY_MS = 10;
/** Some 16 KiB, which is what is written at once. */
const MAX_LINES = 50;
/** As much as a reader that stands still for a second at 20,000 messages a second leaves behind. More is dropped. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Far more than a write of 64 KiB takes. */
const SETTLE_MS = 20;

export class LogOutput implements DestinationStream {
  readonly #out = pino.destination({ fd: 1, sync: false, maxLength: MAX_BYTES });
  #lines: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    this.#out.on('drop', () => {
      this.#dropped += this.#lines.length;
    });
    this.#out.on('drain', () => this.#tellDropped());
    // Before pino's own, which ends it.
    process.prependListener('exit', () => this.#writeLast());
  }

  write(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= MAX_LINES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), DELAY_MS).unref();
  }

  /** `done` is called when all that there was is written. */
  flush(done?: (error?: Error) => void): void {
    this.#flush();
    this.#out.flush(done);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    this.#out.write(this.#lines.join(''));
    this.#lines = [];
    this.#flushedAt = performance.now();
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const time = new Date().toISOString();
    const line = {
      level: 'warn',
      time,
      lines: this.#dropped,
      msg: 'log: lines were dropped, as nobody read them',
    };
    this.#dropped = 0;
    this.write(`${JSON.stringify(line)}\n`);
  }

  /** Nothing that is begun now would be finished, so what there is is written before this returns. */
  #writeLast(): void {
    clearTimeout(this.#timer);
    const left = this.#lines.join('');
    this.#lines = [];
    // A write that is under way in another thread can't be waited for, only given the time that it takes.
    if (this.#flushedAt + SETTLE_MS > performance.now()) pause(SETTLE_MS);
    try {
      this.#out.flushSync();
      writeSync(1, left);
    } catch {
      // Nobody reads any more, or not now: a process that ends waits for no reader.
    }
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
