// Reads what can be read of a damaged spool into a new one, and says what could not. The damaged one stays as it is. Promises that
// nothing comes over whose bytes are not those that were stored, and that no id is given again that the old one has given.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../errors.ts';
import { AnswerCopy } from './answer-copy.ts';
import { BodySeal } from './body-seal.ts';
import { readMark, type StoreProgress, writeMark } from './high-water-mark.ts';
import { MessageCopy } from './message-copy.ts';
import { closeQuietly, openDatabase, spoolOwnerOf } from './open-database.ts';
import { readableRows } from './readable-rows.ts';
import { sqliteCodeOf, storeErrorOf } from './sqlite-failure.ts';
import { DATABASE_FILE } from './store-options.ts';

export interface RepairReport {
  /** Messages that are in the new spool. */
  readonly messages: number;
  /** Of them those whose state was lost: they are dead letters there, for a person to decide. */
  readonly unknownState: readonly number[];
  /** Messages that are there and cannot be read. */
  readonly unreadable: readonly number[];
  /** Where rows cannot be read: each id may have been a message, or one that was long gone. */
  readonly perhaps: readonly number[];
  /** Ids that the mark knows and the database has lost; undefined: it has come as far as the mark. */
  readonly lost: { readonly from: number; readonly to: number } | undefined;
  readonly answers: number;
}

const ROWS_OF_A_TRANSACTION = 1_000;

/** @throws GatewayError where nothing can be read, or another process has it open */
export function repairStore(path: string, into: string, keys: readonly Uint8Array[]): RepairReport {
  if (existsSync(join(into, DATABASE_FILE)))
    throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: `${into} holds a spool already` });
  const from = openDamaged(path);
  try {
    const found = progressOf(from);
    const mark = markOf(path);
    const progress = {
      commits: Math.max(found.commits, mark?.commits ?? 0),
      lastId: Math.max(found.lastId, mark?.lastId ?? 0),
    };
    const lost =
      mark !== undefined && mark.lastId > found.lastId
        ? { from: found.lastId + 1, to: mark.lastId }
        : undefined;
    const seal = new BodySeal(keys);
    checkKey(from, seal, path);
    const { db: to } = openDatabase(into);
    try {
      return { ...copy(from, to, seal, progress), lost };
    } finally {
      closeQuietly(to);
      writeMark(into, progress);
    }
  } catch (thrown) {
    throw storeErrorOf(thrown);
  } finally {
    closeQuietly(from);
  }
}

function copy(
  from: DatabaseSync,
  to: DatabaseSync,
  seal: BodySeal,
  progress: StoreProgress,
): Omit<RepairReport, 'lost'> {
  const perhaps = new Set<number>();
  const messages = new MessageCopy(from, to, seal);
  inTransactions(to, readableRows(from, 'messages', progress.lastId, perhaps), (row) => messages.copy(row));
  // Those whose rows are lost.
  inTransactions(to, readableRows(from, 'bodies', progress.lastId, perhaps), (row) => messages.rebuild(row));
  const answers = new AnswerCopy(from, to, seal);
  inTransactions(to, readableRows(from, 'answers', answers.lastId, new Set()), (row) => answers.copy(row));
  messages.count();
  to.prepare('UPDATE progress SET commits = ?, last_id = ?, key_id = ?').run(
    progress.commits,
    progress.lastId,
    seal.keyId ?? null,
  );
  for (const id of [...messages.copied, ...messages.unreadable]) perhaps.delete(id);
  return {
    messages: messages.copied.size,
    unknownState: messages.unknownState,
    unreadable: [...messages.unreadable].sort((a, b) => a - b),
    perhaps: [...perhaps].sort((a, b) => a - b),
    answers: answers.copied,
  };
}

function inTransactions<T>(to: DatabaseSync, rows: Iterable<T>, perform: (row: T) => void): void {
  let count = 0;
  to.exec('BEGIN');
  for (const row of rows) {
    perform(row);
    if (++count % ROWS_OF_A_TRANSACTION === 0) to.exec('COMMIT; BEGIN');
  }
  to.exec('COMMIT');
}

function openDamaged(path: string): DatabaseSync {
  const file = join(path, DATABASE_FILE);
  if (!existsSync(file))
    throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: `there is no spool in ${path}` });
  // With this SQLite reads what is left of a file that is shorter than its first page says.
  const db = new DatabaseSync(file, { readOnly: true, defensive: false });
  try {
    db.exec('PRAGMA writable_schema = ON');
    db.prepare('SELECT name FROM sqlite_schema').all();
    return db;
  } catch (thrown) {
    closeQuietly(db);
    if (sqliteCodeOf(thrown) === 'SQLITE_BUSY')
      throw new GatewayError('GW_ERR_SPOOL_STORE', {
        detail: `process ${spoolOwnerOf(path)} has ${path} open`,
      });
    throw storeErrorOf(thrown);
  }
}

/** Without the right key all would be taken for damaged. */
function checkKey(db: DatabaseSync, seal: BodySeal, path: string): void {
  let keyId: unknown;
  try {
    keyId = db.prepare('SELECT key_id FROM progress').get()?.key_id;
  } catch {
    return;
  }
  if (typeof keyId === 'string' && !seal.has(keyId))
    throw new GatewayError('GW_ERR_SPOOL_CORRUPT', {
      detail: `${path} was encrypted with the key ${keyId}, which the key file does not have`,
    });
}

function progressOf(db: DatabaseSync): StoreProgress {
  const read = (sql: string): number => {
    try {
      return Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
    } catch {
      return 0;
    }
  };
  const lastId = [
    'SELECT last_id FROM progress',
    'SELECT max(id) FROM messages',
    'SELECT max(id) FROM bodies',
  ];
  return { commits: read('SELECT commits FROM progress'), lastId: Math.max(...lastId.map(read)) };
}

/** A damaged one says nothing. */
function markOf(path: string): StoreProgress | undefined {
  try {
    return readMark(path);
  } catch {
    return undefined;
  }
}
