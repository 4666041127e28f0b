// Gateways that share state by a real nats-server, as processes, and what is asked of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ask } from '../admin/admin-room.ts';
import { type GatewayChild, startGatewayProcess } from '../e2e/child.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { NatsServer } from '../helpers/nats-server.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { pairSection } from './cluster-config.ts';

export const TOKEN = 'a-token-of-this-test-only';
const bearer = { authorization: `Bearer ${TOKEN}` };

export async function nats(config?: string): Promise<NatsServer> {
  const server = new NatsServer(config);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.start();
}

export async function twoNodes(): Promise<readonly FaultyNode[]> {
  const nodes = [await startFaultyNode(), await startFaultyNode()];
  onTestFinished(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
  });
  return nodes;
}

export async function start(
  member: 'gw1' | 'gw2',
  nodes: readonly FaultyNode[],
  natsSection: object,
  more: object = {},
  args: readonly string[] = [],
): Promise<GatewayChild> {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-shared-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      pool: {
        nodes: Object.fromEntries(nodes.map(({ url }, i) => [`n${i}`, { url }])),
        persistence: { by: ['MSH-3'], mode: 'table' },
        balance: 'round-robin',
      },
    },
    routes: [{ to: 'pool' }],
    admin: { bind: '127.0.0.1:0', token: TOKEN },
    cluster: pairSection({ member, track: join(folder, 'vrrp'), state: { nats: natsSection } }),
    ...more,
  };
  const gateway = await startGatewayProcess(config, args);
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

export async function admin(gateway: GatewayChild, method: string, path: string, body?: string) {
  const { address } = await gateway.line(({ msg }) => msg === 'admin API listening', 'the admin API');
  return ask({ url: `http://${address}` }, method, path, { headers: bearer, ...(body && { body }) });
}

export async function decide(
  gateway: GatewayChild,
  method: string,
  path: string,
  body?: string,
): Promise<void> {
  expect((await admin(gateway, method, path, body)).status).toBeLessThan(300);
}

/** State and weight of each node. */
export async function nodesOf(gateway: GatewayChild): Promise<Record<string, string>> {
  const { body } = await admin(gateway, 'GET', '/nodes');
  const nodes = body as { node: string; state: string; weight: number }[];
  return Object.fromEntries(nodes.map(({ node, state, weight }) => [node, `${state} ${weight}`]));
}

/** Servers that come back choose a leader anew, and members ask again after a pause. */
const AS_LONG_AS_A_LEADER = { deadlineMs: 90_000, what: 'nodes as wanted' };

export async function untilNodes(gateway: GatewayChild, wanted: Record<string, string>): Promise<void> {
  let seen: Record<string, string> = {};
  await until(async () => {
    seen = await nodesOf(gateway);
    return Object.entries(wanted).every(([node, what]) => seen[node] === what);
  }, AS_LONG_AS_A_LEADER).catch(() => expect(seen).toMatchObject(wanted));
}

export const there = (gateway: GatewayChild, times = 1): Promise<unknown> =>
  until(() => gateway.lines.filter(({ msg }) => msg === 'shared state: NATS is there').length >= times, {
    deadlineMs: 60_000,
  });

export const AWAY = /^shared state: NATS is away/;
export const away = (gateway: GatewayChild): Promise<Record<string, unknown>> =>
  gateway.line(({ msg }) => AWAY.test(String(msg)), 'NATS being away');

export async function exchange(gateway: GatewayChild, app: string): Promise<void> {
  await using sender = await connectSender(gateway.port);
  expect(said(await sender.exchange(message({ app })))).toMatch(/^AA/);
}

/** Both members of a pair that shares by these servers, when they have found them. */
export async function startBoth(
  nodes: readonly FaultyNode[],
  natsSection: object,
  moreOfFirst: object = {},
): Promise<readonly [one: GatewayChild, other: GatewayChild]> {
  const both = await Promise.all([
    start('gw1', nodes, natsSection, moreOfFirst),
    start('gw2', nodes, natsSection),
  ]);
  await Promise.all(both.map((one) => there(one)));
  return both;
}
