// keepalived.conf, as it is made and as keepalived itself reads it.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keepalivedText } from '../../src/cluster/keepalived.ts';
import { parseConfig } from '../../src/config/load.ts';
import { command } from '../cli/command-line.ts';
import { folderWith } from '../config/config-folder.ts';
import { pairConfig } from './cluster-config.ts';

const ADMIN = { admin: { bind: '127.0.0.1:9600', token: 'a-token-of-tests-0' } };

function textOf(cluster: object = {}, top: object = ADMIN): string {
  const text = keepalivedText(parseConfig(pairConfig(cluster, top), { env: {} }).config);
  if (text === undefined) throw new Error('no cluster');
  return text;
}

/** What stands in `name { … }`, a line each. */
function blockOf(text: string, name: string): readonly string[] {
  const [, inside = ''] = new RegExp(`\\n *${name} \\{\\n([^}]*)\\}`).exec(text) ?? [];
  return inside.trim().split(/\n\s*/);
}

test('what section 9 wants is there', () => {
  const text = textOf();
  expect(text).toMatch(/vrrp_version 3/);
  expect(text).toMatch(/advert_int 0\.1\n {4}nopreempt\n {4}unicast_src_ip 10\.0\.0\.3/);
  expect(text).toMatch(/priority 150/);
  expect(text).not.toMatch(/auth_type|auth_pass/);
  expect(text).toMatch(/ip saddr 10\.0\.0\.4 meta l4proto 112 accept/);
  expect(blockOf(text, 'unicast_peer')).toEqual(['10.0.0.4']);
  expect(blockOf(text, 'virtual_ipaddress')).toEqual(['10.0.0.5/24 dev eth1', '10.1.0.5/24 dev eth0']);
  expect(blockOf(text, 'virtual_ipaddress_excluded')).toEqual(['fd00::5/64 dev eth1']);
  expect(blockOf(text, 'track_interface')).toEqual(['eth0']);
  expect(blockOf(text, 'track_file hl7_gateway')).toEqual(['file "/run/hl7-gateway/vrrp"', 'weight 0']);
  expect(text).toMatch(/http:\/\/127\.0\.0\.1:9600\/readyz"/);
});

test('the other member has the same but for itself', () => {
  const other = textOf({ member: 'gw2' });
  const swapped = textOf()
    .replace('keepalived of gw1', 'keepalived of gw2')
    .replace('router_id gw1', 'router_id gw2')
    .replace('priority 150', 'priority 100')
    .replaceAll(/10\.0\.0\.[34]\b/g, (address) => (address === '10.0.0.3' ? '10.0.0.4' : '10.0.0.3'));
  expect(other).toBe(swapped);
});

test('with members of IPv6 that family is announced, and the other moves along', () => {
  const six = {
    members: { gw1: { address: 'fd00::3', priority: 2 }, gw2: { address: 'fd00::4', priority: 1 } },
  };
  const text = textOf(six);
  expect(blockOf(text, 'virtual_ipaddress')).toEqual(['fd00::5/64 dev eth1']);
  expect(blockOf(text, 'virtual_ipaddress_excluded')).toHaveLength(2);
  expect(text).toMatch(/ip6 saddr fd00::4/);
});

test('what is asked for, and what cannot be, changes it', () => {
  expect(textOf({ preempt: true })).not.toMatch(/nopreempt/);
  expect(textOf({ trackProcess: false })).not.toMatch(/track_process/);
  expect(textOf({ routerId: 7, track: '/tmp/x/vrrp' })).toMatch(/virtual_router_id 7\n/);
  expect(textOf({}, {})).not.toMatch(/vrrp_script|track_script/);
  expect(textOf({}, {})).toMatch(/A gateway that hangs is not found/);
  expect(textOf({}, { admin: { bind: '[::]:9600', insecure: true } })).toMatch(
    /http:\/\/\[::1\]:9600\/readyz/,
  );
});

test('no name ends the comment that it stands in', () => {
  const text = textOf({ name: 'a } # "b' });
  expect(text.split('\n')[0]).toMatch(/^# keepalived of gw1 in a \? \? \?b, made/);
});

test('--check says what is different, and by its exit code', async () => {
  const folder = folderWith({ 'gateway.yaml': pairConfig({}, ADMIN), 'same.conf': textOf() });
  const config = join(folder, 'gateway.yaml');
  writeFileSync(join(folder, 'old.conf'), textOf().replace('priority 150', 'priority 140'));
  const printed = await command('keepalived', '-c', config);
  expect(printed).toMatchObject({ code: 0, err: [] });
  expect(`${printed.out.join('\n')}\n`).toBe(textOf());
  expect(await command('keepalived', '-c', config, '--check', join(folder, 'same.conf'))).toMatchObject({
    code: 0,
  });
  const different = await command('keepalived', '-c', config, '--check', join(folder, 'old.conf'));
  expect(different.code).toBe(1);
  expect(different.out.slice(2)).toEqual([
    expect.stringMatching(/^@@ line \d+$/),
    '-    priority 140',
    '+    priority 150',
  ]);
  const missing = await command('keepalived', '-c', config, '--check', join(folder, 'none.conf'));
  expect(missing).toMatchObject({ code: 2, err: [expect.stringContaining('GW_ERR_FILE')] });
});

const hasKeepalived = spawnSync('keepalived', ['--version']).status === 0;
const INTERFACE = Object.entries(networkInterfaces()).find(([, all]) =>
  all?.some(({ internal }) => !internal),
)?.[0];

describe.skipIf(!hasKeepalived || INTERFACE === undefined)(
  'keepalived itself (skipped where it is not installed, or there is no network)',
  () => {
    // keepalived asks whether an interface is there.
    const LOCAL = {
      vips: [
        { address: '10.0.0.5/24', interface: INTERFACE ?? '' },
        { address: 'fd00::5/64', interface: INTERFACE ?? '' },
      ],
    };

    test.each<[what: string, cluster: object, top: object]>([
      ['all of it', {}, ADMIN],
      ['as little as can be', { trackProcess: false, preempt: true }, {}],
      ['a name with everything in it', { name: 'a } # "b\' ü !' }, ADMIN],
      [
        'IPv6',
        { members: { gw1: { address: 'fd00::3', priority: 2 }, gw2: { address: 'fd00::4', priority: 1 } } },
        { admin: { bind: '[::1]:9600' } },
      ],
    ])('takes it: %s', (_, cluster, top) => {
      const folder = folderWith({ 'keepalived.conf': textOf({ ...LOCAL, ...cluster }, top) });
      const { status, stderr } = spawnSync('keepalived', ['-t', '-f', join(folder, 'keepalived.conf')], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
    });

    test('and would not take what it does not know', () => {
      const text = textOf(LOCAL).replace('advert_int', 'advert_init');
      const folder = folderWith({ 'keepalived.conf': text });
      expect(spawnSync('keepalived', ['-t', '-f', join(folder, 'keepalived.conf')]).status).not.toBe(0);
    });
  },
);
