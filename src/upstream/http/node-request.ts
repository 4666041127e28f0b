// One request to a node over HTTP, and what undici says of its failure in the gateway's words.
// Promises to tell a request of which no byte was written from one that the node may have.
import type { Readable } from 'node:stream';
import { errors } from 'undici';
import { causeCode, GatewayError } from '../../errors.ts';

/** What one request needs besides its handler. */
export interface NodeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | null;
  /** Instead of the pool's `timeouts.ack`. */
  readonly timeoutMs: number | undefined;
}

const RESPONSE_ERRORS = [
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
];

export function nodeError(thrown: unknown, sent: boolean, node: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof errors.HeadersTimeoutError || thrown instanceof errors.BodyTimeoutError)
    return new GatewayError('GW_ERR_ACK_TIMEOUT', { node, cause: thrown });
  const code = causeCode(thrown);
  // Nothing that a node could have done.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return new GatewayError('GW_ERR_INTERNAL', { detail: code, cause: thrown });
  const text = thrown instanceof Error ? thrown.message : '';
  // undici's parser has codes for some reasons only, and other words of it are in an error of sockets; Node.js's has HPE_….
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
