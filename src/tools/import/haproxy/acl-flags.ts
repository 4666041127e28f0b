// The flags between an ACL's criterion and its values: how they are compared, and what they are.
import type { MatchKind } from '../match.ts';

export const MATCH_KINDS: Readonly<Record<string, MatchKind>> = {
  beg: 'begins',
  end: 'ends',
  sub: 'holds',
  reg: 'regex',
  dir: 'segment',
  dom: 'domain',
  str: 'exact',
};

export interface AclFlags {
  readonly ignoreCase: boolean;
  readonly match: string | undefined;
  readonly values: readonly string[];
}

/** A text: why there are none. */
export function readAclFlags(words: readonly string[]): AclFlags | string {
  let ignoreCase = false;
  let match: string | undefined;
  let i = 0;
  for (; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '-i') ignoreCase = true;
    else if (word === '-m') match = words[++i];
    else if (word === '-n' || word === '-u') continue;
    else if (word === '-f' || word === '-M') return 'its values stand in a file';
    else {
      if (word === '--') i += 1;
      break;
    }
  }
  if (match !== undefined && match !== 'found' && MATCH_KINDS[match] === undefined)
    return 'this way of matching has no counterpart';
  const values = words.slice(i);
  if (/^(eq|ge|gt|le|lt)$/.test(values[0] ?? '')) return 'it counts';
  return { ignoreCase, match, values: values[0] === 'str' ? values.slice(1) : values };
}
