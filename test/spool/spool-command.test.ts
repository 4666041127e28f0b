// `hl7-gateway spool` and the admin API behind it, on a real gateway: what is shown of stored messages, and what is done with them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import {
  discardStored,
  exportStored,
  listSpool,
  retryStored,
  type StoredOptions,
  showStored,
} from '../../src/cli/admin/spool.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { OperatorAction } from '../../src/observe/observer.ts';
import { TOKEN } from '../admin/admin-room.ts';
import { NOWHERE, printed } from '../cli/admin-command.ts';
import { folderWith } from '../config/config-folder.ts';
import { answers } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { until } from '../helpers/until.ts';
import { openSpoolRoom, type SpoolRoom } from './spool-room.ts';

const ALL = { state: undefined, controlId: undefined, withinMs: undefined, limit: 100 };
const PATIENT = 'PLANTED^NAME';

async function openDesk(
  room: SpoolRoom,
): Promise<{ options: StoredOptions; acts: [string, OperatorAction][] }> {
  const acts: [string, OperatorAction][] = [];
  const { gateway } = room.gw;
  const onOperator = gateway.observers.onOperator.bind(gateway.observers);
  gateway.observers.onOperator = (by, action) => {
    acts.push([by, action]);
    onOperator(by, action);
  };
  const control = new GatewayControl(() => gateway, '', createLog({ level: 'silent', format: 'json' }));
  const server = new AdminServer({ host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined }, control, {
    onRefused: () => {},
    onFailed: () => {},
  });
  await server.start();
  onTestFinished(() => server.stop());
  const folder = folderWith({ 'a.token': TOKEN });
  const admin = `http://127.0.0.1:${server.port}`;
  return { options: { ...NOWHERE, admin, tokenFile: `${folder}/a.token`, json: false }, acts };
}

test('dead letters are looked up, delivered again, discarded and exported', async () => {
  let isMended = false;
  await using room = await openSpoolRoom({
    spool: { when: 'always' },
    script: answers.by(() => (isMended ? answers.aa() : answers.ae())),
  });
  const { options, acts } = await openDesk(room);
  const sender = await room.sender();
  const sent = ['M1', 'M2', 'M3'].map((controlId) =>
    message({ controlId, segments: [`PID|1||900001||${PATIENT}`] }),
  );
  for (const one of sent) await sender.exchange(one);
  await until(async () => (await room.states()).join() === 'dead,dead,dead');

  const overview = await printed((terminal) => listSpool(undefined, ALL, options, terminal));
  expect(overview.out).toEqual([
    expect.stringMatching(/^pool: 0 waiting, 3 dead, 0 delivered; \/spool has 1 MiB of /),
  ]);
  const list = await printed((terminal) => listSpool('pool', { ...ALL, state: 'dead' }, options, terminal));
  expect(list.out.map((line) => line.replace(/\S+Z/, 'TIME'))).toEqual(
    [1, 2, 3].map((id) => `${id}  TIME  dead  ${sent[0]?.length} bytes  1 attempts  AE`),
  );
  const found = await printed((terminal) =>
    listSpool('pool', { ...ALL, controlId: 'M2' }, { ...options, json: true }, terminal),
  );
  expect(found.out.map((line) => JSON.parse(line).id)).toEqual([2]);
  const shown = await printed((terminal) => showStored('pool', 2, false, options, terminal));
  expect(shown.out.join('\n')).toMatch(/controlId +M2\n/);
  expect([...overview.out, ...list.out, ...shown.out].join()).not.toContain('PLANTED');
  expect(acts).toEqual([]);
  const whole = await printed((terminal) => showStored('pool', 2, true, options, terminal));
  expect(whole.out.join('\n')).toContain(PATIENT);

  const folder = folderWith({});
  await printed((terminal) => exportStored('pool', join(folder, 'out'), ALL, options, terminal));
  const files = readdirSync(join(folder, 'out'));
  expect(files).toEqual([1, 2, 3].map((id) => `pool-000000000${id}.hl7`));
  expect(readFileSync(join(folder, 'out', files[0] ?? ''))).toEqual(sent[0]);

  isMended = true;
  const gone = await printed((terminal) => discardStored('pool', [3], 'entered by hand', options, terminal));
  expect(gone).toEqual({ code: 0, out: ['pool 3: discarded'], err: [] });
  expect((await printed((terminal) => retryStored('pool', [2], undefined, options, terminal))).out).toEqual([
    'pool 2: is delivered again',
  ]);
  await until(async () => (await room.states()).join() === 'dead,delivered');
  const all = await printed((terminal) => retryStored('pool', [], 'mended', options, terminal));
  expect(all.out).toEqual(['1 dead letters are delivered again']);
  await until(async () => (await room.states()).join() === 'delivered,delivered');
  expect(room.node.controlIds).toEqual(['M1', 'M2', 'M3', 'M2', 'M1']);
  expect(acts.map(([by, action]) => [by, action.kind === 'spool' && [action.what, action.reason]])).toEqual([
    ['127.0.0.1', ['content of 2', undefined]],
    ['127.0.0.1', ['content of 1', undefined]],
    ['127.0.0.1', ['content of 2', undefined]],
    ['127.0.0.1', ['content of 3', undefined]],
    ['127.0.0.1', ['dead message 3 discarded', 'entered by hand']],
    ['127.0.0.1', ['retry of 2', undefined]],
    ['127.0.0.1', ['retry of 1 dead letters', 'mended']],
  ]);
  // Nothing is stored any more, so what comes is stored, delivered and no longer waited for.
  expect(JSON.stringify(room.gw.log)).not.toContain('PLANTED');
  expect(await room.gw.gateway.metrics.text('prometheus')).not.toContain('PLANTED');
});

test('one that waits can be discarded, and what waits behind it is delivered', async () => {
  await using room = await openSpoolRoom({ spool: { when: 'always' } });
  await room.node.refuse();
  const { options } = await openDesk(room);
  const sender = await room.sender();
  for (const controlId of ['A', 'B', 'C']) await sender.exchange(message({ controlId }));
  // While no node is up nothing is with one.
  await until(() => room.gw.gateway.pools.runtimes.get('pool')?.nodes[0]?.usable === false);
  await until(() => room.gw.gateway.spools.pools.get('pool')?.delivering === 0);
  const gone = await printed((terminal) => discardStored('pool', [1], 'not wanted', options, terminal));
  expect(gone.code).toBe(0);
  await room.node.listen();
  await room.node.received(2);
  expect(room.node.controlIds).toEqual(['B', 'C']);
  await until(async () => (await room.states()).join() === 'delivered,delivered');
  expect(room.gw.gateway.spools.pools.get('pool')?.isBusy).toBe(false);
});

test('what there is not, is said', async () => {
  await using room = await openSpoolRoom();
  const { options } = await openDesk(room);
  const none = await printed((terminal) => listSpool('adt', ALL, options, terminal));
  expect(none).toMatchObject({ code: 'GW_ERR_ADMIN_NOT_FOUND' });
  expect(none.err.join()).toContain('no pool adt has a spool');
  const unknown = await printed((terminal) => showStored('pool', 7, false, options, terminal));
  expect(unknown.err.join()).toContain('pool pool has no stored message 7');
});
