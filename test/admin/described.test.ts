// A real gateway behind the API, with traffic and without: its answers have the shape that docs/openapi.yaml describes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { ENDPOINTS } from '../../src/admin/endpoints.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { folderWith } from '../config/config-folder.ts';
import { storeOfDead } from '../helpers/dead-letters.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { TOKEN } from './admin-room.ts';
import { expectDescribed } from './openapi-document.ts';

const NODE = '/nodes/{pool}/{node}';

test('all that a gateway says is described', async () => {
  await using node = await startFaultyNode(answers.aa());
  const config = {
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: {
      adt: {
        nodes: { a: { url: node.url }, gone: { url: 'mllp://127.0.0.1:1' } },
        health: { interval: '20ms' },
        spool: { store: { path: 'spool' } },
      },
    },
    routes: [
      { name: 'none', when: { 'MSH-9.1': 'NONE' }, reject: { code: 'AR' } },
      { name: 'all', to: 'adt' },
    ],
    admin: { bind: '127.0.0.1:0', token: TOKEN },
  };
  const file = join(folderWith({ 'gateway.yaml': JSON.stringify(config) }), 'gateway.yaml');
  const { config: loaded, text } = loadConfig(file, { env: {} });
  const log = createLog({ level: 'silent', format: 'json' });
  const control = new GatewayControl(() => gateway, text, log);
  const gateway: Gateway = new Gateway(loaded, log, {
    observers: control.observers,
    openStore: () => storeOfDead('adt', 9),
  });
  const failed: unknown[] = [];
  const server = new AdminServer({ host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined }, control, {
    onRefused: () => {},
    onFailed: (error) => failed.push(error),
  });
  await gateway.start();
  await server.start();
  onTestFinished(async () => {
    await server.stop();
    await gateway.stop();
  });
  const room = { url: `http://127.0.0.1:${server.port}` };
  const everything = async (): Promise<void> => {
    // An event stream has no end.
    for (const { method, path } of ENDPOINTS)
      if (method === 'GET' && path !== '/events') await expectDescribed(room, [method, path], 200);
  };
  await everything();
  await using sender = await connectSender(gateway.listeners[0]?.port ?? 0);
  for (const controlId of ['1', '2', '3'])
    expect(said(await sender.exchange(message({ controlId })))).toBe(`AA ${controlId}`);
  await expect
    .poll(() => gateway.pools.runtimes.get('adt')?.nodes.map(({ status }) => status.state))
    .toEqual(['up', 'down']);
  await everything();

  const of = (kind: string) => ['POST', `${NODE}/${kind}`] as const;
  for (const kind of ['drain', 'maintenance', 'ready']) await expectDescribed(room, of(kind), 200);
  const weight = { body: '{"weight":7}' };
  expect(await expectDescribed(room, ['PUT', `${NODE}/weight`], 200, weight)).toMatchObject({ weight: 7 });
  const added = { node: 'new', body: JSON.stringify({ url: node.url }) };
  expect(await expectDescribed(room, ['PUT', NODE], 201, added)).toMatchObject({ runtime: true });
  await expectDescribed(room, ['PUT', NODE], 409, added);
  await expectDescribed(room, ['PUT', NODE], 400, { node: 'newer', body: '{"url":"mlp://h:1"}' });
  await everything();
  await expectDescribed(room, ['DELETE', NODE], 200, { node: 'new' });
  await expectDescribed(room, ['DELETE', NODE], 404, { node: 'new' });
  await expectDescribed(room, ['POST', '/reload'], 200);
  await expectDescribed(room, ['POST', '/rotate'], 200);
  await expectDescribed(room, ['POST', '/spool/{pool}/{id}/retry'], 200);
  await expectDescribed(room, ['POST', '/spool/{pool}/retry'], 200);
  await expect
    .poll(
      () =>
        gateway.spools.storeOf(gateway.spools.pools.get('adt') as never)?.usage.pools.get('adt')?.delivered,
    )
    .toBe(9);
  await expectDescribed(room, ['DELETE', '/spool/{pool}/{id}'], 200);
  await expectDescribed(room, ['DELETE', '/spool/{pool}/{id}'], 404);
  writeFileSync(file, 'listeners: 7');
  await expectDescribed(room, ['POST', '/reload'], 422);
  expect(await expectDescribed(room, ['GET', '/status'], 200)).toHaveProperty('reloadError');
  expect(failed).toEqual([]);
});
