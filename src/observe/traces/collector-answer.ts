// What answered an export, where it was not a collector that took it. Promises that no text of it is told: it may hold
// anything, a password in an URL too.
import { causeCode } from '../../errors.ts';
import type { Protocol } from './environment.ts';

/** Something answers 200 at that URL, and it is no OTLP: Jaeger's page port does. */
export class NoCollector extends Error {
  override readonly name = 'NoCollector';
  /** What it looks like. */
  readonly answer: string;

  constructor(data: Uint8Array) {
    super('the answer is no OTLP');
    const isPage = /^\s*</.test(Buffer.from(data.subarray(0, 64)).toString('latin1'));
    this.answer = isPage ? 'a web page: is this the port of a user interface?' : 'something that is no OTLP';
  }
}

/** ExportTraceServiceResponse: empty, or its only field; some answer it as JSON all the same, and have taken the batch. */
export function isExportResponse(data: Uint8Array): boolean {
  return data.length === 0 || data[0] === 0x0a || isJsonResponse(data);
}

const RESPONSE_FIELDS: ReadonlySet<string> = new Set(['partialSuccess', 'partial_success']);
/** A response has one message of the collector at most; what is longer is something else's. */
const MAX_JSON_RESPONSE = 65_536;

/** Other servers answer 200 and JSON of their own to whatever is posted. */
function isJsonResponse(data: Uint8Array): boolean {
  if (data[0] !== 0x7b || data.length > MAX_JSON_RESPONSE) return false;
  try {
    const fields = Object.keys(JSON.parse(Buffer.from(data).toString()));
    return fields.every((field) => RESPONSE_FIELDS.has(field));
  } catch {
    return false;
  }
}

/** The statuses that OTLP allows to send the same again for. */
const HTTP_RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const GRPC_RETRYABLE: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);
const NETWORK: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);

/** An error without a code is a time-out, or a status that was tried again until there was no time left. */
export function isRetryable(error: Error | undefined, protocol: Protocol): boolean {
  const code = codeOf(error);
  if (typeof code === 'number') return (protocol === 'grpc' ? GRPC_RETRYABLE : HTTP_RETRYABLE).has(code);
  return code === undefined || NETWORK.has(code);
}

/** For the log: `ECONNREFUSED`, a status, or the name of the class; and what came back, where something did. */
export function toldOf(
  error: Error | undefined,
  protocol: Protocol,
): { readonly cause: string; readonly answer?: string } {
  const code = codeOf(error);
  if (error instanceof NoCollector) return { cause: 'no OTLP', answer: error.answer };
  if (typeof code === 'number')
    return { cause: String(code), answer: protocol === 'grpc' ? grpcAnswer(code) : httpAnswer(code) };
  const cause = causeCode(error);
  // Node.js' own HTTP parser: what came is no HTTP/1.
  return code?.startsWith('HPE_') ? { cause, answer: 'no HTTP/1: is this a port for gRPC?' } : { cause };
}

function httpAnswer(status: number): string {
  return status === 404 || status === 405 || status === 415
    ? `HTTP ${status}: is this the port for OTLP over HTTP?`
    : `HTTP ${status}`;
}

/** UNKNOWN, UNIMPLEMENTED, INTERNAL, UNAVAILABLE: also what becomes of an answer that is no gRPC. */
function grpcAnswer(code: number): string {
  return [2, 12, 13, 14].includes(code)
    ? `gRPC status ${code}: is this the port for OTLP over gRPC, and up?`
    : `gRPC status ${code}`;
}

function codeOf(error: Error | undefined): number | string | undefined {
  const code: unknown = error === undefined ? undefined : Reflect.get(error, 'code');
  return typeof code === 'number' || typeof code === 'string' ? code : undefined;
}

/** Without user, password and query. */
export function readableUrl(text: string): string {
  const url = URL.parse(text);
  return url === null ? 'no URL' : `${url.protocol}//${url.host}${url.pathname}`;
}
