// One request to a node over HTTP, who hears of its response, and what went wrong in the gateway's words.
// Promises to tell a request of which no byte was written from one that the node may have.
import type { Readable } from 'node:stream';
import { errors } from 'undici';
import { causeCode, GatewayError } from '../../errors.ts';
import type { HeaderFields } from '../../http/fields.ts';
import { ResponseError } from '../../http/head-scanner.ts';

/** What one request needs besides its handler. */
export interface NodeRequest {
  readonly method: string;
  readonly path: string;
  /** Without those that are the connection's own: `connection`, `transfer-encoding`. */
  readonly headers: readonly string[];
  readonly body: Buffer | Readable | null;
  /** Instead of the pool's `timeouts.ack`. */
  readonly timeoutMs: number | undefined;
  /** Of whom it is, as the listener trusts it. Undefined: unknown. */
  readonly clientAddress?: string | undefined;
}

/** One request's hold on its connection. Once the request is over none of these does anything. */
export interface RequestController {
  /** The request is not wanted any more; its handler hears no more of it. */
  abort(reason: Error): void;
  /** Nothing more of the response's body is read, but for what has been already. */
  pause(): void;
  resume(): void;
}

export interface NodeResponseHandler {
  /** The request is about to be written: from now on the node may have it. */
  onRequestStart(controller: RequestController): void;
  /** The node said 100 (Continue). */
  onContinue?(): void;
  /** Of an interim response too. `fields`: names in lower case, repeated ones in order. */
  onResponseStart(controller: RequestController, status: number, fields: HeaderFields, reason: string): void;
  onResponseData(controller: RequestController, chunk: Buffer): void;
  onResponseEnd(controller: RequestController, trailers: HeaderFields): void;
  /** `controller`: undefined where the request was never begun. Nothing follows. */
  onResponseError(controller: RequestController | undefined, error: Error): void;
  /** What goes behind the request's body, names and values; asked when that has ended. */
  trailers?(): readonly string[];
}

/** undici's, where its client is used: checks, messages that commands send. */
const RESPONSE_ERRORS = [
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
];

export function nodeError(thrown: unknown, sent: boolean, node: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof ResponseError)
    return new GatewayError('GW_ERR_NODE_RESPONSE', { node, detail: thrown.message, cause: thrown });
  if (thrown instanceof errors.HeadersTimeoutError || thrown instanceof errors.BodyTimeoutError)
    return new GatewayError('GW_ERR_ACK_TIMEOUT', { node, cause: thrown });
  const code = causeCode(thrown);
  // Nothing that a node could have done.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return new GatewayError('GW_ERR_INTERNAL', { detail: code, cause: thrown });
  const text = thrown instanceof Error ? thrown.message : '';
  // undici's parser, which checks go through, has codes for some reasons only, and other words of it are in an error of sockets;
  // Node.js's has HPE_….
  if (
    thrown instanceof errors.HTTPParserError ||
    code.startsWith('HPE_') ||
    RESPONSE_ERRORS.includes(code) ||
    text === 'bad upgrade' ||
    text === 'bad response'
  )
    return new GatewayError('GW_ERR_NODE_RESPONSE', { node, detail: code, cause: thrown });
  return new GatewayError(sent ? 'GW_ERR_NODE_CLOSED' : 'GW_ERR_NODE_STALE', {
    node,
    detail: code,
    cause: thrown,
  });
}
