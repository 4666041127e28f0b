// Answering an HTTP client, over HTTP/1 and HTTP/2 alike: a response's start, interim responses, the gateway's own
// refusals, and the end of a response that cannot be completed.
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { constants, Http2ServerResponse, type ServerHttp2Stream } from 'node:http2';
import { ERRORS, type GatewayError } from '../../src/errors.ts';
import type { HeaderFields } from '../../src/http/fields.ts';
import { lingerBehind, resetConnection } from './lingering-close.ts';
import { statusOf } from './statuses.ts';

export type AnyServerResponse = ServerResponse | Http2ServerResponse;

/** A refusal is a line: whoever does not read it in this time reads nothing. As long as any connection's last write. */
const REFUSAL_READ_MS = 30_000;

/**
 * `fields`: names in lower case.
 *
 * @throws Error where they cannot be written; nothing is then
 */
export function startResponse(
  response: AnyServerResponse,
  status: number,
  message: string,
  fields: HeaderFields,
): void {
  if (response instanceof Http2ServerResponse) {
    try {
      for (let i = 0; i < fields.length; i += 2)
        response.appendHeader(fields[i] as string, fields[i + 1] as string);
      response.writeHead(status);
    } catch (error) {
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      throw error;
    }
  } else if (isReason(message)) response.writeHead(status, message, fields);
  else response.writeHead(status, STATUS_CODES[status] ?? '', fields);
}

/** RFC 9112 4: clients are to ignore it. In another language it may be in any charset, and is replaced. */
function isReason(message: string): boolean {
  return message === 'OK' || /^[\t\x20-\x7e]+$/.test(message);
}

/** RFC 9110 15.2; HTTP/1.0 has none. */
export function relayInterim(response: AnyServerResponse, status: number, fields: HeaderFields): void {
  if (response.headersSent || response.destroyed) return;
  if (response instanceof Http2ServerResponse) {
    const { stream } = response;
    if (!stream.destroyed && !stream.closed)
      stream.additionalHeaders({ ...objectOf(fields), ':status': status });
  } else if (response.req.httpVersion !== '1.1') return;
  else if (status === 100) response.writeContinue();
  else {
    // Node.js 24 has no way to say any of them, and later ones take no bytes beyond ASCII.
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
    response.socket?.write(`${head}\r\n`, 'latin1');
  }
}

function objectOf(fields: HeaderFields): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const before = out[name];
    out[name] = before === undefined ? (fields[i + 1] as string) : [before, fields[i + 1] as string].flat();
  }
  return out;
}

/** The gateway's own answer: the status, and one line that names the error and nothing of the request. */
export function refuse(
  response: AnyServerResponse,
  error: GatewayError,
  close: boolean,
  more: HeaderFields = [],
): void {
  if (response.headersSent || response.destroyed) return;
  const status = statusOf(error.code);
  const body = Buffer.from(`${error.code}: ${ERRORS[error.code].text}\n`, 'latin1');
  const fields: HeaderFields = [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(body.length),
    ...more,
  ];
  if (close) closeBehind(response, fields);
  startResponse(response, status, STATUS_CODES[status] ?? '', fields);
  endWith(response, body, REFUSAL_READ_MS);
}

/** The same for bytes that made no request. It may have been a HEAD, whose response has no body. */
export function httpRefusalBytes({ code }: GatewayError): string {
  const status = statusOf(code);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

/** Nothing that the client sends behind this request is taken any more, over HTTP/2 nothing of its body. */
export function closeBehind(response: AnyServerResponse, fields: HeaderFields): void {
  if (response instanceof Http2ServerResponse) return;
  fields.push('connection', 'close');
  lingerBehind(response.req.socket);
}

/** The same before anything is known of the response. */
export function endBehind(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  lingerBehind(response.req.socket);
}

/** False: wait for 'drain'. */
export function writeTo(response: AnyServerResponse, chunk: Buffer): boolean {
  // A union of two types of `write`, of which neither can be called as the other.
  return response instanceof Http2ServerResponse ? response.write(chunk) : response.write(chunk);
}

/** Beyond this a second write costs less than a copy. */
export const MAX_JOINED_BYTES = 16 * 1024;

/**
 * Ends the response. Bytes that go out as text go out in one write with the headers, and in two as bytes.
 * `readMs`: F69, for so long its reader may take nothing of what is written; over HTTP/1 the connection's watch counts.
 */
export function endWith(response: AnyServerResponse, body: Buffer | undefined, readMs: number): void {
  if (response instanceof Http2ServerResponse) endStream(response, body, readMs);
  else if (body === undefined) response.end();
  else if (body.length > MAX_JOINED_BYTES) response.end(body);
  else response.end(body.toString('latin1'), 'latin1');
}

function endStream(response: Http2ServerResponse, body: Buffer | undefined, readMs: number): void {
  const { stream, req } = response;
  // RFC 9110 9.3.2. Node.js has ended such a stream already, and takes bytes for an error of ours.
  if (body === undefined || req.method === 'HEAD') response.end();
  else response.end(body);
  if (stream.destroyed) return;
  stream.setTimeout(readMs, cancel);
  // F67, RFC 9113 8.1: the client is to send no more of its body, and the stream is free again.
  if (!stream.endAfterHeaders && !req.complete) stream.once('finish', stopSending);
}

function cancel(this: ServerHttp2Stream): void {
  this.close(constants.NGHTTP2_CANCEL);
}

function stopSending(this: ServerHttp2Stream): void {
  if (!this.readableEnded) this.close(constants.NGHTTP2_NO_ERROR);
}

/** F66: what was begun cannot be completed, and must not look as if it were. */
export function breakOff(response: AnyServerResponse): void {
  if (response instanceof Http2ServerResponse) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  const { socket } = response;
  if (socket === null) response.destroy();
  else if (!socket.destroyed) resetConnection(socket);
}
