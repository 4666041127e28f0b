// `pools.NAME.spool` of one pool. Promises absolute paths, and that the pool's nodes take messages.
import { resolve } from 'node:path';
import type { PoolConfig, SpoolConfig } from '../config.ts';
import type { POOL_KEYS } from '../keys/pool.ts';
import { SPOOL_KEYS, SPOOL_STORE_KEYS } from '../keys/spool.ts';
import type { Section } from '../read/section.ts';
import { namedFiles } from '../source/named-files.ts';
import type { ReadContext } from '../source/value.ts';

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
