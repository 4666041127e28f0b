// Bodies that the admin API takes: small, UTF-8, JSON of which no part can be read in two ways.
// Promises never to repeat what is in one, as a node's settings may hold a passphrase.
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { LogInRequest } from './access/log-in.ts';

/** A node's settings take some hundred bytes. */
export const MAX_BODY_BYTES = 64 * 1024;
/** HAProxy's range, as in the config. */
const MAX_WEIGHT = 256;

/** Undefined: it is larger than any that is taken, and not read to its end. */
export function readRequestBody(request: IncomingMessage): Promise<Buffer | undefined> {
  // Node.js has refused what is no number (RFC 9110 8.6).
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return Promise.resolve(undefined);
  const cut = new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'it was broken off' });
  // It waited for its turn, and nothing more will be heard of it.
  if (request.destroyed) return Promise.reject(cut);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) finish(() => resolve(undefined));
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks)));
    const onClose = (): void => finish(() => reject(cut));
    const finish = (done: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      done();
    };
    request.on('data', onData).once('end', onEnd).once('close', onClose);
  });
}

/** `3`, or `{ "weight": 3 }`. */
export function weightIn(body: Buffer): number {
  const example = 'a weight is an integer from 0 to 256, as {"weight":3}';
  const value = parsed(body, example);
  const weight = isMap(value) && Object.keys(value).join() === 'weight' ? value.weight : value;
  if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT)
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: example });
  return weight;
}

export function settingsIn(body: Buffer): object {
  const example = 'a node is a map as in the config, for example {"url":"mllp://10.0.0.13:6661"}';
  const value = parsed(body, example);
  if (isMap(value)) return value;
  throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: example });
}

/** `{ "user": …, "password": … }`, `{ "token": … }` or `{ "code": … }`. */
export function logInIn(body: Buffer): LogInRequest {
  const example = 'a log-in is {"user":…,"password":…}, {"token":…} or {"code":…}';
  const value = parsed(body, example);
  const isGood =
    isMap(value) &&
    LOG_INS.includes(Object.keys(value).sort().join()) &&
    Object.values(value).every((one) => typeof one === 'string' && one.length <= MAX_SECRET);
  if (!isGood) throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: example });
  return value;
}

const LOG_INS = ['password,user', 'token', 'code'];
/** Nobody types more, and a hash is made of all of it. */
const MAX_SECRET = 1000;

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `example` says what is wanted to whoever sends nothing. */
function parsed(body: Buffer, example: string): unknown {
  if (body.length === 0)
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: `it has no body; ${example}` });
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    value = JSON.parse(text);
  } catch {
    // The reason that Node.js gives quotes the text.
    const detail = `the body (${body.length} bytes) is no JSON, or not all of it; ${example}`;
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail });
  }
  if (hasTwins(text))
    throw new GatewayError('GW_ERR_ADMIN_REQUEST', { detail: 'the body gives a key twice' });
  return value;
}

/** RFC 8259 4: which of two values of one key is taken differs from reader to reader. `json` is valid. */
function hasTwins(json: string): boolean {
  const open: Set<unknown>[] = [];
  for (const [, text, colon, bracket] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|([{}[\]])/g)) {
    if (bracket === '{' || bracket === '[') open.push(new Set());
    else if (bracket !== undefined) open.pop();
    else if (colon !== undefined && text !== undefined) {
      // Two ways of writing one key are one key.
      const key: unknown = JSON.parse(text);
      const keys = open.at(-1);
      if (keys?.has(key) === true) return true;
      keys?.add(key);
    }
  }
  return false;
}
