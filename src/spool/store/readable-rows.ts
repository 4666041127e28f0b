// The rows of a table that SQLite can read, by id, around those that it cannot.
import type { DatabaseSync, StatementSync } from 'node:sqlite';

export type StoredRow = Record<string, null | number | bigint | string | Uint8Array>;

/** Ids that are asked for one by one where a stretch cannot be read. */
const STRETCH = 200;

/** Adds the ids that cannot be read to `unreadable`. */
export function* readableRows(
  db: DatabaseSync,
  table: 'messages' | 'bodies' | 'answers',
  lastId: number,
  unreadable: Set<number>,
): Generator<StoredRow> {
  const prepared = attempt(() => [
    db.prepare(`SELECT * FROM ${table} NOT INDEXED WHERE id > ? ORDER BY id LIMIT ${STRETCH}`),
    db.prepare(`SELECT * FROM ${table} NOT INDEXED WHERE id = ?`),
  ]);
  const [stretch, single] = prepared ?? [];
  // The table itself is lost.
  if (stretch === undefined || single === undefined) return;
  for (let after = 0; after < lastId; ) {
    const rows = attempt(() => stretch.all(after));
    if (rows === undefined) {
      const end = Math.min(after + STRETCH, lastId);
      yield* oneByOne(single, after + 1, end, unreadable);
      after = end;
    } else if (rows.length === 0) {
      return;
    } else {
      yield* rows;
      after = Number(rows.at(-1)?.id);
    }
  }
}

function* oneByOne(
  single: StatementSync,
  first: number,
  last: number,
  unreadable: Set<number>,
): Generator<StoredRow> {
  for (let id = first; id <= last; id++) {
    try {
      const row = single.get(id);
      if (row !== undefined) yield row;
    } catch {
      unreadable.add(id);
    }
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
