// Senders that members of a cluster share by NATS, and whether a stranger could tell who they are. Promises warnings only.
import type { GatewayConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

export function checkSharedSenders(
  top: Section,
  { cluster, pools }: GatewayConfig,
  { problems }: ReadContext,
): void {
  if (cluster?.state === undefined) return;
  const names = pools.filter(({ persistence }) => persistence?.mode === 'table').map(({ name }) => name);
  if (names.length === 0) return;
  const nats = entryIn(entryIn(top.tree('cluster'), 'state')?.value, 'nats');
  // One in a file that is not looked at (`--no-files`) has no value.
  if (entryIn(nats?.value, 'hashKey') !== undefined) return;
  problems.warn(
    nats?.value.place ?? top.at('cluster'),
    'cluster.state.nats.hashKey',
    `there is none, so whoever reads the bucket can try out which senders of pool ${names.join(', ')} it holds; give all members the same`,
  );
}
