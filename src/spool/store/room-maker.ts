// Removes what need not be kept: delivered messages and answers whose time is over, and delivered ones that are in the way of new ones.
// Promises small steps: deleting 400,000 rows at once holds up everything for seconds.
import type { DatabaseSync } from 'node:sqlite';
import { monotonicMs, wallMs } from '../../platform/time.ts';
import type { AnswerTable } from './answer-table.ts';
import type { DiskSpace } from './disk-space.ts';
import type { MessageTable, PurgeLimits } from './message-table.ts';
import type { StoreCounters } from './store-counters.ts';
import { DEFAULT_KEEP_MS } from './store-options.ts';

/** One step: some 10 ms. */
const STEP: PurgeLimits = { rows: 1_000, bytes: 64 * 1024 * 1024 };

/** Free pages that are given back to the file system in one step. */
const VACUUM_PAGES = 500;

/** Free pages that are not worth it: the next messages take them. Beyond it also a quarter of the file is left. */
const KEPT_FREE_PAGES = 2_000;

/** A message that finds no room waits so long at most for delivered ones to go. */
const WAIT_MS = 250;

/** Of `maxBytes`, kept free of delivered messages so that new ones need not wait for their going. */
const MARGIN = 0.02;

export interface RoomParts {
  readonly db: DatabaseSync;
  readonly table: MessageTable;
  readonly answers: AnswerTable;
  readonly counters: StoreCounters;
  readonly space: DiskSpace;
}

export class RoomMaker {
  readonly #parts: RoomParts;
  keepMs: Readonly<Record<string, number>>;
  maxBytes: number;

  constructor(parts: RoomParts, limits: { keepMs: Readonly<Record<string, number>>; maxBytes: number }) {
    this.#parts = parts;
    this.keepMs = limits.keepMs;
    this.maxBytes = limits.maxBytes;
  }

  /** Within a transaction: whether so many bytes fit, after delivered messages have gone for them. */
  make(bytes: number): boolean {
    const { space } = this.#parts;
    const until = monotonicMs() + WAIT_MS;
    for (let excess = space.excess(bytes); excess > 0; excess = space.excess(bytes)) {
      if (monotonicMs() > until || this.#purgeOldest({ ...STEP, bytes: excess }) === 0) return false;
      space.measure();
    }
    return true;
  }

  /** Within a transaction: how many rows it has removed. Something is left if it is as many as a step has. */
  purge(): number {
    const { table, answers, counters, space } = this.#parts;
    const now = wallMs();
    let rows = 0;
    for (const [poolId, { name, delivered }] of counters.pools()) {
      if (delivered === 0 || rows >= STEP.rows) continue;
      const keep = Object.hasOwn(this.keepMs, name) ? (this.keepMs[name] ?? 0) : DEFAULT_KEEP_MS;
      rows += table.purge(poolId, now - keep, { ...STEP, rows: STEP.rows - rows }).rows;
    }
    if (rows < STEP.rows) rows += answers.purge(now, STEP.rows - rows);
    const excess = space.excess(this.maxBytes * MARGIN);
    if (rows === 0 && excess > 0) rows += this.#purgeOldest({ ...STEP, bytes: excess });
    return rows;
  }

  get stepRows(): number {
    return STEP.rows;
  }

  /** Outside of a transaction: whether more is left to be given back. */
  vacuum(): boolean {
    const { db, space } = this.#parts;
    const most = Math.max(KEPT_FREE_PAGES, space.pages / 4);
    if (space.freePages <= most) return false;
    db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    const isMore = space.freePages > most;
    // Until the log is written into it the file stays as long as it was.
    if (!isMore) db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return isMore;
  }

  #purgeOldest(limits: PurgeLimits): number {
    const { table, counters } = this.#parts;
    let oldest: { readonly poolId: number; readonly at: number } | undefined;
    for (const [poolId, { delivered }] of counters.pools()) {
      const at = delivered === 0 ? undefined : table.oldestDeliveredAt(poolId);
      if (at !== undefined && (oldest === undefined || at < oldest.at)) oldest = { poolId, at };
    }
    return oldest === undefined ? 0 : table.purge(oldest.poolId, Number.MAX_SAFE_INTEGER, limits).rows;
  }
}
