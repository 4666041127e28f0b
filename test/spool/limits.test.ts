// The limits of the embedded store: maxSize and keep, within which delivered messages make place for new ones.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SqliteStore } from '../../src/spool/store/sqlite-store.ts';
import { until } from '../helpers/until.ts';
import { changeTo, newMessage, openStore, storeFolder } from './stored.ts';

const MIB = 1024 * 1024;
const BODY = 'x'.repeat(20_000);

/** Puts until it is full; how many were stored. */
async function fill(store: SqliteStore, most = 2_000): Promise<number> {
  for (let stored = 0; stored < most; stored++) {
    try {
      await store.put(newMessage(BODY, { orderingKey: `k${stored % 7}` }));
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'GW_ERR_SPOOL_FULL', resend: 'safe' });
      return stored;
    }
  }
  throw new Error('it is never full');
}

it('at maxSize new messages are refused, what is stored may still be changed, and place comes back', async () => {
  const path = storeFolder();
  const store = await openStore(path, { maxBytes: 2 * MIB });
  const stored = await fill(store);
  expect(stored).toBeGreaterThan(80);
  expect(stored).toBeLessThan(110);
  expect(store.usage.bytes).toBeLessThanOrEqual(2 * MIB);
  expect(statSync(join(path, 'spool.db')).size).toBeLessThanOrEqual(2 * MIB);
  await expect(store.put(newMessage(BODY))).rejects.toMatchObject({
    detail: expect.stringMatching(/maxSize/),
  });
  expect(store.state.status).toBe('open');
  await store.change(1, { to: 'waiting', attempts: 5, error: 'AE', boundTo: 'node-a' });
  for (let id = 2; id <= 11; id++) await store.change(id, { to: 'discarded' });
  expect(await fill(store)).toBeGreaterThanOrEqual(9);
  expect(await store.list({}, 0, 1)).toMatchObject([{ id: 1, attempts: 5 }]);
});

it('delivered messages go first, the oldest first, in every pool; those that wait never', async () => {
  const store = await openStore(storeFolder(), { maxBytes: 2 * MIB });
  await store.put(newMessage(BODY, { pool: 'other' }));
  await store.change(1, changeTo('delivered'));
  const stored = await fill(store);
  expect(await store.content(1)).toBeUndefined();
  for (let id = 2; id <= 21; id++) await store.change(id, changeTo('delivered'));
  const more = await fill(store);
  expect(more).toBeGreaterThanOrEqual(18);
  const left = store.usage.pools.get('results');
  expect(left).toMatchObject({ waiting: stored + more - 20, delivered: 0 });
});

it('one message larger than all of it is refused without a loss of others', async () => {
  const store = await openStore(storeFolder(), { maxBytes: 2 * MIB });
  await store.put(newMessage('a'));
  const large = newMessage('', { payload: Buffer.alloc(3 * MIB) });
  await expect(store.put(large)).rejects.toMatchObject({ code: 'GW_ERR_SPOOL_FULL' });
  expect((await store.content(1))?.payload.toString()).toBe('a');
});

it('delivered messages and answers are kept for their time, and then their place is given back', async () => {
  const path = storeFolder();
  const store = await openStore(path, { maxBytes: 100 * MIB, keepMs: { results: 3_600_000, short: 0 } });
  const body = 'z'.repeat(12_000);
  const ids = await Promise.all(
    Array.from({ length: 1_500 }, () => store.put(newMessage(body, { pool: 'short' }))),
  );
  await store.put(newMessage('kept'));
  await store.remember({
    pool: 'results',
    key: 'k',
    hash: Buffer.alloc(32),
    answer: Buffer.alloc(10),
    expiresAt: Date.now() + 1,
  });
  const full = statSync(join(path, 'spool.db')).size;
  await Promise.all([...ids, 1_501].map((id) => store.change(id, changeTo('delivered'))));
  await until(() => store.usage.pools.get('short') === undefined, { what: 'the purge' });
  expect(store.usage.pools.get('results')).toMatchObject({ delivered: 1 });
  // Given back but for what the next messages will take.
  await until(() => statSync(join(path, 'spool.db')).size < full - 8 * MIB, { what: 'the vacuum' });
  expect(await store.put(newMessage('next'))).toBe(1_502);
});

it('limits of a new config are in force at once', async () => {
  const store = await openStore(storeFolder(), { maxBytes: 2 * MIB });
  const before = await fill(store);
  store.limit({ maxBytes: 4 * MIB, keepMs: { results: 0 } });
  expect(store.usage.maxBytes).toBe(4 * MIB);
  expect(await fill(store)).toBeGreaterThan(before * 0.8);
  await store.change(1, changeTo('delivered'));
  await until(() => store.usage.pools.get('results')?.delivered === 0, { what: 'the purge' });
});
