// What the head of a response says: its status, how its body is framed, and whether its connection can be used again. Promises to
// take no framing that two readers could read in two ways (F65).
import type { HeaderFields } from './fields.ts';
import { ResponseError } from './head-scanner.ts';

export interface StatusLine {
  readonly status: number;
  readonly reason: string;
  /** Of HTTP/1.0, which has no Transfer-Encoding (RFC 9112 6.1). */
  readonly isOld: boolean;
}

/** The usual ones need no looking at. */
const OK_LINE = 'HTTP/1.1 200 OK';
const OK: StatusLine = { status: 200, reason: 'OK', isOld: false };

/** RFC 9112 4; some servers leave out the blank behind the status where there is no reason. */
export function readStatusLine(line: string): StatusLine {
  if (line === OK_LINE) return OK;
  const [, minor, digits, reason] = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(line) ?? [];
  if (digits === undefined) throw new ResponseError('its status line is none of HTTP/1');
  const status = Number(digits);
  // RFC 9110 15: three digits, the first from 1 on.
  if (status < 100) throw new ResponseError('its status is below 100');
  return { status, reason: reason ?? '', isOld: minor === '0' };
}

export interface Framing {
  /** Of the body, as Content-Length says. */
  readonly length: number | undefined;
  readonly isChunked: boolean;
  readonly keepsAlive: boolean;
  /** The value of Keep-Alive. */
  readonly keepAlive: string | undefined;
}

/** @throws ResponseError */
export function readFraming(fields: HeaderFields, isOld: boolean): Framing {
  let length: string | undefined;
  let coding: string | undefined;
  let connection: string | undefined;
  let keepAlive: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name === 'content-length') {
      if (length !== undefined) throw new ResponseError('it has two Content-Length fields');
      length = value;
    } else if (name === 'transfer-encoding') {
      if (coding !== undefined) throw new ResponseError('it has two Transfer-Encoding fields');
      coding = value;
    } else if (name === 'connection')
      connection = connection === undefined ? value : `${connection},${value}`;
    else if (name === 'keep-alive') keepAlive = value;
  }
  if (length !== undefined && !isLength(length)) throw new ResponseError('its Content-Length is no number');
  if (isAmbiguous(coding, length, isOld)) throw new ResponseError('its framing is ambiguous');
  return {
    length: length === undefined ? undefined : Number(length),
    isChunked: coding !== undefined,
    keepsAlive: mayKeepAlive(connection, isOld),
    keepAlive,
  };
}

/**
 * F65, RFC 9112 6: what one reader takes by one field, another could take by the other.
 *
 * @param coding the value of Transfer-Encoding
 * @param isOld of HTTP/1.0, which has no Transfer-Encoding (RFC 9112 6.1)
 */
export function isAmbiguous(coding: string | undefined, length: string | undefined, isOld: boolean): boolean {
  if (coding === undefined) return false;
  return isOld || length !== undefined || coding.toLowerCase() !== 'chunked';
}

/** RFC 9110 8.6; a number of JavaScript holds so many digits. */
function isLength(value: string): boolean {
  return value.length <= 15 && /^\d+$/.test(value);
}

/** RFC 9112 9.3. */
function mayKeepAlive(connection: string | undefined, isOld: boolean): boolean {
  if (connection === undefined) return !isOld;
  const options = connection
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
  return !options.includes('close') && (!isOld || options.includes('keep-alive'));
}

/** RFC 9110 6.5.1: what frames a body stands before it, and behind it some would take it for the next one's. */
export function checkTrailers(fields: HeaderFields): void {
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i] === 'content-length' || fields[i] === 'transfer-encoding')
      throw new ResponseError('its trailers frame a body');
}
