// `--all`: a node of every member is drained, weighted or made ready; where one member fails, it is said, and the others are done.
import { expect, test } from 'vitest';
import type { NodeChange } from '../../src/cli/admin/node-state.ts';
import { changeNodeOnAll } from '../../src/cli/admin/node-state-all.ts';
import { GatewayError } from '../../src/errors.ts';
import { printed } from './admin-command.ts';
import { configNaming, openMember } from './cluster-room.ts';
import { runInProcess } from './in-process.ts';

function change(config: string, name: string, wanted: NodeChange = { kind: 'drain' }, json = false) {
  const options = { config, timeoutMs: 20_000, json };
  return printed((terminal) => changeNodeOnAll(name, wanted, options, terminal));
}

async function pair() {
  const [gw1, gw2] = [await openMember('gw1'), await openMember('gw2')];
  return { gw1, gw2, config: configNaming({ gw1: gw1.url, gw2: gw2.url }) };
}

const REFUSED = 'http://127.0.0.1:1';

test.each<[NodeChange, string, string]>([
  [{ kind: 'drain' }, 'drain adt/a', 'draining (wanted from 127.0.0.1), weight 1'],
  [{ kind: 'maintenance' }, 'maintenance adt/a', 'maintenance (wanted from 127.0.0.1), weight 1'],
  [{ kind: 'ready' }, 'ready adt/a', 'up (wanted from 127.0.0.1), weight 1'],
  [{ kind: 'weight', weight: 0 }, 'weight 0 adt/a', 'up (as configured), weight 0'],
])('%j is done on both, a line for each', async (wanted, done, how) => {
  const { gw1, gw2, config } = await pair();
  expect(await change(config, 'adt/a', wanted)).toEqual({
    code: 0,
    out: [`gw1: adt/a: ${how}, 3 in flight`, `gw2: adt/a: ${how}, 3 in flight`],
    err: [],
  });
  expect([gw1.control.changes, gw2.control.changes]).toEqual([
    [`${done} from 127.0.0.1`],
    [`${done} from 127.0.0.1`],
  ]);
});

test('where one does not answer, the other is done, and the exit code is 1', async () => {
  const gw2 = await openMember('gw2');
  const config = configNaming({ gw1: REFUSED, gw2: gw2.url });
  for (const name of ['adt/b', 'spare']) {
    const { code, out, err } = await change(config, name);
    expect([code, out.length]).toEqual([1, 1]);
    expect(err).toEqual([
      expect.stringMatching(/^gw1: NOT DONE: .*nothing listens there.* \[GW_ERR_ADMIN_CONNECT\]$/),
      'done on 1 of 2 members; what is done stays so',
    ]);
  }
  expect(gw2.control.changes).toEqual(['drain adt/b from 127.0.0.1', 'drain adt/spare from 127.0.0.1']);
});

test('where one says no, the other is done', async () => {
  const { gw1, gw2, config } = await pair();
  gw1.control.trouble = new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'the gateway is draining' });
  const { code, out, err } = await change(config, 'adt/a');
  expect([code, out.length, err[0]]).toEqual([
    1,
    1,
    expect.stringMatching(/^gw1: NOT DONE: .*the gateway is draining \[GW_ERR_ADMIN_CONFLICT\]$/),
  ]);
  expect([gw1.control.changes.length, gw2.control.changes.length]).toEqual([0, 1]);
});

test('a member that has no such node is not done', async () => {
  const { gw1, gw2, config } = await pair();
  gw2.control.nodeReports = gw2.control.nodeReports.filter(({ node }) => node !== 'spare');
  for (const name of ['adt/spare', 'spare']) {
    const { code, err } = await change(config, name);
    expect([code, err[0]]).toEqual([1, expect.stringMatching(/^gw2: NOT DONE: .*GW_ERR_ADMIN_NOT_FOUND\]$/)]);
  }
  expect(gw1.control.changes).toHaveLength(2);
});

test('without an admin URL it is not done there', async () => {
  const gw1 = await openMember('gw1');
  const { code, err } = await change(configNaming({ gw1: gw1.url, gw2: undefined }), 'adt/a');
  expect([code, err[0]]).toEqual([
    1,
    expect.stringContaining('gw2: NOT DONE: the admin API did not answer: cluster.members.gw2.admin is not'),
  ]);
});

test('what is wrong with the command itself is done nowhere', async () => {
  const { gw1, gw2, config } = await pair();
  expect(await change(config, 'a')).toMatchObject({ code: 'GW_ERR_USAGE' });
  expect(await change(config, '../a')).toMatchObject({ code: 'GW_ERR_USAGE' });
  expect([gw1.control.changes, gw2.control.changes]).toEqual([[], []]);
});

test('--json has a line for each', async () => {
  const gw1 = await openMember('gw1');
  const { code, out, err } = await change(
    configNaming({ gw1: gw1.url, gw2: REFUSED }),
    'adt/a',
    { kind: 'drain' },
    true,
  );
  expect({ code, err }).toEqual({ code: 1, err: [] });
  expect(out.map((line) => JSON.parse(line))).toEqual([
    {
      member: 'gw1',
      done: true,
      node: expect.objectContaining({ pool: 'adt', node: 'a', state: 'draining' }),
    },
    {
      member: 'gw2',
      done: false,
      error: { code: 'GW_ERR_ADMIN_CONNECT', message: expect.stringContaining('nothing listens there') },
    },
  ]);
});

test.each([
  ['drain', 'adt/a'],
  ['maintenance', 'adt/a'],
  ['ready', 'adt/a'],
  ['weight', 'adt/a', '2'],
])('the command line: %s %s', async (...command) => {
  const { gw1, gw2, config } = await pair();
  const { code, out } = await runInProcess([...command, '--all', '-c', config]);
  expect([code, out.length]).toEqual([0, 2]);
  expect([...gw1.control.changes, ...gw2.control.changes]).toHaveLength(2);
});

test('readiness is a gateway’s own', async () => {
  const { code, err } = await runInProcess(['ready', '--all', '-c', 'gateway.yaml']);
  expect([code, err[0]]).toEqual([2, expect.stringContaining('status --cluster tells how the members are')]);
});
