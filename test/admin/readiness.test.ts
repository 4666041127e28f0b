// F107: one judgement of what works, shown alike by `/readyz`, `/status`, `ready`, `status --check` and the metric `node_up`.
import { describe, expect, test } from 'vitest';
import { conditionOf } from '../../src/admin/control/condition.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { readiness } from '../../src/cli/admin/readiness.ts';
import { checkStatus } from '../../src/cli/admin/status.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { printed } from '../cli/admin-command.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { allTo, poolOf } from '../reload/room.ts';
import { type AdminRoom, ask, openAdmin, TOKEN } from './admin-room.ts';
import { nodeReport } from './fake-control.ts';

function lose(room: AdminRoom, pool: string): void {
  room.control.nodeReports = room.control.nodeReports.map((one) =>
    one.pool === pool ? { ...one, state: 'down', health: 'down', available: false } : one,
  );
}

const said = async (room: AdminRoom, path: string, accept = '*/*') => {
  const { status, text } = await ask(room, 'GET', path, { headers: { accept } });
  return [status, text];
};

describe('F108 /readyz', () => {
  test('one pool without a node does not make the gateway unready; it is named', async () => {
    const room = await openAdmin();
    lose(room, 'lab');
    expect(await said(room, '/readyz')).toEqual([200, 'ok\npool lab has no available node\n']);
    expect(await said(room, '/readyz/adt')).toEqual([200, 'ok\n']);
    const no = [503, 'not ready\npool lab has no available node\n'];
    expect(await said(room, '/readyz/lab')).toEqual(no);
    expect(await said(room, '/readyz?pools=adt,lab')).toEqual(no);
    expect(await said(room, '/readyz?pools=adt')).toEqual([200, 'ok\n']);
    lose(room, 'adt');
    expect((await said(room, '/readyz'))[0]).toBe(200);
  });

  test('as JSON it names each pool with its nodes', async () => {
    const room = await openAdmin();
    lose(room, 'lab');
    const [status, text] = await said(room, '/readyz', 'application/json');
    expect([status, JSON.parse(String(text))]).toEqual([
      200,
      {
        ready: true,
        draining: false,
        pools: [
          { pool: 'adt', available: true, nodes: 3, availableNodes: 2 },
          { pool: 'lab', available: false, nodes: 2, availableNodes: 0 },
        ],
        notes: ['pool lab has no available node'],
      },
    ]);
  });

  test('a pool that is not there is 404, with what may have been meant', async () => {
    const room = await openAdmin();
    for (const path of ['/readyz/adtt', '/readyz?pools=lab,adtt']) {
      const [status, text] = await said(room, path);
      expect([status, text]).toEqual([404, expect.stringContaining('did you mean \\"adt\\"?')]);
    }
  });

  test('draining is not ready, whatever is asked for', async () => {
    const room = await openAdmin();
    room.control.draining = true;
    for (const path of ['/readyz', '/readyz/adt', '/readyz?pools=adt'])
      expect(await said(room, path)).toEqual([503, 'not ready\nthe gateway is draining\n']);
  });
});

describe('hl7-gateway ready', () => {
  const options = (room: AdminRoom, pools: readonly string[] = []) => ({
    admin: room.url,
    timeoutMs: 5_000,
    pools,
    json: false,
    quiet: false,
  });
  const run = (room: AdminRoom, pools: readonly string[] = [], more: object = {}) =>
    printed((terminal) => readiness({ ...options(room, pools), ...more }, terminal));

  test('says what /readyz says, without a token', async () => {
    const room = await openAdmin();
    expect(await run(room)).toEqual({ code: 0, out: ['ready'], err: [] });
    lose(room, 'lab');
    const note = 'pool lab has no available node';
    expect(await run(room)).toEqual({ code: 0, out: [`ready; ${note}`], err: [] });
    expect(await run(room, ['adt'])).toEqual({ code: 0, out: ['ready'], err: [] });
    expect(await run(room, ['adt', 'lab'])).toEqual({ code: 1, out: [`not ready; ${note}`], err: [] });
    expect(await run(room, ['lab'], { quiet: true })).toEqual({ code: 1, out: [], err: [] });
    const { code, out } = await run(room, ['lab'], { json: true });
    expect([code, JSON.parse(out[0] ?? '')]).toMatchObject([1, { ready: false, pools: [{ pool: 'lab' }] }]);
    expect(await run(room, ['nothing'])).toMatchObject({ code: 'GW_ERR_ADMIN_NOT_FOUND' });
    await room.server.stop();
    expect(await run(room)).toMatchObject({ code: 'GW_ERR_ADMIN_CONNECT' });
  });
});

describe('hl7-gateway status --check', () => {
  const run = (room: AdminRoom, token = TOKEN) => {
    process.env.HL7_GATEWAY_TOKEN = token;
    return printed((terminal) =>
      checkStatus({ admin: room.url, timeoutMs: 5_000, json: false }, terminal),
    ).finally(() => {
      delete process.env.HL7_GATEWAY_TOKEN;
    });
  };

  test('0 all well, 1 degraded, 2 nothing works or not reachable', async () => {
    const room = await openAdmin();
    room.control.certificateReports = [];
    room.control.nodeReports = room.control.nodeReports.filter(({ state }) => state !== 'down');
    expect(await run(room)).toEqual({
      code: 0,
      out: ['HL7-GATEWAY OK: all pools and nodes are available'],
      err: [],
    });
    lose(room, 'lab');
    expect(await run(room)).toEqual({
      code: 1,
      out: ['HL7-GATEWAY WARNING: pool lab has no available node'],
      err: [],
    });
    lose(room, 'adt');
    expect(await run(room)).toEqual({
      code: 2,
      out: ['HL7-GATEWAY CRITICAL: pool adt has no available node', 'pool lab has no available node'],
      err: [],
    });
    expect(await run(room, 'wrong-token-0123')).toMatchObject({
      code: 2,
      out: [expect.stringMatching(/^HL7-GATEWAY CRITICAL: the token is missing or wrong/)],
    });
    await room.server.stop();
    expect(await run(room)).toMatchObject({
      code: 2,
      out: [expect.stringMatching(/^HL7-GATEWAY CRITICAL: the admin API did not answer/)],
    });
  });
});

test('every kind of trouble degrades: a node, a reload, a certificate, the state file', () => {
  const fine = { draining: false, reloadError: undefined, pools: [pool('up')], certificates: [] };
  const expiring = (days: number) => ({
    where: 'admin.tls',
    file: '/x',
    subject: 'CN=x',
    notAfter: '',
    days,
  });
  expect(conditionOf(fine)).toEqual({ condition: 'ok', problems: [] });
  const stored = [{ pool: 'p', configured: true, waiting: 3, dead: 0 }];
  expect(conditionOf({ ...fine, spools: stored }).condition).toBe('ok');
  expect(conditionOf({ ...fine, pools: [pool('up', 'down')] })).toEqual({
    condition: 'degraded',
    problems: ['node p/n1 is down: ECONNREFUSED'],
  });
  // What an operator took out is as he wants it.
  expect(conditionOf({ ...fine, pools: [pool('up', 'maintenance', 'draining', 'full')] }).condition).toBe(
    'ok',
  );
  for (const [more, problem] of [
    [{ reloadError: 'x' }, 'the last reload failed: x'],
    [
      { spools: [{ pool: 'p', configured: true, waiting: 3, dead: 2 }] },
      '2 dead letters of pool p wait for a person',
    ],
    [
      { spools: [{ pool: 'p', configured: false, waiting: 3, dead: 2 }] },
      '5 messages of pool p are stored, and nothing delivers them: the config has no such spool',
    ],
    [{ stateError: 'ENOSPC' }, 'the state file cannot be written: ENOSPC'],
    [{ certificates: [expiring(-1)] }, 'certificate CN=x of admin.tls has expired'],
    [{ certificates: [expiring(1), expiring(8)] }, 'certificate CN=x of admin.tls expires in 1 day'],
  ] as const)
    expect(conditionOf({ ...fine, ...more })).toEqual({ condition: 'degraded', problems: [problem] });
  expect(conditionOf({ ...fine, pools: [pool('down'), pool('maintenance')] }).condition).toBe('failed');
  expect(conditionOf({ ...fine, draining: true }).condition).toBe('failed');
});

test('F107 a running gateway: node_up, /status and /readyz agree in each state of a node', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  const text = allTo('pool', poolOf([a.url, b.url]), () => {});
  await using gw = await startGateway(text);
  const log = createLog({ level: 'silent', format: 'json' });
  const control = new GatewayControl(() => gw.gateway, text, log);
  const views = async () => {
    const metrics = (await control.metrics('prometheus')) ?? '';
    const up = [...metrics.matchAll(/^hl7_gateway_node_up\{.*\} ([01])$/gm)].map(
      ([, value]) => value === '1',
    );
    const { pools, condition } = control.status();
    const shown = pools.flatMap(({ nodes }) => nodes.map(({ available }) => available));
    expect(shown).toEqual(up);
    const [ready] = control.readiness(['pool']).pools;
    expect(ready?.availableNodes).toBe(up.filter(Boolean).length);
    expect(control.readiness(['pool']).ready).toBe(pools[0]?.available);
    return [up, condition];
  };
  const node = (name: string) =>
    gw.gateway.pools.runtimes.get('pool')?.nodes.find((one) => one.name === name);
  expect(await views()).toEqual([[true, true], 'ok']);
  control.maintenance('pool', 'a', 'me');
  expect(await views()).toEqual([[false, true], 'ok']);
  control.drain('pool', 'b', 'me');
  expect(await views()).toEqual([[false, true], 'ok']);
  for (let i = 0; i < 3; i++) node('b')?.failedBy('ECONNREFUSED');
  expect(await views()).toEqual([[false, false], 'failed']);
  control.ready('pool', 'a', 'me');
  expect(await views()).toEqual([[true, false], 'degraded']);
});

function pool(...states: readonly string[]) {
  const nodes = states.map((state, n) => nodeReport('p', `n${n}`, { state, reason: 'ECONNREFUSED' }));
  return {
    pool: 'p',
    protocol: 'mllp' as const,
    queued: 0,
    nodes,
    available: nodes.some(({ available }) => available),
  };
}
