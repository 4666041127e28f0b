// The sticky keys whose messages this worker may send: asked for with the first message of a key, kept until another worker asks. Promises
// that a key is given up only when no message of it is left in this process (`ordering: key`), and that nobody waits without an end.
import { GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import type { KeyOwnership } from '../../relay/key-ownership.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import type { FromWorker } from '../protocol.ts';

/** A key takes 200 bytes; one that is not used is given up for another. */
const MAX_KEYS = 50_000;
/** What is left of a key is over within a wait of its own. */
const LOOK_AGAIN_MS = 10;
/** How many of those that were asked for first are looked at for one that is not used. */
const LOOKED_AT = 10;
/** Senders in one message. */
const MAX_TOLD = 1_000;

interface Waiter {
  readonly done: (error: GatewayError | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

interface Entry {
  /** `leaving`: another worker wants it, and messages of it are left here. */
  state: 'asked' | 'owned' | 'leaving';
  readonly waiting: Set<Waiter>;
  timer: NodeJS.Timeout | undefined;
}

export class OwnedKeys implements KeyOwnership {
  readonly #tell: (message: FromWorker) => void;
  readonly #queueOf: (pool: string) => PoolQueue | undefined;
  readonly #pools = new Map<string, Map<string, Entry>>();
  #size = 0;

  constructor(tell: (message: FromWorker) => void, queueOf: (pool: string) => PoolQueue | undefined) {
    this.#tell = tell;
    this.#queueOf = queueOf;
  }

  has(pool: string, key: string): boolean {
    return this.#pools.get(pool)?.get(key)?.state === 'owned';
  }

  ask(pool: string, key: string, timeoutMs: number, done: Waiter['done']): void {
    const entry = this.#entryOf(pool, key);
    const waiter: Waiter = {
      done,
      timer: setTimeout(() => {
        entry.waiting.delete(waiter);
        done(new GatewayError('GW_ERR_QUEUE_TIMEOUT', { detail: 'another worker has its sticky key' }));
      }, timeoutMs),
    };
    entry.waiting.add(waiter);
  }

  onGrant(pool: string, key: string, node: string | undefined): void {
    const entry = this.#pools.get(pool)?.get(key);
    const queue = this.#queueOf(pool);
    if (entry === undefined || queue === undefined) {
      this.#forget(pool, key);
      this.#tell({ kind: 'give up key', pool, key });
      return;
    }
    entry.state = 'owned';
    this.#watch(pool, queue);
    if (node !== undefined) queue.pool.senders?.set(key, node);
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    for (const { done, timer } of waiting) {
      clearTimeout(timer);
      done(undefined);
    }
  }

  onRecall(pool: string, key: string): void {
    const entry = this.#pools.get(pool)?.get(key);
    if (entry?.state !== 'owned') return;
    entry.state = 'leaving';
    const queue = this.#queueOf(pool);
    if (queue !== undefined) this.#watch(pool, queue);
    this.#giveUpIfOver(pool, key);
  }

  /** Senders of tables that have had messages within so many milliseconds: the main process forgets the others. */
  reportUsed(withinMs: number): void {
    for (const pool of this.#pools.keys()) {
      const used = this.#queueOf(pool)?.pool.senders?.usedWithin(withinMs) ?? [];
      const keys = [...used].filter((key) => this.has(pool, key));
      for (let at = 0; at < keys.length; at += MAX_TOLD)
        this.#tell({ kind: 'used', pool, keys: keys.slice(at, at + MAX_TOLD) });
    }
  }

  #entryOf(pool: string, key: string): Entry {
    let entries = this.#pools.get(pool);
    if (entries === undefined) {
      entries = new Map();
      this.#pools.set(pool, entries);
    }
    let entry = entries.get(key);
    if (entry === undefined) {
      if (this.#size >= MAX_KEYS) this.#giveUpUnused();
      entry = { state: 'asked', waiting: new Set(), timer: undefined };
      entries.set(key, entry);
      this.#size++;
      this.#tell({ kind: 'ask key', pool, key });
    }
    return entry;
  }

  /** Told by the pool: of each key that it has no message of any more, and of each sender that its table has given a node. */
  #watch(pool: string, queue: PoolQueue): void {
    queue.lanes.onKeyLeft ??= (key) => this.#giveUpIfOver(pool, key);
    queue.pool.onBound ??= (key, node) => this.#tell({ kind: 'bound', pool, key, node });
  }

  #giveUpIfOver(pool: string, key: string): void {
    const entry = this.#pools.get(pool)?.get(key);
    if (entry?.state !== 'leaving') return;
    if (this.#queueOf(pool)?.holdsKey(key) === true) {
      entry.timer ??= setTimeout(() => {
        entry.timer = undefined;
        this.#giveUpIfOver(pool, key);
      }, LOOK_AGAIN_MS);
      return;
    }
    this.#tell({ kind: 'give up key', pool, key });
    if (entry.waiting.size === 0) this.#forget(pool, key);
    else {
      entry.state = 'asked';
      this.#tell({ kind: 'ask key', pool, key });
    }
  }

  #giveUpUnused(): void {
    for (const [pool, entries] of this.#pools) {
      let looked = 0;
      for (const [key, { state, waiting }] of entries) {
        if (looked++ === LOOKED_AT) break;
        if (state !== 'owned' || waiting.size > 0 || this.#queueOf(pool)?.holdsKey(key) === true) continue;
        this.#forget(pool, key);
        this.#tell({ kind: 'give up key', pool, key });
      }
    }
  }

  #forget(pool: string, key: string): void {
    const entries = this.#pools.get(pool);
    if (entries?.delete(key) !== true) return;
    this.#size--;
    if (entries.size === 0) this.#pools.delete(pool);
  }
}
