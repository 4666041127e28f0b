// Sticky keys and which worker sends their messages: one at a time, in the order in which they asked. Promises that no two have a key
// at once, and that each that asks gets it as soon as the one before is done with it.
import { monotonicMs, setTimeout } from '../../platform/time.ts';
import type { WorkerProcess } from './worker-process.ts';

/** How a worker is told. */
export type KeyTaker = Pick<WorkerProcess, 'grantKey' | 'recallKey'>;

/** Whoever gets a key keeps it for so long: what it has of it by then goes in one go. */
const TENURE_MS = 5;

interface Entry {
  owner: KeyTaker | undefined;
  readonly waiting: Set<KeyTaker>;
  grantedAt: number;
  isRecalled: boolean;
}

export class KeyBook {
  /** By pool and key. Workers bound how many they have. */
  readonly #pools = new Map<string, Map<string, Entry>>();
  readonly #nodeOf: (pool: string, key: string) => string | undefined;

  /** `nodeOf`: which node the pool's table has for a key. */
  constructor(nodeOf: (pool: string, key: string) => string | undefined) {
    this.#nodeOf = nodeOf;
  }

  get size(): number {
    let size = 0;
    for (const entries of this.#pools.values()) size += entries.size;
    return size;
  }

  isOwner(taker: KeyTaker, pool: string, key: string): boolean {
    return this.#pools.get(pool)?.get(key)?.owner === taker;
  }

  ask(taker: KeyTaker, pool: string, key: string): void {
    let entries = this.#pools.get(pool);
    if (entries === undefined) {
      entries = new Map();
      this.#pools.set(pool, entries);
    }
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { owner: undefined, waiting: new Set(), grantedAt: 0, isRecalled: false };
      entries.set(key, entry);
    }
    entry.waiting.add(taker);
    this.#goOn(pool, key, entry);
  }

  giveUp(taker: KeyTaker, pool: string, key: string): void {
    const entry = this.#pools.get(pool)?.get(key);
    if (entry === undefined || entry.owner !== taker) return;
    entry.owner = undefined;
    this.#goOn(pool, key, entry);
  }

  /** Its process has ended. */
  remove(taker: KeyTaker): void {
    for (const [pool, entries] of this.#pools) {
      for (const [key, entry] of [...entries]) {
        const waited = entry.waiting.delete(taker);
        if (entry.owner === taker) entry.owner = undefined;
        else if (!waited) continue;
        this.#goOn(pool, key, entry);
      }
    }
  }

  #goOn(pool: string, key: string, entry: Entry): void {
    if (entry.owner === undefined) {
      const [next] = entry.waiting;
      if (next === undefined) {
        this.#forget(pool, key);
        return;
      }
      entry.waiting.delete(next);
      entry.owner = next;
      entry.grantedAt = monotonicMs();
      entry.isRecalled = false;
      next.grantKey(pool, key, this.#nodeOf(pool, key));
    }
    if (entry.waiting.size > 0) this.#recall(pool, key, entry);
  }

  #recall(pool: string, key: string, entry: Entry): void {
    if (entry.isRecalled) return;
    entry.isRecalled = true;
    const { owner } = entry;
    const leftMs = TENURE_MS - (monotonicMs() - entry.grantedAt);
    if (leftMs <= 0) owner?.recallKey(pool, key);
    else
      setTimeout(() => {
        if (entry.owner === owner) owner?.recallKey(pool, key);
      }, leftMs).unref();
  }

  #forget(pool: string, key: string): void {
    const entries = this.#pools.get(pool);
    entries?.delete(key);
    if (entries?.size === 0) this.#pools.delete(pool);
  }
}
