// How many messages each pool has, kept in memory and written with the transaction that changes them: counting a million rows takes
// more than a second. Promises that after `rollBack` they are what they were at `begin`.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoredState } from '../spool-store.ts';
import type { StoreProgress } from './high-water-mark.ts';

export interface PoolCounts {
  readonly name: string;
  waiting: number;
  dead: number;
  delivered: number;
  bytes: number;
}

/** Of one pool, as it crosses to the main thread. */
export type PoolUsageReport = readonly [
  name: string,
  waiting: number,
  dead: number,
  delivered: number,
  bytes: number,
  oldestWaitingAt: number | undefined,
];

export class StoreCounters {
  readonly #ids = new Map<string, number>();
  readonly #pools = new Map<number, PoolCounts>();
  /** As they were when the transaction began; undefined: the pool was not there. */
  readonly #before = new Map<number, PoolCounts | undefined>();
  #progress: StoreProgress;
  #nextId: number;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #updateProgress: StatementSync;
  readonly #oldest: StatementSync;

  constructor(db: DatabaseSync, progress: StoreProgress) {
    this.#progress = progress;
    this.#nextId = progress.lastId + 1;
    this.#insert = db.prepare('INSERT INTO pools VALUES (?, ?, 0, 0, 0, 0)');
    this.#update = db.prepare(
      'UPDATE pools SET waiting = ?, dead = ?, delivered = ?, bytes = ? WHERE id = ?',
    );
    this.#updateProgress = db.prepare('UPDATE progress SET commits = ?, last_id = ?, key_id = ?');
    this.#oldest = db.prepare(
      'SELECT received_at FROM messages INDEXED BY heads WHERE pool = ? AND head = 1 ORDER BY id LIMIT 1',
    );
    for (const row of db.prepare('SELECT * FROM pools').all()) {
      const [id, name] = [Number(row.id), String(row.name)];
      this.#ids.set(name, id);
      this.#pools.set(id, {
        name,
        waiting: Number(row.waiting),
        dead: Number(row.dead),
        delivered: Number(row.delivered),
        bytes: Number(row.bytes),
      });
    }
  }

  get progress(): StoreProgress {
    return this.#progress;
  }

  takeId(): number {
    return this.#nextId++;
  }

  /** Undefined: nothing was ever stored for it. */
  poolId(name: string): number | undefined {
    return this.#ids.get(name);
  }

  poolName(id: number): string {
    return this.#pools.get(id)?.name ?? '';
  }

  /** Within a transaction. */
  poolIdFor(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    let id = 1;
    while (this.#pools.has(id)) id++;
    this.#insert.run(id, name);
    this.#before.set(id, undefined);
    this.#ids.set(name, id);
    this.#pools.set(id, { name, waiting: 0, dead: 0, delivered: 0, bytes: 0 });
    return id;
  }

  pools(): Iterable<[id: number, counts: Readonly<PoolCounts>]> {
    return this.#pools;
  }

  count(poolId: number, state: StoredState, messages: number, bytes: number): void {
    const counts = this.#pools.get(poolId);
    if (counts === undefined) return;
    if (!this.#before.has(poolId)) this.#before.set(poolId, { ...counts });
    counts[state] += messages;
    counts.bytes += bytes;
  }

  /** Before COMMIT. `keyId`: of the key that encrypts. */
  save(keyId: string | undefined): void {
    for (const id of this.#before.keys()) {
      const { waiting = 0, dead = 0, delivered = 0, bytes = 0 } = this.#pools.get(id) ?? {};
      this.#update.run(waiting, dead, delivered, bytes, id);
    }
    this.#updateProgress.run(this.#progress.commits + 1, this.#nextId - 1, keyId ?? null);
  }

  /** After COMMIT; returns the pools that have changed. */
  committed(): PoolUsageReport[] {
    this.#progress = { commits: this.#progress.commits + 1, lastId: this.#nextId - 1 };
    const changed = [...this.#before.keys()].map((id) => this.report(id));
    this.#before.clear();
    return changed;
  }

  rollBack(): void {
    for (const [id, counts] of this.#before) {
      const name = this.poolName(id);
      if (counts !== undefined) this.#pools.set(id, counts);
      else if (this.#pools.delete(id)) this.#ids.delete(name);
    }
    this.#before.clear();
    // Ids are not taken back: nobody was told them, but none may ever come twice.
  }

  report(id: number): PoolUsageReport {
    const { name = '', waiting = 0, dead = 0, delivered = 0, bytes = 0 } = this.#pools.get(id) ?? {};
    const oldest = waiting === 0 ? undefined : this.#oldest.get(id)?.received_at;
    return [name, waiting, dead, delivered, bytes, oldest === undefined ? undefined : Number(oldest)];
  }
}
