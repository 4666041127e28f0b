// Which HTTP status stands for which error. docs/errors.md lists the same; test/errors.test.ts holds the two together.
import { ERRORS, type ErrorCode } from '../../src/errors.ts';

/** RFC 9110 15, for errors whose status is not that of their fault. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  GW_ERR_ROUTE_NONE: 404,
  GW_ERR_ROUTE_REJECTED: 403,
  GW_ERR_SENDER_NOT_ALLOWED: 403,
  GW_ERR_HTTP_CREDENTIALS: 401,
  GW_ERR_HTTP_TIMEOUT: 408,
  GW_ERR_FRAME_TIMEOUT: 408,
  GW_ERR_FRAME_TOO_LARGE: 413,
  GW_ERR_HTTP_CHARSET: 415,
  GW_ERR_HTTP_CODING: 415,
  GW_ERR_HTTP_NOT_HL7: 415,
  GW_ERR_HTTP_EXPECT: 417,
  GW_ERR_HTTP_HEADERS: 431,
  GW_ERR_HTTP_ENCODING: 501,
  GW_ERR_INTERNAL: 500,
  GW_ERR_NODE_CLOSED: 502,
  GW_ERR_NODE_RESPONSE: 502,
  GW_ERR_NODE_STATUS: 502,
  GW_ERR_NODE_REFUSED: 502,
  GW_ERR_NODE_TLS: 502,
  GW_ERR_ACK_MISMATCH: 502,
  GW_ERR_ACK_INVALID: 502,
  GW_ERR_ACK_TIMEOUT: 504,
};

export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? (ERRORS[code].fault === 'unacceptable' ? 400 : 503);
}
