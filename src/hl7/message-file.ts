// Messages from a file: one or many, with CR, LF or CRLF between segments, bare or in MLLP frames. A message's bytes
// are those of the file.
import { readFileSync } from 'node:fs';
import { causeCode, GatewayError } from '../errors.ts';
import { payloadOf, START_BLOCK } from '../mllp/frame.ts';
import { FrameReader } from '../mllp/frame-reader.ts';
import { findHeader, readHeader } from './header.ts';

/**
 * The messages in a file, at least one.
 *
 * @throws GatewayError GW_ERR_FILE if it cannot be read or does not begin with a message
 */
export function readMessageFile(path: string): Buffer[] {
  const { messages, faults } = examineMessageFile(path);
  const [first] = faults;
  if (first !== undefined) throw first;
  return messages;
}

/**
 * The same for commands that take what is good: each message that cannot be read is a fault, and hides no other.
 * Nothing is thrown.
 */
export function examineMessageFile(path: string): {
  readonly messages: Buffer[];
  /** GW_ERR_FILE, one for each bad message, or one for the file. */
  readonly faults: GatewayError[];
} {
  let all: Buffer[];
  try {
    all = messagesIn(path);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { messages: [], faults: [thrown] };
  }
  const messages: Buffer[] = [];
  const faults: GatewayError[] = [];
  for (const [i, message] of all.entries()) {
    try {
      readHeader(message);
      messages.push(message);
    } catch (cause) {
      const why = cause instanceof GatewayError ? cause.message : 'it cannot be read';
      const which = all.length === 1 ? '' : `message ${i + 1}: `;
      faults.push(
        new GatewayError('GW_ERR_FILE', { detail: `${path}: ${which}no HL7 message: ${why}`, cause }),
      );
    }
  }
  return { messages, faults };
}

function messagesIn(path: string): Buffer[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${path}: ${fileReason(cause)}`, cause });
  }
  if (bytes.length === 0) throw new GatewayError('GW_ERR_FILE', { detail: `${path}: it is empty` });
  const messages = splitMessages(bytes);
  if (messages.length === 0) {
    throw new GatewayError('GW_ERR_FILE', {
      detail: `${path}: it begins with an MLLP start block, and no frame in it ends`,
    });
  }
  return messages;
}

/** A batch (FHS or BHS first) is one; else each MSH at the beginning of a line begins a message. */
export function splitMessages(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  // As the gateway reads: a byte order mark and empty lines may stand before a message, and before a frame.
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let start = marked ? 3 : 0;
  while (bytes[start] === 0x0d || bytes[start] === 0x0a) start++;
  if (bytes[start] === START_BLOCK) return unframed(bytes.subarray(start));
  const first = bytes.toString('latin1', start, start + 3);
  if (first === 'FHS' || first === 'BHS') return [bytes];
  const messages: Buffer[] = [];
  let from = 0;
  for (let next = findHeader(bytes, 0); next >= 0; next = findHeader(bytes, from)) {
    messages.push(bytes.subarray(from, next));
    from = next;
  }
  messages.push(bytes.subarray(from));
  // What lies before the first MSH is empty lines or a byte order mark; anything else is shown as no message.
  const [head, second] = messages;
  if (head !== undefined && second !== undefined && head.length === start) messages.shift();
  return messages;
}

function unframed(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  const reader = new FrameReader(
    { onFrame: (framed) => messages.push(payloadOf(framed)), onEmptyFrame: () => {}, onFault: () => {} },
    { maxFrameBytes: bytes.length, maxJunkBytes: bytes.length, strayEndByte: 'content', missingCr: 'accept' },
  );
  reader.push(bytes);
  reader.end();
  return messages;
}

function fileReason(cause: unknown): string {
  const code = causeCode(cause);
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'it is a directory, not a file';
  return code === 'EACCES' ? 'it may not be read by this user' : code;
}
