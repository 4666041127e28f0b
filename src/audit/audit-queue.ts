// Records on their way to one place that takes them: in order, a bounded number, tried again for as long as it takes.
// Promises that whoever adds one never waits, and that what is lost is counted and told of now and then.
import { asGatewayError, type GatewayError } from '../errors.ts';

/** A file, or a repository. */
export interface AuditSink {
  /** Where the records go, for the log. */
  readonly name: string;
  /** Resolves when it has all of them; rejects where it may have some or none: they are written again. */
  write(records: readonly string[]): Promise<void>;
  /** What is open is opened anew at the next write: a file that was renamed, certificates that were replaced. */
  reopen(): void;
  close(): Promise<void>;
}

export interface QueueWatcher {
  /** It takes records again, or does not: only when that changes. */
  onSink(name: string, error: GatewayError | undefined): void;
  onDropped(name: string, count: number): void;
}

/** Of records of 1 to 2 KB: large enough for a burst, small enough to be written again. */
const BATCH = 100;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** How often drops are told of, while there are any. */
const TELL_MS = 60_000;

export class AuditQueue {
  dropped = 0;
  written = 0;
  readonly #sink: AuditSink;
  readonly #max: number;
  readonly #watcher: QueueWatcher;
  readonly #records: string[] = [];
  #running: Promise<void> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #endPause: (() => void) | undefined;
  #failed = false;
  #closing = false;
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(sink: AuditSink, max: number, watcher: QueueWatcher) {
    this.#sink = sink;
    this.#max = max;
    this.#watcher = watcher;
  }

  get queued(): number {
    return this.#records.length;
  }

  /** What does not fit is dropped, and not what is there: a flood must not push out what came before it. */
  add(record: string): void {
    if (this.#records.length >= this.#max) {
      this.dropped++;
      this.#tellDrops();
      return;
    }
    this.#records.push(record);
    this.#start();
  }

  reopen(): void {
    this.#sink.reopen();
    this.#endPause?.();
  }

  /** Tries for so long to write what is left. What then is left is dropped. */
  async close(timeoutMs: number): Promise<void> {
    this.#closing = true;
    this.#endPause?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
    this.dropped += this.#records.length;
    this.#records.length = 0;
    this.#tellDrops(true);
    await this.#sink.close();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#records.length > 0 && !this.#closing) this.#start();
    });
  }

  async #run(): Promise<void> {
    // What comes in this same turn goes along.
    await Promise.resolve();
    while (this.#records.length > 0) {
      const batch = this.#records.slice(0, BATCH);
      try {
        await this.#sink.write(batch);
        this.#records.splice(0, batch.length);
        this.written += batch.length;
        this.#note(undefined);
      } catch (thrown) {
        this.#note(asGatewayError(thrown));
        // One try is all that there is time for at the end.
        if (this.#closing) return;
        await this.#pause();
      }
    }
  }

  #note(error: GatewayError | undefined): void {
    if (error === undefined) this.#pauseMs = FIRST_PAUSE_MS;
    const failed = error !== undefined;
    if (failed === this.#failed) return;
    this.#failed = failed;
    this.#watcher.onSink(this.#sink.name, error);
  }

  /** Twice as long each time; not all gateways at the same moment. */
  #pause(): Promise<void> {
    const ms = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause?.(), ms);
      timer.unref();
      this.#endPause = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
    });
  }

  #tellDrops(now = false): void {
    const count = this.dropped - this.#told;
    if (count === 0 || (!now && performance.now() - this.#toldAt < TELL_MS)) return;
    this.#toldAt = performance.now();
    this.#told = this.dropped;
    this.#watcher.onDropped(this.#sink.name, count);
  }
}
