// Opens a spool's database for this process alone. Promises that it is durable (WAL, FULL), that what the mark says was stored is in
// it, and that what it shows is on the disk: after a failed fsync the kernel shows bytes that the disk does not have.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { causeCode, GatewayError } from '../../errors.ts';
import { readMark, type StoreProgress } from './high-water-mark.ts';
import { migrate } from './schema.ts';
import { sqliteCodeOf, storeErrorOf } from './sqlite-failure.ts';
import { DATABASE_FILE, OWNER_FILE } from './store-options.ts';

/** Of SQLite's own cache; the kernel has the rest. */
const CACHE_KIB = 16 * 1024;

/** Pages of the log: more of them and a commit that ends in a checkpoint takes longer than 5 ms. */
const CHECKPOINT_PAGES = 400;

/** The log's file is cut to this after a burst. */
const LOG_BYTES = 4 * 1024 * 1024;

export const PAGE_BYTES = 4_096;

export interface OpenDatabase {
  readonly db: DatabaseSync;
  readonly progress: StoreProgress;
  /** Of the key that encrypted last. */
  readonly keyId: string | undefined;
}

/**
 * `isSuspect`: it was damaged when it was open last, so look through all of it.
 *
 * @throws GatewayError GW_ERR_SPOOL_STORE, GW_ERR_SPOOL_CORRUPT
 */
export function openDatabase(folder: string, { isSuspect = false } = {}): OpenDatabase {
  const path = join(folder, DATABASE_FILE);
  let db: DatabaseSync | undefined;
  try {
    makeFolder(folder);
    makeFile(path);
    db = new DatabaseSync(path);
    lock(db, folder);
    db.exec(
      `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES};
      PRAGMA cache_size = ${-CACHE_KIB}; PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON`,
    );
    const isNew = Number(db.prepare('PRAGMA user_version').get()?.user_version) === 0;
    const mark = readMark(folder);
    if (isNew && mark !== undefined) throw lost(folder, mark, { commits: 0, lastId: 0 });
    migrate(db);
    if (isNew) syncEntries(folder);
    checkpoint(db);
    const row = db.prepare('SELECT commits, last_id, key_id FROM progress').get();
    if (row === undefined)
      throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: 'the database has lost its progress' });
    const progress = { commits: Number(row.commits), lastId: Number(row.last_id) };
    if (mark !== undefined && (mark.commits > progress.commits || mark.lastId > progress.lastId))
      throw lost(folder, mark, progress);
    if (isSuspect) lookThrough(db);
    return { db, progress, keyId: row.key_id === null ? undefined : String(row.key_id) };
  } catch (thrown) {
    closeQuietly(db);
    throw withPath(storeErrorOf(thrown), path);
  }
}

export function closeQuietly(db: DatabaseSync | undefined): void {
  try {
    db?.close();
  } catch {
    // It was closed, or the disk fails: SQLite has let go of it.
  }
}

function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/**
 * For this user alone, whatever the umask says. Only where there is none: closing a file that is open elsewhere in the process would
 * give up the lock that it holds there (fcntl(2)).
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (thrown) {
    if (causeCode(thrown) !== 'EEXIST') throw thrown;
  }
}

/** For as long as it is open. The kernel gives it back when the process dies, however it does. */
function lock(db: DatabaseSync, folder: string): void {
  try {
    db.exec(
      'PRAGMA auto_vacuum = INCREMENTAL; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT',
    );
    if (db.prepare('PRAGMA journal_mode').get()?.journal_mode !== 'wal')
      throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'it cannot have a write-ahead log there' });
  } catch (thrown) {
    if (sqliteCodeOf(thrown) === 'SQLITE_BUSY')
      throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: `process ${spoolOwnerOf(folder)} has it open` });
    throw thrown;
  }
  writeFileSync(join(folder, OWNER_FILE), `${process.pid}\n`, { mode: 0o600 });
}

/** For people alone: what holds is SQLite's lock. */
export function spoolOwnerOf(folder: string): string {
  try {
    return readFileSync(join(folder, OWNER_FILE), 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Whether another process has it: worth waiting for. */
export function isInUse(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.detail?.includes(' has it open') === true;
}

/**
 * SQLite makes a new database with a journal of the old kind, and deletes that without a sync of the folder: if it came back after a
 * power cut, what has been written since would be taken back by it.
 */
function syncEntries(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes and syncs all that the log shows. Pages that an fsync failed for are clean to the kernel and would never be written again. */
function checkpoint(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  if (row?.busy !== 0)
    throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: 'its log cannot be written into it' });
}

function lookThrough(db: DatabaseSync): void {
  const said = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (said !== 'ok')
    throw new GatewayError('GW_ERR_SPOOL_CORRUPT', {
      detail: 'the database is damaged: spool repair saves what can be read',
    });
}

function lost(folder: string, mark: StoreProgress, found: StoreProgress): GatewayError {
  const commits = mark.commits - found.commits;
  const what =
    found.commits === 0
      ? `the database is gone or empty, and ${mark.lastId} messages were stored in ${folder}`
      : mark.lastId > found.lastId
        ? `its last ${commits} commits are lost, and with them messages ${found.lastId + 1} to ${mark.lastId}`
        : `its last ${commits} commits are lost: messages that were delivered may be delivered again`;
  return new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `${what}; spool repair accepts it` });
}

function withPath(error: GatewayError, path: string): GatewayError {
  const detail = error.detail ?? causeCode(error.cause);
  return new GatewayError(error.code, { detail: `${path}: ${detail}`, cause: error.cause });
}
