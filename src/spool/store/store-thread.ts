// What the store's thread does: opens the database, waits for another process to let go of it, gathers requests into transactions, and
// opens it again after the disk has failed. Promises one result for each request, also where nothing can be done.
import { GatewayError } from '../../errors.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import { isInUse } from './open-database.ts';
import { isDamage, isDiskFull, sqliteCodeOf, storeErrorOf } from './sqlite-failure.ts';
import type { PoolUsageReport } from './store-counters.ts';
import type { StoreStatus } from './store-options.ts';
import type { FromThread, StoreResult, StoreThreadOptions, ToThread } from './store-protocol.ts';
import { failureOf, type SessionRequest, StoreSession } from './store-session.ts';

const LOCK_RETRY_MS = 50;
const RETRY_MS = 100;
const MAX_RETRY_MS = 30_000;
const MAINTAIN_MS = 1_000;
/** While more is left to be done: others have the thread in between. */
const MAINTAIN_AGAIN_MS = 20;

export class StoreThread {
  #options: StoreThreadOptions;
  readonly #send: (message: FromThread) => void;
  readonly #openedAt = monotonicMs();
  #session: StoreSession | undefined;
  #status: StoreStatus | undefined;
  #failure: GatewayError | undefined;
  #isSuspect = false;
  #retryMs = RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  #requests: SessionRequest[] = [];
  #closing = false;
  #closed = false;

  constructor(options: StoreThreadOptions, send: (message: FromThread) => void) {
    this.#options = options;
    this.#send = send;
  }

  start(): void {
    this.#tell('opening');
    this.#open();
  }

  /** Takes it up; `work` does it. */
  receive(message: ToThread): void {
    switch (message.kind) {
      case 'requests': {
        const bytes = new Uint8Array(message.bytes);
        for (const { n, request } of message.requests) this.#requests.push({ n, request, bytes });
        return;
      }
      case 'limits':
        this.#options = { ...this.#options, maxBytes: message.maxBytes, keepMs: message.keepMs };
        this.#session?.limit(message);
        return;
      case 'close':
        this.#closing = true;
    }
  }

  /** Of what has been received. */
  work(): void {
    const requests = this.#requests;
    this.#requests = [];
    const session = this.#session;
    if (session === undefined) this.#reject(requests);
    else if (requests.length > 0) this.#runTogether(session, requests);
    if (this.#closing) void this.#close();
  }

  #runTogether(session: StoreSession, requests: readonly SessionRequest[]): void {
    try {
      const { results, pools } = session.run(requests, this.#status !== 'full');
      this.#results(results, pools);
    } catch (thrown) {
      if (isDiskFull(thrown)) this.#runFull(session, requests);
      else if (sqliteCodeOf(thrown) === undefined && requests.length > 1) this.#runApart(session, requests);
      else this.#failWith(thrown, requests);
    }
  }

  /** A defect, or a value that no table takes: it costs its own request an error. */
  #runApart(session: StoreSession, requests: readonly SessionRequest[]): void {
    for (const one of requests) {
      try {
        const { results, pools } = session.run([one]);
        this.#results(results, pools);
      } catch (thrown) {
        if (sqliteCodeOf(thrown) !== undefined) {
          this.#failWith(thrown, requests.slice(requests.indexOf(one)));
          return;
        }
        this.#results([failureOf(one.n, thrown)]);
      }
    }
  }

  /** What was delivered is recorded, with what the ballast gives; new messages are refused. */
  #runFull(session: StoreSession, requests: readonly SessionRequest[]): void {
    session.dropBallast();
    this.#tell('full', 'the disk is full');
    try {
      const { results, pools } = session.run(requests, false);
      this.#results(results, pools);
    } catch (thrown) {
      this.#failWith(thrown, requests);
    }
  }

  #failWith(thrown: unknown, requests: readonly SessionRequest[]): void {
    this.#results(requests.map(({ n }) => failureOf(n, thrown)));
    if (sqliteCodeOf(thrown) !== undefined) this.#fail(thrown);
  }

  #reject(requests: readonly SessionRequest[]): void {
    const failure = this.#failure ?? new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'it is not open' });
    if (requests.length > 0) this.#results(requests.map(({ n }) => failureOf(n, failure)));
  }

  #results(results: readonly StoreResult[], pools: readonly PoolUsageReport[] = []): void {
    this.#send({ kind: 'results', results, pools, bytes: this.#session?.bytes ?? 0 });
  }

  #tell(status: StoreStatus, detail?: string): void {
    if (status === this.#status && status !== 'failed') return;
    this.#status = status;
    this.#send({ kind: 'state', state: { status, detail } });
  }

  #open(): void {
    if (this.#closing) return;
    try {
      const session = new StoreSession(this.#options, { isSuspect: this.#isSuspect });
      this.#session = session;
      this.#failure = undefined;
      this.#isSuspect = false;
      this.#retryMs = RETRY_MS;
      this.#send({ kind: 'usage', pools: session.allPools, bytes: session.bytes });
      this.#tell('open');
      this.#timer = setTimeout(() => this.#maintain(), MAINTAIN_MS);
    } catch (thrown) {
      const isWaiting = this.#status === 'opening' && isInUse(thrown);
      if (isWaiting && monotonicMs() - this.#openedAt < this.#options.waitMs)
        this.#timer = setTimeout(() => this.#open(), LOCK_RETRY_MS);
      else this.#fail(thrown);
    }
  }

  /** Closes it, and opens it again in a while. */
  #fail(thrown: unknown): void {
    const failure = storeErrorOf(thrown);
    this.#failure = failure;
    this.#isSuspect ||= isDamage(thrown);
    const session = this.#session;
    this.#session = undefined;
    clearTimeout(this.#timer);
    this.#tell('failed', `${failure.code}: ${failure.detail ?? failure.message}`);
    const again = (): void => {
      this.#timer = setTimeout(() => this.#open(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    };
    if (session === undefined) again();
    else void session.close().then(again);
  }

  #maintain(): void {
    const session = this.#session;
    if (session === undefined || this.#closing) return;
    let isMore = false;
    try {
      const done = session.maintain();
      isMore = done.isMore;
      if (done.pools.length > 0) this.#results([], done.pools);
      const { refusal } = session;
      this.#tell(refusal === undefined ? 'open' : 'full', refusal);
    } catch (thrown) {
      if (!isDiskFull(thrown)) {
        this.#fail(thrown);
        return;
      }
      session.dropBallast();
    }
    this.#timer = setTimeout(() => this.#maintain(), isMore ? MAINTAIN_AGAIN_MS : MAINTAIN_MS);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
    this.#send({ kind: 'closed' });
  }
}
