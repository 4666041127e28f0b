// Whether there is place for more: within `maxBytes`, and on the disk. Promises that a disk that fills up stops new messages before it
// stops the recording of deliveries: some of it is left free, and a file is given up when that was not enough.
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { randomFillSync } from '../../platform/random.ts';
import { monotonicMs } from '../../platform/time.ts';
import { ROW_BYTES } from './message-table.ts';
import { PAGE_BYTES } from './open-database.ts';
import { BALLAST_FILE, DATABASE_FILE } from './store-options.ts';

/** The disk is asked again after so long, or so many bytes. */
const LOOK_MS = 250;
const LOOK_BYTES = 1024 * 1024;

/** Of the log, what may not be in the database yet: a checkpoint's pages and a transaction. */
const PENDING_BYTES = 4 * 1024 * 1024;

/** Beyond `maxBytes`, for changes of what is stored: indexes grow with them. */
const SLACK_BYTES = 8 * 1024 * 1024;

const PIECE_BYTES = 1024 * 1024;

export interface SpaceLimits {
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  readonly ballastBytes: number;
}

export class DiskSpace {
  readonly #db: DatabaseSync;
  readonly #folder: string;
  readonly #pages: StatementSync;
  readonly #freePages: StatementSync;
  #limits: SpaceLimits;
  #free = 0;
  #freeInside = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #sinceLook = 0;
  #used = 0;

  constructor(db: DatabaseSync, folder: string, limits: SpaceLimits) {
    this.#db = db;
    this.#folder = folder;
    this.#pages = db.prepare('PRAGMA page_count');
    this.#freePages = db.prepare('PRAGMA freelist_count');
    this.#limits = limits;
    this.limit(limits);
  }

  limit(limits: SpaceLimits): void {
    this.#limits = limits;
    const most = Math.ceil((limits.maxBytes + SLACK_BYTES) / PAGE_BYTES);
    this.#db.exec(`PRAGMA max_page_count = ${most}`);
    this.measure();
  }

  /** Bytes of the database without free pages, as of `measure`, and what was taken since. */
  get used(): number {
    return this.#used;
  }

  get freePages(): number {
    return Number(this.#freePages.get()?.freelist_count);
  }

  get pages(): number {
    return Number(this.#pages.get()?.page_count);
  }

  measure(): void {
    this.#used = (this.pages - this.freePages) * PAGE_BYTES;
  }

  /** Of a message of so many bytes, sealed. */
  take(bytes: number): void {
    this.#used += bytes + ROW_BYTES;
    this.#sinceLook += bytes + ROW_BYTES;
  }

  /** How many bytes have to go before so many fit; 0 or less: none. */
  excess(bytes: number): number {
    return this.#used + bytes + ROW_BYTES - this.#limits.maxBytes;
  }

  /** Before a transaction: within one the disk does not show yet what it will take. */
  begin(): void {
    this.measure();
    if (monotonicMs() - this.#lookedAt >= LOOK_MS || this.#sinceLook >= LOOK_BYTES) this.#look();
  }

  /** Undefined: there is place. */
  diskRefuses(bytes: number): string | undefined {
    const { minFreeBytes } = this.#limits;
    // It lies in the log first, and then in the database, in its free pages as far as they go.
    const logged = this.#sinceLook + bytes;
    const added = Math.max(0, logged - this.#freeInside);
    return this.#free - logged - added >= minFreeBytes
      ? undefined
      : `less than ${Math.ceil(minFreeBytes / 1024 / 1024)} MiB are free on the disk`;
  }

  /** Makes the ballast where it is not there and may be. */
  keepBallast(): void {
    const { ballastBytes, minFreeBytes } = this.#limits;
    const path = join(this.#folder, BALLAST_FILE);
    if (ballastBytes === 0 || existsSync(path)) return;
    this.#look();
    if (this.#free < minFreeBytes + 2 * ballastBytes) return;
    try {
      writeBallast(path, ballastBytes);
    } catch {
      rmSync(path, { force: true });
    }
  }

  /** Whether there was any. */
  dropBallast(): boolean {
    const path = join(this.#folder, BALLAST_FILE);
    if (!existsSync(path)) return false;
    rmSync(path, { force: true });
    this.#look();
    return true;
  }

  #look(): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    const log = statSync(join(this.#folder, `${DATABASE_FILE}-wal`), { throwIfNoEntry: false })?.size ?? 0;
    this.#free = bavail * bsize - Math.min(log, PENDING_BYTES);
    this.#freeInside = this.freePages * PAGE_BYTES;
    this.#lookedAt = monotonicMs();
    this.#sinceLook = 0;
  }
}

/** Bytes by chance: some file systems store zeros without taking place for them. */
function writeBallast(path: string, bytes: number): void {
  const piece = randomFillSync(Buffer.alloc(Math.min(PIECE_BYTES, bytes)));
  const fd = openSync(path, 'w', 0o600);
  try {
    for (let left = bytes; left > 0; ) left -= writeSync(fd, piece, 0, Math.min(left, piece.length));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
