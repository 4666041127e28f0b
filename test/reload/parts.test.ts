// A reload of a running gateway is one transaction: a part that cannot take up the config leaves all others as they were, and
// one that fails by a defect is named and keeps none of the others back.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import type { GatewayConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { Reconfigurable } from '../../src/reload/reconfigurable.ts';
import { folderWith } from '../config/config-folder.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { configOf, poolOf, reload } from './room.ts';

type Part = Reconfigurable<GatewayConfig>;

const refusing: Part = {
  prepare: () => {
    throw new GatewayError('GW_ERR_FILE', { detail: 'audit.file' });
  },
};

test('a part that cannot have what it needs: pools, routes and listeners stay, and so does what waits', async () => {
  const held = gate();
  await using a = await startFaultyNode(answers.after(held));
  await using b = await startFaultyNode();
  const text = configOf([a.url]);
  await using gw = await startGateway(text, { parts: [['audit', refusing]] });
  await using sender = await connectSender(gw.port());
  await sender.send(message({ controlId: 'ONE' }));
  await a.received(1);
  const before = { port: gw.port(), config: gw.gateway.config, queues: gw.gateway.queues };
  const other = configOf([], (config) => {
    config.listeners = { other: { protocol: 'mllp', bind: '127.0.0.1:0' } };
    config.pools = { new: poolOf([b.url]) };
    config.routes = [{ name: 'all', to: 'new' }];
  });
  await expect(reload(gw, other)).rejects.toMatchObject({ code: 'GW_ERR_FILE' });
  const { config, queues } = gw.gateway;
  expect({ port: gw.port(), config, queues }).toEqual(before);
  expect(gw.log.filter(({ listener, msg }) => msg === 'listening' && listener === 'other')).toEqual([]);
  held.open();
  expect(said(await sender.nextAck())).toBe('AA ONE');
  expect(said(await sender.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
  expect([a.messages.length, b.messages.length]).toEqual([2, 0]);
});

test('a listener that cannot be opened: other parts are rolled back and go on by the old config', async () => {
  await using a = await startFaultyNode();
  await using taken = await startGateway(configOf([a.url]));
  const done: string[] = [];
  const part: Part = {
    prepare: async () => {
      done.push('prepared');
      return {
        commit: () => expect.unreachable(),
        rollback: async () => void done.push('rolled back'),
        settle: () => expect.unreachable(),
      };
    },
  };
  await using gw = await startGateway(configOf([a.url]), { parts: [['admin', part]] });
  const other = configOf([a.url], (config) => {
    config.listeners.more = { protocol: 'mllp', bind: `127.0.0.1:${taken.port()}` };
  });
  await expect(reload(gw, other)).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
  expect(done).toEqual(['prepared', 'rolled back']);
  expect(gw.gateway.listeners.map(({ name }) => name)).toEqual(['in']);
});

test('observers are told of a reload when all go by the new config, and before what is gone is left', async () => {
  await using a = await startFaultyNode();
  const done: unknown[] = [];
  const part: Part = {
    prepare: () => ({
      commit: () => void done.push('commit'),
      rollback: () => expect.unreachable(),
      settle: () => void done.push('settle'),
    }),
  };
  await using gw = await startGateway(configOf([a.url]), {
    parts: [['audit', part]],
    observers: [
      { onOperator: (by, action) => void done.push([by, action, gw.gateway.config.routes.length]) },
    ],
  });
  await reload(
    gw,
    configOf([a.url], (config) => void config.routes.unshift({ when: { 'MSH-9.1': 'X' }, to: 'pool' })),
  );
  expect(done).toEqual([
    'commit',
    ['the process', { kind: 'reload', error: undefined, changed: expect.any(Array) }, 2],
    'settle',
  ]);
});

describe('a part that fails where it must not', () => {
  const broken = (step: 'commit' | 'settle'): Part => ({
    prepare: () => ({
      commit: () => {
        if (step === 'commit') throw new Error('MUSTERFRAU^ERIKA');
      },
      rollback: () => {},
      settle: async () => {
        if (step === 'settle') throw new Error('MUSTERFRAU^ERIKA');
      },
    }),
  });

  test('commit: the others go by the new config, and everybody is told which one does not', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const textOf = (url: string): string =>
      JSON.stringify({
        listeners: { in: { bind: '127.0.0.1:0' } },
        pools: { pool: { nodes: { a: { url } }, health: { type: 'none' } } },
        routes: [{ to: 'pool' }],
      });
    const folder = folderWith({ 'gateway.yaml': textOf(a.url) });
    const file = join(folder, 'gateway.yaml');
    const { config } = parseConfig(textOf(a.url), { env: {}, file });
    const lines: Record<string, unknown>[] = [];
    const log = createLog(
      { level: 'info', format: 'json' },
      { write: (line) => void lines.push(JSON.parse(line)) },
    );
    const told: unknown[] = [];
    const control = new GatewayControl(() => gateway, textOf(a.url), log);
    const gateway: Gateway = new Gateway(config, log, {
      parts: [['audit', broken('commit')]],
      observers: [{ onOperator: (by, action) => void told.push([by, action]) }],
    });
    await gateway.start();
    try {
      await using sender = await connectSender(gateway.listeners[0]?.port ?? 0);
      await sender.exchange(message());
      writeFileSync(file, textOf(b.url));
      await expect(control.reload('SIGHUP')).rejects.toMatchObject({
        code: 'GW_ERR_INTERNAL',
        detail: 'audit did not take up the config; a restart does',
      });
      await sender.exchange(message());
      expect([a.messages.length, b.messages.length]).toEqual([1, 1]);
      expect(control.effectiveConfig()).toContain(b.url);
      expect(control.status()).toMatchObject({ reloadError: expect.stringContaining('audit') });
      expect(told).toEqual([
        [
          'SIGHUP',
          { kind: 'reload', error: expect.objectContaining({ code: 'GW_ERR_INTERNAL' }), changed: [] },
        ],
      ]);
      const failed = lines.filter(({ code }) => code === 'GW_ERR_INTERNAL');
      expect(failed.map(({ part, step }) => [part, step])).toEqual([
        ['audit', 'commit'],
        [undefined, undefined],
      ]);
      expect(failed[1]?.msg).toMatch(/audit did not take up.*; the rest of the new config is in force$/);
      expect(JSON.stringify(lines)).not.toContain('MUSTERFRAU');
    } finally {
      await gateway.stop();
    }
  });

  test('what settles: the reload stands, and the log says what failed', async () => {
    await using a = await startFaultyNode();
    await using gw = await startGateway(configOf([a.url]), { parts: [['audit', broken('settle')]] });
    await using sender = await connectSender(gw.port());
    expect(await reload(gw, configOf([a.url]))).toEqual([]);
    await until(() => gw.log.some(({ part, step }) => part === 'audit' && step === 'settle'));
    expect(said(await sender.exchange(message({ controlId: 'AFTER' })))).toBe('AA AFTER');
    expect(JSON.stringify(gw.log)).not.toContain('MUSTERFRAU');
  });
});

test('an operator adds a node while parts are prepared: the node is in the pool, and the reload in force', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  const opened = gate();
  const preparing = gate();
  const slow: Part = {
    prepare: async () => {
      preparing.open();
      await opened.opened;
      return { commit: () => {}, rollback: () => {} };
    },
  };
  const text = configOf([a.url]);
  await using gw = await startGateway(text, { parts: [['slow', slow]] });
  const reloaded = reload(
    gw,
    configOf([a.url], (config) => {
      config.routes = [{ name: 'renamed', to: 'pool' }];
    }),
  );
  await preparing.opened;
  const { pools } = gw.gateway;
  const pool = gw.gateway.config.pools[0];
  const node = pool?.nodes[0];
  if (pool === undefined || node === undefined) throw new Error('no pool');
  pools.overrides.of('pool').added.set('b', { ...node, name: 'b', port: b.port, url: b.url });
  pools.refresh(pool);
  opened.open();
  expect(await reloaded).toEqual(['routes.renamed: new', 'routes.all: gone']);
  expect(pools.runtimes.get('pool')?.nodes.map(({ name }) => name)).toEqual(['a', 'b']);
  await using sender = await connectSender(gw.port());
  for (const controlId of ['1', '2', '3', '4'])
    expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
});
