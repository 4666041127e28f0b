// What keeps a sender on its node: a pool's sticky key, its own cookie, or both.
// Promises a key that can be read where it is asked for.

import type { PersistenceConfig, PoolConfig, Subject } from '../config.ts';
import type { PERSISTENCE_KEYS } from '../keys/pool.ts';
import { CONNECTION_WORDS, isOfConnection, KEY_WORDS } from '../keys/subjects.ts';
import type { Section } from '../read/section.ts';
import type { ReadContext } from '../source/value.ts';
import { parseSubject, subjectTrouble } from './conditions.ts';

/** `protocol` of the pool's nodes; undefined: not known, as none of them has a good URL. */
export function buildPersistence(
  section: Section<typeof PERSISTENCE_KEYS>,
  protocol: PoolConfig['protocol'] | undefined,
  { problems }: ReadContext,
): PersistenceConfig {
  const by: Subject[] = [];
  const scalars = section.scalars('by');
  const { cookie, mode } = section.values;
  if (section.tree('by') !== undefined && scalars.length === 0)
    section.error('by', 'a sticky key needs at least one part');
  if (!section.has('by') && !section.has('cookie')) section.error('by', 'is required, or cookie is');
  if (section.has('cookie') && protocol !== undefined && protocol !== 'http')
    section.error('cookie', 'needs http:// or https:// nodes');
  if (cookie === 'JSESSIONID') {
    section.warn(
      'cookie',
      "is Mirth's own session; to keep to that one write by: cookie.JSESSIONID, mode: table",
    );
  }
  for (const { text, place } of scalars) {
    const subject = parseSubject(text, KEY_WORDS);
    if (subject === undefined) problems.error(place, `${section.key}.by`, subjectTrouble(text, KEY_WORDS));
    else if (protocol === 'tcp' && !isOfConnection(subject)) {
      problems.error(
        place,
        `${section.key}.by`,
        `is no part of a connection: ${CONNECTION_WORDS.join(', ')} are`,
      );
    } else if (subject.kind === 'cookie' && protocol === 'mllp') {
      problems.error(place, `${section.key}.by`, 'a cookie is given by http:// and https:// nodes only');
    } else by.push(subject);
  }
  if (by.length > 1 && by.some(({ kind }) => kind === 'cookie')) {
    section.error('by', 'a cookie is a key by itself: a node gives it without the other parts');
  }
  // Its value is made by a node, so nothing but memory says which.
  if (by.some(({ kind }) => kind === 'cookie') && mode === 'hash') {
    section.error('mode', 'a cookie is given by the node that it shall lead back to: mode must be table');
  }
  return { ...section.values, by };
}
