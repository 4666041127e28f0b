// A message in UTF-8, whatever its charset was, with an MSH-18 that says so: for transports whose text is UTF-8.
// Promises that values read as before, or GW_ERR_PARSE_CHARSET: no character is replaced or left out.
import { GatewayError } from '../errors.ts';
import { piecesOf } from './batch.ts';
import { decodeStrictly } from './charset.ts';
import { type Delimiters, type Header, readHeader } from './header.ts';

/** Table 0211. */
const UTF_8 = 'UNICODE UTF-8';

/**
 * `payload` itself where nothing has to change: it is ASCII and MSH-18 says so or nothing, or it is UTF-8 and says so.
 * Else a copy: text in UTF-8; MSH-18 `UNICODE UTF-8` alone, as there is no charset left to switch to; `\Xhh..\` that are
 * characters of the old charset as those of UTF-8, others as they are. In a batch each message has its own MSH-18.
 *
 * @throws GatewayError GW_ERR_PARSE_CHARSET
 */
export function transcodeToUtf8(header: Header, payload: Buffer): Buffer {
  const { bytes, utf16 } = header;
  // The narrowed copy has a replacement character for what is no UTF-16.
  if (utf16 !== undefined) strictly(payload, utf16);
  const pieces = piecesOf(bytes);
  const copies = pieces.map((piece) => {
    if (piece.kind !== 'message') return inUtf8(piece.bytes, header.charset, header.delimiters);
    // The header that is known may have its charset from elsewhere than MSH-18.
    const own = pieces.length === 1 ? header : readHeader(piece.bytes);
    // A byte order mark and blank lines.
    const before = piece.bytes.subarray(0, own.start);
    const message = piece.bytes.subarray(own.start);
    const copy = utf16 === undefined ? transcoded(own, message) : withCharset(message, own.delimiters.field);
    return before.length === 0 ? copy : Buffer.concat([before, copy]);
  });
  const same = utf16 === undefined && copies.every((copy, i) => pieces[i]?.bytes.equals(copy) === true);
  return same ? payload : Buffer.concat(copies);
}

function transcoded(header: Header, bytes: Buffer): Buffer {
  const { charset, delimiters } = header;
  const declared = header.text(18);
  // In a charset that is not known the message may still be what it can be read as: UTF-8, or ASCII.
  const copy = inUtf8(bytes, declared !== '' && charset === undefined ? 'utf-8' : charset, delimiters);
  const ascii = declared === '' || charset === 'windows-1252';
  if (declared === UTF_8 || (ascii && isAscii(copy))) return copy;
  return withCharset(copy, delimiters.field);
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** MSH has 18 fields at least then. */
function withCharset(utf8: Buffer, separator: number): Buffer {
  const text = utf8.toString('utf8');
  const end = text.search(/[\r\n]|$/);
  const field = String.fromCharCode(separator);
  // MSH-1 is the separator itself: MSH-18 is the 17th behind the name.
  const fields = text.slice(0, end).split(field);
  while (fields.length < 18) fields.push('');
  fields[17] = UTF_8;
  return Buffer.from(fields.join(field) + text.slice(end), 'utf8');
}

/** Line by line, as readPath decodes: ISO 2022 begins each line in ASCII, and CR and LF are part of no character. */
function inUtf8(bytes: Buffer, charset: string | undefined, delimiters: Delimiters): Buffer {
  const own = [delimiters.field, delimiters.component, delimiters.repetition, delimiters.subcomponent];
  const hex = own.filter((byte) => byte >= 0).map((byte) => `\\x${byte.toString(16)}`);
  const between = new RegExp(`([${hex.join('')}])`);
  const mark = delimiters.escape < 0 ? undefined : String.fromCharCode(delimiters.escape);
  const undeclared = charset === undefined || charset === 'windows-1252';
  const lines = bytes
    .toString('latin1')
    .split(/([\r\n]+)/)
    .map((line) => {
      if (undeclared)
        return line
          .split(between)
          .map((value) => undeclaredValue(value, mark))
          .join('');
      const text = strictly(Buffer.from(line, 'latin1'), charset);
      if (mark === undefined || !text.includes(mark)) return text;
      return text
        .split(between)
        .map((value) => hexInUtf8(value, mark, charset))
        .join('');
    });
  return Buffer.from(lines.join(''), 'utf8');
}

/** Each value by itself, as readPath takes it: what its bytes are, with those that are written as `\Xhh..\`. */
function undeclaredValue(value: string, mark: string | undefined): string {
  const expanded = mark === undefined ? value : replaceHex(value, mark, (bytes) => bytes.toString('latin1'));
  const isUtf8 = decodeStrictly(Buffer.from(expanded, 'latin1'), 'utf-8') !== undefined;
  const charset = isUtf8 ? 'utf-8' : 'windows-1252';
  const text = strictly(Buffer.from(value, 'latin1'), charset);
  return mark === undefined ? text : hexInUtf8(text, mark, charset);
}

function strictly(bytes: Buffer, charset: string): string {
  const decoded = decodeStrictly(bytes, charset);
  if (decoded === undefined) throw new GatewayError('GW_ERR_PARSE_CHARSET');
  return decoded;
}

function hexInUtf8(value: string, mark: string, charset: string): string {
  return replaceHex(value, mark, (bytes, written) => {
    const text = decodeStrictly(bytes, charset);
    if (text === undefined) return written;
    const utf8 = Buffer.from(text, 'utf8');
    return utf8.equals(bytes) ? written : `${mark}X${utf8.toString('hex').toUpperCase()}${mark}`;
  });
}

/** Replaces each run of `\Xhh..\` in a value; runs, because a character may be written in several. */
function replaceHex(
  value: string,
  mark: string,
  replace: (bytes: Buffer, written: string) => string,
): string {
  if (!value.includes(`${mark}X`)) return value;
  let out = '';
  let run = '';
  let written = '';
  const endRun = (): void => {
    if (run !== '') out += replace(Buffer.from(run, 'hex'), written);
    run = '';
    written = '';
  };
  let at = 0;
  while (at < value.length) {
    const close = value.charAt(at) === mark ? value.indexOf(mark, at + 1) : -1;
    const sequence = close < 0 ? undefined : value.slice(at + 1, close);
    if (sequence !== undefined && /^X(?:[0-9A-Fa-f]{2})+$/.test(sequence)) {
      run += sequence.slice(1);
      written += value.slice(at, close + 1);
      at = close + 1;
      continue;
    }
    endRun();
    const next = close < 0 ? at + 1 : close + 1;
    out += value.slice(at, next);
    at = next;
  }
  endRun();
  return out;
}
