// Field paths (`PID-3[2].4.1`): their syntax, and reading the value that one names straight from a message's bytes,
// no model built. Values come out as a person reads them: escapes decoded, charset applied, delimiters standard.
import { splittable } from './charset.ts';
import { equalsPlain, indexOfByte, readValue } from './field-value.ts';
import type { Header } from './header.ts';

export interface FieldPath {
  /** As it was written. */
  readonly text: string;
  readonly segment: string;
  /** Which of the segments of that name, from 1. */
  readonly occurrence: number;
  readonly field: number;
  /** Which repetition, from 1; undefined: the first where a component is named, else the whole field. */
  readonly repetition: number | undefined;
  readonly component: number | undefined;
  readonly subcomponent: number | undefined;
}

/** `SEG[occurrence]-field[repetition].component.subcomponent`. */
export const FIELD_PATH =
  /^([A-Z][A-Z0-9]{2})(?:\[([1-9]\d{0,4})\])?-([1-9]\d{0,2})(?:\[([1-9]\d{0,4})\])?(?:\.([1-9]\d{0,2})(?:\.([1-9]\d{0,2}))?)?$/;

/** Undefined if `text` is no field path. */
export function parseFieldPath(text: string): FieldPath | undefined {
  const match = FIELD_PATH.exec(text);
  if (match === null) return undefined;
  const number = (group: number): number | undefined => {
    const digits = match[group];
    return digits === undefined ? undefined : Number(digits);
  };
  return {
    text,
    segment: match[1] as string,
    occurrence: number(2) ?? 1,
    field: number(3) as number,
    repetition: number(4),
    component: number(5),
    subcomponent: number(6),
  };
}

/** Does reading this path need nothing but the MSH segment? */
export function isHeaderPath(path: FieldPath): boolean {
  return path.segment === 'MSH' && path.occurrence === 1;
}

/** MSH-3 and MSH-4: whom a message is from. FHS and BHS have the same in the same places. */
function isSenderPath(path: FieldPath): boolean {
  return isHeaderPath(path) && (path.field === 3 || path.field === 4);
}

/** What an envelope says of the sender goes before what its messages say; the rest is of the message. */
export function readEnveloped(header: Header, envelope: Header, path: FieldPath): string | undefined {
  return readPath(isSenderPath(path) && envelope.has(path.field) ? envelope : header, path);
}

/**
 * The value that `path` names, or undefined where the message has no such segment, field or component.
 * An empty value is `''`; HL7's explicit null is `'""'`.
 *
 * Escapes are decoded and delimiters shown as `^`, `~` and `&`. In a batch, paths other than MSH look from the header
 * that was read onward.
 */
export function readPath(header: Header, path: FieldPath): string | undefined {
  const { charset } = header;
  let { bytes } = header;
  let start = header.start;
  let end = header.end;
  if (isHeaderPath(path)) {
    // FHS and BHS share no more than this with MSH (v2.9.1 2.14): FHS-9 is a file's name, not a message type.
    if (path.field > LAST_SHARED_FIELD && bytes[start] !== 0x4d) return undefined;
    if (charset === undefined || charset === 'utf-8') {
      if (path.field > header.fieldCount) return undefined;
      return readField(
        header,
        bytes,
        header.fieldStart(path.field),
        header.fieldEnd(path.field),
        charset,
        path,
      );
    }
  } else {
    start = findSegment(bytes, header.start, path, header.delimiters.field);
    if (start < 0) return undefined;
    end = segmentEnd;
  }
  let own = charset;
  if (charset !== undefined && charset !== 'utf-8') {
    // CR and LF are never part of a character, so no more than this segment needs a copy.
    const segment = splittable(bytes.subarray(start, end), charset);
    bytes = segment.bytes;
    own = segment.charset;
    start = 0;
    end = bytes.length;
  }
  const { field } = header.delimiters;
  const isHeader = numbersItsSeparator(path.segment);
  let at = start + 3;
  if (isHeader && path.field === 1) {
    return at < end ? readField(header, bytes, at, at + 1, own, path) : undefined;
  }
  // The name is followed by a separator or by nothing; the nth separator begins the field.
  for (let left = isHeader ? path.field - 1 : path.field; at < end; left--) {
    const next = indexOfByte(bytes, field, at + 1, end);
    if (left === 1) return readField(header, bytes, at + 1, next, own, path);
    at = next;
  }
  return undefined;
}

/**
 * Is the value that a path of the header names `expected`? One that is not there reads as empty. Undefined where that
 * cannot be said by comparing bytes: `readPath` knows.
 */
export function headerEquals(header: Header, path: FieldPath, expected: string): boolean | undefined {
  const { charset } = header;
  if (path.field <= 2 || !header.isMsh || (charset !== undefined && charset !== 'utf-8')) return undefined;
  if (path.field > header.fieldCount) return expected === '';
  const { bytes, delimiters } = header;
  return equalsPlain(
    bytes,
    header.fieldStart(path.field),
    header.fieldEnd(path.field),
    delimiters,
    path,
    expected,
  );
}

const LAST_SHARED_FIELD = 8;

function numbersItsSeparator(segment: string): boolean {
  return segment === 'MSH' || segment === 'FHS' || segment === 'BHS';
}

function readField(
  header: Header,
  bytes: Buffer,
  start: number,
  end: number,
  charset: string | undefined,
  path: FieldPath,
): string | undefined {
  if (path.field <= 2 && numbersItsSeparator(path.segment)) {
    // The delimiters themselves: neither split nor unescaped.
    const whole =
      (path.repetition ?? 1) === 1 && (path.component ?? 1) === 1 && (path.subcomponent ?? 1) === 1;
    return whole ? bytes.toString('latin1', start, end) : undefined;
  }
  return readValue(bytes, start, end, header.delimiters, charset, header.charset, path);
}

const CR = 0x0d;
const LF = 0x0a;

/** Where the segment that `findSegment` found last ends: its second result, without an object for each lookup. */
let segmentEnd = 0;

/**
 * Offset of the segment that `path` names, at or after `from` (itself the start of a segment), or -1. Steps from
 * segment to segment by Buffer.indexOf: no byte inside a segment is looked at by JavaScript. A message normally has
 * CRs or LFs, and the search for the one that it does not have runs once.
 */
function findSegment(bytes: Buffer, from: number, path: FieldPath, field: number): number {
  const { segment } = path;
  const a = segment.charCodeAt(0);
  const b = segment.charCodeAt(1);
  const c = segment.charCodeAt(2);
  const length = bytes.length;
  let left = path.occurrence;
  let cr = -1;
  let lf = -1;
  for (let at = from; at < length; ) {
    const named =
      bytes[at] === a && bytes[at + 1] === b && bytes[at + 2] === c && isNameEnd(bytes[at + 3], field);
    if (cr < at) cr = orLength(bytes.indexOf(CR, at), length);
    if (lf < at) lf = orLength(bytes.indexOf(LF, at), length);
    const end = Math.min(cr, lf);
    if (named && --left === 0) {
      segmentEnd = end;
      return at;
    }
    at = end + 1;
  }
  return -1;
}

/** A name is three characters, then a separator or nothing more. */
function isNameEnd(byte: number | undefined, field: number): boolean {
  return byte === field || byte === CR || byte === LF || byte === undefined;
}

function orLength(at: number, length: number): number {
  return at < 0 ? length : at;
}
