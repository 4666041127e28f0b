// What of a message is read on the event loop and what in the parse pool, as `parsing` in the config says; and how often
// each way was taken.
import { availableParallelism } from 'node:os';
import type { ErrorPlace } from '../errors.ts';
import type { Piece } from './batch.ts';
import type { Header } from './header.ts';
import { HeaderBatches } from './header-batches.ts';
import { type Job, ParsePool, type ParsePoolCounts } from './parse-pool.ts';
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

export class Parsing {
  readonly stats: ParsingStats;
  /** Of a payload that is longer nothing but its header may be read on the event loop. */
  readonly inlineLimitBytes: number;
  /** Not even the header. */
  readonly readsHeaders: boolean;
  readonly #queue: number;
  readonly #pool: ParsePool;
  readonly #headers: HeaderBatches;

  constructor(config: ParsingConfig, workerFile?: URL) {
    const { offload, queue, timeoutMs } = config;
    // The event loop needs a core to itself.
    const workers = config.workers === 'auto' ? Math.max(1, availableParallelism() - 1) : config.workers;
    this.inlineLimitBytes = { auto: config.inlineLimitBytes, always: -1, never: Number.POSITIVE_INFINITY }[
      offload
    ];
    this.readsHeaders = offload === 'always';
    this.#queue = queue;
    const pool = new ParsePool({ workers, timeoutMs, workerFile });
    const headers = new HeaderBatches(pool);
    this.#pool = pool;
    this.#headers = headers;
    this.stats = {
      offload,
      inlineLimitBytes: this.inlineLimitBytes,
      workers,
      inline: 0,
      offloaded: 0,
      tasks: pool.counts,
      get waiting() {
        return pool.waiting + headers.waiting;
      },
      get running() {
        return pool.running;
      },
    };
  }

  /** As much waits as may. What still comes is taken, but its sender should not be read any further. */
  get isFull(): boolean {
    return this.#pool.waiting + this.#headers.waiting >= this.#queue;
  }

  /** Starts a worker ahead of the first task, where there will be one: `isNeeded` says so for `auto`. */
  start(isNeeded: boolean): void {
    if ({ auto: isNeeded, always: true, never: false }[this.stats.offload]) this.#pool.start();
  }

  readHeader(payload: Buffer): Promise<Header> {
    return this.#headers.read(payload);
  }

  /** `charset`: of its header. */
  readFields(payload: Buffer, charset: string | undefined, asked: Asked): Job<FieldsOutput> {
    return this.#pool.run('fields', () => ({ input: { payload: share(payload), charset, asked } }));
  }

  /** `charset`: where it is not MSH-18's that counts; of the next two as well. Rejects with what it is refused with. */
  validate(payload: Buffer, charset: string | undefined, rules: ValidationRules): Job<readonly ErrorPlace[]> {
    const job = this.#pool.run('validate', () => ({ input: { payload: share(payload), charset, rules } }));
    return { ...job, result: job.result.then(resultOf) };
  }

  /** As `splitBatch` does it. */
  split(
    payload: Buffer,
    charset: string | undefined,
    maxMessages: number,
  ): Job<readonly Piece[] | undefined> {
    const job = this.#pool.run('split', () => ({ input: { payload: share(payload), charset, maxMessages } }));
    return { ...job, result: job.result.then((output) => unpackPieces(payload, resultOf(output))) };
  }

  /** As `transcodeToUtf8` does it. */
  transcode(payload: Buffer, charset: string | undefined): Job<Buffer> {
    const job = this.#pool.run('transcode', () => ({ input: { payload: share(payload), charset } }));
    return { ...job, result: job.result.then((output) => unpackTranscoded(payload, resultOf(output))) };
  }

  /** Ends every worker; whoever still waits gets an error. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
