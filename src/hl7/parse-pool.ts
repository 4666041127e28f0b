// The threads that parse: tasks wait in one queue, each runs with a deadline, and a thread that dies or hangs costs its
// own task an error and is replaced. Whoever asks says what is in a task only when its turn has come.
import { Piscina } from 'piscina';
import { causeCode, GatewayError } from '../errors.ts';
import { platform } from '../platform/current.ts';
import type { Threads } from '../platform/platform.ts';
import { abortAfter, clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';
import { packHeads } from './parse-tasks/headers.ts';
import type { InputOf, OutputOf, ParseKind, ParseTask } from './parse-tasks/table.ts';
import type { ParseReply } from './parse-worker.ts';

export interface ParsePoolOptions {
  readonly workers: number;
  /** From a task's start in a worker, which may have to be started for it, to its result. */
  readonly timeoutMs: number;
  /** Tests put a worker here that does what none should. */
  readonly workerFile?: URL | undefined;
  /** Where it counts on. */
  readonly counts?: ParsePoolCounts;
  /** Its threads do not start (why: a code), or do again: only when that changes. */
  readonly onHealth?: ((failure: string | undefined) => void) | undefined;
}

/** What a task is given. What is in `transfer` is the worker's from then on. */
export interface TaskInput<Input> {
  readonly input: Input;
  readonly transfer?: readonly ArrayBuffer[];
}

export interface Job<T> {
  /** Rejects with GW_ERR_PARSE_FAILED, GW_ERR_PARSE_TIMEOUT or GW_ERR_PARSE_WORKER. */
  readonly result: Promise<T>;
  /** Takes it out of the queue, for good; once it runs it runs to its end. Its result stays open then. */
  cancel(): void;
}

/** Counts of what became of tasks; for metrics. */
export interface ParsePoolCounts {
  done: number;
  failed: number;
  timedOut: number;
  /** Threads that ended on their own: out of memory, or by a defect. */
  lost: number;
}

export function noCounts(): ParsePoolCounts {
  return { done: 0, failed: 0, timedOut: 0, lost: 0 };
}

/**
 * JavaScript heap of a thread. Reading fields takes little of it, as bytes and long strings lie outside; a full parse of
 * a message of 16 MiB takes some 300 MB. What needs more is stopped before it takes the machine's memory.
 */
const MAX_HEAP_MB = 512;

/** A thread takes about 10 MB: those that were needed for a burst are given back. */
const IDLE_MS = 60_000;

/** Threads that do not start (a broken installation) are tried again this often; meanwhile tasks are refused at once. */
const RETRY_MS = 1_000;

export class ParsePool {
  readonly counts: ParsePoolCounts;
  readonly #options: ParsePoolOptions;
  #threads: Threads | undefined;
  /** Those whose turn has not come, in order; each starts itself. */
  readonly #waiting = new Set<() => void>();
  #running = 0;
  /** The threads that there are have done a task. */
  #proven = false;
  #failure: string | undefined;
  #retryAt = 0;
  #closed = false;

  constructor(options: ParsePoolOptions) {
    this.#options = options;
    this.counts = options.counts ?? noCounts();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running;
  }

  /** Why its threads do not start; undefined: they do, or nobody knows. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Starts a thread, so that the first task need not wait for it, and has it do nothing, to see that it can. */
  async start(): Promise<void> {
    const deadline = abortAfter(this.#options.timeoutMs);
    try {
      this.#threads ??= this.#createThreads();
      await this.#threads.run({ kind: 'headers', input: packHeads([]) }, { signal: deadline });
      this.#prove();
    } catch (thrown) {
      this.#fail(causeCode(thrown));
    }
  }

  run<K extends ParseKind>(kind: K, prepare: () => TaskInput<InputOf<K>>): Job<OutputOf<K>> {
    const { promise, resolve, reject } = Promise.withResolvers<OutputOf<K>>();
    const start = (): void => void this.#perform(kind, prepare).then(resolve, reject);
    this.#waiting.add(start);
    this.#startNext();
    return { result: promise, cancel: () => void this.#waiting.delete(start) };
  }

  /** Ends every thread; what waits or runs gets GW_ERR_PARSE_WORKER. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#startNext();
    await this.#threads?.destroy();
  }

  #startNext(): void {
    for (const start of this.#waiting) {
      // The threads' own queue stays empty: a task's deadline begins when it is handed over.
      if (this.#running >= this.#options.workers && !this.#closed) return;
      this.#waiting.delete(start);
      start();
    }
  }

  async #perform<K extends ParseKind>(kind: K, prepare: () => TaskInput<InputOf<K>>): Promise<OutputOf<K>> {
    if (this.#closed) throw new GatewayError('GW_ERR_PARSE_WORKER', { detail: 'the gateway stops' });
    this.#running++;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.#options.timeoutMs);
    try {
      const { input, transfer } = this.#prepared(prepare);
      const reply = await this.#call({ kind, input }, deadline.signal, transfer);
      if ('failed' in reply) {
        this.counts.failed++;
        throw new GatewayError('GW_ERR_PARSE_FAILED', { detail: reply.failed });
      }
      this.counts.done++;
      return reply.output as OutputOf<K>;
    } finally {
      clearTimeout(timer);
      this.#running--;
      this.#startNext();
    }
  }

  /** Memory for it may be short. */
  #prepared<Input>(prepare: () => TaskInput<Input>): TaskInput<Input> {
    try {
      return prepare();
    } catch (thrown) {
      this.counts.failed++;
      throw new GatewayError('GW_ERR_PARSE_FAILED', { detail: causeCode(thrown) });
    }
  }

  async #call(
    task: ParseTask,
    deadline: AbortSignal,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ParseReply> {
    // Piscina's types take it for the other form of postMessage's second argument.
    const transferList: object = [...transfer];
    if (this.#failure !== undefined && monotonicMs() < this.#retryAt)
      throw new GatewayError('GW_ERR_PARSE_WORKER', { detail: `threads do not start: ${this.#failure}` });
    try {
      this.#threads ??= this.#createThreads();
      const reply = (await this.#threads.run(task, { transferList, signal: deadline })) as ParseReply;
      this.#prove();
      return reply;
    } catch (thrown) {
      // A task that throws is a reply, so what comes here is the end of its thread.
      if (deadline.aborted) {
        this.counts.timedOut++;
        throw new GatewayError('GW_ERR_PARSE_TIMEOUT');
      }
      if (!this.#closed) this.counts.lost++;
      throw new GatewayError('GW_ERR_PARSE_WORKER', { detail: causeCode(thrown) });
    }
  }

  #createThreads(): Threads {
    const options = {
      filename: (this.#options.workerFile ?? ownWorkerFile()).href,
      minThreads: 1,
      maxThreads: this.#options.workers,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      recordTiming: false,
    };
    const threads: Threads = platform.createThreads?.(options) ?? new Piscina(options);
    this.#proven = false;
    // A thread that ends while it has no task: the next task gets another. One that has never done any does not start.
    threads.on('error', (thrown: unknown) => {
      this.counts.lost++;
      if (!this.#proven && this.#threads === threads) this.#fail(causeCode(thrown));
    });
    return threads;
  }

  #prove(): void {
    this.#proven = true;
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.onHealth?.(undefined);
  }

  /** What waits for these threads is over; others are tried for the next task, in a while. */
  #fail(failure: string): void {
    if (this.#proven || this.#closed) return;
    const threads = this.#threads;
    this.#threads = undefined;
    threads?.destroy().catch(() => {});
    this.#retryAt = monotonicMs() + RETRY_MS;
    const isNews = this.#failure === undefined;
    this.#failure = failure;
    if (isNews) this.#options.onHealth?.(failure);
  }
}

/** Beside this file: .ts in a checkout, .js in the package. */
function ownWorkerFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./parse-worker.${extension}`, import.meta.url);
}
