// Spools beside one another and beside the rest of the config. Promises that a store belongs to one use, and that nobody has a spool
// without being told what it makes of a positive acknowledgement.
import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig, PoolConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext, type Tree } from '../source/value.ts';

export function checkSpools(top: Section, config: GatewayConfig, { problems }: ReadContext): void {
  const placeOf = (pool: string, path: readonly string[]) => {
    const entry = top.entries('pools').find(({ key }) => key === pool);
    let place = entry?.place ?? top.place;
    let tree: Tree | undefined = entry?.value;
    for (const key of path) {
      const found = entryIn(tree, key);
      if (found === undefined) break;
      place = found.value.place;
      tree = found.value;
    }
    return place;
  };
  const byPath = new Map<string, PoolConfig>();
  for (const pool of config.pools) {
    const { name, spool, persistence, duplicates } = pool;
    if (duplicates !== undefined && config.workers !== 1)
      problems.error(
        placeOf(name, ['duplicates']),
        `pools.${name}.duplicates`,
        'needs workers: 1, as one process knows what was answered',
      );
    if (spool === undefined) continue;
    const key = `pools.${name}.spool`;
    const error = (path: readonly string[], message: string): void =>
      problems.error(placeOf(name, ['spool', ...path]), [key, ...path].join('.'), message);
    const warn = (path: readonly string[], message: string): void =>
      problems.warn(placeOf(name, ['spool', ...path]), [key, ...path].join('.'), message);
    warn(
      [],
      spool.when === 'always'
        ? 'a positive acknowledgement from this pool means that the message is stored here, not that a node has it'
        : 'a positive acknowledgement from this pool may mean that the message is stored here, not that a node has it',
    );
    if (config.audit?.spool?.folder === spool.store.path)
      error(['store', 'path'], 'is the folder of audit.spool; a spool needs one of its own');
    const first = byPath.get(spool.store.path);
    if (first === undefined) byPath.set(spool.store.path, pool);
    else if (!isDeepStrictEqual(first.spool?.store, spool.store))
      error(['store'], `differs from that of pool ${first.name} at the same path: it is one store`);
    if (config.workers !== 1)
      error([], 'needs workers: 1, as one process has the store and keeps the order of what is in it');
    const lost = persistence?.by.filter(({ kind }) => !KEPT.has(kind)) ?? [];
    if (lost.length > 0)
      warn(
        [],
        `what is delivered from the store sticks to no node by ${lost.map(({ kind }) => kind).join(', ')}: of its sender it has the address and the listener only`,
      );
  }
}

/** What a stored message has still: its own fields, and where it came from. */
const KEPT: ReadonlySet<string> = new Set(['field', 'listener', 'source']);
