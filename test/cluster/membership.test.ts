// What keepalived is told, and when: the tracked file over the life of a gateway.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { HeldVips } from '../../src/cluster/held-vips.ts';
import { Membership, type MembershipOptions } from '../../src/cluster/membership.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { folderWith } from '../config/config-folder.ts';
import { until } from '../helpers/until.ts';
import { pairConfig } from './cluster-config.ts';

const log = createLog({ level: 'silent', format: 'json' });

interface Room {
  readonly file: string;
  said(): string;
  readonly facts: { hasNode: boolean; otherIsReady: boolean; addresses: string[]; asked: number };
  join(options?: Partial<MembershipOptions>): Membership;
}

function room(cluster: object = {}): Room {
  const file = join(folderWith({}), 'made/vrrp');
  const { config } = parseConfig(pairConfig({ track: file, drainTimeout: '3s', ...cluster }), { env: {} });
  const own = config.cluster;
  if (own === undefined) throw new Error('no cluster');
  const facts = { hasNode: true, otherIsReady: false, addresses: [] as string[], asked: 0 };
  const gw2 = {
    name: 'gw2',
    isReady: async () => {
      facts.asked++;
      return facts.otherIsReady;
    },
  };
  return {
    file,
    facts,
    said: () => readFileSync(file, 'utf8'),
    join: (options) =>
      new Membership(own, {
        log,
        others: [gw2],
        hasNode: () => facts.hasNode,
        vips: new HeldVips(own.vips, () => new Set(facts.addresses)),
        ...options,
      }),
  };
}

/** Ends its timer. */
function leaves(membership: Membership): Promise<boolean> {
  return membership.leave(() => Promise.resolve(true));
}

test('1 until the listeners listen, 0 while it works, 1 in the moment in which all is closed', async () => {
  const { file, said, join: joined } = room();
  const membership = joined();
  expect(existsSync(file)).toBe(false);
  membership.begin(false);
  expect(said()).toBe('1\n');
  membership.listening();
  expect(said()).toBe('0\n');
  expect(membership.report).toMatchObject({ cluster: 'hospital-a', member: 'gw1', fit: true });
  const order: string[] = [];
  expect(
    await membership.leave(async () => {
      order.push(said());
      return false;
    }),
  ).toBe(false);
  expect([order, said()]).toEqual([['0\n'], '1\n']);
  expect(membership.report).toMatchObject({ fit: false, reason: 'the gateway has ended its work' });
});

test('1 before all is closed, and as much time as there is, where what it has can be answered behind the move', async () => {
  const { said, facts, join: joined } = room();
  facts.addresses = ['10.0.0.5', 'fd00::5', '10.1.0.5'];
  const membership = joined({ answersAfterMove: () => true });
  membership.begin(false);
  membership.listening();
  expect(said()).toBe('0\n');
  await membership.leave(async (limit) => {
    expect([said(), limit]).toEqual(['1\n', undefined]);
    return true;
  });
  expect(said()).toBe('1\n');
});

test('a drain that fails leaves 1 as well', async () => {
  const { said, join: joined } = room();
  const membership = joined();
  membership.begin(false);
  membership.listening();
  await expect(membership.leave(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
  expect(said()).toBe('1\n');
});

test('it is replaced, never written in place, and everybody may read it', async () => {
  const { file, join: joined } = room();
  const membership = joined();
  membership.begin(false);
  const before = statSync(file).ino;
  membership.listening();
  expect(statSync(file).ino).not.toBe(before);
  expect(statSync(file).mode & 0o444).toBe(0o444);
  await leaves(membership);
});

test('the time for messages in work is short only where the VIPs are here and go', async () => {
  const { facts, join: joined } = room();
  const limits: (number | undefined)[] = [];
  const leave = (membership: Membership) =>
    membership.leave(async (limit) => {
      limits.push(limit);
      return true;
    });
  for (const addresses of [['10.0.0.5'], []]) {
    facts.addresses = addresses;
    const membership = joined();
    membership.begin(false);
    membership.listening();
    await leave(membership);
  }
  expect(limits).toEqual([3000, undefined]);
});

test('a hot restart has no 1 in between, and the old process says nothing more', async () => {
  const { said, facts, join: joined } = room();
  facts.addresses = ['10.0.0.5'];
  const old = joined();
  old.begin(false);
  old.listening();
  const seen: string[] = [];
  const next = joined();
  next.begin(true);
  seen.push(said());
  next.listening();
  seen.push(said());
  const limits: (number | undefined)[] = [];
  await old.leave(async (limit) => {
    limits.push(limit);
    return true;
  });
  seen.push(said());
  expect(seen).toEqual(['0\n', '0\n', '0\n']);
  // The VIPs stay, so it has all of shutdown.timeout.
  expect(limits).toEqual([undefined]);
  await leaves(next);
  expect(said()).toBe('1\n');
});

test('a file that somebody removes or writes is not lost', async () => {
  const { file, said, join: joined } = room();
  const membership = joined();
  membership.begin(false);
  membership.listening();
  rmSync(file);
  rmSync(`${file}.owner`);
  await until(() => existsSync(file));
  expect(said()).toBe('0\n');
  writeFileSync(file, '0');
  await leaves(membership);
  expect(said()).toBe('1\n');
});

test('a folder that cannot be made is said, with what to do', () => {
  const folder = folderWith({ file: '' });
  const { config } = parseConfig(pairConfig({ track: join(folder, 'file/vrrp') }), { env: {} });
  if (config.cluster === undefined) throw new Error('no cluster');
  const membership = new Membership(config.cluster, { log, others: [], hasNode: () => true });
  expect(() => membership.begin(false)).toThrow(
    /GW_ERR_FILE|cluster\.track ".*file\/vrrp" cannot be written \((EEXIST|ENOTDIR)\)/,
  );
});

test('without a node: 1 only while another member has one', async () => {
  const { said, facts, join: joined } = room();
  const membership = joined();
  membership.begin(false);
  membership.listening();
  facts.hasNode = false;
  await until(() => facts.asked > 1);
  expect(said()).toBe('0\n');
  facts.otherIsReady = true;
  await until(() => said() === '1\n');
  expect(membership.report.reason).toBe('no node is available here, and gw2 is ready');
  facts.otherIsReady = false;
  await until(() => said() === '0\n');
  facts.otherIsReady = true;
  await until(() => said() === '1\n');
  facts.hasNode = true;
  await until(() => said() === '0\n');
  await leaves(membership);
});

test('a member that has nobody to ask keeps the VIPs', async () => {
  const { said, facts, join: joined } = room();
  const membership = joined({ others: [] });
  membership.begin(false);
  membership.listening();
  const looks = vi.fn(() => false);
  const other = joined({ others: [], hasNode: looks });
  other.begin(false);
  other.listening();
  facts.hasNode = false;
  await until(() => looks.mock.calls.length > 2);
  expect(said()).toBe('0\n');
  await leaves(membership);
  await leaves(other);
});

test('an answer that comes after the end changes nothing', async () => {
  const { said, facts, join: joined } = room();
  const answered = Promise.withResolvers<boolean>();
  let asked = false;
  const gw2 = {
    name: 'gw2',
    isReady: () => {
      asked = true;
      return answered.promise;
    },
  };
  const membership = joined({ others: [gw2] });
  membership.begin(false);
  membership.listening();
  facts.hasNode = false;
  await until(() => asked);
  await leaves(membership);
  answered.resolve(false);
  await answered.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(said()).toBe('1\n');
});

test('which VIPs are here, and since when', async () => {
  const { facts, join: joined } = room();
  const membership = joined();
  membership.begin(false);
  membership.listening();
  const [first] = membership.report.vips;
  expect(membership.report.vips.map(({ held }) => held)).toEqual([false, false, false]);
  facts.addresses = ['10.0.0.5', 'fd00::5'];
  expect(membership.hasVip).toBe(true);
  expect(membership.report.vips.map(({ address, held }) => [address, held])).toEqual([
    ['10.0.0.5', true],
    ['fd00::5', true],
    ['10.1.0.5', false],
  ]);
  expect(membership.report.vips[0]?.since).toBeGreaterThanOrEqual(first?.since ?? Number.NaN);
  await leaves(membership);
});
