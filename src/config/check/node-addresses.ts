// Nodes of several pools on one address, nodes that are the gateway itself, and checks that ask a port for what it does not speak.
// Promises warnings only: such a gateway runs, and surprises where a node counts its connections.
import { addressKey, isOwnHost } from '../../addresses.ts';
import type { GatewayConfig } from '../config.ts';
import type { HostPort } from '../formats.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

export function checkAddresses(top: Section, config: GatewayConfig, reading: ReadContext): void {
  checkPorts(top, config, reading);
  checkHttpChecks(top, config, reading);
  checkOwnListeners(top, config, reading);
}

/** F101: each pool has its own `connections.max`, unless they share it, and what listens there counts all of them. */
function checkPorts(top: Section, { pools }: GatewayConfig, { problems }: ReadContext): void {
  const entries = top.entries('pools');
  const seen = new Map<string, { readonly pool: string; readonly max: number; readonly shared: boolean }>();
  for (const [index, pool] of pools.entries()) {
    const entry = entries[index];
    // Over HTTP a port has no such limit.
    if (pool.protocol !== 'mllp' || entry === undefined) continue;
    for (const node of pool.nodes) {
      if (node.host === '' || node.port === 0) continue;
      const address = addressKey(node);
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

function checkHttpChecks(top: Section, { pools }: GatewayConfig, { problems }: ReadContext): void {
  const entries = top.entries('pools');
  const ofMessages = new Map(
    pools
      .filter(({ protocol }) => protocol === 'mllp')
      .flatMap(({ name, nodes }) => nodes.map((node) => [addressKey(node), name] as const)),
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
        addressKey({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) }),
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

/** F114: a node where the gateway itself listens, whose messages would come in again and again. */
function checkOwnListeners(
  top: Section,
  { pools, listeners, admin }: GatewayConfig,
  reading: ReadContext,
): void {
  const own = [
    ...listeners.flatMap(({ name, bind, binds = [bind] }) =>
      binds.map((one) => ({ bind: one, what: `listener ${name}` })),
    ),
    ...(admin === undefined ? [] : [{ bind: admin.bind, what: 'the admin API' }]),
  ];
  for (const [index, { name, nodes }] of pools.entries()) {
    const entry = top.entries('pools')[index];
    for (const node of nodes) {
      const found = own.find(({ bind }) => leadsTo(node, bind));
      if (entry === undefined || found === undefined) continue;
      reading.problems.warn(
        entryIn(entryIn(entry.value, 'nodes')?.value, node.name)?.place ?? entry.place,
        `pools.${name}.nodes.${node.name}`,
        `is ${found.what} of this gateway: it would send its messages to itself`,
      );
    }
  }
}

/** Is what is bound there what answers at this address, as far as the config alone can tell? */
export function leadsTo(node: HostPort, bind: HostPort): boolean {
  if (bind.port === 0 || node.port !== bind.port) return false;
  const to = plainHost(node.host);
  const at = plainHost(bind.host);
  if (to === at) return true;
  // Dialled, a wildcard and `localhost` lead to this machine; which of the two loopback addresses that is, the system says.
  const family = (host: string): 'v4' | 'v6' | 'any' =>
    host === 'localhost' ? 'any' : host.includes(':') ? 'v6' : 'v4';
  const isOwn = isOwnHost(to) || WILDCARDS.includes(to);
  if (!isOwn) return false;
  if (at === '::') return true;
  const isExact = !WILDCARDS.includes(to) && to !== 'localhost';
  if (at === '0.0.0.0') return family(to) !== 'v6';
  if (isExact && at !== 'localhost') return false;
  const first = isExact ? to : at;
  return (first === '127.0.0.1' || first === '::1') && agree(family(to), family(at));
}

const WILDCARDS = ['0.0.0.0', '::'];

function agree(a: string, b: string): boolean {
  return a === b || a === 'any' || b === 'any';
}

/** In one spelling: without the root's dot, an IPv4 address not mapped into IPv6. */
function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}
