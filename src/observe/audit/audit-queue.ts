// Records on their way to one place that takes them: in order, tried again for as long as it takes. Promises that whoever
// adds one never waits, that none counts as written before the place is known to have it, and that what is lost is
// counted and told of now and then.
import { asGatewayError, type GatewayError } from '../../errors.ts';
import { random } from '../../platform/random.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import type { Backlog } from './backlog.ts';

/** A file, or a repository. */
export interface AuditSink {
  /** Where the records go, for the log. */
  readonly name: string;
  /** Rejects where it may have some or none, of these or of others since the last `confirm`: all of them are written again. */
  write(records: readonly string[]): Promise<void>;
  /** Resolves when it is known to have all that was written; rejects as `write` does. Undefined: `write` knows by itself. */
  confirm?(): Promise<void>;
  /** What is open is opened anew at the next write: a file that was renamed, certificates that were replaced. */
  reopen(): void;
  close(): Promise<void>;
}

export interface AuditQueueWatcher {
  /** It takes records again, or does not: only when that changes. */
  onSink(name: string, error: GatewayError | undefined): void;
  onDropped(name: string, count: number): void;
  /** The disk on which records for it wait takes them again, or does not: only when that changes. */
  onSpool(name: string, error: GatewayError | undefined): void;
  /** At the end so many wait on the disk, for whoever comes next. */
  onKept(name: string, count: number): void;
}

export interface QueueTimes {
  /** So long after the first record that is written, the sink is asked whether it has all. */
  readonly confirmMs: number;
  readonly firstPauseMs: number;
}

/** At most one TLS handshake a second with a repository, and a second of records that come twice when it breaks down. */
const TIMES: QueueTimes = { confirmMs: 1_000, firstPauseMs: 1_000 };
/** As many may be written before the sink is asked: 1 to 2 MB, which come again if it breaks down. */
const MAX_UNCONFIRMED = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** How often drops are told of, while there are any. */
const TELL_MS = 60_000;

/** What is left to be done when a sink is closed is to give back a file or a socket. */
const END_MS = 500;

export class AuditQueue {
  dropped = 0;
  written = 0;
  readonly backlog: Backlog;
  readonly #sink: AuditSink;
  readonly #watcher: AuditQueueWatcher;
  readonly #times: QueueTimes;
  #running: Promise<void> | undefined;
  /** Something was added while it ran, or was about to end. */
  #isMore = false;
  /** Written, and not known to be taken. */
  #unconfirmed = 0;
  #confirmAt = 0;
  #pauseMs: number;
  #endWait: (() => void) | undefined;
  #isPausing = false;
  #failed = false;
  #closing = false;
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(sink: AuditSink, backlog: Backlog, watcher: AuditQueueWatcher, times: QueueTimes = TIMES) {
    this.#sink = sink;
    this.backlog = backlog;
    this.#watcher = watcher;
    this.#times = times;
    this.#pauseMs = times.firstPauseMs;
    backlog.onReady = () => this.#start();
    backlog.onLost = (count) => this.drop(count);
  }

  get queued(): number {
    return this.backlog.count;
  }

  add(record: string): void {
    if (!this.backlog.add(record)) this.drop(1);
  }

  /** So many are lost. */
  drop(count: number): void {
    this.dropped += count;
    this.#tellDrops();
  }

  reopen(): void {
    this.#sink.reopen();
    if (this.#isPausing) this.#endWait?.();
  }

  /** Tries for so long to write what is left. Returns what then is left in memory: nobody has it, or it is not known. */
  async close(timeoutMs: number): Promise<readonly string[]> {
    const end = monotonicMs() + timeoutMs;
    await atMost(timeoutMs, this.backlog.settled());
    this.#closing = true;
    this.#endWait?.();
    await atMost(end - monotonicMs(), this.#running);
    const left = await this.backlog.close();
    // A disk that does not answer would keep both.
    await atMost(END_MS, Promise.all([this.#sink.close(), this.#running]));
    return left;
  }

  /** At its end, of what was not told of. */
  tell(): void {
    this.#tellDrops(true);
    if (this.backlog.kept > 0) this.#watcher.onKept(this.#sink.name, this.backlog.kept);
  }

  #start(): void {
    this.#isMore = true;
    if (this.#isPausing || this.#closing) return;
    this.#endWait?.();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isMore) this.#start();
    });
  }

  async #run(): Promise<void> {
    // What comes in this same turn goes along.
    await Promise.resolve();
    for (;;) {
      try {
        if (!(await this.#step())) return;
      } catch (thrown) {
        this.backlog.again();
        this.#unconfirmed = 0;
        this.#note(asGatewayError(thrown));
        // One try is all that there is time for at the end.
        if (this.#closing) return;
        await this.#pause();
      }
    }
  }

  /** False: nothing is left. */
  async #step(): Promise<boolean> {
    this.#isMore = false;
    const batch = this.#unconfirmed < MAX_UNCONFIRMED ? await this.backlog.next() : [];
    if (batch.length > 0) {
      await this.#sink.write(batch);
      if (this.#unconfirmed === 0) this.#confirmAt = monotonicMs() + this.#times.confirmMs;
      this.#unconfirmed += batch.length;
    }
    if (this.#unconfirmed === 0) return this.#isMore;
    if (this.#sink.confirm !== undefined) {
      const left = this.#closing ? 0 : this.#confirmAt - monotonicMs();
      if (left > 0 && this.#unconfirmed < MAX_UNCONFIRMED) {
        if (batch.length === 0 && !this.#isMore) await this.#wait(left);
        return true;
      }
      // At the end all that is there goes out before the one question.
      if (this.#closing && batch.length > 0) return true;
      await this.#sink.confirm();
    }
    await this.backlog.taken();
    this.written += this.#unconfirmed;
    this.#unconfirmed = 0;
    this.#note(undefined);
    return true;
  }

  #note(error: GatewayError | undefined): void {
    if (error === undefined) this.#pauseMs = this.#times.firstPauseMs;
    const failed = error !== undefined;
    if (failed === this.#failed) return;
    this.#failed = failed;
    this.#watcher.onSink(this.#sink.name, error);
  }

  /** Twice as long each time; not all gateways at the same moment. */
  async #pause(): Promise<void> {
    const ms = this.#pauseMs * (0.75 + random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#isPausing = true;
    await this.#wait(ms);
    this.#isPausing = false;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endWait?.(), ms);
      timer.unref();
      this.#endWait = () => {
        clearTimeout(timer);
        this.#endWait = undefined;
        resolve();
      };
    });
  }

  #tellDrops(now = false): void {
    const count = this.dropped - this.#told;
    if (count === 0 || (!now && monotonicMs() - this.#toldAt < TELL_MS)) return;
    this.#toldAt = monotonicMs();
    this.#told = this.dropped;
    this.#watcher.onDropped(this.#sink.name, count);
  }
}

/** Resolves with the promise, or after this time. */
async function atMost(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
