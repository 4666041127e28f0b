// What conditions compare a request's method, host and path with.
// Promises that a value is refused with which no request's could be equal: such a route would never be taken.
import { isUrlPath } from '../../formats.ts';

/** What a regex has that a path rarely has; `.` is not among them, as it stands in every file's name. */
const REGEX_SIGNS = /[\^$*+?()[\]{}|\\]/;

/** `/api/info` is a path, `/^\/api/` a regex. `/api/` could be either, and so is neither: see `regexSaysNothing`. */
export function isPlainPath(text: string): boolean {
  return !REGEX_SIGNS.test(text) && (text === '/' || !text.endsWith('/'));
}

/** Of a regex for paths. */
export function regexSaysNothing(source: string): boolean {
  return source !== '' && !REGEX_SIGNS.test(source);
}

/** Why no request can have this; undefined: one can. */
export function requestTrouble(kind: 'method' | 'host' | 'path', text: string): string | undefined {
  switch (kind) {
    case 'method':
      // RFC 9110 9.1: methods are case-sensitive, and all that are registered are written in capitals.
      return /^[A-Z][A-Z-]*$/.test(text) ? undefined : 'must be a method in capitals, such as GET or POST';
    case 'host':
      if (/^([^:]*|\[.*\]):\d*$/.test(text)) return 'is compared without a port';
      // Empty: the test of a request without one.
      return /^(\[[0-9A-Fa-f:.]+\]|[\w.~-]*)$/.test(text)
        ? undefined
        : 'must be a host name or an address, IPv6 in brackets';
    case 'path':
      if (!isUrlPath(text))
        return 'must be a path as it is sent: from its first / on, percent-encoded, without the query';
      return isNormal(text)
        ? undefined
        : 'is compared with the normalised path: no "//", "." and "..", %2F for %2f, and ~ for %7E';
  }
}

/** RFC 3986 6.2.2: what normalising leaves as it is. */
function isNormal(path: string): boolean {
  if (path.includes('//') || hasDotSegment(path)) return false;
  for (const [code] of path.matchAll(/%../g)) {
    const isUnreserved = /[\w.~-]/.test(String.fromCharCode(Number.parseInt(code.slice(1), 16)));
    if (isUnreserved || code !== code.toUpperCase()) return false;
  }
  return true;
}

/** RFC 3986 5.2.4; `%2e` is a dot as well (6.2.2.2). */
export function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
}
