// The rules that lead nodes' answers to clients' addresses back to this machine, as a shell script made from the config. Pure. Promises
// that it can be run again, and that nothing of the config is more than a comment there.
import { isIP } from 'node:net';
import { AddressRange } from '../../addresses.ts';
import type { GatewayConfig, NodeConfig } from '../../config/config.ts';

export type IpFamily = 4 | 6;

/** What marks the packets, and the routing table for those that are marked. */
export interface RuleNumbers {
  readonly mark: number;
  readonly table: number;
}

/** Those of the kernel's own documentation (tproxy.rst). */
export const USUAL_NUMBERS: RuleNumbers = { mark: 1, table: 100 };

/** The nftables table, which is the gateway's alone. */
export const NFT_TABLE = 'hl7_gateway_transparent';

/** An address of this machine, with its network. */
export interface OwnAddress {
  readonly address: string;
  readonly prefix: number;
}

/** The families of nodes that are connected to from clients' addresses; a name may have both. Empty: there is no such pool. */
export function familiesIn(config: GatewayConfig): readonly IpFamily[] {
  const families = nodesOf(config).map(({ host }) => isIP(host));
  return ([4, 6] as const).filter((family) => families.includes(family) || families.includes(0));
}

/** `own`: of this machine, for nodes in whose network there is no VIP. */
export function rulesText(
  config: GatewayConfig,
  own: readonly OwnAddress[],
  { mark, table }: RuleNumbers = USUAL_NUMBERS,
): string {
  const pools = config.pools.filter(({ nodes }) => nodes.some(({ isFromClients }) => isFromClients));
  const families = familiesIn(config);
  const lines = [
    '#!/bin/sh',
    `# For pools with \`source: client\` (${pools.map(({ name }) => name).join(', ')}), made by \`hl7-gateway transparent\`. To be run by root`,
    '# after each boot; running it again does no harm.',
    'set -e',
    '',
    '# What a node sends to a client on a connection of the gateway is marked.',
    "nft -f - <<'END'",
    `table inet ${NFT_TABLE}`,
    `delete table inet ${NFT_TABLE}`,
    `table inet ${NFT_TABLE} {`,
    '    chain prerouting {',
    '        type filter hook prerouting priority mangle; policy accept;',
    `        meta l4proto tcp socket transparent 1 meta mark set ${mark} accept`,
    '    }',
    '}',
    'END',
    '',
    '# What is marked is for this machine, whatever address it is for.',
    ...families.flatMap((family) => [
      `ip -${family} rule del fwmark ${mark} lookup ${table} 2>/dev/null || true`,
      `ip -${family} rule add fwmark ${mark} lookup ${table}`,
      `ip -${family} route replace local default dev lo table ${table}`,
    ]),
    '',
    ...nodeLines(config, own, families),
  ];
  return `${lines.join('\n')}\n`;
}

function nodesOf({ pools }: GatewayConfig): readonly NodeConfig[] {
  return pools.flatMap(({ nodes }) => nodes.filter(({ isFromClients }) => isFromClients));
}

/** What has to be done elsewhere. */
function nodeLines(
  config: GatewayConfig,
  own: readonly OwnAddress[],
  families: readonly IpFamily[],
): string[] {
  const nodes = new Map(nodesOf(config).map((node) => [node.host, node]));
  return [
    '# Not here, but on each node: what it sends to the clients must come back by this machine. Its default route, or one for each of the',
    "# clients' networks (in place of `default`):",
    ...[...nodes.values()].flatMap((node) => routeLines(node, config, own)),
    '#',
    '# What else such a node sends by this machine has to be forwarded:',
    ...families.map((family) =>
      family === 4
        ? '#     sysctl -w net.ipv4.ip_forward=1'
        : '#     sysctl -w net.ipv6.conf.all.forwarding=1',
    ),
    '# With one interface for both sides (one-arm), and clients behind a router of the same network, do not send the nodes to that:',
    '#     sysctl -w net.ipv4.conf.all.send_redirects=0',
  ];
}

function routeLines({ host }: NodeConfig, { cluster }: GatewayConfig, own: readonly OwnAddress[]): string[] {
  const family = isIP(host);
  if (family === 0) {
    const inside = (cluster?.vips ?? []).map(({ address }) => address);
    const vias =
      inside.length === 0
        ? 'the address of this machine in its network'
        : `the VIP in its network (${inside.join(', ')})`;
    return [`#     ${printableHost(host)}: ip route replace default via ${vias}`];
  }
  const near = ({ address, prefix }: OwnAddress): boolean =>
    isIP(address) === family && new AddressRange(`${address}/${prefix}`).has(host);
  const via = cluster?.vips.find(near) ?? own.find(near);
  if (via !== undefined) return [`#     ${host}: ip -${family} route replace default via ${via.address}`];
  const why =
    cluster === undefined
      ? 'this machine has no address'
      : 'there is no VIP, and this machine has no address,';
  return [`#     ${host}: ${why} in its network; the routers between must lead the clients' networks here`];
}

function printableHost(host: string): string {
  return host.replace(/[^\w.-]/g, '?');
}
