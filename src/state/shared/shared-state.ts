// State that members of a cluster share: opens the buckets, opens them again when they are lost, and says how that stands. Promises that
// the gateway starts, serves and ends without them, that each wait has a limit, and one line in the log for each change.
import type { Log } from '../../observe/log/log.ts';
import { clearInterval, delay, setInterval, wallMs } from '../../platform/time.ts';
import {
  BucketError,
  type BucketReason,
  type Connect,
  reasonOf,
  type SharedBucket,
  type SharedStore,
} from './bucket.ts';
import { type DecisionTarget, SharedDecisions } from './shared-decisions.ts';
import { SenderBook, type SenderBookOptions } from './shared-senders.ts';

export interface SharedStateOptions {
  readonly connect: Connect;
  readonly bucket: string;
  readonly member: string;
  readonly log: Log;
  readonly target: DecisionTarget;
  readonly onApplied: () => void;
  readonly senders: Pick<SenderBookOptions, 'hashKey' | 'pools' | 'tableOf'>;
  /** The longest of `persistence.idle`; undefined: no pool has a table. */
  readonly idleMs: () => number | undefined;
}

export interface SharedStateReport {
  readonly bucket: string;
  readonly connected: boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Why it is not; undefined: it is, or nothing is known yet. */
  readonly reason: BucketReason | undefined;
  readonly queued: number;
  readonly revision: number;
  readonly senderRevision: number;
  readonly writes: { readonly stored: number; readonly failed: number; readonly dropped: number };
  readonly reconciled: { readonly written: number; readonly yielded: number; readonly dropped: number };
}

const FIRST_WAIT_MS = 250;
/** A NATS that refuses for days is asked this often. */
const LONGEST_WAIT_MS = 10_000;
const PROBE_MS = 5_000;
/** All that a bucket has, at the start of a session. */
const FIRST_ENTRIES_MS = 30_000;
/** At the end of the process: for what an operator decided last. */
const FLUSH_MS = 500;
const REFRESH_MS = 60_000;

export class SharedState {
  readonly decisions: SharedDecisions;
  readonly senders: SenderBook;
  readonly #options: SharedStateOptions;
  #connect: Connect;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isConnected = false;
  #since = wallMs();
  #reason: BucketReason | undefined;
  /** Ends the session that there is. */
  #break: ((error: unknown) => void) | undefined;
  #wait = new AbortController();
  #isTried = (): void => {};
  readonly #first = new Promise<void>((resolve) => {
    this.#isTried = resolve;
  });
  #refreshTimer: NodeJS.Timeout | undefined;

  constructor(options: SharedStateOptions) {
    this.#options = options;
    this.#connect = options.connect;
    const { member, log, target, onApplied } = options;
    const onFailed = (error: unknown): void => this.#break?.(error);
    this.decisions = new SharedDecisions({ member, log, target, onFailed, onApplied });
    this.senders = new SenderBook({ ...options.senders, member, onFailed });
  }

  get report(): SharedStateReport {
    const { counts: decided } = this.decisions;
    const { counts: bound } = this.senders;
    return {
      bucket: this.#options.bucket,
      connected: this.#isConnected,
      since: this.#since,
      reason: this.#reason,
      queued: this.decisions.queued + this.senders.queued,
      revision: this.decisions.revision,
      senderRevision: this.senders.revision,
      writes: {
        stored: decided.stored + bound.stored,
        failed: decided.failed + bound.failed,
        dropped: bound.dropped,
      },
      reconciled: { written: decided.written, yielded: decided.yielded, dropped: decided.dropped },
    };
  }

  /** Returns at once; the gateway listens meanwhile. */
  start(): void {
    this.#running = this.#run();
    this.#refreshTimer = setInterval(() => this.senders.refresh(), REFRESH_MS);
    this.#refreshTimer.unref();
  }

  /** Resolves when it is known what others have decided, or that this cannot be known now; at most after `limitMs`. */
  async settled(limitMs: number): Promise<void> {
    const ended = new AbortController();
    await Promise.race([this.#first, delay(limitMs, ended.signal)]);
    ended.abort();
  }

  /** Goes by other servers or credentials from now on. */
  reconnect(connect: Connect): void {
    this.#connect = connect;
    this.#break?.(new BucketError('closed'));
    this.#wait.abort();
  }

  /** What waits is written if that goes at once. */
  async stop(): Promise<void> {
    clearInterval(this.#refreshTimer);
    const until = wallMs() + FLUSH_MS;
    while (this.#isConnected && this.decisions.queued > 0 && wallMs() < until) await delay(10);
    this.#ending.abort();
    this.#wait.abort();
    this.#break?.(new BucketError('closed'));
    await Promise.race([this.#running, delay(FLUSH_MS)]);
  }

  async #run(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!this.#ending.signal.aborted) {
      try {
        await this.#session(() => {
          waitMs = FIRST_WAIT_MS;
        });
      } catch (thrown) {
        this.#lost(thrown);
      }
      if (this.#ending.signal.aborted) break;
      this.#wait = new AbortController();
      await delay(waitMs, this.#wait.signal);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  /** Ends by an error always. */
  async #session(onOpen: () => void): Promise<void> {
    let store: SharedStore | undefined;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const broken = new Promise<never>((_, reject) => {
      this.#break = reject;
    });
    broken.catch(() => {});
    try {
      const connecting = this.#connect();
      // One that comes too late is nobody's.
      connecting.then(
        (late) => {
          if (isOver && late !== store) void late.close().catch(() => {});
        },
        () => {},
      );
      store = await Promise.race([connecting, broken]);
      void store.closed.then((reason) => this.#break?.(new BucketError(reason)));
      await Promise.race([this.#open(store), broken]);
      this.#found();
      onOpen();
      timer = setInterval(() => void this.#probe(), PROBE_MS);
      timer.unref();
      await broken;
    } finally {
      isOver = true;
      clearInterval(timer);
      this.#break = undefined;
      this.#buckets = [];
      this.decisions.end();
      this.senders.end();
      void store?.close().catch(() => {});
    }
  }

  #buckets: readonly SharedBucket[] = [];
  #isProbing = false;

  async #probe(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    const onFailed = this.#break;
    try {
      for (const bucket of this.#buckets) await bucket.probe();
    } catch (thrown) {
      if (onFailed === this.#break) onFailed?.(thrown);
    } finally {
      this.#isProbing = false;
    }
  }

  async #open(store: SharedStore): Promise<void> {
    const { bucket, idleMs } = this.#options;
    const decisions = await store.open(bucket);
    await current(decisions, this.decisions.begin(decisions));
    this.#buckets = [decisions];
    const idle = idleMs();
    if (idle === undefined) return;
    const senders = await store.open(`${bucket}-senders`, { ttlMs: idle * 2 });
    await current(senders, this.senders.begin(senders));
    this.#buckets = [decisions, senders];
  }

  #found(): void {
    const { log, bucket } = this.#options;
    this.#isConnected = true;
    this.#since = wallMs();
    this.#reason = undefined;
    this.#isTried();
    log.info({ bucket, revision: this.decisions.revision }, 'shared state: NATS is there');
  }

  #lost(thrown: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#isTried();
    const reason = reasonOf(thrown);
    const { log, bucket } = this.#options;
    const wasConnected = this.#isConnected;
    if (wasConnected) this.#since = wallMs();
    this.#isConnected = false;
    if (!wasConnected && this.#reason === reason) return;
    this.#reason = reason;
    log.warn(
      { bucket, reason },
      'shared state: NATS is away; this member goes on with what it knows and tries again',
    );
  }
}

/** Resolves when the watch has told all that there was. */
async function current(bucket: SharedBucket, watcher: ReturnType<SharedDecisions['begin']>): Promise<void> {
  let isCurrent = (): void => {};
  const told = new Promise<void>((resolve) => {
    isCurrent = resolve;
  });
  const ended = new AbortController();
  const late = delay(FIRST_ENTRIES_MS, ended.signal).then(() => {
    if (!ended.signal.aborted) throw new BucketError('timeout');
  });
  try {
    await bucket.watch({
      onEntry: (entry) => watcher.onEntry(entry),
      onCurrent: () => {
        watcher.onCurrent();
        isCurrent();
      },
    });
    await Promise.race([told, late]);
  } finally {
    ended.abort();
  }
}
