// Audit records in a file, a line each, appended and flushed to the disk. Promises not to hold on to a file that was
// renamed (logrotate), and to let nobody but its owner read it.
import { accessSync, constants, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { causeCode, GatewayError } from '../../errors.ts';
import type { AuditSink } from './audit-queue.ts';

export class FileSink implements AuditSink {
  readonly name: string;
  #file: Promise<FileHandle> | undefined;
  /** Those that were replaced, until they are closed. */
  #leaving: Promise<unknown> = Promise.resolve();
  /** A record was written in part: its rest is ended, so that the next one has a line of its own. */
  #torn = false;
  #isWriting = false;
  #isStale = false;

  constructor(path: string) {
    this.name = path;
  }

  /** @throws GatewayError GW_ERR_FILE where it cannot be written to now */
  async open(): Promise<void> {
    try {
      this.#file ??= openToAppend(this.name);
      await this.#file;
    } catch (cause) {
      this.#leave();
      // A named pipe that nobody reads yet: records wait, as for a repository that is away.
      if (causeCode(cause) !== 'ENXIO') throw failure(cause);
    }
  }

  async write(records: readonly string[]): Promise<void> {
    this.#isWriting = true;
    try {
      this.#file ??= openToAppend(this.name);
      const file = await this.#file;
      const text = `${this.#torn ? '\n' : ''}${records.join('\n')}\n`;
      this.#torn = true;
      await file.appendFile(text);
      this.#torn = false;
      await flushed(file);
    } catch (cause) {
      this.#isStale = true;
      throw failure(cause);
    } finally {
      this.#isWriting = false;
      if (this.#isStale) this.#leave();
    }
  }

  /** What is being written goes to its end first: it would be written again otherwise. */
  reopen(): void {
    if (this.#isWriting) this.#isStale = true;
    else this.#leave();
  }

  #leave(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#isStale = false;
    this.#leaving = Promise.all([this.#leaving, file?.then((one) => one.close()).catch(() => {})]);
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#leaving;
  }
}

/** Of a named pipe: fails where nobody reads it, and writes fail where it is full, instead of holding up a thread. */
function openToAppend(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
}

/** A pipe has no disk behind it. */
async function flushed(file: FileHandle): Promise<void> {
  try {
    await file.datasync();
  } catch (thrown) {
    if (causeCode(thrown) !== 'EINVAL') throw thrown;
  }
}

function failure(cause: unknown): GatewayError {
  return new GatewayError('GW_ERR_FILE', { detail: `audit.file: ${causeCode(cause)}`, cause });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not write it',
  EROFS: 'its disk is read-only',
};

/** Why records cannot be appended to this file; undefined: they can, or can once somebody reads it. Makes no file. */
export function appendTrouble(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return REASONS.EISDIR;
    if (!statSync(dirname(path)).isDirectory()) return REASONS.ENOTDIR;
    accessSync(stats === undefined ? dirname(path) : path, constants.W_OK);
    return undefined;
  } catch (thrown) {
    const code = causeCode(thrown);
    return REASONS[code] ?? `it cannot be written (${code})`;
  }
}
