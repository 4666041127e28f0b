// What a request line asks for: RFC 9112 3.2's origin-form and absolute-form, normalised once (F53, F54, F55).
// Promises that the path which routes see is, byte for byte, the path that is forwarded.
import type { PathPolicy } from '../config/config.ts';
import { GatewayError } from '../errors.ts';

export interface RequestTarget {
  /** Begins with `/`. */
  readonly path: string;
  /** With its `?`; empty if there is none. */
  readonly query: string;
  /** Of the absolute form, which overrides the Host header (RFC 9112 3.2.2). */
  readonly authority: string | undefined;
}

/** Of a path that no client sent, or that no node gets. */
const FORWARD_ALL: PathPolicy = {
  encodedSlash: 'forward',
  parameters: 'forward',
  blanks: 'forward',
  trailingDots: 'forward',
};

/** @throws GatewayError GW_ERR_HTTP_REQUEST */
export function readTarget(text: string, policy: PathPolicy = FORWARD_ALL): RequestTarget {
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
  return { path: normalisePath(path, policy), query, authority };
}

/** Nothing to do where none of this is in it: a dot at a segment's start may be a dot segment, one at its end is for the policy. */
const SPECIAL = /[%;]|\/\/|\/\.|\.(?:\/|$)|[^!-~]|["#<>\\^`{|}]/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** RFC 3986 3.3 has none of these in a path, and senders write them all the same. */
const ENCODED = /["<>^`{|}]/g;
/** Tab, line ends, form feed and space, as they come encoded. */
const BLANK = '%(?:09|0A|0B|0C|0D|20)';
const BLANKS: ReadonlySet<string> = new Set(['%09', '%0A', '%0B', '%0C', '%0D', '%20']);
const DOT_SEGMENT_WITH_BLANKS = new RegExp(`^(?:${BLANK})*\\.{1,2}(?:${BLANK})*$`);

/**
 * RFC 3986 6.2.2: letter case of percent-encodings, those of unreserved characters decoded, dot segments removed; and
 * empty segments. What nodes and gateways are known to read differently is refused: `\`, `%00`, and dot segments and empty
 * ones that hide behind parameters or blanks (`/..;/`, `/;/`, `/..%20/`); the rest of it is as the policy says (F122).
 * An encoded `/` or `\` that is forwarded is no separator for a route, and none is made.
 */
function normalisePath(path: string, policy: PathPolicy): string {
  if (!SPECIAL.test(path)) return path;
  if (/[^!-~]|[\\#]/.test(path))
    throw refusal('a path with a fragment, a backslash or bytes other than ASCII');
  const decoded = path
    .replace(ENCODED, encode)
    .replace(/%([0-9A-Fa-f]{2})?/g, (whole: string, hex: string | undefined) => {
      if (hex === undefined) throw refusal('a "%" that begins no percent-encoding');
      if (hex === '00') throw refusal('a NUL in its path');
      const char = String.fromCharCode(Number.parseInt(hex, 16));
      if (char === '/' || char === '\\') return encodedSlash(char, whole, policy);
      return UNRESERVED.test(char) ? char : whole.toUpperCase();
    });
  if (/\/\.{0,2};/.test(decoded)) throw refusal('a dot segment, or an empty one, with parameters');
  const segments = withoutParameters(decoded, policy).split('/').slice(1);
  const out: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') out.pop();
    else if (segment !== '.' && segment !== '') out.push(withoutEnds(segment, policy));
    if (last && (segment === '' || segment === '.' || segment === '..')) out.push('');
  }
  return `/${out.join('/')}`;
}

/** A backslash is no separator, and a node may take it for one: decoded it would be refused like any other. */
function encodedSlash(char: string, text: string, { encodedSlash: policy }: PathPolicy): string {
  if (policy === 'refuse' || (policy === 'decode' && char !== '/'))
    throw refusal('an encoded slash or backslash');
  return policy === 'decode' ? char : text.toUpperCase();
}

function withoutParameters(path: string, { parameters }: PathPolicy): string {
  if (parameters === 'forward' || !path.includes(';')) return path;
  if (parameters === 'refuse') throw refusal('parameters in its path');
  return path.replace(/;[^/]*/g, '');
}

/** Of a segment that is neither empty nor a dot segment. Some nodes trim it behind its parameters, some before them. */
function withoutEnds(segment: string, policy: PathPolicy): string {
  const at = segment.indexOf(';');
  const name = at < 0 ? segment : segment.slice(0, at);
  const trimmed = trim(name, policy);
  // Without the dots behind its blanks it may be one that it was not before: `..%20.`.
  if (DOT_SEGMENT_WITH_BLANKS.test(name) || DOT_SEGMENT_WITH_BLANKS.test(trimmed))
    throw refusal('a dot segment with blanks');
  if (trimmed === '') throw refusal('a segment of nothing but blanks or dots');
  return at < 0 ? trimmed : trimmed + trim(segment.slice(at), policy);
}

/** Blanks may stand behind dots, and dots behind blanks. One pass: a regex with `$` would look at each run again and again. */
function trim(text: string, { blanks, trailingDots }: PathPolicy): string {
  let start = 0;
  let end = text.length;
  for (;;) {
    if (blanks !== 'forward' && end - start >= 3 && BLANKS.has(text.slice(end - 3, end))) {
      if (blanks === 'refuse') throw refusal('a blank at an end of a segment');
      end -= 3;
    } else if (trailingDots !== 'forward' && end > start && text[end - 1] === '.') {
      if (trailingDots === 'refuse') throw refusal('a dot at the end of a segment');
      end--;
    } else break;
  }
  while (blanks !== 'forward' && end - start >= 3 && BLANKS.has(text.slice(start, start + 3))) {
    if (blanks === 'refuse') throw refusal('a blank at an end of a segment');
    start += 3;
  }
  return text.slice(start, end);
}

function encode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function refusal(what: string): GatewayError {
  return new GatewayError('GW_ERR_HTTP_REQUEST', { detail: `the target is or has ${what}` });
}
