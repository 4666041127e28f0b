// Whether there is place for more: within `maxBytes`, and on the disk. Promises that a disk that fills up stops new messages before it
// stops the recording of deliveries: some of it is left free, and a file is given up when that was not enough.
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { randomFillSync } from '../../platform/random.ts';
import { monotonicMs } from '../../platform/time.ts';
import { ROW_BYTES } from './message-table.ts';
import { PAGE_BYTES } from './open-database.ts';
import { BALLAST_FILE } from './store-options.ts';

/** The disk is asked again after so long, or so many bytes. */
const LOOK_MS = 250;
const LOOK_BYTES = 4 * 1024 * 1024;

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

  /** Undefined: there is place. */
  diskRefuses(bytes: number): string | undefined {
    this.#look(bytes);
    const { minFreeBytes } = this.#limits;
    return this.#free - this.#sinceLook - bytes >= minFreeBytes
      ? undefined
      : `less than ${Math.ceil(minFreeBytes / 1024 / 1024)} MiB are free on the disk`;
  }

  /** Makes the ballast where it is not there and may be. */
  keepBallast(): void {
    const { ballastBytes, minFreeBytes } = this.#limits;
    const path = join(this.#folder, BALLAST_FILE);
    if (ballastBytes === 0 || existsSync(path)) return;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    this.#look(0);
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
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    return true;
  }

  #look(bytes: number): void {
    const now = monotonicMs();
    if (now - this.#lookedAt < LOOK_MS && this.#sinceLook + bytes < LOOK_BYTES) return;
    const { bavail, bsize } = statfsSync(this.#folder);
    this.#free = bavail * bsize;
    this.#lookedAt = now;
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
