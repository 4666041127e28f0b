// Pools whose connections come from the clients' addresses, and nodes that some of those cannot be connected to: a connection is of one
// family. Promises warnings only, and none where a name may have addresses of both.
import { isIP } from 'node:net';
import type { GatewayConfig, ListenerConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

type Family = 4 | 6;

export function checkClientSource(
  top: Section,
  { listeners, pools }: GatewayConfig,
  { problems }: ReadContext,
): void {
  for (const [index, { name, nodes }] of pools.entries()) {
    const entry = top.entries('pools')[index];
    if (entry === undefined) continue;
    const hosts = nodes
      .filter(({ host, isFromClients }) => isFromClients && host !== '')
      .map(({ host }) => host);
    if (hosts.length === 0 || hosts.some((host) => isIP(host) === 0)) continue;
    for (const family of [4, 6] as const) {
      const listener = listeners.find((one) => familiesOf(one).includes(family));
      if (listener === undefined || hosts.some((host) => isIP(host) === family)) continue;
      problems.warn(
        entryIn(entry.value, 'source')?.value.place ?? entry.place,
        `pools.${name}.source`,
        `clients of IPv${family} come by listener ${listener.name}, and no node of this pool has an address of that family: none of their messages can reach one`,
      );
    }
  }
}

/** Those that senders may have, as far as the listener's address tells. */
function familiesOf({ bind: { host } }: ListenerConfig): readonly Family[] {
  if (host === '::') return [4, 6];
  const family = isIP(host);
  return family === 0 ? [] : [family as Family];
}
