// A route's `http` section: what it does to requests and responses besides bringing them to a pool.
// Promises that its regex takes linear time (F75), and that what it rewrites a path to is one.
import { compileRegex } from '../../../hl7/regex.ts';
import type { HttpRouteConfig } from '../../config.ts';
import { isText, isUrlPath, LONGEST_TEXT } from '../../formats.ts';
import type { ROUTE_HTTP_KEYS } from '../../keys/route.ts';
import type { Section } from '../../read/section.ts';
import type { ReadContext, Scalar } from '../../source/value.ts';
import { parseRegex, regexTrouble } from '../conditions.ts';
import { readRules } from './header-rules.ts';
import { hasDotSegment, regexSaysNothing } from './request-values.ts';

export function buildRouteHttp(
  section: Section<typeof ROUTE_HTTP_KEYS>,
  reading: ReadContext,
): HttpRouteConfig {
  return {
    hl7: section.values.hl7,
    rewrite: readRewrite(section, reading),
    request: readRules(section, 'request', reading),
    response: readRules(section, 'response', reading),
    timeoutMs: section.values.timeoutMs,
  };
}

function readRewrite(section: Section, reading: ReadContext): HttpRouteConfig['rewrite'] {
  if (section.tree('rewrite.path') === undefined) return undefined;
  const [pattern, to, ...more] = section.scalars('rewrite.path');
  if (pattern === undefined || to === undefined || more.length > 0) {
    section.error('rewrite.path', 'takes two texts: [REGEX, TO]');
    return undefined;
  }
  const slashed = parseRegex(pattern.text);
  const { source, flags } = slashed ?? { source: pattern.text, flags: '' };
  const refuse = (at: Scalar, index: number, message: string): void => {
    reading.problems.error(at.place, `${section.key}.rewrite.path[${index}]`, message);
  };
  const trouble = isText(pattern.text)
    ? regexTrouble(source, flags, pattern.written !== undefined)
    : `must be one line of 1 to ${LONGEST_TEXT} characters`;
  if (trouble !== undefined) refuse(pattern, 0, trouble);
  else if (slashed !== undefined && regexSaysNothing(source)) {
    refuse(
      pattern,
      0,
      'would be the regex between its slashes, which matches anywhere; for a prefix write ^/api/',
    );
  }
  const groups = trouble === undefined ? compileRegex(source, flags).groupCount() : Number.POSITIVE_INFINITY;
  const refusal = replacementTrouble(to.text, groups);
  if (refusal !== undefined) refuse(to, 1, refusal);
  return { source, flags, to: to.text };
}

/** `$1` to `$9` are what the regex's groups matched; the query stays as it was. */
function replacementTrouble(to: string, groups: number): string | undefined {
  const GROUP = /\$([1-9])/g;
  for (const [group, digit] of to.matchAll(GROUP)) {
    if (Number(digit) > groups) return `the regex has no group ${group}`;
  }
  // Any other `$` would be taken for the start of a group, too.
  const filled = to.replaceAll(GROUP, 'group');
  const path = /^\$[1-9]/.test(to) ? `/${filled}` : filled;
  if (to.length > LONGEST_TEXT || !isUrlPath(path) || path.includes('$'))
    return 'must be a path that begins with / or a group such as $1, percent-encoded and without a query';
  return hasDotSegment(path) ? 'must be a path without "." and ".." in it' : undefined;
}
