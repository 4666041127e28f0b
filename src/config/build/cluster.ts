// The `cluster` section: who its members are, and which addresses move between them. Promises that keepalived can go by it: this
// gateway is a member, no two have one priority, and each address has its prefix and a family that VRRP can announce.
import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { AddressRange, isAddress, isRange } from '../../addresses.ts';
import type { ClusterConfig, MemberConfig, VipConfig } from '../config.ts';
import { CLUSTER_KEYS, MEMBER_KEYS, VIP_KEYS } from '../keys/cluster.ts';
import { CLUSTER_TLS_KEYS } from '../keys/tls.ts';
import { readSection, type Section } from '../read/section.ts';
import { suggestion } from '../source/closest.ts';
import { quoted } from '../source/problem.ts';
import type { ReadContext } from '../source/value.ts';
import { checkTokenText } from './admin.ts';
import { checkName } from './name.ts';
import { buildSharedState } from './shared-state.ts';
import { buildNodeTls } from './tls/node-tls.ts';

type ClusterSection = Section<typeof CLUSTER_KEYS>;

/** Undefined where the file has no such section. */
export function buildCluster(top: Section, reading: ReadContext): ClusterConfig | undefined {
  const cluster = top.section('cluster', CLUSTER_KEYS);
  if (cluster === undefined) return undefined;
  const members = buildMembers(cluster, reading);
  const vips = buildVips(cluster, reading);
  const { name, member, track, ...values } = cluster.values;
  const own = members.find((one) => one.name === member);
  if (own === undefined && cluster.has('member') && members.length > 0) {
    const names = members.map((one) => one.name);
    cluster.error('member', `${quoted(member)} is not in members${suggestion(member, names)}`);
  }
  if (members.length > 0 && vips.length > 0 && announcedVips({ members, vips }).announced.length === 0)
    cluster.error('vips', "needs one of the family of the members' addresses, as VRRP announces no other");
  return {
    ...values,
    name,
    member,
    members,
    vips,
    track: resolve(reading.folder, track),
    interface: values.interface ?? hearing(cluster, own, vips),
    tls: buildNodeTls(cluster.sectionOrDefaults('tls', CLUSTER_TLS_KEYS), reading),
    state: buildSharedState(cluster, reading),
  };
}

function buildMembers(cluster: ClusterSection, reading: ReadContext): readonly MemberConfig[] {
  const entries = cluster.entries('members');
  if (cluster.tree('members') !== undefined && entries.length === 0)
    cluster.error('members', 'a cluster needs at least one member');
  const members: MemberConfig[] = [];
  for (const entry of entries) {
    const key = `cluster.members.${entry.key}`;
    checkName(entry, key, reading);
    const section = readSection(entry.value, MEMBER_KEYS, { key, place: entry.place }, reading);
    const { address, priority, token } = section.values;
    if (token !== undefined) checkTokenText(section, token);
    for (const other of members) {
      if (other.priority === priority && section.scalars('priority').length > 0)
        section.error('priority', `member ${other.name} has this priority already`);
      if (other.address === address && section.scalars('address').length > 0)
        section.error('address', `member ${other.name} has this address already`);
      if (isIPv6(other.address) !== isIPv6(address) && address !== '' && other.address !== '')
        section.error('address', `is of another family than that of member ${other.name}`);
    }
    members.push({ name: entry.key, ...section.values });
  }
  return members;
}

function buildVips(cluster: ClusterSection, reading: ReadContext): readonly VipConfig[] {
  const tree = cluster.tree('vips');
  if (tree?.kind !== 'list') return [];
  if (tree.items.length === 0) cluster.error('vips', 'a cluster needs at least one address');
  const vips: VipConfig[] = [];
  for (const [index, item] of tree.items.entries()) {
    const key = `cluster.vips[${index}]`;
    const section = readSection(item, VIP_KEYS, { key, place: item.place }, reading);
    const [given] = section.scalars('address');
    if (section.scalars('interface').length > 0 && !/^[^\s/:"#!]{1,15}$/.test(section.values.interface))
      section.error('interface', 'must be the name of a network interface');
    if (given === undefined) continue;
    const [text = '', bits] = given.text.split('/');
    if (bits === undefined || !isRange(given.text)) {
      section.error(
        'address',
        isAddress(given.text)
          ? `has no prefix: ${given.text}/${isIPv6(given.text) ? 64 : 24}, say`
          : 'must be an IP address with the length of its prefix, as 10.0.0.5/24 or fd00::5/64',
      );
      continue;
    }
    const address = ipaddr.parse(text).toString();
    if (vips.some((other) => other.address === address)) section.error('address', 'is in the list already');
    vips.push({ address, prefix: Number(bits), interface: section.values.interface });
  }
  return vips;
}

/** Where this member's own address is, as far as the addresses tell. */
function hearing(cluster: ClusterSection, own: MemberConfig | undefined, vips: readonly VipConfig[]): string {
  if (own === undefined || !isAddress(own.address) || vips.length === 0) return '';
  const near = vips.find(({ address, prefix }) => new AddressRange(`${address}/${prefix}`).has(own.address));
  if (near !== undefined) return near.interface;
  cluster.error(
    'interface',
    `is needed, as no VIP is in the network of ${own.address}: where members hear each other`,
  );
  return '';
}

/** VRRP announces one family; what is of the other moves along (virtual_ipaddress_excluded). */
export function announcedVips({ members, vips }: Pick<ClusterConfig, 'members' | 'vips'>): {
  readonly announced: readonly VipConfig[];
  readonly others: readonly VipConfig[];
} {
  const isSix = isIPv6(members[0]?.address ?? '');
  return {
    announced: vips.filter(({ address }) => isIPv6(address) === isSix),
    others: vips.filter(({ address }) => isIPv6(address) !== isSix),
  };
}
