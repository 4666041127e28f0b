// The tables of a spool's database, and how an older one becomes this one. Queue rows are small and change often; bodies are large and
// never change, so they lie apart. Promises that a database of a newer version is left alone.
import type { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../errors.ts';

/** "hl7g": `file` and SQLite's own tools show it. */
export const APPLICATION_ID = 0x68_6c_37_67;

export const WAITING = 0;
export const DEAD = 1;
export const DELIVERED = 2;

/** Each makes the next version of the one before; what is released stays as it is. */
const MIGRATIONS: readonly string[] = [
  `
  -- One row. commits: how many there were. last_id: the highest that was ever given.
  CREATE TABLE progress (one INTEGER PRIMARY KEY, commits INTEGER NOT NULL, last_id INTEGER NOT NULL, key_id TEXT) STRICT;
  INSERT INTO progress VALUES (1, 0, 0, NULL);
  -- Counted here, as counting a million rows takes longer than a start may.
  CREATE TABLE pools (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, waiting INTEGER NOT NULL, dead INTEGER NOT NULL,
    delivered INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  -- head: 1 of the oldest waiting one of each ordering key.
  CREATE TABLE messages (id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, ordering_key TEXT NOT NULL, received_at INTEGER NOT NULL,
    size INTEGER NOT NULL, state INTEGER NOT NULL, head INTEGER NOT NULL, attempts INTEGER NOT NULL, last_error TEXT,
    bound_to TEXT, changed_at INTEGER NOT NULL, control_id BLOB NOT NULL) STRICT;
  CREATE INDEX waiting ON messages (pool, ordering_key, id) WHERE state = ${WAITING};
  CREATE INDEX heads ON messages (pool, id) WHERE head = 1;
  CREATE INDEX dead ON messages (id) WHERE state = ${DEAD};
  CREATE INDEX delivered ON messages (pool, changed_at) WHERE state = ${DELIVERED};
  CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
  -- place: six bytes of the digest of pool and key. A small index stays in memory where one of keys would not.
  CREATE TABLE answers (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, pool INTEGER NOT NULL, key TEXT NOT NULL,
    hash BLOB NOT NULL, expires_at INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
  CREATE INDEX answer_places ON answers (place);
  CREATE INDEX answer_ends ON answers (expires_at);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** @throws GatewayError GW_ERR_SPOOL_STORE for one of a newer version */
export function migrate(db: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > migrations.length)
    throw new GatewayError('GW_ERR_SPOOL_STORE', {
      detail: `it was written by a newer hl7-gateway (schema ${version}; this one knows ${migrations.length})`,
    });
  for (const [i, migration] of migrations.entries()) {
    if (i < version) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(migration);
      db.exec(`PRAGMA user_version = ${i + 1}; PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec('COMMIT');
    } catch (thrown) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw thrown;
    }
  }
}
