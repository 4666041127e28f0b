// What binds a client to its node, through both VIPs and all the way: the gateway's own cookie, the client's address, a
// header, a cookie that the node gives. And what becomes of it when the node dies and when it is back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MIRTH_HTTP_DEFAULTS } from '../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../src/tools/simulation/simulated-http-node.ts';
import { holdPort } from '../helpers/port-hold.ts';
import { until } from '../helpers/until.ts';
import {
  LONG,
  openVips,
  PATIENCE_MS,
  type SimulatedNodes,
  startSimulatedNodes,
  VIPS,
  type Vip,
  type Vips,
  vipCertificate,
} from './http-vips.ts';
import { User, type UserOptions } from './user.ts';

let certificate: ReturnType<typeof vipCertificate>;
beforeAll(() => {
  certificate = vipCertificate();
});
afterAll(() => certificate[Symbol.dispose]());

const HEALTH = { type: 'tcp', interval: '100ms', rise: 1, fall: 1 };
const COOKIE = { persistence: { cookie: 'GATEWAY_NODE' } };

function user(vips: Vips, options?: UserOptions): User {
  return new User(certificate, vips, options);
}

/** The nodes that served it, one after the other. */
async function nodesOf(one: User, vip: Vip, times: number, path?: string): Promise<string[]> {
  const nodes: string[] = [];
  for (let i = 0; i < times; i++) nodes.push((await one.get(vip, path)).node);
  return nodes;
}

/** Kills it; the result brings it back to the same port, without what it knew. */
async function kill({ nodes }: SimulatedNodes, vips: Vips, name: string) {
  const node = nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  const { port } = node;
  await node.stop();
  const hold = await holdPort('127.0.0.1', port);
  const isUp = (): boolean | undefined =>
    vips.gw.gateway.httpPools.get('web')?.pool.nodes.find((one) => one.name === name)?.usable;
  return {
    async revive(): Promise<SimulatedHttpNode> {
      await until(() => isUp() === false, { deadlineMs: PATIENCE_MS, what: `node ${name} down` });
      const again = new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, name, port });
      await again.start();
      await hold.release();
      await until(isUp, { deadlineMs: PATIENCE_MS, what: `node ${name} up` });
      return again;
    },
    release: () => hold.release(),
  };
}

describe.each(VIPS)("the gateway's cookie at the %s VIP", LONG, (vip) => {
  test('is opaque, for no script, for this site, and Secure under TLS alone', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: COOKIE });
    const values = new Map<string, string>();
    for (let i = 0; i < 6; i++) {
      const { node, setCookies } = await user(vips).get(vip, '/echo');
      const [, value = '', rest] = /^GATEWAY_NODE=([^;]+)(.*)$/.exec(setCookies.join('\n')) ?? [];
      expect(rest).toBe(`; Path=/; HttpOnly; SameSite=Lax${vip === 'https' ? '; Secure' : ''}`);
      expect(value).toMatch(/^[\w-]{16}$/);
      expect(Buffer.from(value, 'base64url').toString('latin1')).not.toMatch(/127|web|:\d|^[ab]$/);
      values.set(value, node);
    }
    // One for each node, and no more.
    expect([...values.values()].sort()).toEqual(['a', 'b']);
  });

  test('is set once, leads back, and is not shown to the node', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: COOKIE });
    const one = user(vips);
    const { node } = await one.get(vip, '/echo');
    const alone = await one.get(vip, '/echo');
    expect(alone).toMatchObject({ node, setCookies: [] });
    expect(alone.seen).not.toHaveProperty('cookie');
    one.cookies.set('theme', 'dark');
    one.cookies.set('XGATEWAY_NODE', 'not ours');
    const among = await one.get(vip, '/echo');
    expect(among).toMatchObject({ node, setCookies: [] });
    expect(among.seen.cookie).toBe('theme=dark; XGATEWAY_NODE=not ours');
    expect(new Set(await nodesOf(one, vip, 10))).toEqual(new Set([node]));
  });

  test('with a value that is none: like a stranger, and set anew', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: COOKIE });
    for (const value of ['a', '', '"', 'x'.repeat(4000), '0000000000000000']) {
      const one = user(vips);
      one.cookies.set('GATEWAY_NODE', value);
      const { status, setCookies, seen } = await one.get(vip, '/echo');
      expect([status, setCookies.length]).toEqual([200, 1]);
      expect(seen).not.toHaveProperty('cookie');
    }
  });

  test('of a node that died: its users move, each with a new cookie, and stay when it is back', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: { ...COOKIE, health: HEALTH } });
    const users = Array.from({ length: 4 }, () => user(vips));
    const homes = await Promise.all(users.map(async (one) => (await one.get(vip)).node));
    expect([...homes].sort()).toEqual(['a', 'a', 'b', 'b']);
    const before = users.map(({ cookies }) => cookies.get('GATEWAY_NODE'));
    const dead = await kill(room, vips, 'a');
    for (const [i, one] of users.entries()) {
      // At once, before a check has found out; only who was at `a` begins anew.
      const moved = await one.get(vip);
      expect(moved).toMatchObject({ status: 200, node: 'b', visits: homes[i] === 'a' ? 1 : 2 });
      expect(one.cookies.get('GATEWAY_NODE') === before[i]).toBe(homes[i] === 'b');
    }
    const again = await dead.revive();
    for (const one of users) expect(await nodesOf(one, vip, 3)).toEqual(['b', 'b', 'b']);
    const strangers = await Promise.all([0, 1].map(async () => (await user(vips).get(vip)).node));
    expect(strangers.sort()).toEqual(['a', 'b']);
    await again.stop();
  });
});

describe.each(VIPS)('a sticky key at the %s VIP', LONG, (vip) => {
  const keys: readonly [by: string, of: (i: number) => UserOptions][] = [
    ['source', (i) => ({ source: `127.0.0.${i + 2}` })],
    ['header.X-User', (i) => ({ headers: { 'x-user': `user ${i}` } })],
  ];

  test.each(keys)(
    'by %s: one node each, and that of a dead one moves for as long as it is dead',
    async (by, of) => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, {
        nodes: room.urls,
        pool: { persistence: { by: [by] }, health: HEALTH },
      });
      const users = Array.from({ length: 12 }, (_, i) => user(vips, of(i)));
      const homes: string[] = [];
      for (const one of users) {
        const [home = '', ...others] = await nodesOf(one, vip, 4, '/echo');
        expect(others).toEqual([home, home, home]);
        homes.push(home);
      }
      // It depends on the key alone: of 12 both have some.
      expect(new Set(homes).size).toBe(2);
      const dead = await kill(room, vips, 'a');
      for (const one of users) expect(await nodesOf(one, vip, 2, '/echo')).toEqual(['b', 'b']);
      const again = await dead.revive();
      for (const [i, one] of users.entries())
        expect(await nodesOf(one, vip, 2, '/echo')).toEqual([homes[i], homes[i]]);
      await again.stop();
    },
  );

  test('by a header: whoever has none is balanced', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, {
      nodes: room.urls,
      pool: { persistence: { by: ['header.X-User'] } },
    });
    expect((await nodesOf(user(vips), vip, 4, '/echo')).sort()).toEqual(['a', 'a', 'b', 'b']);
  });

  const table = { persistence: { by: ['cookie.JSESSIONID'], mode: 'table' } };

  test('by cookie.JSESSIONID in a table: learnt from what the node gives', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: table });
    for (let i = 0; i < 4; i++) {
      const one = user(vips);
      const { node, visits, setCookies } = await one.get(vip);
      expect(visits).toBe(1);
      expect(setCookies).toEqual([expect.stringMatching(/^JSESSIONID=/)]);
      // The node knows it as its own: each visit counts, and it is given no other.
      for (let visit = 2; visit <= 6; visit++)
        expect(await one.get(vip)).toMatchObject({ node, visits: visit, setCookies: [] });
    }
    const both = new Set(vips.gw.proxied.map(({ attempts }) => attempts[0]?.node));
    expect(both.size).toBe(2);
  });

  test('by cookie.JSESSIONID: of a node that died it is learnt anew at the other, and stays there', async () => {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool: { ...table, health: HEALTH } });
    const one = user(vips);
    const { node } = await one.get(vip);
    const before = one.cookies.get('JSESSIONID');
    const other = node === 'a' ? 'b' : 'a';
    const dead = await kill(room, vips, node);
    for (let visits = 1; visits <= 3; visits++)
      expect(await one.get(vip)).toMatchObject({ node: other, visits });
    expect(one.cookies.get('JSESSIONID')).not.toBe(before);
    const again = await dead.revive();
    for (let visits = 4; visits <= 6; visits++)
      expect(await one.get(vip)).toMatchObject({ node: other, visits });
    await again.stop();
  });
});

test.each([
  ["the gateway's cookie", COOKIE],
  ['a table', { persistence: { by: ['cookie.JSESSIONID'], mode: 'table' } }],
])('a drained node keeps its users by %s, at both VIPs, and takes no new ones', LONG, async (_, pool) => {
  await using room = await startSimulatedNodes();
  await using vips = await openVips(certificate, { nodes: room.urls, pool });
  const users = Array.from({ length: 4 }, () => user(vips));
  const homes = await Promise.all(users.map(async (one) => (await one.get('https')).node));
  expect([...homes].sort()).toEqual(['a', 'a', 'b', 'b']);
  const drained = vips.gw.gateway.httpPools.get('web')?.pool.nodes.find(({ name }) => name === 'a');
  drained?.drain();
  for (const vip of VIPS) {
    for (const [i, one] of users.entries()) expect((await one.get(vip)).node).toBe(homes[i]);
    for (let i = 0; i < 4; i++) expect((await user(vips).get(vip)).node).toBe('b');
  }
  drained?.ready();
  const strangers = await Promise.all(
    Array.from({ length: 4 }, async () => (await user(vips).get('http')).node),
  );
  expect(new Set(strangers).size).toBe(2);
});

test('both VIPs lead to the same node: the cookie and the table belong to the pool', LONG, async () => {
  for (const pool of [COOKIE, { persistence: { by: ['cookie.JSESSIONID'], mode: 'table' } }]) {
    await using room = await startSimulatedNodes();
    await using vips = await openVips(certificate, { nodes: room.urls, pool });
    const one = user(vips);
    const { node } = await one.get('https');
    for (const [i, vip] of (['http', 'https', 'http', 'https'] as const).entries())
      expect(await one.get(vip)).toMatchObject({ node, visits: i + 2 });
  }
});
