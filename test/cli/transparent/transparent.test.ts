// `transparent`: the rules that `source: client` needs, and which of them a machine lacks.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { missingRules } from '../../../src/cli/transparent/missing-rules.ts';
import { familiesIn, type OwnAddress, rulesText } from '../../../src/cli/transparent/rules.ts';
import { transparent } from '../../../src/cli/transparent/transparent.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { pairSection } from '../../cluster/cluster-config.ts';
import { folderWith, outcome } from '../../config/config-folder.ts';
import { command } from '../command-line.ts';

function configText(hosts: readonly string[], more: object = {}, bind = '[::]:2575'): string {
  const nodes = Object.fromEntries(hosts.map((host, i) => [`n${i}`, { url: `mllp://${host}:6661` }]));
  return stringify({
    listeners: { adt: { bind } },
    pools: { p: { source: 'client', nodes } },
    routes: [{ to: 'p' }],
    ...more,
  });
}

function textOf(hosts: readonly string[], more: object = {}, own: readonly OwnAddress[] = []): string {
  return rulesText(parseConfig(configText(hosts, more), { env: {} }).config, own);
}

const familiesOf = (...hosts: string[]) => familiesIn(parseConfig(configText(hosts), { env: {} }).config);

test('both families, as far as there are nodes of them', () => {
  expect(familiesOf('10.1.0.11')).toEqual([4]);
  expect(familiesOf('[fd00::11]')).toEqual([6]);
  expect(familiesOf('10.1.0.11', '[fd00::11]')).toEqual([4, 6]);
  expect(familiesOf('mirth.test')).toEqual([4, 6]);
  expect(textOf(['10.1.0.11'])).not.toMatch(/ip -6/);
  expect(textOf(['mirth.test'])).toMatch(/ip -4 route replace .*\n(.*\n)*ip -6 route replace local default/);
});

test.each<[what: string, hosts: string[], more: object, own: OwnAddress[], line: string]>([
  [
    "by the inside VIP, in the node's family",
    ['10.1.0.11'],
    { cluster: pairSection() },
    [{ address: '10.1.0.3', prefix: 24 }],
    '10.1.0.11: ip -4 route replace default via 10.1.0.5',
  ],
  [
    'the same for IPv6',
    ['[fd00::11]'],
    { cluster: pairSection() },
    [],
    'fd00::11: ip -6 route replace default via fd00::5',
  ],
  [
    "by this machine's address, without a VIP in the node's network",
    ['10.7.0.11'],
    { cluster: pairSection() },
    [
      { address: '10.1.0.3', prefix: 24 },
      { address: '10.7.0.3', prefix: 16 },
    ],
    '10.7.0.11: ip -4 route replace default via 10.7.0.3',
  ],
  ['where there is neither', ['10.7.0.11'], {}, [], '10.7.0.11: this machine has no address in its network'],
  [
    'of a name',
    ['mirth.test'],
    {},
    [],
    'mirth.test: ip route replace default via the address of this machine',
  ],
])("the nodes' route: %s", (_, hosts, more, own, line) => {
  expect(textOf(hosts, more, own)).toContain(`\n#     ${line}`);
});

test('only nodes that see the clients are named, and each once', () => {
  const pools = {
    p: { source: 'client', nodes: { a: { url: 'mllp://10.1.0.11:1' }, b: { url: 'mllp://10.1.0.11:2' } } },
    q: {
      source: '127.0.0.1',
      nodes: { c: { url: 'mllp://127.0.0.1:1' }, d: { url: 'mllp://10.1.0.14:1', source: 'client' } },
    },
    r: { nodes: { e: { url: 'mllp://10.1.0.15:1' } } },
  };
  const text = textOf([], {
    pools,
    routes: [{ when: { 'MSH-3': 'A' }, to: 'p' }, { when: { 'MSH-3': 'B' }, to: 'q' }, { to: 'r' }],
  });
  expect(text.match(/^# {5}10\.\S+/gm)).toEqual(['#     10.1.0.11:', '#     10.1.0.14:']);
  expect(text).toContain('(p, q)');
});

/** As nft 1.0.6 and iproute2 6.1 print them. */
const EMPTY: Readonly<Record<string, string>> = { nft: '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}' };

function ruleset(family: string, mark: number, hook = 'prerouting'): string {
  return JSON.stringify({
    nftables: [
      {
        chain: {
          family,
          table: 't',
          name: 'c',
          handle: 1,
          type: 'filter',
          hook,
          prio: -150,
          policy: 'accept',
        },
      },
      {
        rule: {
          family,
          table: 't',
          chain: 'c',
          handle: 2,
          expr: [
            { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } },
            { match: { op: '==', left: { socket: { key: 'transparent' } }, right: 1 } },
            { mangle: { key: { meta: { key: 'mark' } }, value: mark } },
            { accept: null },
          ],
        },
      },
    ],
  });
}

const RULE =
  '[{"priority":0,"src":"all","table":"local"},{"priority":32765,"src":"all","fwmark":"0x1","table":"100"}]';
const ROUTE = '[{"type":"local","dst":"default","dev":"lo","scope":"host","flags":[]}]';

function missing(nft: string, rule: string, route: string, families: readonly (4 | 6)[] = [4, 6]) {
  return missingRules(families, { mark: 1, table: 100 }, (asked, ...args) => {
    if (asked === 'nft') return nft;
    return args.includes('rule') ? rule : route;
  });
}

describe('--check', () => {
  test('all there, nothing there', () => {
    expect(missing(ruleset('inet', 1), RULE, ROUTE)).toEqual([]);
    expect(missing(EMPTY.nft ?? '', '[]', '[]')).toHaveLength(6);
  });

  test('each that is missing, by its family', () => {
    const NFT4 = 'nft, IPv4: in a prerouting chain: meta l4proto tcp socket transparent 1 meta mark set 1';
    expect(missing(ruleset('inet', 1), '[]', ROUTE, [6])).toEqual(['ip -6 rule add fwmark 1 lookup 100']);
    expect(missing(ruleset('inet', 1), RULE, '[]', [4])).toEqual([
      'ip -4 route replace local default dev lo table 100',
    ]);
    for (const other of [ruleset('inet', 2), ruleset('ip6', 1), ruleset('inet', 1, 'input')])
      expect(missing(other, RULE, ROUTE, [4])).toEqual([NFT4]);
    expect(missing(ruleset('ip', 1), RULE, ROUTE, [4])).toEqual([]);
  });

  test('what is no JSON is said', () => {
    expect(() => missing('table inet t {', RULE, ROUTE)).toThrow(
      expect.objectContaining({ code: 'GW_ERR_FILE' }),
    );
  });

  test.skipIf(process.platform !== 'linux')('says it by its lines and its exit code', () => {
    const file = join(folderWith({ 'gateway.yaml': configText(['10.1.0.11']) }), 'gateway.yaml');
    const options = { check: true, mark: undefined, table: '0x64' };
    const out: string[] = [];
    const terminal = { out: (line: string) => void out.push(line), err: () => {} };
    expect(transparent(file, options, terminal, (_, { table }) => [`table ${table}`])).toBe(1);
    expect(transparent(file, options, terminal, () => [])).toBe(0);
    expect(out).toEqual(['missing: table 100', expect.stringMatching(/^this machine has the rules that /)]);
  });
});

test('printed as it is made, with other numbers where they are given', async () => {
  const file = join(folderWith({ 'gateway.yaml': configText(['10.1.0.11']) }), 'gateway.yaml');
  const printed = await command('transparent', '-c', file, '--mark', '0x40', '--table', '140');
  expect(printed).toMatchObject({ code: 0 });
  expect(printed.out).toContain('        meta l4proto tcp socket transparent 1 meta mark set 64 accept');
  expect(printed.out).toContain('ip -4 rule add fwmark 64 lookup 140');
  for (const wrong of ['0', 'x', '-1', '4294967296'])
    expect(await command('transparent', '-c', file, '--mark', wrong), wrong).toMatchObject({ code: 2 });
});

test('a config without such a pool', async () => {
  const text = configText(['10.1.0.11']).replace('source: client', 'slowStart: 1s');
  const file = join(folderWith({ 'gateway.yaml': text }), 'gateway.yaml');
  expect(await command('transparent', '-c', file)).toMatchObject({
    code: 2,
    err: [expect.stringContaining('has no pool with source: client')],
  });
});

describe('families', () => {
  const of = (host: string, bind: string) =>
    outcome(configText([host], {}, bind), '/nowhere').warnings.map((line) => line.replace(/^\S+ /, ''));

  test.each([
    ['10.1.0.11', '[::]:2575', 6],
    ['[fd00::11]', '0.0.0.0:2575', 4],
    ['[fd00::11]', '[::]:2575', 4],
  ])('%s and clients of %s: a warning', (host, bind, family) => {
    expect(of(host, bind)).toEqual([
      `pools.p.source: clients of IPv${family} come by listener adt, and no node of this pool has an address of that family: none of their messages can reach one`,
    ]);
  });

  test.each([
    ['10.1.0.11', '0.0.0.0:2575'],
    ['mirth.test', '[::]:2575'],
  ])('%s and clients of %s: none', (host, bind) => {
    expect(of(host, bind)).toEqual([]);
  });
});
