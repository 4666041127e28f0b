// Messages from a file: one or many, with CR, LF or CRLF between segments, bare or in MLLP frames. A message's bytes
// are those of the file.
import { readFileSync } from 'node:fs';
import { causeCode, GatewayError } from '../errors.ts';
import { payloadOf, START_BLOCK } from '../mllp/frame.ts';
import { FrameReader } from '../mllp/frame-reader.ts';
import { eachPiece } from './batch.ts';
import { contentStart, findHeader, readHeader } from './header.ts';

/** What a command calls standard input. */
export const STANDARD_INPUT = '-';

export interface FileMessage {
  /** Which of its file's, from 1, good or bad; of a batch, its first. */
  readonly number: number;
  readonly bytes: Buffer;
}

export interface ExaminedFile {
  readonly messages: readonly FileMessage[];
  /** GW_ERR_FILE, one for each bad message, or one for the file. */
  readonly faults: readonly GatewayError[];
  /** Of messages, good and bad; each of a batch counts. */
  readonly total: number;
}

/**
 * The messages in a file, at least one.
 *
 * @throws GatewayError GW_ERR_FILE if it cannot be read or holds something that is no message
 */
export function readMessageFile(path: string): Buffer[] {
  const { messages, faults } = examineMessageFile(path);
  const [first] = faults;
  if (first !== undefined) throw first;
  return messages.map(({ bytes }) => bytes);
}

/**
 * The same for commands that take what is good: a message that cannot be read is a fault, and hides no other (F112).
 * `input`: what has come by standard input, for the path `-`. Nothing is thrown.
 */
export function examineMessageFile(path: string, input?: Buffer): ExaminedFile {
  let parts: readonly Part[];
  try {
    parts = partsIn(path === STANDARD_INPUT && input !== undefined ? input : readBytes(path), path);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { messages: [], faults: [thrown], total: 0 };
  }
  const messages: FileMessage[] = [];
  const bad: { readonly number: number; readonly why: string; readonly cause: unknown }[] = [];
  let number = 1;
  for (const part of parts) {
    try {
      if (part instanceof GatewayError) throw part;
      const { bytes } = readHeader(part);
      messages.push({ number, bytes: part });
      number += Math.max(1, countMessages(bytes));
    } catch (cause) {
      const why = cause instanceof GatewayError ? cause.message : 'it cannot be read';
      bad.push({ number: number++, why, cause });
    }
  }
  const total = number - 1;
  const faults = bad.map(({ why, cause, ...one }) =>
    messageFault(path, { ...one, total }, `no HL7 message: ${why}`, cause),
  );
  return { messages, faults, total };
}

/** GW_ERR_FILE for one message of a file, which is numbered where it is not the only one. */
export function messageFault(
  path: string,
  { number, total }: { readonly number: number | undefined; readonly total: number },
  why: string,
  cause: unknown,
): GatewayError {
  const which = number === undefined || total === 1 ? '' : `message ${number}: `;
  return new GatewayError('GW_ERR_FILE', { detail: `${nameOf(path)}: ${which}${why}`, cause });
}

function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'standard input' : path;
}

function countMessages(bytes: Buffer): number {
  let count = 0;
  for (const { kind } of eachPiece(bytes)) if (kind === 'message') count++;
  return count;
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${path}: ${fileReason(cause)}`, cause });
  }
}

/** A payload, or what is wrong with a frame that holds none. */
type Part = Buffer | GatewayError;

function partsIn(bytes: Buffer, path: string): readonly Part[] {
  if (bytes.length === 0) throw new GatewayError('GW_ERR_FILE', { detail: `${nameOf(path)}: it is empty` });
  const start = contentStart(bytes);
  if (bytes[start] !== START_BLOCK) return splitMessages(bytes);
  const parts = framedParts(bytes.subarray(start));
  if (!parts.some((part) => part instanceof Buffer)) {
    throw new GatewayError('GW_ERR_FILE', {
      detail: `${nameOf(path)}: it begins with an MLLP start block, and no frame in it ends`,
    });
  }
  return parts;
}

/** A batch (FHS or BHS first) is one; else each MSH at the beginning of a line begins a message. */
export function splitMessages(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  const start = contentStart(bytes);
  if (bytes[start] === START_BLOCK)
    return framedParts(bytes.subarray(start)).filter((part): part is Buffer => part instanceof Buffer);
  const first = bytes.toString('latin1', start, start + 3);
  if (first === 'FHS' || first === 'BHS') return [bytes];
  const messages: Buffer[] = [];
  let from = 0;
  for (let next = findHeader(bytes, 0); next >= 0; next = findHeader(bytes, from)) {
    messages.push(bytes.subarray(from, next));
    from = next;
  }
  messages.push(bytes.subarray(from));
  // What lies before the first MSH is blank lines or a byte order mark; anything else is shown as no message.
  const [head, second] = messages;
  if (head !== undefined && second !== undefined && head.length === start) messages.shift();
  return messages;
}

function framedParts(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  const reader = new FrameReader(
    {
      onFrame: (framed) => parts.push(payloadOf(framed)),
      onEmptyFrame: () => {},
      // Bytes between frames are no message that could be missed.
      onFault: (code) => {
        if (code !== 'GW_ERR_FRAME_NO_START') parts.push(new GatewayError(code));
      },
    },
    { maxFrameBytes: bytes.length, maxJunkBytes: bytes.length, strayEndByte: 'content', missingCr: 'accept' },
  );
  reader.push(bytes);
  reader.end();
  return parts;
}

function fileReason(cause: unknown): string {
  const code = causeCode(cause);
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'it is a directory, not a file';
  return code === 'EACCES' ? 'it may not be read by this user' : code;
}
