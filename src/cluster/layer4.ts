// Virtual servers of keepalived (IPVS) for listeners whose connections the kernel hands to nodes, past the gateway. Pure. Promises that
// nothing that only the gateway can do is left out in silence: a listener that needs it is refused, with why.
import { isIPv6 } from 'node:net';
import { isAddress } from '../addresses.ts';
import { mayTake } from '../config/check/tcp-reach.ts';
import {
  type GatewayConfig,
  type ListenerConfig,
  type NodeConfig,
  type PoolConfig,
  poolAtListener,
} from '../config/config.ts';

/** `dr`: answers go from the node to the sender by themselves (direct routing); `nat`: back through the machine with the VIP. */
export type Forwarding = 'dr' | 'nat';

export interface Layer4Options {
  readonly forwarding: Forwarding;
  /** Names of listeners; empty: all. */
  readonly listeners: readonly string[];
}

export interface Layer4 {
  /** A sentence for each listener that has to stay with the gateway, by its name. */
  readonly refusals: readonly string[];
  readonly lines: readonly string[];
  /** What the machines have to have besides, for people. */
  readonly notes: readonly string[];
  /** The gateway has other listeners, so keepalived has to know how it is. */
  readonly needsGateway: boolean;
}

export function layer4(config: GatewayConfig, { forwarding, listeners: names }: Layer4Options): Layer4 {
  const wanted = config.listeners.filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.filter((name) => !config.listeners.some((listener) => listener.name === name));
  const refusals = unknown.map((name) => `${name}: no listener has this name`);
  const lines: string[] = [];
  for (const listener of wanted) {
    const servers = serversFor(listener, config, forwarding);
    if (typeof servers === 'string') refusals.push(`${listener.name}: ${servers}`);
    else lines.push(...servers);
  }
  return {
    refusals,
    lines,
    notes: notesOn(forwarding),
    needsGateway: wanted.length < config.listeners.length,
  };
}

/** The blocks, or why there can be none. */
function serversFor(
  listener: ListenerConfig,
  config: GatewayConfig,
  forwarding: Forwarding,
): readonly string[] | string {
  const { routes, pools, cluster } = config;
  if (listener.tls !== undefined) return 'it ends TLS, which Layer 4 passes on as it is';
  if (listener.allow !== undefined) return 'allow says who may send, which Layer 4 does not ask';
  if (listener.proxyProtocol) return 'it reads a PROXY protocol header, which Layer 4 passes on to the node';
  const route = routes.find((one) => mayTake(one, [listener.name], listener.protocol === 'tcp'));
  if (route === undefined) return 'no route leads from it';
  if (route.when.some(({ subject }) => subject.kind !== 'listener'))
    return `route ${route.name} looks at what is sent, which Layer 4 does not read`;
  if (route.action.kind !== 'pool') return `route ${route.name} rejects all of it`;
  const name = poolAtListener(route.action, listener.name);
  const pool = pools.find((one) => one.name === name);
  if (pool === undefined) return `there is no pool ${name}`;
  if (pool.discover !== undefined)
    return `nodes of pool ${name} are discovered, and keepalived would not hear of them`;
  const trouble = troubleOf(pool, listener, forwarding);
  if (trouble !== undefined) return trouble;
  const primaries = pool.nodes.filter(({ backup }) => !backup);
  const backups = pool.nodes.filter(({ backup }) => backup);
  const vips = (cluster?.vips ?? []).filter(({ address }) =>
    pool.nodes.every(({ host }) => isIPv6(host) === isIPv6(address)),
  );
  if (vips.length === 0) return `no VIP is of the family of the nodes of pool ${name}`;
  const [first] = primaries;
  if (first === undefined) return `pool ${name} has backups only`;
  return vips.flatMap(({ address }) => [
    `# Listener ${listener.name} to pool ${name}.`,
    `virtual_server ${address} ${listener.bind.port} {`,
    '    delay_loop 2',
    `    lvs_sched ${schedulerOf(pool)}`,
    `    lvs_method ${forwarding.toUpperCase()}`,
    '    protocol TCP',
    ...backups.slice(0, 1).map(({ host, port }) => `    sorry_server ${host} ${port}`),
    ...primaries.flatMap((node) => realServer(node)),
    '}',
    '',
  ]);
}

function troubleOf(
  { name, protocol, nodes, persistence, proxyProtocol }: PoolConfig,
  { bind }: ListenerConfig,
  forwarding: Forwarding,
): string | undefined {
  if (protocol === 'http') return `pool ${name} is HTTP, where the gateway chooses a node for each request`;
  if (proxyProtocol !== 'off') return `pool ${name} gets PROXY protocol headers, which IPVS does not write`;
  const named = nodes.find(({ host }) => !isAddress(host));
  if (named !== undefined) return `node ${name}/${named.name} has a name, and IPVS takes addresses only`;
  const secured = nodes.find(({ tls }) => tls !== undefined);
  if (secured !== undefined)
    return `the gateway begins TLS to node ${name}/${secured.name}, which Layer 4 does not`;
  if (nodes.filter(({ backup }) => backup).length > 1)
    return `pool ${name} has several backups, and IPVS one (sorry_server)`;
  const otherPort = nodes.find(({ port }) => port !== bind.port);
  if (forwarding === 'dr' && otherPort !== undefined)
    return `node ${name}/${otherPort.name} has another port, which direct routing cannot change`;
  if (persistence?.by.some(({ kind }) => kind !== 'source') === true)
    return `pool ${name} keeps messages together by what is in them, which Layer 4 does not read`;
  return undefined;
}

/** By the sender's address where that is what binds it: the same node on each member, without a table. */
function schedulerOf({ persistence, balance }: PoolConfig): string {
  if (persistence !== undefined || balance === 'hash') return 'mh';
  return balance === 'round-robin' ? 'wrr' : 'wlc';
}

function realServer({ name, host, port, weight }: NodeConfig): readonly string[] {
  return [
    `    # ${name}`,
    `    real_server ${host} ${port} {`,
    `        weight ${weight}`,
    '        TCP_CHECK {',
    '            connect_timeout 2',
    '            retry 2',
    '            delay_before_retry 1',
    '        }',
    '    }',
  ];
}

function notesOn(forwarding: Forwarding): readonly string[] {
  return [
    'Layer 4: the kernel (IPVS) hands connections to nodes, and the gateway sees none of them: no message is routed, sent again or answered',
    'for a node, nothing is in its log, traces and metrics, and a move of the VIPs resets open connections.',
    ...(forwarding === 'dr'
      ? [
          'Direct routing: members and nodes are in one network, and each node has the VIPs without telling anybody:',
          '    ip address add VIP/32 dev lo; sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2',
        ]
      : [
          'NAT: the way of each node to the senders leads through a VIP of its own network (its default route), and each member passes on:',
          '    sysctl -w net.ipv4.ip_forward=1 (net.ipv6.conf.all.forwarding=1)',
        ]),
    'Node and sender in one network with NAT do not find each other: then the gateway, whose own address the node sees, is the way.',
  ];
}
