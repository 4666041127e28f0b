// Nodes of several pools on one address, and checks that ask a port for what it does not speak.
// Promises warnings only: such a gateway runs, and surprises where a node counts its connections.
import type { GatewayConfig, NodeConfig } from './config.ts';
import type { Section } from './section.ts';
import { entryIn, type Reading } from './source/value.ts';

export function checkAddresses(top: Section, config: GatewayConfig, reading: Reading): void {
  checkPorts(top, config, reading);
  checkHttpChecks(top, config, reading);
}

function addressOf({ host, port }: Pick<NodeConfig, 'host' | 'port'>): string {
  return `${host.toLowerCase()} ${port}`;
}

/** F101: each pool has its own `connections.max`, unless they share it, and what listens there counts all of them. */
function checkPorts(top: Section, { pools }: GatewayConfig, { problems }: Reading): void {
  const entries = top.entries('pools');
  const seen = new Map<string, { readonly pool: string; readonly max: number; readonly shared: boolean }>();
  for (const [index, pool] of pools.entries()) {
    const entry = entries[index];
    // Over HTTP a port has no such limit.
    if (pool.protocol !== 'mllp' || entry === undefined) continue;
    for (const node of pool.nodes) {
      if (node.host === '') continue;
      const address = addressOf(node);
      const other = seen.get(address);
      const { max, shared } = pool.connections;
      if (other === undefined) {
        seen.set(address, { pool: pool.name, max, shared });
        continue;
      }
      const isShared = shared && other.shared;
      if (isShared && max === other.max) continue;
      const whose = other.pool === pool.name ? 'another node of this pool' : `a node of pool ${other.pool}`;
      problems.warn(
        entryIn(entryIn(entry.value, 'nodes')?.value, node.name)?.place ?? entry.place,
        `pools.${pool.name}.nodes.${node.name}`,
        isShared
          ? `shares the connections of ${whose}, with another connections.max: the least, ${Math.min(max, other.max)}, is for all`
          : `has the address of ${whose}: together they may open ${other.max + max} connections to it, and a Mirth listener takes 10 (connections.shared counts them together)`,
      );
    }
  }
}

function checkHttpChecks(top: Section, { pools }: GatewayConfig, { problems }: Reading): void {
  const entries = top.entries('pools');
  const ofMessages = new Map(
    pools
      .filter(({ protocol }) => protocol === 'mllp')
      .flatMap(({ name, nodes }) => nodes.map((node) => [addressOf(node), name] as const)),
  );
  for (const [index, { name, nodes, health }] of pools.entries()) {
    const { type } = health.check;
    const entry = entries[index];
    if ((type !== 'http' && type !== 'mirth') || entry === undefined) continue;
    for (const { name: node, checkUrl } of nodes) {
      if (checkUrl === undefined || !URL.canParse(checkUrl)) continue;
      const { hostname, port, protocol } = new URL(checkUrl);
      const usual = protocol === 'https:' ? 443 : 80;
      const pool = ofMessages.get(
        addressOf({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) }),
      );
      if (pool === undefined) continue;
      problems.warn(
        entryIn(entry.value, 'health')?.place ?? entry.place,
        `pools.${name}.health`,
        `asks node ${node} by HTTP at a port where pool ${pool} sends HL7 by MLLP: no check will be good; type tcp asks such a port`,
      );
      break;
    }
  }
}
