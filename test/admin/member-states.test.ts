// What one member tells of all: over real connections to the admin APIs of the others.
import { expect, test } from 'vitest';
import { MemberStates } from '../../src/admin/control/member-states.ts';
import type { ClusterConfig, MemberConfig } from '../../src/config/config.ts';
import { openMember, saysOfCluster } from '../cli/cluster-room.ts';
import { TOKEN } from './admin-room.ts';

const TLS = { caFiles: [], pins: [], insecure: false } as unknown as ClusterConfig['tls'];
const OWN = {
  version: '0.1.0',
  condition: 'degraded',
  startedAt: '2026-03-01T08:00:00.000Z',
  draining: false,
  cluster: saysOfCluster('gw1', { fit: false, reason: 'no node' }),
} as const;

function config(other: Partial<MemberConfig>): ClusterConfig {
  const members = [
    { name: 'gw1', address: '10.0.0.3', priority: 200 },
    { name: 'gw2', address: '10.0.0.4', priority: 100, ...other },
  ];
  return { name: 'hospital-a', member: 'gw1', members, tls: TLS } as unknown as ClusterConfig;
}

async function told(other: Partial<MemberConfig>, token: string | undefined = TOKEN) {
  const [self, second] = await new MemberStates().report(config(other), () => OWN, token);
  expect(self).toMatchObject({
    member: 'gw1',
    self: true,
    state: 'unfit',
    reason: 'no node',
    holds: ['127.0.0.50'],
  });
  return second;
}

test('both say what they are, and of which addresses', async () => {
  const room = await openMember('gw2');
  expect(await told({ admin: room.url })).toEqual({
    member: 'gw2',
    address: '10.0.0.4',
    admin: room.url,
    self: false,
    state: 'fit',
    reason: undefined,
    version: '0.1.0',
    condition: 'ok',
    startedAt: '2026-03-01T08:00:00.000Z',
    configDigest: '0123456789abcdef',
    holds: [],
  });
  room.tell({}, { draining: true });
  expect(await told({ admin: room.url, token: TOKEN }, 'another-token-of-this')).toMatchObject({
    state: 'draining',
  });
});

test('of one of which nothing is known it says why', async () => {
  const room = await openMember('gw2');
  expect(await told({})).toMatchObject({ state: 'no admin' });
  expect(await told({ admin: room.url }, 'another-token-of-this')).toMatchObject({ state: 'refused' });
  expect(await told({ admin: 'http://127.0.0.1:1' })).toMatchObject({
    state: 'unreachable',
    reason: expect.stringContaining('ECONNREFUSED'),
  });
  room.tell({ member: 'gw1' });
  expect(await told({ admin: room.url })).toMatchObject({ state: 'another member' });
  room.tell({}, { cluster: undefined });
  expect(await told({ admin: room.url })).toMatchObject({ state: 'not in the cluster' });
});

test('many who look ask once', async () => {
  const room = await openMember('gw2');
  let asked = 0;
  const { status } = room.control;
  room.control.status = () => {
    asked++;
    return status.call(room.control);
  };
  const members = new MemberStates();
  const same = config({ admin: room.url });
  await Promise.all(Array.from({ length: 20 }, () => members.report(same, () => OWN, TOKEN)));
  await members.report(same, () => OWN, TOKEN);
  expect(asked).toBe(1);
});
