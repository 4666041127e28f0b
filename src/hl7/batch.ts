// Batches (HL7 v2.9.1 2.10.3, 2.14): a payload's messages and the segments around them, and the answers of the messages
// gathered into one of the same shape. No byte of a message or of an answer is changed.
import { GatewayError } from '../errors.ts';
import { contentStart, findHeader, type Header, readHeader } from './header.ts';
import { escapeControls, MAX_ECHO, nextControlId, timestamp, trimEnd } from './nak.ts';

/** Header and trailer segments of a file and of a batch. */
const ENVELOPES = ['FHS', 'BHS', 'BTS', 'FTS'] as const;

export interface Piece {
  /** `stray`: a segment that belongs to no message: behind FHS, BHS, BTS or FTS. */
  readonly kind: (typeof ENVELOPES)[number] | 'message' | 'stray';
  /** With the ends of its segments, and blank lines behind it. */
  readonly bytes: Buffer;
}

/** For each message: itself, and the segments of a batch and a file around it. */
const MAX_PIECES = 5;

const CR = 0x0d;
const LF = 0x0a;

/** All of the payload (not of UTF-16), in order. What stands before the first segment belongs to the first piece. */
export function piecesOf(payload: Buffer): Piece[] {
  return [...eachPiece(payload)];
}

/** The same one by one: of hostile input there are millions, and whoever reads it stops at the first that is too many. */
export function* eachPiece(payload: Buffer): Generator<Piece> {
  let kind: Piece['kind'] | undefined;
  let from = 0;
  const { length } = payload;
  // Each is searched for once, however often it occurs; a payload normally has one of the two.
  let cr = -1;
  let lf = -1;
  for (let at = contentStart(payload); at < length; at = Math.min(cr, lf) + 1) {
    if (cr < at) cr = orLength(payload.indexOf(CR, at), length);
    if (lf < at) lf = orLength(payload.indexOf(LF, at), length);
    const own = kindAt(payload, at);
    if (own === undefined && kind === 'message') continue;
    if (own === undefined && (payload[at] === CR || payload[at] === LF)) continue;
    if (kind !== undefined) yield { kind, bytes: payload.subarray(from, at) };
    from = kind === undefined ? 0 : at;
    kind = own ?? 'stray';
  }
  if (kind !== undefined) yield { kind, bytes: payload.subarray(from) };
}

function orLength(at: number, length: number): number {
  return at < 0 ? length : at;
}

/** As `findHeader` has it, whatever follows MSH begins a message; a trailer may be its name and nothing more. */
function kindAt(payload: Buffer, at: number): Exclude<Piece['kind'], 'stray'> | undefined {
  const name = payload.toString('latin1', at, at + 3);
  if (name === 'MSH') return 'message';
  const kind = ENVELOPES.find((one) => one === name);
  const next = payload[at + 3];
  return kind !== undefined && (next === undefined || !isWord(next)) ? kind : undefined;
}

/** Letters, digits, and all that is not ASCII: text, no separator. */
function isWord(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x7a) || byte > 0x7f;
}

/**
 * A payload of several messages, or of one within FHS or BHS, in pieces; undefined for a plain message, and for a batch
 * without a message, which is a unit of its own. Every header in the pieces can be read.
 *
 * @throws GatewayError GW_ERR_BATCH_SPLIT
 */
export function splitBatch(header: Header, maxMessages: number): readonly Piece[] | undefined {
  const { bytes, batch, end, isMsh, utf16 } = header;
  if (!isMsh || (!batch && findHeader(bytes, end - 1) < 0)) return undefined;
  if (utf16 !== undefined) throw notSplit('it is UTF-16');
  const pieces: Piece[] = [];
  let messages = 0;
  for (const piece of eachPiece(bytes)) {
    const { kind, bytes: own } = piece;
    // Each message in a batch and a file of its own, and more of them than that is no batch of anybody.
    if (pieces.push(piece) > MAX_PIECES * (maxMessages + 1))
      throw notSplit('it has more envelopes than messages');
    if (kind === 'stray') throw notSplit('a segment stands outside of its messages');
    if (kind === 'message' && ++messages > maxMessages)
      throw notSplit(`it has more than limits.maxBatch messages (${maxMessages})`);
    if (kind !== 'BTS' && kind !== 'FTS') readable(own, kind === 'message' ? `message ${messages}` : kind);
  }
  return pieces;
}

function readable(bytes: Buffer, what: string): void {
  try {
    readHeader(bytes);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw notSplit(`${what}: ${cause.message}`);
  }
}

function notSplit(detail: string): GatewayError {
  return new GatewayError('GW_ERR_BATCH_SPLIT', { detail });
}

/**
 * The answers in the shape of what they answer: FHS, BHS, BTS and FTS where that has them, in its delimiters. `answers`
 * has one entry for each message, in order; undefined: none was made. Each answer is there byte for byte; where it does not
 * end its last segment, CR is put behind it.
 */
export function gatherAnswers(
  pieces: readonly Piece[],
  answers: readonly (Buffer | undefined)[],
  now: Date,
): Buffer {
  const parts: Buffer[] = [];
  let next = 0;
  let inBatch = 0;
  let batches = 0;
  let separator = '|';
  for (const { kind, bytes } of pieces) {
    if (kind === 'message') {
      const answer = answers[next++];
      if (answer === undefined || answer.length === 0) continue;
      inBatch++;
      parts.push(answer);
      const last = answer.at(-1);
      if (last !== CR && last !== LF) parts.push(Buffer.from([CR]));
    } else if (kind === 'FHS' || kind === 'BHS') {
      if (kind === 'BHS') batches++;
      inBatch = 0;
      const header = readHeader(bytes);
      separator = String.fromCharCode(header.delimiters.field);
      parts.push(envelopeHeader(kind, header, now));
    } else if (kind === 'BTS') parts.push(Buffer.from(`BTS${separator}${inBatch}\r`, 'latin1'));
    else if (kind === 'FTS') parts.push(Buffer.from(`FTS${separator}${batches}\r`, 'latin1'));
  }
  return Buffer.concat(parts);
}

/**
 * v2.9.1 2.14.6 FHS and 2.14.2 BHS: sender and receiver swapped, an id of its own in 11, that of the file or batch that is
 * answered in 12.
 */
function envelopeHeader(kind: 'FHS' | 'BHS', header: Header, now: Date): Buffer {
  const echo = (n: number): string => escapeControls(header.text(n).slice(0, MAX_ECHO), header.delimiters);
  const fields = [kind, header.text(2), echo(5), echo(6), echo(3), echo(4), timestamp(now), '', '', ''];
  fields.push(nextControlId(now), echo(11));
  const separator = String.fromCharCode(header.delimiters.field);
  return Buffer.from(`${trimEnd(fields, separator)}\r`, 'latin1');
}
