// From the bytes of one field to what a person reads: the repetition, component or subcomponent asked for, escapes
// decoded, charset applied, delimiters standard. Plain ASCII without escapes costs one scan and one slice.
import { isAscii } from 'node:buffer';
import { decodeText } from './charset.ts';
import type { Delimiters } from './header.ts';

/** Which part of a field; from 1. */
export interface FieldPart {
  readonly repetition: number | undefined;
  readonly component: number | undefined;
  readonly subcomponent: number | undefined;
}

/** Below this many bytes a loop is faster than a call into Node.js (about 20 ns). */
const NEAR = 64;

/** Offset of the first `byte` in `from`…`to`, or `to`. */
export function indexOfByte(bytes: Buffer, byte: number, from: number, to: number): number {
  const near = to - from > NEAR ? from + NEAR : to;
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at;
  if (near === to) return to;
  const at = bytes.indexOf(byte, near);
  return at < 0 || at > to ? to : at;
}

// Where `takePiece` found its piece: it has two results, and an object for them would be made on each lookup.
let pieceStart = 0;
let pieceEnd = 0;

/** Finds the `n`th piece of `from`…`to`; false if there are fewer. A delimiter of -1 does not split. */
function takePiece(bytes: Buffer, from: number, to: number, delimiter: number, n: number): boolean {
  let start = from;
  for (let left = n; ; left--) {
    const end = delimiter < 0 ? to : indexOfByte(bytes, delimiter, start, to);
    if (left === 1) {
      pieceStart = start;
      pieceEnd = end;
      return true;
    }
    if (end === to) return false;
    start = end + 1;
  }
}

/** Finds the part of the field at `start`…`end`; false if the field has none. */
function takePart(
  bytes: Buffer,
  start: number,
  end: number,
  delimiters: Delimiters,
  { repetition, component, subcomponent }: FieldPart,
): boolean {
  pieceStart = start;
  pieceEnd = end;
  if (repetition === undefined && component === undefined) return true;
  if (!takePiece(bytes, start, end, delimiters.repetition, repetition ?? 1)) return false;
  if (component === undefined) return true;
  if (!takePiece(bytes, pieceStart, pieceEnd, delimiters.component, component)) return false;
  return (
    subcomponent === undefined ||
    takePiece(bytes, pieceStart, pieceEnd, delimiters.subcomponent, subcomponent)
  );
}

/**
 * Does the part of the field at `start`…`end` read as `expected`? A part that is not there reads as empty. Compares
 * bytes and makes no string; undefined where the text is more than its bytes say, and `readValue` has to be asked.
 */
export function equalsPlain(
  bytes: Buffer,
  start: number,
  end: number,
  delimiters: Delimiters,
  part: FieldPart,
  expected: string,
): boolean | undefined {
  if (!takePart(bytes, start, end, delimiters, part)) return expected === '';
  const from = pieceStart;
  const to = pieceEnd;
  if (!isPlain(bytes, from, to, delimiters)) return undefined;
  if (to - from !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[from + i] !== expected.charCodeAt(i)) return false;
  return true;
}

/**
 * The text of the part of the field at `start`…`end`, or undefined where the field has no such part.
 *
 * `charset` is that of `bytes`; `hexCharset` that of the bytes written as `\Xhh..\`, if it is another one (where `bytes`
 * is the copy that `splittable` made).
 */
export function readValue(
  bytes: Buffer,
  start: number,
  end: number,
  delimiters: Delimiters,
  charset: string | undefined,
  hexCharset: string | undefined,
  part: FieldPart,
): string | undefined {
  if (!takePart(bytes, start, end, delimiters, part)) return undefined;
  const from = pieceStart;
  const to = pieceEnd;
  return isPlain(bytes, from, to, delimiters)
    ? bytes.toString('latin1', from, to)
    : decode(bytes, from, to, delimiters, charset, hexCharset);
}

/**
 * ASCII without an escape, in a message whose delimiters need no translation. ISO 2022, which is ASCII too by its bytes,
 * does not come here: `splittable` has made UTF-8 of it.
 */
function isPlain(bytes: Buffer, from: number, to: number, delimiters: Delimiters): boolean {
  if (!isStandard(delimiters)) return false;
  const { escape: esc } = delimiters;
  if (to - from <= NEAR) {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte === esc || byte > 0x7f) return false;
    }
    return true;
  }
  if (esc >= 0 && indexOfByte(bytes, esc, from, to) < to) return false;
  return isAscii(bytes.subarray(from, to));
}

function isStandard({ component, repetition, subcomponent }: Delimiters): boolean {
  return (
    (component === 0x5e || component < 0) &&
    (repetition === 0x7e || repetition < 0) &&
    (subcomponent === 0x26 || subcomponent < 0)
  );
}

function decode(
  bytes: Buffer,
  from: number,
  to: number,
  delimiters: Delimiters,
  charset: string | undefined,
  hexCharset: string | undefined,
): string {
  const { escape: esc } = delimiters;
  const asItLies = isStandard(delimiters) && (esc < 0 || indexOfByte(bytes, esc, from, to) === to);
  return decodeText(
    asItLies
      ? bytes.subarray(from, to)
      : rewrite(bytes, from, to, delimiters, charset === hexCharset ? undefined : hexCharset),
    charset,
  );
}

/**
 * A copy in which escapes are decoded (HL7 v2.9.1 2.7) and delimiters are the standard ones. An escaped delimiter
 * becomes the message's own character, for that is the character which the sender could not write otherwise.
 */
function rewrite(
  bytes: Buffer,
  from: number,
  to: number,
  delimiters: Delimiters,
  hexCharset: string | undefined,
): Buffer {
  // Only `\Xhh..\` in another charset can grow: n bytes, written as 2n + 3, become at most 3n in UTF-8.
  const out = Buffer.allocUnsafe(hexCharset === undefined ? to - from : 2 * (to - from));
  let size = 0;
  for (let at = from; at < to; ) {
    const byte = bytes[at] as number;
    if (byte !== delimiters.escape) {
      out[size++] = standardByte(byte, delimiters);
      at++;
      continue;
    }
    const close = closeOf(bytes, at, to, delimiters);
    if (close < 0) {
      out[size++] = byte;
      at++;
      continue;
    }
    const decoded = close - at === 2 ? decodedByte(bytes[at + 1] as number, delimiters) : UNKNOWN;
    if (decoded >= 0) out[size++] = decoded;
    else if (decoded === UNKNOWN) size = writeLong(bytes, at, close, out, size, hexCharset);
    at = close + 1;
  }
  return out.subarray(0, size);
}

/** Where the escape sequence that begins at `at` ends, or -1: a delimiter ends it unfinished, whatever path is read. */
function closeOf(bytes: Buffer, at: number, to: number, delimiters: Delimiters): number {
  const { escape: esc, component, repetition, subcomponent } = delimiters;
  for (let close = at + 1; close < to; close++) {
    const byte = bytes[close];
    if (byte === esc) return close;
    if (byte === component || byte === repetition || byte === subcomponent) return -1;
  }
  return -1;
}

function standardByte(byte: number, { component, repetition, subcomponent }: Delimiters): number {
  if (byte === component) return 0x5e;
  if (byte === repetition) return 0x7e;
  return byte === subcomponent ? 0x26 : byte;
}

/** No sequence that is decoded here, or one for a delimiter that the message does not have. */
const UNKNOWN = -1;
/** Highlighting on and off: no character. */
const NOTHING = -2;

/** The byte that a sequence of one letter stands for. */
function decodedByte(letter: number, delimiters: Delimiters): number {
  switch (letter) {
    case 0x46: // F
      return delimiters.field;
    case 0x53: // S
      return delimiters.component;
    case 0x54: // T
      return delimiters.subcomponent;
    case 0x52: // R
      return delimiters.repetition;
    case 0x45: // E
      return delimiters.escape;
    case 0x50: // P, since v2.7
      return delimiters.truncation;
    case 0x48: // H
    case 0x4e: // N
      return NOTHING;
    default:
      return UNKNOWN;
  }
}

/** Writes what the sequence at `at`…`close` stands for: `.br` and `Xhh..`; all others as they are. Returns the new size. */
function writeLong(
  bytes: Buffer,
  at: number,
  close: number,
  out: Buffer,
  size: number,
  hexCharset: string | undefined,
): number {
  // .br
  if (close - at === 4 && bytes[at + 1] === 0x2e && bytes[at + 2] === 0x62 && bytes[at + 3] === 0x72) {
    out[size] = 0x0a;
    return size + 1;
  }
  if (bytes[at + 1] === 0x58 && isHex(bytes, at + 2, close)) {
    const hex = bytes.toString('latin1', at + 2, close);
    if (hexCharset === undefined) return size + out.write(hex, size, 'hex');
    return size + out.write(decodeText(Buffer.from(hex, 'hex'), hexCharset), size, 'utf8');
  }
  return size + bytes.copy(out, size, at, close + 1);
}

/** One or more pairs of hexadecimal digits. */
function isHex(bytes: Buffer, from: number, to: number): boolean {
  if (to === from || (to - from) % 2 !== 0) return false;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    const lower = byte | 0x20;
    if (!((byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66))) return false;
  }
  return true;
}
