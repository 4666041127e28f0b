// Looks for messages by a filter, a stretch of ids at a time: a filter that fits one message in a million takes a second, and those who
// store may not wait for that.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoredFilter, StoredMessage } from '../spool-store.ts';
import type { BodySeal } from './body-seal.ts';
import { type MessageTable, STORED_STATES } from './message-table.ts';
import type { StoreCounters } from './store-counters.ts';

/** Ids in one stretch: some 5 ms. */
const STRETCH = 5_000;

export class MessageList {
  readonly #table: MessageTable;
  readonly #filter: StoredFilter;
  readonly #limit: number;
  readonly #inStretch: StatementSync;
  readonly #after: StatementSync;
  readonly #values: (string | number | Uint8Array)[];
  readonly #isEmpty: boolean;
  readonly found: StoredMessage[] = [];
  #afterId: number;

  constructor(
    { db, table, seal, counters }: ListSource,
    { filter, afterId, limit }: { filter: StoredFilter; afterId: number; limit: number },
  ) {
    this.#table = table;
    this.#filter = filter;
    this.#limit = limit;
    this.#afterId = afterId;
    const poolId = filter.pool === undefined ? undefined : counters.poolId(filter.pool);
    this.#isEmpty = limit <= 0 || (filter.pool !== undefined && poolId === undefined);
    // As a number of its own, so that SQLite sees that the index of dead ones fits.
    const state = filter.state === undefined ? '' : ` AND state = ${STORED_STATES.indexOf(filter.state)}`;
    const tests: string[] = [];
    this.#values = [];
    const add = (test: string, ...values: (string | number | Uint8Array | undefined)[]): void => {
      if (values[0] === undefined) return;
      tests.push(` AND ${test}`);
      this.#values.push(...values.filter((value) => value !== undefined));
    };
    add('pool = ?', poolId);
    add('ordering_key = ?', filter.orderingKey);
    add('received_at >= ?', filter.since);
    add('received_at < ?', filter.until);
    const digests = filter.controlId === undefined ? [] : seal.digests(filter.controlId);
    add(`control_id IN (${digests.map(() => '?').join()})`, ...digests);
    this.#inStretch = db.prepare(
      `SELECT * FROM messages WHERE id > ? AND id <= ?${state}${tests.join('')} ORDER BY id LIMIT ?`,
    );
    this.#after = db.prepare(`SELECT id FROM messages WHERE id > ?${state} ORDER BY id LIMIT 1`);
  }

  /** One stretch; whether it was the last. */
  step(): boolean {
    const first = this.#isEmpty ? undefined : this.#after.get(this.#afterId)?.id;
    if (first === undefined) return true;
    const last = Number(first) - 1 + STRETCH;
    const rows = this.#inStretch.all(this.#afterId, last, ...this.#values, this.#limit - this.found.length);
    for (const row of rows) {
      const message = this.#table.messageOf(row);
      if (this.#isAskedFor(message)) this.found.push(message);
    }
    this.#afterId = last;
    return this.found.length >= this.#limit;
  }

  /** Digests of two control ids may be the same. */
  #isAskedFor({ id }: StoredMessage): boolean {
    const { controlId } = this.#filter;
    if (controlId === undefined) return true;
    try {
      return this.#table.content(id)?.label.controlId === controlId;
    } catch {
      // It is damaged, and what is known of it fits.
      return true;
    }
  }
}

export interface ListSource {
  readonly db: DatabaseSync;
  readonly table: MessageTable;
  readonly seal: BodySeal;
  readonly counters: StoreCounters;
}
