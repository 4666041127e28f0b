// What other proxies compare a path, a host or a header with, as right-hand sides of our conditions.
// Promises that each is one that `check` takes; otherwise it is undefined.

import { isRange } from '../../addresses.ts';
import { regexTrouble } from '../../config/build/conditions.ts';
import { isPlainPath, regexSaysNothing, requestTrouble } from '../../config/build/http/request-values.ts';
import type { DraftTest } from './requirement.ts';
import { escapedForRegex, holdsVariable } from './spelling.ts';

export type MatchKind = 'exact' | 'begins' | 'ends' | 'holds' | 'regex' | 'segment' | 'domain';

/** `ignoreCase`: also for what is exact. */
export function matchTest(
  subject: string,
  kind: MatchKind,
  text: string,
  ignoreCase: boolean,
): DraftTest | undefined {
  if (holdsVariable(text) || text === '') return undefined;
  if (subject === 'source') return kind === 'exact' && isRange(text) ? text : undefined;
  if (subject === 'method') return requestTrouble('method', text) === undefined ? text : undefined;
  const value = subject === 'host' ? text.toLowerCase().replace(/:\d+$/, '') : text;
  // The host that a regex meets is in lower case.
  const flags = ignoreCase && subject !== 'host' ? 'i' : '';
  const exact = kind === 'exact' && flags === '' ? exactTest(subject, value) : undefined;
  return exact ?? regexTest(subject, sourceOf(kind, value), flags);
}

function exactTest(subject: string, value: string): string | undefined {
  if (subject === 'host')
    return value !== '' && requestTrouble('host', value) === undefined ? value : undefined;
  if (subject === 'path')
    return isPlainPath(value) && requestTrouble('path', value) === undefined ? value : undefined;
  return value.startsWith('/') ? undefined : value;
}

function sourceOf(kind: MatchKind, value: string): string {
  const text = escapedForRegex(value);
  // HAProxy: a whole part between slashes or dots.
  const part = escapedForRegex(value.replace(/^[/.]+|[/.]+$/g, ''));
  switch (kind) {
    case 'exact':
      return `^${text}$`;
    case 'begins':
      return `^${text}`;
    case 'ends':
      return `${text}$`;
    case 'holds':
      return text;
    case 'segment':
      return `(^|/)${part}(/|$)`;
    case 'domain':
      return `(^|[./:])${part}([./:]|$)`;
    case 'regex':
      return value.replace(/(?<!\\)((?:\\\\)*)\//g, '$1\\/');
  }
}

function regexTest(subject: string, source: string, flags: string): string | undefined {
  if (source === '' || /[\r\n]/.test(source)) return undefined;
  // `check` takes a path's regex without any sign of one for a mistake; a group is such a sign.
  const said = subject === 'path' && regexSaysNothing(source) ? `(?:${source})` : source;
  return regexTrouble(said, flags, true) === undefined ? `/${said}/${flags}` : undefined;
}

/** A regex for `rewrite.path`; undefined if RE2 does not take it. */
export function rewriteRegex(source: string): string | undefined {
  if (source === '' || source.length > 200 || holdsVariable(source)) return undefined;
  // Between slashes it would be read as a regex with flags.
  const said = source.startsWith('/') ? `(?:${source})` : source;
  return regexTrouble(said, '', true) === undefined ? said : undefined;
}
