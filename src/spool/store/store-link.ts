// The main thread's end of the store's thread: numbers requests, packs them, bounds what is on its way, and starts another thread when it
// ends. Promises that each request settles: by its result, by the thread's end, or by a limit on the silence of the disk.
import { Worker } from 'node:worker_threads';
import { causeCode, GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { PoolUsageReport } from './store-counters.ts';
import type { StoreState } from './store-options.ts';
import type { FromThread, StoreRequest, StoreThreadOptions, ToThread } from './store-protocol.ts';
import { type RequestLoad, StoreRequests } from './store-requests.ts';

const RESTART_MS = 100;
const MAX_RESTART_MS = 30_000;

/** JavaScript's own memory of the thread: results of lists. Bytes of messages lie outside of it. */
const MAX_HEAP_MB = 256;

export interface LinkListener {
  onState(state: StoreState): void;
  /** `isAll`: there are no other pools. */
  onUsage(pools: readonly PoolUsageReport[], bytes: number, isAll: boolean): void;
}

export interface LinkOptions {
  readonly thread: StoreThreadOptions;
  readonly silentMs: number;
  readonly workerFile: URL;
}

export class StoreLink {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  #thread: StoreThreadOptions;
  #worker: Worker | undefined;
  #state: StoreState = { status: 'opening' };
  /** What the thread said last; while it is silent, `#state` is another. */
  #told: StoreState = { status: 'opening' };
  readonly #requests = new StoreRequests();
  #isFlushDue = false;
  #silence: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #restartMs = RESTART_MS;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#thread = options.thread;
    this.#listener = listener;
    this.#start();
  }

  get state(): StoreState {
    return this.#state;
  }

  /** Rejects with GatewayError. */
  ask(request: StoreRequest, load?: RequestLoad): Promise<unknown> {
    const { status, detail } = this.#state;
    if (this.#closed !== undefined) return Promise.reject(storeError('it is closed'));
    if (status === 'failed') return Promise.reject(storeError(detail));
    const promise = this.#requests.add(request, load);
    this.#flushSoon();
    return promise;
  }

  limit(limits: Pick<StoreThreadOptions, 'maxBytes' | 'keepMs'>): void {
    this.#thread = { ...this.#thread, ...limits };
    this.#post({ kind: 'limits', ...limits });
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed.promise;
    this.#closed = Promise.withResolvers();
    if (this.#worker === undefined) this.#end();
    else if (this.#told.status === 'opening') this.#post({ kind: 'close' });
    else this.#closeWhenSent();
    // A disk that does not answer keeps nobody from ending.
    const limit = setTimeout(() => {
      this.#requests.rejectAll(storeError('the disk does not answer'));
      this.#end();
    }, this.#options.silentMs);
    return this.#closed.promise.finally(() => clearTimeout(limit));
  }

  #start(): void {
    this.#restart = undefined;
    const worker = new Worker(this.#options.workerFile, {
      workerData: this.#thread,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker = worker;
    let why = 'its thread ended';
    worker.on('message', (message: FromThread) => {
      if (worker === this.#worker) this.#receive(message);
    });
    worker.on('error', (thrown) => {
      why = `its thread ended: ${causeCode(thrown)}`;
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#lose(why);
    });
  }

  #lose(why: string): void {
    this.#worker = undefined;
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#requests.forgetSent();
    this.#requests.rejectAll(storeError(why));
    if (this.#closed !== undefined) {
      this.#end();
      return;
    }
    this.#told = { status: 'opening' };
    this.#change({ status: 'failed', detail: why });
    this.#restart = setTimeout(() => this.#start(), this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, MAX_RESTART_MS);
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'results':
        this.#listener.onUsage(message.pools, message.bytes, false);
        for (const result of message.results) this.#requests.settle(result);
        this.#heard();
        this.#flushSoon();
        return;
      case 'usage':
        this.#listener.onUsage(message.pools, message.bytes, true);
        return;
      case 'state':
        this.#told = message.state;
        if (message.state.status === 'open') this.#restartMs = RESTART_MS;
        // A thread that was started again says so first; it is of no use to anybody before it is open.
        if (message.state.status === 'opening' && this.#state.status === 'failed') return;
        this.#change(message.state);
        return;
      case 'closed':
        this.#end();
    }
  }

  #change(state: StoreState): void {
    this.#state = state;
    if (state.status === 'failed') this.#requests.rejectWaiting(storeError(state.detail));
    else if (state.status !== 'closed') this.#flushSoon();
    this.#listener.onState(state);
  }

  /** Once for all that is asked for in one turn. */
  #flushSoon(): void {
    if (this.#isFlushDue || this.#requests.waiting === 0) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const { status } = this.#state;
    if (status !== 'open' && status !== 'full') return;
    const packet = this.#requests.takePacket();
    if (packet === undefined) return;
    this.#post({ kind: 'requests', ...packet }, [packet.bytes]);
    this.#silence ??= setTimeout(() => this.#onSilence(), this.#options.silentMs);
    if (this.#closed !== undefined) this.#closeWhenSent();
  }

  #closeWhenSent(): void {
    if (this.#requests.waiting === 0) this.#post({ kind: 'close' });
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    if (this.#state.status === 'failed' && this.#told.status !== 'failed') this.#change(this.#told);
    if (this.#requests.sent > 0) this.#silence = setTimeout(() => this.#onSilence(), this.#options.silentMs);
  }

  #onSilence(): void {
    this.#silence = undefined;
    const detail = `the disk has not answered for ${Math.round(this.#options.silentMs / 1_000)} s`;
    this.#requests.rejectAll(storeError(detail));
    this.#change({ status: 'failed', detail });
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    clearTimeout(this.#silence);
    clearTimeout(this.#restart);
    this.#requests.rejectAll(storeError('it is closed'));
    this.#state = { status: 'closed' };
    this.#listener.onState(this.#state);
    const done = (): void => this.#closed?.resolve();
    if (worker === undefined) done();
    else worker.terminate().then(done, done);
  }
}

function storeError(detail: string | undefined): GatewayError {
  return new GatewayError('GW_ERR_SPOOL_STORE', { detail });
}
