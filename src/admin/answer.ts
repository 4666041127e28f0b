// What the admin API answers with: JSON but for probes, metrics and the config; and what kind of trouble has which status.
// Promises that an error's answer says what would be right, and nothing of its cause.
import { createHash } from 'node:crypto';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type ErrorCode, GatewayError } from '../errors.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of `text`: lines that come as they come; the connection ends behind them. */
  readonly lines?: Lines;
}

/** Where lines go. Nothing waits for it: what is written is kept until the client takes it. */
export interface LineSink {
  readonly waitingBytes: number;
  write(line: string): void;
  end(line: string): void;
  /** The client is gone; at once where it is gone already. */
  onClosed(closed: () => void): void;
}

export type Lines = (sink: LineSink) => void;

export function json(value: unknown, status = 200): AdminAnswer {
  return { status, type: 'application/json', text: `${JSON.stringify(value)}\n` };
}

export function plain(status: number, text: string): AdminAnswer {
  return { status, type: 'text/plain; charset=utf-8', text };
}

/**
 * RFC 9457, with the code beside it; `error` says the same to who was there before. `status`: where the code alone does not
 * say it.
 */
export function refusal({ code, message }: GatewayError, status = statusOf(code)): AdminAnswer {
  const title = STATUS_CODES[status] ?? '';
  const problem = { type: 'about:blank', title, status, detail: message, code, error: { code, message } };
  return { ...json(problem, status), type: 'application/problem+json' };
}

/** RFC 9110 8.8.3: the same for the same answer. Only of what can be asked for again. */
export function withTag(answer: AdminAnswer, ifNoneMatch: string | undefined): AdminAnswer {
  if (answer.status !== 200 || answer.lines !== undefined) return answer;
  const etag = `"${createHash('sha256').update(answer.text).digest('base64url').slice(0, 22)}"`;
  const headers = { ...answer.headers, etag };
  // RFC 9110 13.1.2: compared weakly.
  const known = (ifNoneMatch ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  const isKnown = known.includes(etag) || known.includes('*');
  return isKnown ? { ...answer, status: 304, text: '', headers } : { ...answer, headers };
}

/** RFC 6750 3: which scheme would do. */
export const NOT_ALLOWED: AdminAnswer = {
  ...refusal(new GatewayError('GW_ERR_ADMIN_TOKEN')),
  headers: { 'www-authenticate': 'Bearer realm="hl7-gateway admin"' },
};

/** RFC 9110 15, by what kind of trouble it is. */
function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'GW_ERR_ADMIN_TOKEN':
    case 'GW_ERR_ADMIN_LOGIN':
      return 401;
    case 'GW_ERR_ADMIN_FORBIDDEN':
      return 403;
    case 'GW_ERR_ADMIN_NOT_FOUND':
      return 404;
    case 'GW_ERR_ADMIN_CONFLICT':
      return 409;
    case 'GW_ERR_ADMIN_REQUEST':
    case 'GW_ERR_HTTP_REQUEST':
    case 'GW_ERR_USAGE':
      return 400;
    // What was asked for is understood, and what it is about is not good: a config file, a node's settings.
    case 'GW_ERR_CONFIG':
    case 'GW_ERR_FILE':
    case 'GW_ERR_TLS_FILE':
    case 'GW_ERR_SOURCE':
    case 'GW_ERR_LISTEN':
      return 422;
    default:
      return 500;
  }
}

/** Whatever a message's header field says: a browser that is led to an answer shows it as what it is, runs nothing and frames nothing. */
const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

export function respond(response: ServerResponse, answer: AdminAnswer): void {
  const { status, type, text, headers, lines } = answer;
  if (response.headersSent) return;
  if (lines !== undefined) {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...SAFE, ...headers });
    response.flushHeaders();
    lines(sinkTo(response));
    return;
  }
  if (response.destroyed) return;
  if (status === 304) {
    response.writeHead(status, { 'cache-control': 'no-store', ...SAFE, ...headers });
    response.end();
    return;
  }
  const body = Buffer.from(text, 'utf8');
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    // Each of them is about this moment, and most are nobody else's business.
    'cache-control': 'no-store',
    ...SAFE,
    ...headers,
  });
  response.end(body);
}

function sinkTo(response: ServerResponse): LineSink {
  return {
    get waitingBytes() {
      return response.writableLength;
    },
    write: (line) => void response.write(line),
    end: (line) => void response.end(line),
    onClosed: (closed) => {
      if (response.destroyed) closed();
      else response.once('close', closed);
    },
  };
}
