// Files that a config names: what is wrong with one, and the text of one that stands for a value.
// Promises never to block: pipes and devices are refused before they are opened.
import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';

/** A value is a token or a passphrase; what is bigger than this is some other file. */
const LARGEST_VALUE_BYTES = 64 * 1024;

function statOf(path: string): Stats | string {
  try {
    return statSync(path);
  } catch (thrown) {
    return reason(thrown);
  }
}

function reason(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a directory, not a file';
  return `cannot be read (${code})`;
}

/** Why the file at `path` cannot be read, in words that follow "the file"; undefined: it can. */
export function fileTrouble(path: string): string | undefined {
  const stats = statOf(path);
  if (typeof stats === 'string') return stats;
  if (stats.isDirectory()) return 'is a directory, not a file';
  if (!stats.isFile()) return 'is not a regular file';
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (thrown) {
    return reason(thrown);
  }
}

/**
 * Why a file cannot be made, or replaced, at `path`; undefined: it can, as far as can be seen without trying. The folder is not
 * made: what is written next to where it was meant is found by nobody.
 */
export function newFileTrouble(path: string): string | undefined {
  const there = statOf(path);
  if (typeof there !== 'string' && !there.isFile()) return 'is not a regular file';
  const folder = statOf(dirname(path));
  if (typeof folder === 'string') return `its folder ${folder}`;
  if (!folder.isDirectory()) return 'its folder is a file';
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return 'its folder may not be written to by this user';
  }
}

/** A sentence's end for a relative path that was not found: people look for it in the wrong folder. */
export function relativeHint(written: string, trouble: string): string {
  const looked = trouble === 'does not exist' && !isAbsolute(written);
  return looked ? " (relative paths start at the config file's folder)" : '';
}

/** May any user of the machine read it? Never on Windows, where the mode says nothing about that (F77). */
export function readableByOthers(path: string): boolean {
  const stats = statOf(path);
  return typeof stats !== 'string' && process.platform !== 'win32' && (stats.mode & 0o004) !== 0;
}

/** The text of a file that stands for a value, without its last newline. */
export function readSecretValue(path: string): { text: string } | { trouble: string } {
  const trouble = fileTrouble(path);
  if (trouble !== undefined) return { trouble };
  const stats = statOf(path);
  if (typeof stats !== 'string' && stats.size > LARGEST_VALUE_BYTES) {
    return { trouble: 'is larger than 64 KiB and so is no single value' };
  }
  const decoded = readText(path);
  return 'text' in decoded ? { text: decoded.text.replace(/\r?\n$/, '') } : decoded;
}

/** A whole file as UTF-8 text, a byte order mark dropped. */
export function readText(path: string): { text: string } | { trouble: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    return { trouble: reason(thrown) };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { trouble: 'is not UTF-8 text' };
  }
}
