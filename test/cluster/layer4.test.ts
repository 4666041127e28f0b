// Virtual servers of keepalived: what is made of a listener, and which listeners have to stay with the gateway.
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keepalivedText } from '../../src/cluster/keepalived.ts';
import { type Layer4Options, layer4 } from '../../src/cluster/layer4.ts';
import { parseConfig } from '../../src/config/load.ts';
import { command } from '../cli/command-line.ts';
import { folderOf, folderWith, TLS_FILES } from '../config/config-folder.ts';
import { pairConfig } from './cluster-config.ts';

const DICOM = {
  listeners: { dicom: { protocol: 'tcp', bind: ':11112' }, hl7: { bind: ':6661' } },
  pools: {
    archive: {
      nodes: {
        a: { url: 'tcp://10.0.0.11:11112' },
        b: { url: 'tcp://10.0.0.12:11112', weight: 3 },
        c: { url: 'tcp://10.0.0.13:11112', backup: true },
      },
    },
    mirth: { nodes: { m: { url: 'mllp://10.0.0.21:6661' } } },
  },
  routes: [{ when: { listener: 'dicom' }, to: 'archive' }, { to: 'mirth' }],
};
const ADMIN = { admin: { bind: '127.0.0.1:9600', token: 'a-token-of-tests-0' } };
const DR: Layer4Options = { forwarding: 'dr', listeners: [] };

function configOf(top: object, cluster: object = {}) {
  return parseConfig(pairConfig(cluster, top), { env: {}, file: join(folderOf(TLS_FILES), 'gateway.yaml') })
    .config;
}

function made(top: object, options: Layer4Options = DR, cluster: object = {}) {
  const { lines, ...rest } = layer4(configOf(top, cluster), options);
  return { text: lines.join('\n'), ...rest };
}

const pool = (more: object, nodes: object = DICOM.pools.archive.nodes) => ({
  ...DICOM,
  pools: { ...DICOM.pools, archive: { nodes, ...more } },
});
const listener = (more: object) => ({
  ...DICOM,
  listeners: { ...DICOM.listeners, dicom: { ...DICOM.listeners.dicom, ...more } },
});

describe('what is made', () => {
  test('a virtual server for each VIP of the nodes’ family and each listener', () => {
    const { text, refusals } = made(DICOM);
    expect(refusals).toEqual([]);
    expect(text.match(/^virtual_server .*/gm)).toEqual([
      'virtual_server 10.0.0.5 11112 {',
      'virtual_server 10.1.0.5 11112 {',
      'virtual_server 10.0.0.5 6661 {',
      'virtual_server 10.1.0.5 6661 {',
    ]);
    expect(text.match(/ (real|sorry)_server .*/g)?.slice(0, 3)).toEqual([
      ' sorry_server 10.0.0.13 11112',
      ' real_server 10.0.0.11 11112 {',
      ' real_server 10.0.0.12 11112 {',
    ]);
    expect(text).toMatch(/10\.0\.0\.12 11112 \{\n {8}weight 3\n/);
  });

  test.each([
    [{}, 'wlc'],
    [{ balance: 'round-robin' }, 'wrr'],
    [{ persistence: { by: 'source' } }, 'mh'],
  ])('%j is the scheduler %s', (more, scheduler) => {
    expect(made(pool(more)).text).toMatch(new RegExp(`lvs_sched ${scheduler}\n`));
  });

  test('IPv6 nodes by the VIP of that family', () => {
    const { text } = made(pool({}, { a: { url: 'tcp://[fd00::11]:11112' } }), {
      ...DR,
      listeners: ['dicom'],
    });
    expect(text.match(/^virtual_server .*/gm)).toEqual(['virtual_server fd00::5 11112 {']);
  });

  test('NAT may have another port', () => {
    const other = pool({}, { a: { url: 'tcp://10.0.0.11:104' } });
    expect(made(other, { forwarding: 'nat', listeners: ['dicom'] })).toMatchObject({ refusals: [] });
    expect(made(other).refusals).toEqual([
      'dicom: node archive/a has another port, which direct routing cannot change',
    ]);
  });

  test('the gateway is asked as long as it has a listener', () => {
    const text = (listeners: readonly string[]) => {
      const config = configOf({ ...DICOM, ...ADMIN });
      return keepalivedText(config, layer4(config, { forwarding: 'nat', listeners })) ?? '';
    };
    expect(text(['dicom'])).toMatch(/track_file hl7_gateway[\s\S]*vrrp_script[\s\S]*virtual_server/);
    expect(text([])).not.toMatch(/track_(file|process|script)|vrrp_script|A gateway that hangs/);
    expect(text([])).toMatch(/ip_forward=1/);
  });
});

test.each<[what: string, top: object, why: string]>([
  [
    'TLS from senders',
    listener({ tls: { cert: 'certs/vip.crt.pem', key: 'certs/vip.key.pem' } }),
    'it ends TLS',
  ],
  ['rules of who may send', listener({ allow: [{ source: '10.0.0.0/8' }] }), 'allow says who may send'],
  [
    'a header of another balancer',
    listener({ proxyProtocol: true, trustedProxies: ['10.0.0.9'] }),
    'it reads a PROXY protocol header',
  ],
  ['no route', { ...DICOM, routes: [{ when: { listener: 'hl7' }, to: 'mirth' }] }, 'no route leads from it'],
  [
    'TLS to a node',
    pool({}, { a: { url: 'tls://10.0.0.11:11112' } }),
    'the gateway begins TLS to node archive/a',
  ],
  ['a node by its name', pool({}, { a: { url: 'tcp://pacs:11112' } }), 'node archive/a has a name'],
  [
    'two backups',
    pool({}, { ...DICOM.pools.archive.nodes, d: { url: 'tcp://10.0.0.14:11112', backup: true } }),
    'pool archive has several backups',
  ],
])('stays with the gateway: %s', (_, top, why) => {
  expect(made(top, { ...DR, listeners: ['dicom'] })).toMatchObject({
    refusals: [expect.stringContaining(`dicom: ${why}`)],
    text: '',
  });
});

test.each<[what: string, top: object, why: string]>([
  [
    'routes by what is in a message',
    { routes: [{ when: { 'MSH-9.1': 'ORU' }, to: 'p' }, { to: 'p' }] },
    'looks at what is sent',
  ],
  ['a route that rejects', { routes: [{ reject: { code: 'AR', text: 'no' } }] }, 'rejects all of it'],
  [
    'senders bound by a field',
    { pools: { p: { nodes: { a: { url: 'mllp://127.0.0.1:2575' } }, persistence: { by: 'MSH-4' } } } },
    'by what is in them',
  ],
  [
    'HTTP',
    {
      listeners: { adt: { protocol: 'http', bind: ':2575' } },
      pools: { p: { nodes: { a: { url: 'http://10.0.0.1:2575' } } } },
    },
    'is HTTP',
  ],
  [
    'a family without a VIP',
    { pools: { p: { nodes: { a: { url: 'mllp://10.0.0.1:2575' } } } } },
    'no VIP is of the family',
  ],
])('stays with the gateway: %s', (_, top, why) => {
  const members = { gw1: { address: 'fd00::3', priority: 2 } };
  const six = { members, vips: [{ address: 'fd00::5/64', interface: 'eth1' }] };
  const { refusals, text } = made(top, DR, why.startsWith('no VIP') ? six : {});
  expect([refusals, text]).toEqual([[expect.stringMatching(new RegExp(`^adt: .*${why}`))], '']);
});

test('the command prints it, and refuses what needs the gateway in one line', async () => {
  const config = join(folderWith({ 'gateway.yaml': pairConfig({}, { ...DICOM, ...ADMIN }) }), 'gateway.yaml');
  const good = await command('keepalived', '-c', config, '--layer4', 'dr', '--listener', 'dicom');
  expect([good.code, good.out.filter((line) => line.startsWith('virtual_server')).length]).toEqual([0, 2]);
  const unknown = await command('keepalived', '-c', config, '--layer4', 'dr', '--listener', 'dicmo');
  expect(unknown).toMatchObject({
    code: 2,
    out: [],
    err: [expect.stringContaining('these stay with the gateway: dicmo: no listener has this name')],
  });
  expect(await command('keepalived', '-c', config, '--listener', 'dicom')).toMatchObject({ code: 2 });
  expect(await command('keepalived', '-c', config, '--layer4', 'tun')).toMatchObject({ code: 2 });
});

const hasKeepalived = spawnSync('keepalived', ['--version']).status === 0;
const INTERFACE = Object.entries(networkInterfaces()).find(([, all]) =>
  all?.some(({ internal }) => !internal),
)?.[0];

describe.skipIf(!hasKeepalived || INTERFACE === undefined)(
  'keepalived itself (skipped where it is not installed, or there is no network)',
  () => {
    test.each(['dr', 'nat'] as const)('takes it: %s', (forwarding) => {
      const vips = ['10.0.0.5/24', 'fd00::5/64'].map((address) => ({ address, interface: INTERFACE ?? '' }));
      const config = configOf({ ...DICOM, ...ADMIN }, { vips });
      const text = keepalivedText(config, layer4(config, { forwarding, listeners: [] })) ?? '';
      const file = join(folderWith({ 'keepalived.conf': text }), 'keepalived.conf');
      const { status, stderr } = spawnSync('keepalived', ['-t', '-f', file], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    });
  },
);
