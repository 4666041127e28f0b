// What a simulated HTTP node sends: a whole reply, a stream of any length, and the acknowledgement as Mirth's HTTP Listener
// makes it, garbled where Mirth's is. Promises that a stream holds one block in memory, whoever reads how slowly.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { decodeText } from '../../hl7/charset.ts';
import { charsetOfType, parseContentType } from '../../hl7/content-type.ts';
import type { Header } from '../../hl7/header.ts';
import { wallMs } from '../../platform/time.ts';
import { garbledAck, mirthAck, type ScriptedOutcome, strangeAnswer } from './mirth-channel.ts';

export function respondSimulated(response: ServerResponse, type: string, body: string | Buffer): void {
  response.setHeader('content-type', type);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

/** Byte n of a stream is n modulo 251, so that a byte lost, doubled or swapped shows; 251 divides the block. */
const BLOCK = Buffer.from(new Uint8Array(251 * 256).map((_, n) => n % 251));

/** Ends with the response, if the client goes away too. */
export function stream(request: IncomingMessage, response: ServerResponse, bytes: number): void {
  response.setHeader('content-type', 'application/octet-stream');
  response.setHeader('content-length', bytes);
  if (request.method === 'HEAD') response.end();
  else pipeline(Readable.from(blocks(bytes), { highWaterMark: 1 }), response, () => {});
}

function* blocks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length)
    yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}

/** Path and query of a request, whichever form its target has (RFC 9112 3.2). */
export function requestPathOf({ url = '/' }: IncomingMessage): [path: string, query: URLSearchParams] {
  const target = url.replace(/^https?:\/\/[^/?#]*/i, '');
  const mark = target.indexOf('?');
  if (mark < 0) return [target, new URLSearchParams()];
  return [target.slice(0, mark), new URLSearchParams(target.slice(mark))];
}

/** The default of Mirth's "binary MIME types": such a body reaches the channel as base64. */
const BINARY_TYPE = /^(?:application\/.*(?<!json|xml)|image\/.*|video\/.*|audio\/.*)$/;

/** What of a body in base64 is echoed lies in its first line. */
const ECHOED_BYTES = 3072;

export interface Hl7Answer {
  /** For who watches: the code, `garbled` or `none`. */
  readonly answer: string;
  readonly body: Buffer;
}

/** `contentType`: the request's. Without `binaryTypes` every body is text. */
export function answerHl7(
  message: Buffer,
  header: Header | undefined,
  code: Exclude<ScriptedOutcome, 'close'>,
  contentType: string | undefined,
  binaryTypes: boolean,
): Hl7Answer {
  if (code === 'garbled' || code === 'mismatch') return { answer: code, body: strangeAnswer(code, header) };
  const type = parseContentType(contentType ?? '');
  const now = new Date(wallMs());
  // Without a type, or with one that cannot be read, Mirth takes text/plain.
  const binary = binaryTypes && BINARY_TYPE.test(type?.type ?? 'text/plain');
  if (header === undefined || binary) {
    const text = binary ? Buffer.from(message.toString('base64', 0, ECHOED_BYTES), 'latin1') : message;
    const body = garbledAck(text, code, now);
    return { answer: body === undefined ? 'none' : 'garbled', body: body ?? Buffer.alloc(0) };
  }
  const ack = mirthAck(header, code, now);
  // Mirth makes text of the body by the request's charset, and answers in UTF-8.
  const charset = type && charsetOfType(type);
  const same = charset === undefined || charset === 'utf-8' || header.utf16 !== undefined;
  return { answer: code, body: same ? ack : Buffer.from(decodeText(ack, charset), 'utf8') };
}
