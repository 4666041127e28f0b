// The embedded store as the spool uses it: each method, over restarts, together with others, and after it is closed.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SqliteStore } from '../../src/spool/store/sqlite-store.ts';
import { changeTo, LABEL, newMessage, openStore, RECEIVED_AT, storeFolder } from './stored.ts';

const ids = (messages: readonly { readonly id: number }[]): number[] => messages.map(({ id }) => id);

describe('messages', () => {
  it('are the bytes that were stored, with their label, and are so after a restart', async () => {
    const path = storeFolder();
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) & 0xff));
    const first = await openStore(path);
    const id = await first.put(newMessage('', { payload: bytes, boundTo: 'node-a' }));
    expect(id).toBe(1);
    expect(await first.content(id)).toEqual({ label: LABEL, payload: bytes });
    await first.close();

    const store = await openStore(path);
    expect(await store.content(id)).toEqual({ label: LABEL, payload: bytes });
    expect(await store.list({}, 0, 10)).toEqual([
      {
        id: 1,
        pool: 'results',
        orderingKey: 'key',
        receivedAt: RECEIVED_AT,
        size: 70_000,
        state: 'waiting',
        attempts: 0,
        lastError: undefined,
        boundTo: 'node-a',
        changedAt: expect.any(Number),
      },
    ]);
    expect(await store.content(2)).toBeUndefined();
    expect(await store.put(newMessage(''))).toBe(2);
    expect((await store.content(2))?.payload).toEqual(Buffer.alloc(0));
  });

  it('have numbers in the order of put, and no number twice, not even after a restart', async () => {
    const path = storeFolder();
    const first = await openStore(path);
    expect(await Promise.all(['a', 'b', 'c'].map((text) => first.put(newMessage(text))))).toEqual([1, 2, 3]);
    await first.change(3, { to: 'discarded' });
    await first.close();
    expect(await (await openStore(path)).put(newMessage('d'))).toBe(4);
  });

  it('are changed with what was said, and those that are gone are ignored', async () => {
    const store = await openStore(storeFolder());
    const id = await store.put(newMessage('a'));
    await store.change(id, { to: 'dead', attempts: 3, error: 'AR', boundTo: 'node-b' });
    expect(await store.list({}, 0, 1)).toMatchObject([
      { id, state: 'dead', attempts: 3, lastError: 'AR', boundTo: 'node-b' },
    ]);
    await store.change(id, { to: 'discarded' });
    await store.change(id, changeTo('delivered'));
    await store.change(99, changeTo('delivered'));
    expect(await store.list({}, 0, 10)).toEqual([]);
    expect(await store.content(id)).toBeUndefined();
    expect(store.usage.pools.size).toBe(0);
  });

  it('may be changed by their owner once they are stored', async () => {
    const store = await openStore(storeFolder());
    const payload = Buffer.from('as it was');
    const id = await store.put(newMessage('', { payload }));
    payload.fill(0);
    expect((await store.content(id))?.payload.toString()).toBe('as it was');
  });
});

describe('what may be delivered next', () => {
  it('is the oldest waiting message of each ordering key', async () => {
    const store = await openStore(storeFolder());
    for (const orderingKey of ['a', 'a', 'b', 'a', 'c', 'b'])
      await store.put(newMessage('', { orderingKey }));
    await store.put(newMessage('', { pool: 'other', orderingKey: 'a' }));
    const heads = async (): Promise<number[]> => ids(await store.heads('results', 0, 10));
    expect(await heads()).toEqual([1, 3, 5]);
    expect(ids(await store.heads('results', 1, 1))).toEqual([3]);
    expect(ids(await store.heads('other', 0, 10))).toEqual([7]);
    expect(await store.heads('unknown', 0, 10)).toEqual([]);

    await store.change(1, changeTo('delivered'));
    expect(await heads()).toEqual([2, 3, 5]);
    await store.change(3, changeTo('dead'));
    await store.change(5, { to: 'discarded' });
    expect(await heads()).toEqual([2, 6]);
    // A message that comes back goes before those behind it.
    await store.change(3, changeTo('waiting'));
    expect(await heads()).toEqual([2, 3]);
    await store.change(4, changeTo('delivered'));
    await store.change(2, changeTo('waiting', 7));
    expect(await store.heads('results', 0, 1)).toMatchObject([{ id: 2, attempts: 7 }]);
    await store.change(4, changeTo('waiting'));
    expect(await heads()).toEqual([2, 3]);
  });

  it('is the next of a key behind one of it', async () => {
    const store = await openStore(storeFolder());
    for (const orderingKey of ['a', 'b', 'a', '']) await store.put(newMessage('', { orderingKey }));
    expect((await store.next('results', 'a', 1))?.id).toBe(3);
    expect(await store.next('results', 'a', 3)).toBeUndefined();
    expect(await store.next('unknown', 'a', 0)).toBeUndefined();
    expect(await store.keys('results')).toEqual(
      new Map([
        ['', 1],
        ['a', 2],
        ['b', 1],
      ]),
    );
    expect(await store.keys('unknown')).toEqual(new Map());
  });

  it('keys are all of them, also thousands', async () => {
    const store = await openStore(storeFolder());
    await Promise.all(
      Array.from({ length: 4_500 }, (_, i) => store.put(newMessage('', { orderingKey: `k${i % 4_100}` }))),
    );
    const keys = await store.keys('results');
    expect(keys.size).toBe(4_100);
    expect([...keys.values()].reduce((sum, count) => sum + count, 0)).toBe(4_500);
    expect(keys.get('k399')).toBe(2);
  });
});

describe('list', () => {
  it('finds by each property, by id, with a limit', async () => {
    const store = await openStore(storeFolder(), { keys: [Buffer.alloc(32, 7)] });
    await store.put(newMessage('', { pool: 'a', orderingKey: 'x', receivedAt: 100 }));
    await store.put(newMessage('', { pool: 'b', orderingKey: 'x', receivedAt: 200 }));
    await store.put(newMessage('', { pool: 'a', receivedAt: 300, label: { ...LABEL, controlId: 'C-3' } }));
    await store.change(2, changeTo('dead'));
    const list = async (filter: Parameters<typeof store.list>[0], after = 0, limit = 10) =>
      ids(await store.list(filter, after, limit));
    expect(await list({})).toEqual([1, 2, 3]);
    expect(await list({}, 1, 1)).toEqual([2]);
    expect(await list({}, 0, 0)).toEqual([]);
    expect(await list({ pool: 'a' })).toEqual([1, 3]);
    expect(await list({ pool: 'unknown' })).toEqual([]);
    expect(await list({ state: 'dead' })).toEqual([2]);
    expect(await list({ orderingKey: 'x' })).toEqual([1, 2]);
    expect(await list({ controlId: 'C-3' })).toEqual([3]);
    expect(await list({ controlId: 'C-4' })).toEqual([]);
    expect(await list({ since: 200 })).toEqual([2, 3]);
    expect(await list({ until: 200 })).toEqual([1]);
    expect(await list({ pool: 'a', since: 101, until: 301, controlId: 'C-3' })).toEqual([3]);
  });

  it('finds one among thousands, while others store', async () => {
    const store = await openStore(storeFolder());
    const all = Array.from({ length: 12_000 }, (_, i) =>
      store.put(newMessage('', { label: { ...LABEL, controlId: i === 11_998 ? 'X' : 'Y' } })),
    );
    const found = store.list({ controlId: 'X' }, 0, 1);
    const later = store.put(newMessage('later'));
    expect(ids(await found)).toEqual([11_999]);
    expect(await later).toBe(12_001);
    await Promise.all(all);
  });
});

describe('usage', () => {
  it('counts states and bytes of each pool, as of what has resolved, and again after a restart', async () => {
    const path = storeFolder();
    const first = await openStore(path);
    await first.put(newMessage('abc', { receivedAt: 5 }));
    await first.put(newMessage('de', { receivedAt: 6 }));
    await first.put(newMessage('f', { pool: 'other' }));
    await first.change(1, changeTo('delivered'));
    await first.change(3, changeTo('dead'));
    const pools = new Map([
      ['results', { waiting: 1, dead: 0, delivered: 1, bytes: 5, oldestWaitingAt: 6 }],
      ['other', { waiting: 0, dead: 1, delivered: 0, bytes: 1, oldestWaitingAt: undefined }],
    ]);
    expect(first.usage.pools).toEqual(pools);
    expect(first.usage.maxBytes).toBe(64 * 1024 * 1024);
    const { bytes } = first.usage;
    expect(bytes).toBeGreaterThan(4_096);
    await first.close();
    const store = await openStore(path);
    expect(store.usage.pools).toEqual(pools);
    expect(store.usage.bytes).toBe(bytes);
  });
});

describe('answers', () => {
  it('are given again until their time is over, by pool and key, the last one each', async () => {
    const path = storeFolder();
    const first = await openStore(path);
    const answer = {
      pool: 'results',
      key: 'k',
      hash: Buffer.alloc(32, 1),
      answer: Buffer.from('\x0bMSH|^~\\&|\x1c\r'),
      expiresAt: Date.now() + 3_600_000,
    };
    await first.remember({ ...answer, answer: Buffer.from('an older one') });
    await first.remember(answer);
    await first.remember({ ...answer, pool: 'other', key: 'over', expiresAt: Date.now() - 1 });
    await first.close();
    const store = await openStore(path);
    expect(await store.recall('results', 'k')).toEqual(answer);
    expect(await store.recall('results', 'other')).toBeUndefined();
    expect(await store.recall('other', 'k')).toBeUndefined();
    expect(await store.recall('other', 'over')).toBeUndefined();
    expect(await store.recall('unknown', 'k')).toBeUndefined();
  });
});

describe('what comes together', () => {
  it('is stored together: 500 puts and what follows them take a few transactions', async () => {
    const path = storeFolder();
    const store = await openStore(path);
    const all = Array.from({ length: 500 }, (_, i) => store.put(newMessage(`m${i}`)));
    const stored = await Promise.all(all);
    expect(stored).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    await Promise.all(stored.map((id) => store.change(id, changeTo('delivered'))));
    await store.close();
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(join(path, 'spool.db'), { readOnly: true });
    // 1,000 acknowledgements; the two bursts, and what maintenance may have done.
    expect(Number(db.prepare('SELECT commits FROM progress').get()?.commits)).toBeLessThan(10);
    expect(db.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum).toBe(2);
    db.close();
  });

  it('a value that no table takes costs its own request an error, and no other', async () => {
    const store = await openStore(storeFolder());
    const [before, wrong, after] = await Promise.allSettled([
      store.put(newMessage('a')),
      store.put(newMessage('b', { receivedAt: 1.5 })),
      store.put(newMessage('c')),
    ]);
    expect([before.status, wrong.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(wrong).toMatchObject({ reason: { code: 'GW_ERR_SPOOL_STORE' } });
    expect(store.state.status).toBe('open');
    expect(store.usage.pools.get('results')?.waiting).toBe(2);
    expect(ids(await store.list({}, 0, 10))).toHaveLength(2);
  });

  it('more bytes than may be on their way to the disk at once are stored one after the other', async () => {
    const store = await openStore(storeFolder(), { maxBytes: 512 * 1024 * 1024 });
    const payload = Buffer.alloc(9 * 1024 * 1024, 1);
    const stored = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.put(newMessage('', { payload, orderingKey: `${i}` }))),
    );
    expect(stored).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const large = Buffer.alloc(40 * 1024 * 1024, 2);
    const id = await store.put(newMessage('', { payload: large }));
    expect((await store.content(id))?.payload.equals(large)).toBe(true);
  });
});

it('what is asked for before it is open waits for that', async () => {
  const store = new SqliteStore({ path: storeFolder(), maxBytes: 1e8, minFreeBytes: 0, ballastBytes: 0 });
  onTestFinished(() => store.close());
  expect(store.state.status).toBe('opening');
  expect(await Promise.all([store.put(newMessage('a')), store.put(newMessage('b'))])).toEqual([1, 2]);
  expect(store.state.status).toBe('open');
});

describe('closing', () => {
  it('is after all that was asked for before; what comes later is rejected; twice is once', async () => {
    const path = storeFolder();
    const first = await openStore(path);
    const puts = ['a', 'b'].map((text) => first.put(newMessage(text)));
    const listed = first.list({}, 0, 10);
    const closing = [first.close(), first.close()];
    await expect(first.put(newMessage('c'))).rejects.toMatchObject({ code: 'GW_ERR_SPOOL_STORE' });
    expect(await Promise.all(puts)).toEqual([1, 2]);
    expect(ids(await listed)).toEqual([1, 2]);
    await Promise.all(closing);
    expect(first.state.status).toBe('closed');
    // The log is written into the database.
    expect(readdirSync(path).sort()).toEqual(['spool.db', 'spool.mark', 'spool.owner']);
    expect(statSync(join(path, 'spool.db')).mode & 0o077).toBe(0);
    expect(ids(await (await openStore(path)).list({}, 0, 10))).toEqual([1, 2]);
  });
});
