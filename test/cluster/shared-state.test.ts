// Two gateways that share what operators decide and which sender has which node, with a real nats-server: away at the start, away later,
// back, wiped, restarted, and with all that can be wrong with it. The gateway serves on in each.
import { describe, expect, test } from 'vitest';
import type { FaultyNode } from '../helpers/faulty-node.ts';
import { hasNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/until.ts';
import {
  AWAY,
  admin,
  away,
  decide,
  exchange,
  nats,
  nodesOf,
  start,
  startBoth,
  there,
  twoNodes,
  untilNodes,
} from './shared-state-room.ts';

const SENDERS = Array.from({ length: 12 }, (_, i) => `S${i}`);

/** How many messages of a sender each node has. */
function placeOf(nodes: readonly FaultyNode[], app: string): readonly number[] {
  return nodes.map(
    ({ messages }) =>
      messages.filter(({ payload }) => payload.toString('latin1').includes(`|${app}|`)).length,
  );
}

describe.skipIf(!hasNats)('shared state (skipped where nats-server is not installed)', () => {
  test('drain, weight, nodes added and removed at one member are in force at the other', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const [one, other] = await startBoth(nodes, { servers: [server.url] });
    await decide(one, 'POST', '/nodes/pool/n0/drain');
    await decide(one, 'PUT', '/nodes/pool/n1/weight', '{"weight":5}');
    await decide(one, 'PUT', '/nodes/pool/n2', JSON.stringify({ url: nodes[0]?.url }));
    await untilNodes(other, { n0: 'draining 1', n1: 'up 5', n2: 'up 1' });
    await decide(other, 'POST', '/nodes/pool/n0/ready');
    await decide(other, 'DELETE', '/nodes/pool/n2');
    await untilNodes(one, { n0: 'up 1' });
    await until(async () => !('n2' in (await nodesOf(one))));
  });

  test('no sender that moves has another node than before', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const hashKey = 'of-this-test-only';
    const one = await start('gw1', nodes, { servers: [server.url], hashKey });
    await there(one);
    for (const app of SENDERS) await exchange(one, app);
    // What was bound last is written.
    await until(async () => (await admin(one, 'GET', '/status')).text.includes('"queued":0'));
    const before = SENDERS.map((app) => placeOf(nodes, app));
    const other = await start('gw2', nodes, { servers: [server.url], hashKey });
    await there(other);
    // In another order: by itself the other member would deal them out differently.
    for (const app of [...SENDERS].reverse()) await exchange(other, app);
    const after = SENDERS.map((app) => placeOf(nodes, app));
    const moved = SENDERS.filter((_, i) => !before[i]?.every((count, n) => after[i]?.[n] === 2 * count));
    expect(moved).toEqual([]);
  });

  test('away at the start: it serves, says so once, and goes by what others decided when it is there', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const one = await start('gw1', nodes, { servers: [server.url] });
    await there(one);
    await decide(one, 'POST', '/nodes/pool/n0/maintenance');
    await until(async () => JSON.stringify((await admin(one, 'GET', '/status')).body).includes('"queued":0'));
    await server.kill();
    const other = await start('gw2', nodes, { servers: [server.url] });
    expect(await away(other)).toMatchObject({ reason: 'refused' });
    await exchange(other, 'A');
    const ready = await admin(other, 'GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.text).toContain('shared state: NATS is away (refused)');
    await server.start();
    await untilNodes(other, { n0: 'maintenance 1' });
    expect(other.lines.filter(({ msg }) => AWAY.test(String(msg)))).toHaveLength(1);
  });

  test('away, then back with nothing: what was decided at both meanwhile is in force at both', async () => {
    const [server, nodes] = [await nats(), await twoNodes()];
    const [one, other] = await startBoth(nodes, { servers: [server.url] });
    await decide(one, 'PUT', '/nodes/pool/n0/weight', '{"weight":7}');
    await untilNodes(other, { n0: 'up 7' });
    await server.kill();
    await Promise.all([away(one), away(other)]);
    await decide(one, 'POST', '/nodes/pool/n0/drain');
    await decide(other, 'POST', '/nodes/pool/n1/maintenance');
    await exchange(other, 'B');
    server.wipe();
    await server.start();
    await Promise.all([one, other].map((gw) => untilNodes(gw, { n0: 'draining 7', n1: 'maintenance 1' })));
    await one.line(
      ({ msg }) => msg === 'shared state: decided here while NATS was away, written now',
      'what was written when NATS was back',
    );
  });

  test.each<[what: string, config: string, section: object, reason: string]>([
    ['no JetStream', '', {}, 'jetstream'],
    ['no user', 'jetstream {}\nauthorization { user: a, password: b }', {}, 'authorization'],
    [
      'a wrong password',
      'jetstream {}\nauthorization { user: a, password: b }',
      { user: 'a', password: 'not-it' },
      'authorization',
    ],
    [
      'no permission',
      'jetstream {}\nauthorization { users: [{ user: a, password: b, permissions: { publish: ["x"] } }] }',
      { user: 'a', password: 'b' },
      'permission',
    ],
    ['TLS that the server does not speak', 'jetstream {}', { tls: {} }, 'tls'],
  ])('%s: it serves, and says why', async (_, config, section, reason) => {
    const [server, nodes] = [await nats(config), await twoNodes()];
    const gateway = await start('gw1', nodes, { servers: [server.url], ...section });
    expect(await away(gateway)).toMatchObject({ reason });
    await exchange(gateway, 'C');
    expect(JSON.stringify(gateway.lines)).not.toContain('not-it');
    expect((await admin(gateway, 'GET', '/readyz')).status).toBe(200);
  });
});
