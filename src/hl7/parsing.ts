// What of a message is read on the event loop and what in the parse pool, as `parsing` in the config says; and how often
// each way was taken.
import { availableParallelism } from 'node:os';
import type { ErrorPlace } from '../errors.ts';
import { clearInterval, setInterval } from '../platform/time.ts';
import type { Piece } from './batch.ts';
import type { Header } from './header.ts';
import { HeaderBatches } from './header-batches.ts';
import { type Job, noCounts, ParsePool, type ParsePoolCounts } from './parse-pool.ts';
import type { Asked, FieldsOutput } from './parse-tasks/fields.ts';
import { resultOf, unpackPieces, unpackTranscoded } from './parse-tasks/whole.ts';
import { share } from './shared-bytes.ts';
import type { ValidationRules } from './whole/validation.ts';

export interface ParsingConfig {
  /** Threads at most; `auto`: one less than there are cores. */
  readonly workers: number | 'auto';
  readonly offload: 'auto' | 'always' | 'never';
  /** With `auto`: of a larger message nothing but its header is read on the event loop. */
  readonly inlineLimitBytes: number;
  /** Messages that may wait for a worker before their senders are not read any more. */
  readonly queue: number;
  readonly timeoutMs: number;
}

/** For metrics: plain numbers, that only grow but for those that say what is now. */
export interface ParsingStats {
  readonly offload: ParsingConfig['offload'];
  /** The threshold in force; Infinity: nothing is offloaded. */
  readonly inlineLimitBytes: number;
  readonly workers: number;
  /** Messages that were read on the event loop alone. */
  inline: number;
  /** Messages that the pool was asked about. */
  offloaded: number;
  readonly tasks: Readonly<ParsePoolCounts>;
  /** Now: what waits for a worker, and what workers are busy with. */
  readonly waiting: number;
  readonly running: number;
}

/** How often threads that others have taken the place of are asked whether they have something to do still. */
const LEAVING_POLL_MS = 100;

/** Threads, and the headers that are gathered for them. */
interface Workers {
  readonly pool: ParsePool;
  readonly headers: HeaderBatches;
}

export class Parsing {
  readonly stats: ParsingStats;
  readonly #workerFile: URL | undefined;
  readonly #onHealth: ((failure: string | undefined) => void) | undefined;
  readonly #counts: ParsePoolCounts = noCounts();
  /** Those that have something to do still, though others have taken their place. */
  readonly #leaving = new Set<Workers>();
  #config: ParsingConfig;
  #workers: Workers;
  #inlineLimitBytes: number;
  #closed = false;

  /** `onHealth`: its threads do not start, or do again; only when that changes. */
  constructor(config: ParsingConfig, workerFile?: URL, onHealth?: (failure: string | undefined) => void) {
    this.#config = config;
    this.#onHealth = onHealth;
    this.#workerFile = workerFile;
    this.#inlineLimitBytes = inlineLimitOf(config);
    this.#workers = this.#createWorkers();
    const sum = (of: (workers: Workers) => number): number =>
      [this.#workers, ...this.#leaving].reduce((all, workers) => all + of(workers), 0);
    const current = (): ParsingConfig => this.#config;
    const limit = (): number => this.#inlineLimitBytes;
    this.stats = {
      get offload() {
        return current().offload;
      },
      get inlineLimitBytes() {
        return limit();
      },
      get workers() {
        return workersOf(current());
      },
      inline: 0,
      offloaded: 0,
      tasks: this.#counts,
      get waiting() {
        return sum(waitingAt);
      },
      get running() {
        return sum(({ pool }) => pool.running);
      },
    };
  }

  /** Of a payload that is longer nothing but its header may be read on the event loop. */
  get inlineLimitBytes(): number {
    return this.#inlineLimitBytes;
  }

  /** Why threads do not start though messages need them; undefined: they do, or are not needed. */
  get failure(): string | undefined {
    return this.#config.offload === 'never' ? undefined : this.#workers.pool.failure;
  }

  /** Not even the header. */
  get readsHeaders(): boolean {
    return this.#config.offload === 'always';
  }

  /** As much waits as may. What still comes is taken, but its sender should not be read any further. */
  get isFull(): boolean {
    const waiting = waitingAt(this.#workers);
    if (this.#leaving.size === 0) return waiting >= this.#config.queue;
    return this.stats.waiting >= this.#config.queue;
  }

  /** Starts a worker ahead of the first task, where there will be one: `isNeeded` says so for `auto`. */
  start(isNeeded: boolean): void {
    if ({ auto: isNeeded, always: true, never: false }[this.#config.offload]) void this.#workers.pool.start();
  }

  /**
   * Messages that come from now on are read as this says. What is with a worker, or waits for one, stays where it is,
   * and its threads end when that is through: each wait there has a limit, and so has this.
   */
  reconfigure(config: ParsingConfig): void {
    const before = this.#config;
    this.#config = config;
    this.#inlineLimitBytes = inlineLimitOf(config);
    const same = workersOf(before) === workersOf(config) && before.timeoutMs === config.timeoutMs;
    // Without threads there are none that wait for something to do.
    if (this.#closed || (same && (config.offload !== 'never' || before.offload === 'never'))) return;
    const leaving = this.#workers;
    this.#workers = this.#createWorkers();
    this.#leaving.add(leaving);
    const timer = setInterval(() => {
      if (leaving.headers.open + leaving.pool.waiting + leaving.pool.running > 0) return;
      clearInterval(timer);
      this.#leaving.delete(leaving);
      void leaving.pool.close();
    }, LEAVING_POLL_MS);
    timer.unref();
  }

  readHeader(payload: Buffer): Promise<Header> {
    return this.#workers.headers.read(payload);
  }

  /** `charset`: of its header. */
  readFields(
    payload: Buffer,
    charset: string | undefined,
    asked: Asked,
    onStart?: () => void,
  ): Job<FieldsOutput> {
    return this.#workers.pool.run('fields', () => {
      onStart?.();
      return { input: { payload: share(payload), charset, asked } };
    });
  }

  /** `charset`: where it is not MSH-18's that counts; of the next two as well. Rejects with what it is refused with. */
  validate(payload: Buffer, charset: string | undefined, rules: ValidationRules): Job<readonly ErrorPlace[]> {
    const job = this.#workers.pool.run('validate', () => ({
      input: { payload: share(payload), charset, rules },
    }));
    return { ...job, result: job.result.then(resultOf) };
  }

  /** As `splitBatch` does it. */
  split(
    payload: Buffer,
    charset: string | undefined,
    maxMessages: number,
    onStart?: () => void,
  ): Job<readonly Piece[] | undefined> {
    const job = this.#workers.pool.run('split', () => {
      onStart?.();
      return { input: { payload: share(payload), charset, maxMessages } };
    });
    return { ...job, result: job.result.then((output) => unpackPieces(payload, resultOf(output))) };
  }

  /** As `transcodeToUtf8` does it. */
  transcode(payload: Buffer, charset: string | undefined): Job<Buffer> {
    const job = this.#workers.pool.run('transcode', () => ({ input: { payload: share(payload), charset } }));
    return { ...job, result: job.result.then((output) => unpackTranscoded(payload, resultOf(output))) };
  }

  /** Ends every worker; whoever still waits gets an error. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#workers, ...this.#leaving].map(({ pool }) => pool.close()));
  }

  #createWorkers(): Workers {
    const { timeoutMs } = this.#config;
    const pool = new ParsePool({
      workers: workersOf(this.#config),
      timeoutMs,
      workerFile: this.#workerFile,
      counts: this.#counts,
      onHealth: this.#onHealth,
    });
    return { pool, headers: new HeaderBatches(pool) };
  }
}

/** The event loop needs a core to itself. */
function workersOf({ workers }: ParsingConfig): number {
  return workers === 'auto' ? Math.max(1, availableParallelism() - 1) : workers;
}

function inlineLimitOf({ offload, inlineLimitBytes }: ParsingConfig): number {
  return { auto: inlineLimitBytes, always: -1, never: Number.POSITIVE_INFINITY }[offload];
}

function waitingAt({ pool, headers }: Workers): number {
  return pool.waiting + headers.waiting;
}
