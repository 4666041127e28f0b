// Writes certificates and keys. Promises that a key is never readable by others, not for a moment; that no file is
// replaced unless that was asked for; and that a reader of a replaced file sees the old one or the new one, whole.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { causeCode, GatewayError } from '../../src/errors.ts';
import { fileReason, readBytes } from './read-bytes.ts';

export interface NewFile {
  readonly path: string;
  readonly content: string | Buffer;
  /** Secret: its owner alone may read it. */
  readonly secret: boolean;
}

/** What to do with a file that is there: refuse, replace it, or replace it and keep the old one as `.bak`. */
export type IfThere = 'refuse' | 'replace' | 'keep-backup';

/** @throws GatewayError, before anything is written if one of them is there and must not be */
export function writeNewFiles(files: readonly NewFile[], ifThere: IfThere): void {
  for (const { path } of files) {
    if (isDirectory(path)) throw unusable(path, 'a directory, not a file');
    if (ifThere === 'refuse' && existsSync(path)) throw refused(path);
  }
  const written: string[] = [];
  try {
    for (const file of files) {
      makeFolder(dirname(file.path));
      if (ifThere === 'refuse') {
        create(file.path, file);
        written.push(file.path);
      } else replace(file, ifThere === 'keep-backup');
    }
  } catch (cause) {
    // A certificate without its key would only be in the way of the next try.
    for (const path of written) rmSync(path, { force: true });
    throw cause;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    const code = causeCode(cause);
    const reason = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file, not a directory' : fileReason(cause);
    throw unusable(path, reason, cause);
  }
}

function replace(file: NewFile, keepBackup: boolean): void {
  if (keepBackup && existsSync(file.path)) {
    const backup = { ...file, path: `${file.path}.bak`, content: readBytes(file.path) };
    renameOver(backup);
  }
  renameOver(file);
}

/** RENAME(2) replaces at once: nobody finds the file missing, or half of it. */
function renameOver(file: NewFile): void {
  const temporary = join(dirname(file.path), `.${basename(file.path)}.${process.pid}.new`);
  create(temporary, file);
  try {
    renameSync(temporary, file.path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw unusable(file.path, `cannot be written: ${fileReason(cause)}`, cause);
  }
}

/** With O_EXCL: a file, or a link, that someone else put there in the meantime is never written through. */
function create(path: string, { content, secret }: NewFile): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', secret ? 0o600 : 0o644);
  } catch (cause) {
    throw unusable(path, `cannot be written: ${fileReason(cause)}`, cause);
  }
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } catch (cause) {
    rmSync(path, { force: true });
    throw unusable(path, `cannot be written: ${fileReason(cause)}`, cause);
  } finally {
    closeSync(descriptor);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function refused(path: string): GatewayError {
  return new GatewayError('GW_ERR_USAGE', { detail: `${path} is there already; --force replaces it` });
}

function unusable(path: string, reason: string, cause?: unknown): GatewayError {
  return new GatewayError('GW_ERR_TLS_FILE', { detail: `${path}: ${reason}`, cause });
}
