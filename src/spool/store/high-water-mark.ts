// How far the database had come, in a file of its own beside it: SQLite takes a write-ahead log with bad bytes in it for one that ends
// before them, and a lost database for a new one. Promises never to say more than what was on the disk when it was written.
// It is written behind the commits, not with each: an fsync more for each message would halve what a disk can store.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { causeCode, GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import { writeFileAtomic, writeFileAtomicSync } from '../../state/atomic-file.ts';
import { MARK_FILE } from './store-options.ts';

/** What a cut in the log may hide: the commits of so long before it. */
const BEHIND_MS = 200;

export interface StoreProgress {
  /** Transactions, from 1. */
  readonly commits: number;
  /** The highest that was given. */
  readonly lastId: number;
}

/** Undefined: there is none yet. @throws GatewayError GW_ERR_SPOOL_STORE, GW_ERR_SPOOL_CORRUPT */
export function readMark(folder: string): StoreProgress | undefined {
  const path = join(folder, MARK_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (causeCode(thrown) === 'ENOENT') return undefined;
    throw new GatewayError('GW_ERR_SPOOL_STORE', { detail: `${path}: ${causeCode(thrown)}` });
  }
  const [, commits, lastId] = /^commits (\d+) last id (\d+)\n$/.exec(text) ?? [];
  if (commits === undefined || lastId === undefined)
    throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `${path} is damaged` });
  return { commits: Number(commits), lastId: Number(lastId) };
}

function textOf({ commits, lastId }: StoreProgress): string {
  return `commits ${commits} last id ${lastId}\n`;
}

/** @throws Error of the file system */
export function writeMark(folder: string, progress: StoreProgress): void {
  writeFileAtomicSync(join(folder, MARK_FILE), textOf(progress));
}

/** Of an open database. */
export class HighWaterMark {
  readonly #folder: string;
  #progress: StoreProgress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** This is on the disk. */
  raise(progress: StoreProgress): void {
    this.#progress = progress;
    if (this.#writing === undefined) this.#timer ??= setTimeout(() => this.#write(), BEHIND_MS);
  }

  /** Nothing is written afterwards; the last of it is, unless the disk fails. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
    const progress = this.#progress;
    this.#progress = undefined;
    if (progress === undefined) return;
    try {
      writeMark(this.#folder, progress);
    } catch {
      // It stays behind: that costs what it would have noticed, and nothing else.
    }
  }

  #write(): void {
    this.#timer = undefined;
    const progress = this.#progress;
    if (progress === undefined) return;
    this.#progress = undefined;
    this.#writing = writeFileAtomic(join(this.#folder, MARK_FILE), piecesOf(textOf(progress)))
      .catch(() => {
        // A full disk, most often. The next one is tried.
      })
      .then(() => {
        this.#writing = undefined;
        if (this.#progress !== undefined) this.#timer ??= setTimeout(() => this.#write(), BEHIND_MS);
      });
  }
}

async function* piecesOf(text: string): AsyncGenerator<string> {
  yield text;
}
