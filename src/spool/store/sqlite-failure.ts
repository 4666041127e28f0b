// What SQLite throws, as an error of the spool. Its texts name tables and files, never what is in a row.
import { causeCode, GatewayError } from '../../errors.ts';

/** https://sqlite.org/rescode.html, primary codes: those that are of the database, and not of what was asked of it. */
const NAMES: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  26: 'SQLITE_NOTADB',
};

function errcodeOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errcode' in thrown)) return undefined;
  return typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}

/** Name of the code of an error that is of the database; undefined: of a single request, or not of SQLite at all. */
export function sqliteCodeOf(thrown: unknown): string | undefined {
  const code = errcodeOf(thrown);
  return code === undefined ? undefined : NAMES[code & 0xff];
}

export function isDamage(thrown: unknown): boolean {
  return ['SQLITE_CORRUPT', 'SQLITE_NOTADB'].includes(sqliteCodeOf(thrown) ?? '');
}

export function isDiskFull(thrown: unknown): boolean {
  return sqliteCodeOf(thrown) === 'SQLITE_FULL';
}

export function storeErrorOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = sqliteCodeOf(thrown);
  if (isDiskFull(thrown)) return new GatewayError('GW_ERR_SPOOL_FULL', { detail: 'the disk is full' });
  if (isDamage(thrown))
    return new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `the database is damaged (${code})` });
  const extended = errcodeOf(thrown);
  return new GatewayError('GW_ERR_SPOOL_STORE', {
    detail: `${code ?? causeCode(thrown)}${extended === undefined ? '' : ` (${extended})`}`,
  });
}
