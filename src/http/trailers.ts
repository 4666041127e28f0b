// Fields behind a body (RFC 9110 6.5): which of them go on, and what they are on the wire. Promises that none passes which
// frames, routes, authenticates, or says how to read a message or who sent it: some peers take those for header fields.
import { type HeaderFields, isHopByHop, lowerCase, plainName } from './fields.ts';
import { isForwarding } from './forwarded.ts';

/** RFC 9110 6.5.1, as RFC 7230 4.1.2 lists them; and what the gateway says itself. Cookies, and whoever is logged in, too. */
const NEVER: ReadonlySet<string> = new Set([
  ...['content-length', 'host', 'trailer'],
  ...['cache-control', 'expect', 'max-forwards', 'origin', 'pragma', 'range'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate'],
  ...['age', 'date', 'expires', 'location', 'retry-after', 'vary', 'warning'],
  ...['content-encoding', 'content-location', 'content-range', 'content-type'],
  ...['traceparent', 'tracestate'],
]);

/** In lower case. Names with `_` pass where their twins would (F58). */
export function mayTrail(name: string): boolean {
  const plain = plainName(name);
  return !NEVER.has(plain) && !isHopByHop(plain) && !isForwarding(plain);
}

/** What goes on of trailers as they came. `drop`: more names to leave out, in lower case. */
export function trailersOf(raw: readonly string[], drop: (name: string) => boolean): HeaderFields {
  const out: HeaderFields = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = lowerCase(raw[i] as string);
    const value = raw[i + 1] as string;
    // What was read strictly is right already; one that is not would end the request in another place.
    if (mayTrail(name) && !drop(name) && TOKEN.test(name) && !NO_VALUE.test(value)) out.push(name, value);
  }
  return out;
}

/** The names that a Trailer field may announce of those that it does. Undefined: none. */
export function announced(value: string | undefined, drop: (name: string) => boolean): string | undefined {
  const names = value
    ?.split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((name) => TOKEN.test(name) && mayTrail(name) && !drop(name));
  return names === undefined || names.length === 0 ? undefined : names.join(', ');
}

/** RFC 9110 5.6.2, in lower case. */
const TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** RFC 9110 5.5. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
