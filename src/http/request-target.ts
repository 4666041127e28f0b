// What a request line asks for: RFC 9112 3.2's origin-form and absolute-form, normalised once (F53, F54, F55).
// Promises that the path which routes see is, byte for byte, the path that is forwarded.
import { GatewayError } from '../errors.ts';

export interface RequestTarget {
  /** Begins with `/`. */
  readonly path: string;
  /** With its `?`; empty if there is none. */
  readonly query: string;
  /** Of the absolute form, which overrides the Host header (RFC 9112 3.2.2). */
  readonly authority: string | undefined;
}

/** @throws GatewayError GW_ERR_HTTP_REQUEST */
export function readTarget(text: string): RequestTarget {
  let rest = text;
  let authority: string | undefined;
  if (!text.startsWith('/')) {
    const [, absolute] = /^https?:\/\/([^/?#]+)/i.exec(text) ?? [];
    if (absolute === undefined) throw refusal('neither a path nor an absolute URI');
    authority = absolute;
    rest = text.slice(text.indexOf('//') + 2 + absolute.length);
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  const query = mark < 0 ? '' : rest.slice(mark);
  // RFC 3986 3.4 is stricter, but browsers send these.
  if (query !== '' && /[^!-~]|#/.test(query))
    throw refusal('a query with a fragment or bytes other than ASCII');
  return { path: normalisePath(path), query, authority };
}

/** Nothing to do where none of this is in it; a dot at a segment's start may be a dot segment, a semicolon an empty one. */
const SPECIAL = /%|\/\/|\/[.;]|[^!-~]|["#<>\\^`{|}]/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** RFC 3986 3.3 has none of these in a path, and senders write them all the same. */
const ENCODED = /["<>^`{|}]/g;

/**
 * RFC 3986 6.2.2: letter case of percent-encodings, those of unreserved characters decoded, dot segments removed; and
 * empty segments. What nodes and gateways are known to read differently is refused: `\`, `%00`, and dot segments and empty
 * ones that hide behind parameters (`/..;/`, `/;/`). An encoded `/` or `\` stays encoded: it is no separator for a route, and none is made.
 */
function normalisePath(path: string): string {
  if (!SPECIAL.test(path)) return path;
  if (/[^!-~]|[\\#]/.test(path))
    throw refusal('a path with a fragment, a backslash or bytes other than ASCII');
  const decoded = path
    .replace(ENCODED, encode)
    .replace(/%([0-9A-Fa-f]{2})?/g, (whole: string, hex: string | undefined) => {
      if (hex === undefined) throw refusal('a "%" that begins no percent-encoding');
      if (hex === '00') throw refusal('a NUL in its path');
      const char = String.fromCharCode(Number.parseInt(hex, 16));
      return UNRESERVED.test(char) ? char : whole.toUpperCase();
    });
  if (/\/\.{0,2};/.test(decoded)) throw refusal('a dot segment, or an empty one, with parameters');
  const out: string[] = [];
  const segments = decoded.split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') out.pop();
    else if (segment !== '.' && segment !== '') out.push(segment);
    if (last && (segment === '' || segment === '.' || segment === '..')) out.push('');
  }
  return `/${out.join('/')}`;
}

function encode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function refusal(what: string): GatewayError {
  return new GatewayError('GW_ERR_HTTP_REQUEST', { detail: `the target is or has ${what}` });
}
