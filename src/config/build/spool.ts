// `pools.NAME.spool` and `duplicates` of one pool. Promises absolute paths, and that the pool's nodes take messages.
import { resolve } from 'node:path';
import type { DuplicatesConfig, PoolConfig, SpoolConfig, Subject } from '../config.ts';
import type { POOL_KEYS } from '../keys/pool.ts';
import { DUPLICATES_KEYS, SPOOL_KEYS, SPOOL_STORE_KEYS } from '../keys/spool.ts';
import type { Section } from '../read/section.ts';
import { namedFiles } from '../source/named-files.ts';
import type { ReadContext } from '../source/value.ts';
import { parseSubject } from './conditions.ts';

/** Undefined where the file has no such section. `protocol`: of the pool's nodes. */
export function buildSpool(
  pool: Section<typeof POOL_KEYS>,
  protocol: PoolConfig['protocol'],
  reading: ReadContext,
): SpoolConfig | undefined {
  const spool = pool.section('spool', SPOOL_KEYS);
  // What is said of TCP nodes is said of every key that is for messages.
  if (spool === undefined || protocol === 'tcp') return undefined;
  const { values } = spool;
  const store = spool.section('store', SPOOL_STORE_KEYS);
  const [keyFile] =
    store === undefined
      ? []
      : namedFiles(store.scalars('key.file'), `${store.key}.key.file`, reading, 'the private key in');
  if (spool.has('answer') && values.answer === 'AA' && values.when === 'always')
    spool.warn('answer', 'tells senders in enhanced mode that an application has accepted the message');
  return {
    ...values,
    store: {
      path: resolve(reading.folder, store?.values.path ?? ''),
      maxBytes: store?.values.maxBytes ?? 0,
      keyFile,
    },
  };
}

/** The application, its facility and the message: v2.9.1 2.14.9.10 has MSH-10 unique for the sender. */
const USUAL_FIELDS = ['MSH-3', 'MSH-4', 'MSH-10'];

/** Undefined where the file has no such section. */
export function buildDuplicates(
  pool: Section<typeof POOL_KEYS>,
  protocol: PoolConfig['protocol'],
): DuplicatesConfig | undefined {
  const duplicates = pool.section('duplicates', DUPLICATES_KEYS);
  if (duplicates === undefined || protocol === 'tcp') return undefined;
  const given = duplicates.scalars('by').map(({ text }) => text);
  if (duplicates.has('by') && given.length === 0) duplicates.error('by', 'needs at least one field of MSH');
  const by = (given.length > 0 ? given : USUAL_FIELDS).flatMap((text): Subject[] => {
    const subject = parseSubject(text);
    if (subject?.kind === 'field' && subject.path.segment === 'MSH') return [subject];
    duplicates.error('by', 'takes fields of MSH, such as MSH-10');
    return [];
  });
  return { ...duplicates.values, by };
}
