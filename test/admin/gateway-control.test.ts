// The admin API's hold on a running gateway: what an operator changes takes effect at the next message, is kept over a
// reload of the file, and is shown in the effective config, where no secret is (F77).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';

const TOKEN = 'a-token-that-nobody-may-see';

interface Room {
  readonly file: string;
  readonly control: GatewayControl;
  readonly log: Record<string, unknown>[];
  readonly sender: Sender;
  text(nodes: readonly FaultyNode[]): string;
}

async function room(...nodes: readonly FaultyNode[]): Promise<Room> {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const file = join(folder, 'gateway.yaml');
  const textOf = (all: readonly FaultyNode[]): string =>
    JSON.stringify({
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: {
        pool: {
          nodes: Object.fromEntries(all.map(({ url }, i) => [String.fromCharCode(97 + i), { url }])),
          balance: 'round-robin',
          health: { interval: '1h' },
        },
      },
      routes: [{ name: 'all', when: { 'MSH-9.1': { not: 'NONE' } }, to: 'pool' }],
      admin: { token: TOKEN },
    });
  writeFileSync(file, textOf(nodes));
  const log: Record<string, unknown>[] = [];
  const logger = createLog(
    { level: 'debug', format: 'json' },
    { write: (line) => void log.push(JSON.parse(line)) },
  );
  const { config } = parseConfig(textOf(nodes), { env: {}, file });
  const control = new GatewayControl(() => gateway, textOf(nodes), logger);
  const gateway: Gateway = new Gateway(config, logger, { observers: control.observers });
  await gateway.start();
  const sender = await connectSender(gateway.listeners[0]?.port ?? 0);
  onTestFinished(async () => {
    await sender[Symbol.asyncDispose]();
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  return { file, control, log, sender, text: textOf };
}

async function send({ sender }: Room, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect(said(await sender.exchange(message()))).toMatch(/^AA /);
}

describe('nodes', () => {
  test('one that is added takes messages, is kept over a reload, and is in the effective config', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const gateway = await room(a);
    expect(gateway.control.addNode('pool', 'b', { url: b.url, weight: 1 }, '10.0.0.9')).toMatchObject({
      node: 'b',
      url: b.url,
      state: 'up',
      runtime: true,
    });
    await send(gateway, 4);
    expect(b.messages).toHaveLength(2);
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ pool: 'pool', node: 'b', by: '10.0.0.9', msg: 'admin: node added' }),
    );
    expect(await gateway.control.reload('SIGHUP')).toEqual({ changed: [], atNextStart: [], warnings: [] });
    await send(gateway, 4);
    expect(b.messages).toHaveLength(4);
    expect(parse(gateway.control.effectiveConfig()).pools.pool.nodes).toEqual({
      a: { url: a.url },
      b: { url: b.url, weight: 1 },
    });
  });

  test('one that is removed gets nothing more, also after a reload; the last one cannot be', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const gateway = await room(a, b);
    gateway.control.removeNode('pool', 'a', '10.0.0.9');
    await send(gateway, 2);
    await gateway.control.reload('SIGHUP');
    await send(gateway, 2);
    expect(a.messages).toHaveLength(0);
    expect(Object.keys(parse(gateway.control.effectiveConfig()).pools.pool.nodes)).toEqual(['b']);
    expect(() => gateway.control.removeNode('pool', 'b', '')).toThrow(/at least one node/);
  });

  test('a weight that is set is kept over a reload', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const gateway = await room(a, b);
    gateway.control.setWeight('pool', 'a', 0, '10.0.0.9');
    await gateway.control.reload('SIGHUP');
    await send(gateway, 3);
    expect(a.messages).toHaveLength(0);
    expect(parse(gateway.control.effectiveConfig()).pools.pool.nodes.a).toEqual({ url: a.url, weight: 0 });
  });

  test('maintenance and ready', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const gateway = await room(a, b);
    expect(gateway.control.maintenance('pool', 'a', '10.0.0.9')).toMatchObject({
      state: 'maintenance',
      reason: 'wanted from 10.0.0.9',
    });
    await send(gateway, 2);
    expect(a.messages).toHaveLength(0);
    expect(gateway.control.ready('pool', 'a', '10.0.0.9').state).toBe('up');
    await send(gateway, 4);
    expect(a.messages.length).toBeGreaterThan(0);
  });

  test('names that are none, and settings that are none, change nothing', async () => {
    await using a = await startFaultyNode();
    const { control } = await room(a);
    const before = control.effectiveConfig();
    expect(() => control.drain('pol', 'a', '')).toThrow(/no pool of that name.*did you mean "pool"/);
    expect(() => control.drain('pool', 'zz', '')).toThrow(/no node of that name/);
    expect(() => control.addNode('pool', 'a', { url: a.url }, '')).toThrow(/has a node of that name/);
    expect(() => control.addNode('pool', 'b', { url: 'mlp://h:1' }, '')).toThrow(
      /pools\.pool\.nodes\.b\.url/,
    );
    expect(() => control.addNode('pool', 'b', { url: a.url, wieght: 2 }, '')).toThrow(
      /did you mean "weight"/,
    );
    expect(control.effectiveConfig()).toBe(before);
  });
});

test('what it did is counted and timed', async () => {
  await using a = await startFaultyNode();
  const gateway = await room(a);
  await send(gateway, 5);
  const [node] = gateway.control.nodes();
  expect(node).toMatchObject({ answers: { AA: 5 }, inFlight: 0, state: 'up' });
  expect(node?.p50Ms).toBeGreaterThan(0);
  expect(node?.p99Ms).toBeGreaterThanOrEqual(node?.p50Ms ?? 0);
  expect(gateway.control.routes()).toEqual([
    { route: 'all', when: { 'MSH-9.1': 'not NONE' }, to: 'pool', messages: 5 },
  ]);
  expect(gateway.control.senders()).toEqual([
    expect.objectContaining({ listener: 'in', address: '127.0.0.1', messages: 5, pending: 0 }),
  ]);
  expect(gateway.control.readiness([]).ready).toBe(true);
});

test('what it counted of a route ends with the route', async () => {
  await using a = await startFaultyNode();
  const gateway = await room(a);
  const messages = (): unknown[] => gateway.control.routes().map((route) => [route.route, route.messages]);
  await send(gateway, 2);
  expect(messages()).toEqual([['all', 2]]);
  for (const [name, count] of [['other', 0] as const, ['all', 0] as const]) {
    writeFileSync(gateway.file, gateway.text([a]).replace(/"name":"\w+"/, `"name":"${name}"`));
    await gateway.control.reload('10.0.0.9');
    expect(messages()).toEqual([[name, count]]);
  }
});

test('F74 a file that is wrong changes nothing, and the status says why', async () => {
  await using a = await startFaultyNode();
  const gateway = await room(a);
  writeFileSync(gateway.file, `${gateway.text([a]).slice(0, -1)}, "listners": {} }`);
  await expect(gateway.control.reload('10.0.0.9')).rejects.toMatchObject({ code: 'GW_ERR_CONFIG' });
  expect(gateway.control.status().reloadError).toMatch(
    /gateway\.yaml:1:\d+: listners: unknown key; did you mean "listeners"/,
  );
  await send(gateway, 1);
  writeFileSync(gateway.file, gateway.text([a]));
  await gateway.control.reload('10.0.0.9');
  expect(gateway.control.status().reloadError).toBeUndefined();
});

test('F77 no secret is in what it tells', async () => {
  await using a = await startFaultyNode();
  const { control, log } = await room(a);
  const told = JSON.stringify([
    control.effectiveConfig(),
    control.status(),
    control.routes(),
    await control.metrics('prometheus'),
    log,
  ]);
  expect(told).not.toContain(TOKEN);
  expect(control.effectiveConfig()).toContain('***');
});
