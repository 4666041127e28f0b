// Where connections to nodes come from: an address that this machine has, in the family of its nodes, that stays here.
// Promises errors, as no connection of such a node would ever be there.
import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopback, ownAddresses } from '../../addresses.ts';
import type { GatewayConfig } from '../config.ts';
import type { Section } from '../read/section.ts';
import type { SourcePlace } from '../source/problem.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

export function checkSources(
  top: Section,
  { pools, cluster }: GatewayConfig,
  { problems }: ReadContext,
): void {
  const own = ownAddresses();
  const vips = new Set(cluster?.vips.map(({ address }) => plain(address)));
  for (const [index, { name, nodes }] of pools.entries()) {
    const entry = top.entries('pools')[index];
    if (entry === undefined) continue;
    const ofPool = entryIn(entry.value, 'source')?.value.place;
    const told = new Set<SourcePlace>();
    for (const { name: node, source, host } of nodes) {
      if (source === undefined || isIP(source) === 0) continue;
      const nodeEntry = entryIn(entryIn(entry.value, 'nodes')?.value, node);
      const ofNode = entryIn(nodeEntry?.value, 'source')?.value.place;
      const place = ofNode ?? ofPool ?? entry.place;
      // What is wrong with a pool's is wrong with it for each of its nodes.
      if (told.has(place)) continue;
      const trouble = troubleOf(source, own, vips) ?? familyTrouble(source, node, host);
      if (trouble === undefined) continue;
      told.add(place);
      const key = ofNode === undefined ? `pools.${name}.source` : `pools.${name}.nodes.${node}.source`;
      problems.error(place, key, trouble);
    }
  }
}

function troubleOf(source: string, own: ReadonlySet<string>, vips: ReadonlySet<string>): string | undefined {
  const address = plain(source);
  if (vips.has(address))
    return `${source} is a VIP of the cluster: while another member has it no connection can come from here`;
  // All of 127.0.0.0/8 is this machine, and one address of it is listed.
  if (own.has(address) || (isLoopback(source) && !isIPv6(source))) return undefined;
  return `${source} is no address of this machine`;
}

/** Of a name it is not known before it is looked up. */
function familyTrouble(source: string, node: string, host: string): string | undefined {
  const family = isIP(host.replace(/^\[|\]$/g, ''));
  if (family === 0 || family === isIP(source)) return undefined;
  return `${source} is IPv${isIP(source)}, and node ${node} has an IPv${family} address`;
}

function plain(address: string): string {
  const [text = ''] = address.split('%');
  return ipaddr.parse(text).toString();
}
