// The head of a request as text, for a server of HTTP/1.1. Promises that no field of it can end the head, add another field, or
// frame the body in another way than its writer does (F57, F70).

/** How the body that follows is framed. `none`: there is none. */
export type BodyFraming = 'none' | 'chunked' | { readonly length: number };

/** Field names are few and come again and again; bounded, as senders choose them. */
const MAX_KNOWN = 1000;
type NameKind = 'plain' | 'host' | 'length' | 'refused';
const kinds = new Map<string, NameKind>([
  ['host', 'host'],
  ['content-length', 'length'],
  // The writer's own.
  ['connection', 'refused'],
  ['keep-alive', 'refused'],
  ['transfer-encoding', 'refused'],
  ['upgrade', 'refused'],
  ['expect', 'refused'],
]);

/** RFC 9110 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** RFC 9110 5.5. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NO_TARGET = /[^\x21-\x7e\x80-\xff]/;

/** RFC 9110 8.6: methods whose requests have a meaning with a body say so when there is none. */
const EXPECTS_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

/**
 * `fields`: with one Host. A Content-Length among them is left to the framing.
 *
 * @throws TypeError where it cannot be written
 */
export function requestHead(
  method: string,
  target: string,
  fields: readonly string[],
  framing: BodyFraming,
  close: boolean,
): string {
  if (!TOKEN.test(method) || target === '' || NO_TARGET.test(target)) throw new TypeError('no request line');
  let host: string | undefined;
  let rest = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (NO_VALUE.test(value)) throw new TypeError('no field value');
    const kind = kinds.get(name) ?? kindOf(name);
    if (kind === 'plain') rest += `${name}: ${value}\r\n`;
    else if (kind === 'refused' || (kind === 'host' && host !== undefined))
      throw new TypeError('no field for a request');
    else if (kind === 'host') host = value;
  }
  if (host === undefined) throw new TypeError('no Host');
  const connection = close ? 'close' : 'keep-alive';
  return `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n${rest}${framed(framing, method)}\r\n`;
}

function framed(framing: BodyFraming, method: string): string {
  if (framing === 'chunked') return 'transfer-encoding: chunked\r\n';
  if (framing !== 'none') return `content-length: ${framing.length}\r\n`;
  return EXPECTS_BODY.has(method) ? 'content-length: 0\r\n' : '';
}

function kindOf(name: string): NameKind {
  if (!TOKEN.test(name)) return 'refused';
  const kind = kinds.get(name.toLowerCase()) ?? 'plain';
  if (kinds.size < MAX_KNOWN) kinds.set(name, kind);
  return kind;
}
