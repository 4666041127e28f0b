// A reload of a pool that has a spool, or gets one, or loses it: nothing that is stored is lost, and nothing overtakes it.
import { expect, test } from 'vitest';
import { message, msaOf } from '../helpers/mllp.ts';
import { until } from '../helpers/until.ts';
import { openSpoolRoom } from './spool-room.ts';

const CONFIG = { store: { path: '/spool' }, deliver: { backoff: '20ms..50ms' } };

test('a pool gets a spool, changes it and loses it while messages wait', async () => {
  await using room = await openSpoolRoom({ pool: { spool: undefined } });
  await room.node.refuse();
  const sender = await room.sender();
  expect(msaOf(await sender.exchange(message({ controlId: '1' })))?.code).toBe('AE');
  await room.reload({ pool: { spool: CONFIG } });
  expect(msaOf(await sender.exchange(message({ controlId: '2' })))?.code).toBe('AA');
  // What it says is in force at once, and what waits is delivered by it.
  await room.reload({ pool: { spool: { ...CONFIG, when: 'always', answer: 'CA' } } });
  expect(msaOf(await sender.exchange(message({ controlId: '3' })))?.code).toBe('CA');
  await room.reload({ pool: { spool: undefined } });
  expect(room.gw.log).toContainEqual(
    expect.objectContaining({
      msg: 'spool: messages stay in a store that this pool does not have any more; nothing delivers them',
      pool: 'pool',
      path: '/spool',
      waiting: 2,
    }),
  );
  await room.node.listen();
  await until(() => room.gw.gateway.pools.runtimes.get('pool')?.nodes[0]?.usable);
  expect(msaOf(await sender.exchange(message({ controlId: '4' })))?.code).toBe('AA');
  expect(room.node.controlIds).toEqual(['4']);
  expect(await room.states()).toEqual(['waiting', 'waiting']);
  // It is given the store again.
  await room.reload({ pool: { spool: CONFIG } });
  await room.node.received(3);
  expect(room.node.controlIds).toEqual(['4', '2', '3']);
  await until(async () => (await room.states()).join() === 'delivered,delivered');
  await sender.exchange(message({ controlId: '5' }));
  expect(room.node.controlIds.at(-1)).toBe('5');
});

test('other nodes: what waits goes to those that there are now', async () => {
  await using other = await openSpoolRoom();
  await using room = await openSpoolRoom();
  await room.node.refuse();
  const sender = await room.sender();
  await sender.exchange(message({ controlId: '1' }));
  await room.reload({ pool: { nodes: { b: { url: other.node.url } } } });
  await other.node.received(1);
  expect(other.node.controlIds).toEqual(['1']);
});

test('a store that cannot be opened leaves the config in force that was', async () => {
  await using room = await openSpoolRoom({ cannotOpen: '/none' });
  const sender = await room.sender();
  await expect(room.reload({ spool: { store: { path: '/none' } } })).rejects.toThrow(
    /could not be written or read/,
  );
  await sender.exchange(message({ controlId: '1' }));
  expect(room.gw.gateway.config.pools[0]?.spool?.store.path).toBe('/spool');
  expect(room.gw.gateway.spools.stores.size).toBe(1);
});
