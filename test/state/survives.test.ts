// F108: what an operator decided, and which sender has which node, over reload, hot restart, stop, kill -9 and start, with the real
// process. A node in maintenance gets nothing over all of that.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask } from '../admin/admin-room.ts';
import { folderWith } from '../config/config-folder.ts';
import { type GatewayChild, startGatewayProcess } from '../e2e/child.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

const TOKEN = 'a-token-of-this-test-only';

interface Given {
  readonly nodes: readonly FaultyNode[];
  readonly stateFile?: string;
  readonly port?: number;
  readonly adminPort?: number;
}

function config({ nodes, stateFile, port = 0, adminPort = 0 }: Given): object {
  return {
    listeners: { in: { bind: `127.0.0.1:${port}` } },
    pools: {
      pool: {
        nodes: Object.fromEntries(nodes.map(({ url }, i) => [`n${i}`, { url }])),
        persistence: { by: ['MSH-3'], mode: 'table' },
        balance: 'round-robin',
      },
    },
    routes: [{ to: 'pool' }],
    hotRestart: true,
    admin: { bind: `127.0.0.1:${adminPort}`, token: TOKEN },
    ...(stateFile === undefined ? {} : { state: { file: stateFile } }),
  };
}

/** Ended with the test, however that ends. */
async function start(given: Given, args: readonly string[] = []): Promise<GatewayChild> {
  const gateway = await startGatewayProcess(config(given), args);
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

async function adminOf(gateway: GatewayChild): Promise<{ url: string }> {
  const { address } = await gateway.line(({ msg }) => msg === 'admin API listening', 'the admin API');
  return { url: `http://${address}` };
}

const bearer = { authorization: `Bearer ${TOKEN}` };

async function decide(gateway: GatewayChild, method: string, path: string, body?: string): Promise<void> {
  const told = await ask(await adminOf(gateway), method, path, { headers: bearer, ...(body && { body }) });
  expect(told.status).toBeLessThan(300);
}

async function nodesOf(gateway: GatewayChild): Promise<unknown> {
  const { body } = await ask(await adminOf(gateway), 'GET', '/nodes', { headers: bearer });
  return (body as { node: string; state: string; weight: number }[]).map(({ node, state, weight }) => [
    node,
    state,
    weight,
  ]);
}

/** One message of each sender; which node got it, by sender. */
async function send(gateway: GatewayChild, senders: readonly string[]): Promise<void> {
  for (const app of senders) {
    await using sender = await connectSender(gateway.port);
    expect(said(await sender.exchange(message({ app })))).toMatch(/^AA/);
  }
}

const SENDERS = Array.from({ length: 12 }, (_, i) => `S${i}`);

function placesOf(
  nodes: readonly FaultyNode[],
  from: readonly number[] = nodes.map(() => 0),
): Map<string, number> {
  return new Map(
    nodes.flatMap((node, i) =>
      node.messages
        .slice(from[i])
        .map(({ payload }) => [payload.toString('latin1').split('|')[2] ?? '', i] as const),
    ),
  );
}

describe('with a state file', () => {
  test('F108 over reload, kill -9, start, stop, start and a hot restart', async () => {
    const stateFile = `${folderWith({})}/state.json`;
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using c = await startFaultyNode();
    const nodes = [a, b, c];
    const decided = [
      ['n0', 'up', 5],
      ['n1', 'maintenance', 1],
      ['n2', 'up', 1],
    ];
    let gateway = await start({ nodes, stateFile });
    await decide(gateway, 'POST', '/nodes/pool/n1/maintenance');
    await decide(gateway, 'PUT', '/nodes/pool/n0/weight', '{"weight":5}');
    const check = async (what: string): Promise<void> => {
      expect(await nodesOf(gateway), what).toEqual(decided);
      await send(gateway, SENDERS);
      expect(b.messages.length, what).toBe(0);
    };
    await check('at first');
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);

    gateway.kill('SIGHUP');
    await gateway.line(({ msg }) => msg === 'config loaded', 'a reload');
    await check('reload');

    gateway.kill('SIGKILL');
    await gateway.exited;
    gateway = await start({ nodes, stateFile });
    await check('kill -9 and start');
    const places = placesOf(nodes);

    gateway.kill('SIGTERM');
    expect(await gateway.exited).toMatchObject({ code: 0 });
    gateway = await start({ nodes, stateFile });
    const before = nodes.map(({ messages }) => messages.length);
    await check('stop and start');
    // Round-robin would have begun anew.
    expect(placesOf(nodes, before)).toEqual(places);

    const old = gateway;
    const next = await start({ nodes, stateFile, port: old.port }, ['--replace', String(old.process.pid)]);
    expect(await old.exited).toMatchObject({ code: 0 });
    gateway = next;
    await check('hot restart');
    expect(JSON.parse(readFileSync(stateFile, 'utf8'))).toMatchObject({ pid: next.process.pid });
    await decide(gateway, 'POST', '/nodes/pool/n1/ready');
    expect(JSON.parse(readFileSync(stateFile, 'utf8')).pools).toEqual({
      pool: { states: {}, weights: { n0: 5 }, removed: [], added: {} },
    });
  }, 120_000);

  test('what no longer fits the config is dropped and named; a broken file is not the end', async () => {
    await using a = await startFaultyNode();
    const folder = folderWith({});
    const stateFile = `${folder}/state.json`;
    const states = { n0: { state: 'draining', reason: 'x' }, gone: { state: 'maintenance', reason: 'x' } };
    const pool = { states, weights: { gone: 2 }, removed: ['n0'], added: { bad: { url: 'nonsense' } } };
    writeFileSync(stateFile, JSON.stringify({ version: 1, writer: 'x', pools: { pool, other: pool } }));
    writeFileSync(`${stateFile}.senders`, 'garbage');
    const gateway = await start({ nodes: [a], stateFile });
    expect(await nodesOf(gateway)).toEqual([['n0', 'draining', 1]]);
    const dropped = gateway.lines.filter(({ msg }) => String(msg).startsWith('stored state dropped'));
    expect(dropped.map(({ what }) => String(what).split(':')[0]).toSorted()).toEqual([
      'added node pool/bad',
      'maintenance of node pool/gone',
      'pool other',
      'removed node pool/n0',
      'weight 2 of node pool/gone',
    ]);
    expect(
      gateway.lines.some(({ msg }) => msg === 'stored state cannot be read: senders are bound anew'),
    ).toBe(true);
  });

  test('a file that cannot be written is told, and is written once it can be', async () => {
    await using a = await startFaultyNode();
    const folder = folderWith({});
    const stateFile = `${folder}/inner/state.json`;
    mkdirSync(`${folder}/inner`);
    const gateway = await start({ nodes: [a], stateFile });
    rmSync(`${folder}/inner`, { recursive: true });
    await decide(gateway, 'POST', '/nodes/pool/n0/drain');
    const status = async () =>
      (await ask(await adminOf(gateway), 'GET', '/status', { headers: bearer })).body as {
        condition: string;
        problems: string[];
      };
    expect(await status()).toMatchObject({
      condition: 'degraded',
      problems: ['the state file cannot be written: ENOENT'],
    });
    mkdirSync(`${folder}/inner`);
    await gateway.line(({ msg }) => msg === 'the state file is written again', 'a write that works');
    expect((await status()).condition).toBe('ok');
    expect(readFileSync(stateFile, 'utf8')).toContain('draining');
  }, 60_000);
});

test('F108 without a state file a hot restart hands all of it over, and a start without the other process says what is lost', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using added = await startFaultyNode();
  const nodes = [a, b];
  const first = await start({ nodes });
  await decide(first, 'PUT', '/nodes/pool/extra', JSON.stringify({ url: added.url }));
  await send(first, SENDERS);
  await decide(first, 'POST', '/nodes/pool/n1/drain');
  const all = [a, b, added];
  const places = placesOf(all);
  const before = all.map(({ messages }) => messages.length);
  const second = await start({ nodes, port: first.port }, ['--replace', String(first.process.pid)]);
  expect(await first.exited).toMatchObject({ code: 0 });
  expect(await nodesOf(second)).toEqual([
    ['n0', 'up', 1],
    ['n1', 'draining', 1],
    ['extra', 'up', 1],
  ]);
  await send(second, SENDERS);
  // Also those of the node that drains.
  await until(() => placesOf(all, before).size === SENDERS.length);
  expect(placesOf(all, before)).toEqual(places);
  expect(second.lines.find(({ msg }) => msg === 'state restored')).toMatchObject({ senders: SENDERS.length });
}, 60_000);
