// Headers read in the parse pool, many at a time: what one turn of the event loop brings is one task, and while all
// workers are busy what comes waits in one, so that a header costs less the more there are.
import { GatewayError } from '../errors.ts';
import { setImmediate } from '../platform/time.ts';
import { Header } from './header.ts';
import type { ParsePool } from './parse-pool.ts';
import { type HeaderReading, packHeads, packWhole, unpackHeaders } from './parse-tasks/headers.ts';

/** 256 KiB of beginnings, read in half a millisecond: no other message waits longer for a worker because of it. */
const MAX_BATCH = 256;

interface Pending {
  readonly payload: Buffer;
  resolve(header: Header): void;
  reject(error: GatewayError): void;
}

export class HeaderBatches {
  readonly #pool: ParsePool;
  #pending: Pending[] = [];
  #submitted = false;
  #open = 0;

  constructor(pool: ParsePool) {
    this.#pool = pool;
  }

  /** Headers whose turn has not come. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** All that have no answer yet. */
  get open(): number {
    return this.#open;
  }

  /** Rejects with what `readHeader` throws, or with an error of the pool. */
  read(payload: Buffer): Promise<Header> {
    const { promise, resolve, reject } = Promise.withResolvers<Header>();
    this.#open++;
    const over = (): void => void this.#open--;
    promise.then(over, over);
    this.#pending.push({ payload, resolve, reject });
    if (!this.#submitted) {
      this.#submitted = true;
      setImmediate(() => this.#submit());
    }
    return promise;
  }

  #submit(): void {
    let batch: readonly Pending[] = [];
    const { result } = this.#pool.run('headers', () => {
      batch = this.#take();
      const input = packHeads(batch.map(({ payload }) => payload));
      return { input, transfer: [input.bytes] };
    });
    result.then(
      (output) => {
        const readings = unpackHeaders(
          output,
          batch.map(({ payload }) => payload),
        );
        for (const [i, reading] of readings.entries()) this.#settle(batch[i] as Pending, reading);
      },
      (error: GatewayError) => this.#onFailed(batch, error),
    );
  }

  #take(): readonly Pending[] {
    const batch = this.#pending.splice(0, MAX_BATCH);
    this.#submitted = this.#pending.length > 0;
    if (this.#submitted) setImmediate(() => this.#submit());
    return batch;
  }

  /** One message may have ended the worker: each is asked for by itself, so that it costs no other an error. */
  #onFailed(batch: readonly Pending[], error: GatewayError): void {
    // The pool was closed before their turn came.
    if (batch.length === 0) for (const { reject } of this.#take()) reject(error);
    const [only, ...others] = batch;
    if (only !== undefined && others.length === 0) only.reject(error);
    else for (const pending of batch) this.#readAlone(pending);
  }

  #settle(pending: Pending, reading: HeaderReading): void {
    if (reading === 'cut') this.#readAlone(pending);
    else if (reading instanceof GatewayError) pending.reject(reading);
    else pending.resolve(reading);
  }

  /** As a whole. */
  #readAlone(pending: Pending): void {
    const { payload } = pending;
    this.#pool
      .run('headers', () => ({ input: packWhole(payload) }))
      .result.then(
        (output) => {
          const [reading] = unpackHeaders(output, [payload]);
          if (reading instanceof GatewayError) pending.reject(reading);
          else if (reading instanceof Header) pending.resolve(reading);
        },
        (error: GatewayError) => pending.reject(error),
      );
  }
}
