// Looks for messages by a filter, a stretch of ids at a time: a filter that fits one message in a million takes a second, and those who
// store may not wait for that.
import type { DatabaseSync } from 'node:sqlite';
import type { StoredFilter, StoredMessage } from '../spool-store.ts';
import type { BodySeal } from './body-seal.ts';
import { type MessageTable, STORED_STATES } from './message-table.ts';
import type { StoreCounters } from './store-counters.ts';

/** Ids in one stretch: some 5 ms. */
const STRETCH = 5_000;

export interface ListStretch {
  readonly found: readonly StoredMessage[];
  /** Where the next one begins; undefined: this was the last. */
  readonly afterId: number | undefined;
}

export interface ListSource {
  readonly db: DatabaseSync;
  readonly table: MessageTable;
  readonly seal: BodySeal;
  readonly counters: StoreCounters;
}

/** Up to `limit` of those behind `afterId`. */
export function listStretch(
  source: ListSource,
  filter: StoredFilter,
  afterId: number,
  limit: number,
): ListStretch {
  const { db, table, seal, counters } = source;
  const poolId = filter.pool === undefined ? undefined : counters.poolId(filter.pool);
  const none = { found: [], afterId: undefined };
  if (limit <= 0 || (filter.pool !== undefined && poolId === undefined)) return none;
  // As a number of its own, so that SQLite sees that the index of dead ones fits.
  const state = filter.state === undefined ? '' : ` AND state = ${STORED_STATES.indexOf(filter.state)}`;
  const first = db
    .prepare(`SELECT id FROM messages WHERE id > ?${state} ORDER BY id LIMIT 1`)
    .get(afterId)?.id;
  if (first === undefined) return none;
  const last = Number(first) - 1 + STRETCH;
  const tests: string[] = [];
  const values: (string | number | Uint8Array)[] = [];
  const add = (test: string, ...those: (string | number | Uint8Array | undefined)[]): void => {
    const given = those.filter((value) => value !== undefined);
    if (given.length > 0) tests.push(` AND ${test}`);
    values.push(...given);
  };
  add('pool = ?', poolId);
  add('ordering_key = ?', filter.orderingKey);
  add('received_at >= ?', filter.since);
  add('received_at < ?', filter.until);
  const digests = filter.controlId === undefined ? [] : seal.digests(filter.controlId);
  add(`control_id IN (${digests.map(() => '?').join()})`, ...digests);
  const rows = db
    .prepare(`SELECT * FROM messages WHERE id > ? AND id <= ?${state}${tests.join('')} ORDER BY id LIMIT ?`)
    .all(afterId, last, ...values, limit);
  const messages = rows.map((row) => table.messageOf(row));
  const found = messages.filter(({ id }) => isOfControlId(table, id, filter.controlId));
  // Those whose digest only was the same have taken a place of the limit.
  const isCut = rows.length === limit;
  return { found, afterId: isCut ? Number(rows.at(-1)?.id) : last };
}

/** Digests of two control ids may be the same. */
function isOfControlId(table: MessageTable, id: number, controlId: string | undefined): boolean {
  if (controlId === undefined) return true;
  try {
    return table.content(id)?.label.controlId === controlId;
  } catch {
    // It is damaged, and what is known of it fits.
    return true;
  }
}
