// The `cluster` section: what keepalived could not go by is refused with its place, and what would surprise is warned of.
import { describe, expect, test } from 'vitest';
import { checkClusterBinds } from '../../src/config/check/cluster-binds.ts';
import { TOP_KEYS } from '../../src/config/keys/top.ts';
import { parseConfig } from '../../src/config/load.ts';
import { readSection } from '../../src/config/read/section.ts';
import { Problems } from '../../src/config/source/problem.ts';
import { readTree } from '../../src/config/source/tree.ts';
import { pairConfig } from '../cluster/cluster-config.ts';
import { folderOf, outcome } from './config-folder.ts';

function errorsOf(cluster: object): readonly string[] {
  return outcome(pairConfig(cluster), folderOf({})).errors.map((line) => line.replace(/^\S+:\d+:\d+: /, ''));
}

test('a pair as it is meant', () => {
  const { config, warnings } = parseConfig(pairConfig(), { env: {} });
  expect(warnings).toEqual([]);
  expect(config.cluster).toMatchObject({
    name: 'hospital-a',
    member: 'gw1',
    interface: 'eth1',
    track: '/run/hl7-gateway/vrrp',
    preempt: false,
    trackProcess: true,
    drainTimeoutMs: 5000,
    vips: [
      { address: '10.0.0.5', prefix: 24, interface: 'eth1' },
      { address: 'fd00::5', prefix: 64, interface: 'eth1' },
      { address: '10.1.0.5', prefix: 24, interface: 'eth0' },
    ],
  });
  expect(config.cluster?.members.map(({ name, priority }) => [name, priority])).toEqual([
    ['gw1', 150],
    ['gw2', 100],
  ]);
});

test('the name of the machine names the member', () => {
  const load = (env: Record<string, string>) => parseConfig(pairConfig({ member: '${HOSTNAME}' }), { env });
  expect(load({ HOSTNAME: 'gw2' }).config.cluster?.member).toBe('gw2');
  expect(() => load({})).toThrow(/and 1 more/);
});

const GW1 = { address: '10.0.0.3', priority: 150 };

test.each<[what: string, cluster: object, error: string]>([
  [
    'a member that is not in the list',
    { member: 'gw3' },
    'cluster.member: "gw3" is not in members; did you mean "gw1"?',
  ],
  [
    'two of one priority',
    { members: { gw1: GW1, gw2: { address: '10.0.0.4', priority: 150 } } },
    'cluster.members.gw2.priority: member gw1 has this priority already',
  ],
  [
    'two of one address',
    { members: { gw1: GW1, gw2: { address: '10.0.0.3', priority: 1 } } },
    'cluster.members.gw2.address: member gw1 has this address already',
  ],
  [
    'members of two families',
    { members: { gw1: GW1, gw2: { address: 'fd00::4', priority: 1 } } },
    'cluster.members.gw2.address: is of another family than that of member gw1',
  ],
  [
    'a priority that VRRP keeps for itself',
    { members: { gw1: { address: '10.0.0.3', priority: 255 } } },
    'cluster.members.gw1.priority: must be an integer from 1 to 254, not "255"',
  ],
  ['no members', { members: {} }, 'cluster.members: a cluster needs at least one member'],
  ['no addresses', { vips: [] }, 'cluster.vips: a cluster needs at least one address'],
  [
    'an address without a prefix',
    { vips: [{ address: '10.0.0.5', interface: 'eth1' }] },
    'cluster.vips[0].address: has no prefix: 10.0.0.5/24, say',
  ],
  [
    'what is no address',
    { vips: [{ address: 'vip.example/24', interface: 'eth1' }] },
    'cluster.vips[0].address: must be an IP address with the length of its prefix, as 10.0.0.5/24 or fd00::5/64',
  ],
  [
    'a prefix that is too long',
    { vips: [{ address: '10.0.0.5/33', interface: 'eth1' }] },
    'cluster.vips[0].address: must be an IP address with the length of its prefix, as 10.0.0.5/24 or fd00::5/64',
  ],
  [
    'what could be no interface',
    { vips: [{ address: '10.0.0.5/24', interface: 'eth1 { }' }] },
    'cluster.vips[0].interface: must be the name of a network interface',
  ],
  [
    'no address in the network of the members',
    { vips: [{ address: '10.7.0.5/24', interface: 'eth7' }] },
    'cluster.interface: is needed, as no VIP is in the network of 10.0.0.3: where members hear each other',
  ],
  [
    'no address of the family of the members',
    { vips: [{ address: 'fd00::5/64', interface: 'eth1' }], interface: 'eth1' },
    "cluster.vips: needs one of the family of the members' addresses, as VRRP announces no other",
  ],
  [
    'the same address twice',
    {
      vips: [
        { address: '10.0.0.5/24', interface: 'eth1' },
        { address: '10.0.0.5/24', interface: 'eth1' },
      ],
    },
    'cluster.vips[1].address: is in the list already',
  ],
  [
    'state without nats',
    { state: {} },
    'cluster.state.nats: is missing: there is nothing else by which members share something',
  ],
  ['NATS without servers', { state: { nats: {} } }, 'cluster.state.nats.servers: is required'],
  ['no server', { state: { nats: { servers: [] } } }, 'cluster.state.nats.servers: needs at least one URL'],
  [
    'a server with a password, which is not repeated',
    { state: { nats: { servers: ['nats://a:secret@h:1'] } } },
    'cluster.state.nats.servers: must be URLs as nats://host:port or tls://host:port, without a password',
  ],
  [
    'a bucket that NATS would not take',
    { state: { nats: { servers: ['nats://h:1'], bucket: 'a.b' } } },
    'cluster.state.nats.bucket: must be 1 to 64 letters, digits, "_" and "-"',
  ],
  [
    'credentials that are none, and are not repeated',
    { state: { nats: { servers: ['nats://h:1'], credentials: 'secret' } } },
    'cluster.state.nats.credentials: is no .creds file of NATS: it needs a JWT and an NKEY SEED',
  ],
  [
    'a user without a password',
    { state: { nats: { servers: ['nats://h:1'], user: 'a' } } },
    'cluster.state.nats.user: needs password as well',
  ],
  [
    'TLS that nobody is to be trusted for',
    { state: { nats: { servers: ['tls://h:1'] } } },
    "cluster.state.nats.servers: a tls:// URL needs tls: with the system's own roots, `tls: {}`",
  ],
])('refused with its place: %s', (_, cluster, error) => {
  expect(errorsOf(cluster)).toContain(error);
});

describe('a listener on a VIP', () => {
  function warningsOf(bind: string, setting: string | undefined, admin?: string): readonly string[] {
    const text = pairConfig(
      {},
      { listeners: { adt: { bind } }, ...(admin && { admin: { bind: admin, insecure: true } }) },
    );
    const problems = new Problems('c');
    const reading = { problems: new Problems('c'), env: {}, folder: '/' };
    const tree = readTree(text, reading);
    if (tree?.kind !== 'map') throw new Error('no map');
    const top = readSection(tree, TOP_KEYS, { key: '', place: tree.place }, reading);
    const { config } = parseConfig(text, { env: {} });
    checkClusterBinds(top, config, { ...reading, problems }, (name) =>
      setting === undefined ? undefined : name.includes('ipv4') ? setting : '1',
    );
    return problems.warnings.map(({ key, message }) => `${key}: ${message}`);
  }

  test('is warned of where the system forbids it', () => {
    expect(warningsOf('10.0.0.5:2575', '0')).toEqual([
      'listeners.adt.bind: 10.0.0.5 is a VIP, and while another member has it nobody can listen there: sysctl -w net.ipv4.ip_nonlocal_bind=1 (a wildcard address needs none)',
    ]);
    expect(warningsOf('0.0.0.0:2575', '0', '10.1.0.5:9600')).toEqual([
      expect.stringMatching(/^admin\.bind: 10\.1\.0\.5 is a VIP/),
    ]);
  });

  test('is not where it does not, cannot be asked, or the address is another one', () => {
    expect(warningsOf('10.0.0.5:2575', '1')).toEqual([]);
    expect(warningsOf('10.0.0.5:2575', undefined)).toEqual([]);
    expect(warningsOf('0.0.0.0:2575', '0')).toEqual([]);
    expect(warningsOf('[::]:2575', '0')).toEqual([]);
    expect(warningsOf('10.0.0.3:2575', '0')).toEqual([]);
  });

  test('of IPv6 has a setting of its own, however the address is written', () => {
    expect(warningsOf('[fd00:0::5]:2575', '0')).toEqual([]);
    const text = pairConfig({}, { listeners: { adt: { bind: '[fd00:0::5]:2575' } } });
    const asked: string[] = [];
    const problems = new Problems('c');
    const reading = { problems, env: {}, folder: '/' };
    const tree = readTree(text, reading);
    if (tree?.kind !== 'map') throw new Error('no map');
    const top = readSection(tree, TOP_KEYS, { key: '', place: tree.place }, reading);
    checkClusterBinds(top, parseConfig(text, { env: {} }).config, reading, (name) => {
      asked.push(name);
      return '0';
    });
    expect(asked).toEqual(['net.ipv6.ip_nonlocal_bind']);
    expect(problems.warnings).toHaveLength(1);
  });
});

describe('senders that are shared by NATS without a hashKey', () => {
  const warned = (mode: 'table' | 'hash', more: object = {}): readonly string[] =>
    outcome(
      pairConfig(
        { state: { nats: { servers: ['nats://127.0.0.1:4222'], ...more } } },
        {
          pools: {
            p: { nodes: { a: { url: 'mllp://127.0.0.1:6661' } }, persistence: { by: ['MSH-3'], mode } },
          },
        },
      ),
      '/nowhere',
    ).warnings.filter((one) => one.includes('hashKey'));

  test('are warned of, where there are any', () => {
    expect(warned('table')).toEqual([
      expect.stringContaining('cluster.state.nats.hashKey: there is none, so whoever reads the bucket'),
    ]);
    expect(warned('hash')).toEqual([]);
    expect(warned('table', { hashKey: 'of-this-test-only' })).toEqual([]);
  });
});
