// A million messages stored: the start, what is asked for at it, and deliveries are as quick as with none, and memory stays what it was.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { changeTo, newMessage, openStore, storeFolder } from './stored.ts';

const MESSAGES = 1_000_000;

/** As if they had been stored; nobody reads their bodies. `keys`: how many ordering keys. */
async function million(keys: number): Promise<string> {
  const path = storeFolder();
  const store = await openStore(path);
  await store.put(newMessage('first', { orderingKey: 'key-1' }));
  await store.close();
  const db = new DatabaseSync(join(path, 'spool.db'));
  db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE n(id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < ${MESSAGES}) SELECT id FROM n;
    INSERT INTO messages SELECT id, 1, 'key-' || (id % ${keys}), 1700000000000 + id, 600, 0, id <= ${keys}, 0, NULL, NULL,
      1700000000000, x'0102030405060708' FROM n;
    INSERT INTO bodies SELECT id, randomblob(800) FROM n;
    UPDATE pools SET waiting = ${MESSAGES}, bytes = ${MESSAGES} * 600; UPDATE progress SET last_id = ${MESSAGES}; COMMIT`);
  db.close();
  return path;
}

it.each([{ keys: 1_000 }, { keys: MESSAGES }])('of $keys ordering keys', async ({ keys }) => {
  const path = await million(keys);
  const rss = process.memoryUsage().rss;
  const took = async <T>(what: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> => {
    const began = performance.now();
    const value = await what();
    return { ms: performance.now() - began, value };
  };
  const opened = await took(() => openStore(path, { maxBytes: 8 * 1024 ** 3 }));
  const store = opened.value;
  const heads = await took(() => store.heads('results', 0, 1_000));
  const grown = process.memoryUsage().rss - rss;
  const all = await took(() => store.keys('results'));
  const list = await took(() => store.list({ controlId: 'none' }, 0, 10));
  const delivered = await took(() =>
    Promise.all(heads.value.map(({ id }) => store.change(id, changeTo('delivered')))),
  );
  const put = await took(() => store.put(newMessage('last')));
  const round = (ms: number): number => Math.round(ms);
  console.log(
    `${keys} keys: open ${round(opened.ms)} ms, 1,000 heads ${round(heads.ms)} ms, keys ${round(all.ms)} ms, a list that finds nothing ${round(list.ms)} ms, 1,000 delivered ${round(delivered.ms)} ms, a put ${round(put.ms)} ms, memory ${grown >> 20} MiB`,
  );
  expect(store.usage.pools.get('results')).toMatchObject({ waiting: MESSAGES - 999, delivered: 1_000 });
  expect(all.value.size).toBe(keys);
  expect(heads.value).toHaveLength(1_000);
  expect(opened.ms).toBeLessThan(2_000);
  expect(heads.ms).toBeLessThan(500);
  expect(delivered.ms).toBeLessThan(5_000);
  expect(grown).toBeLessThan(120 * 1024 * 1024);
  expect(await store.heads('results', 0, 1)).toMatchObject([{ id: 1_001 }]);
});
