// Reads small files, and says of one that cannot be read which it is and why, in words.
// Promises never to print what is in a file.
import { readFileSync, statSync } from 'node:fs';
import { causeCode, type ErrorCode, GatewayError } from '../../src/errors.ts';

/** A certificate has 2 kB, a truststore with every public authority 300 kB. More is a wrong file, or a device. */
const MAX_BYTES = 4 * 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'a directory, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EEXIST: 'it exists already',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
};

/** The operating system's reason in words, or its code. */
export function fileReason(thrown: unknown): string {
  const code = causeCode(thrown);
  return REASONS[code] ?? code;
}

/** @throws GatewayError of that code, for an empty file too */
export function readBytes(file: string, code: ErrorCode = 'GW_ERR_TLS_FILE'): Buffer {
  const unusable = (reason: string, cause?: unknown): GatewayError =>
    new GatewayError(code, { detail: `${file}: ${reason}`, cause });
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) throw unusable('larger than 4 MiB, so no certificate or key file');
    bytes = readFileSync(file);
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : unusable(fileReason(cause), cause);
  }
  if (bytes.length === 0) throw unusable('empty');
  return bytes;
}

/**
 * The first line of a file, without its end: a text editor adds one.
 *
 * @throws GatewayError GW_ERR_FILE
 */
export function readPassphrase(file: string): string {
  const text = readBytes(file, 'GW_ERR_FILE')
    .toString('utf8')
    .replace(/^\ufeff/, '');
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase === '' || /[\r\n\0]/.test(passphrase))
    throw new GatewayError('GW_ERR_FILE', { detail: `${file}: it must hold a passphrase, in one line` });
  return passphrase;
}

/** May anyone on this machine read it? Undefined where there are no such modes. */
export function isReadableByOthers(file: string): boolean {
  if (process.platform === 'win32') return false;
  try {
    return (statSync(file).mode & 0o004) !== 0;
  } catch {
    return false;
  }
}
