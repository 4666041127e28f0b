// What is on the disk is not what was stored: bad bytes in pages and in the log, files cut short or gone, rows changed by hand, keys that
// are missing. Nothing of it may come out as a message, or go unnoticed; repair saves the rest.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { readSpoolKeys } from '../../src/spool/store/key-file.ts';
import { repairStore } from '../../src/spool/store/repair.ts';
import { migrate } from '../../src/spool/store/schema.ts';
import { until } from '../helpers/until.ts';
import { changeTo, LABEL, newMessage, openStore, storeFolder } from './stored.ts';

const KEY = Buffer.alloc(32, 1);
const OTHER_KEY = Buffer.alloc(32, 2);

/** Changes a byte where this stands in the file. */
function damage(file: string, mark: string | Buffer): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(mark);
  expect(at).toBeGreaterThan(0);
  bytes[at + 8] = (bytes[at + 8] ?? 0) ^ 0x20;
  writeFileSync(file, bytes);
}

function sql(path: string, statements: string): void {
  const db = new DatabaseSync(join(path, 'spool.db'));
  db.exec(statements);
  db.close();
}

/** Five messages of two keys; 2 is dead, 3 delivered. */
async function someMessages(path: string, keys: readonly Buffer[] = []): Promise<void> {
  const store = await openStore(path, { keys });
  for (let i = 1; i <= 5; i++)
    await store.put(newMessage(`<payload ${i}>${'x'.repeat(5_000)}`, { orderingKey: `key-${i % 2}` }));
  await store.change(2, changeTo('dead', 4));
  await store.change(3, changeTo('delivered'));
  await store.close();
}

const corrupt = { code: 'GW_ERR_SPOOL_CORRUPT' };

describe.each([
  { what: 'without a key', keys: [] },
  { what: 'with a key', keys: [KEY] },
])('a message, $what,', ({ keys }) => {
  it('of which one bit is another is refused; the others are read, and repair saves them', async () => {
    const path = storeFolder();
    await someMessages(path, keys);
    const file = join(path, 'spool.db');
    const body = new DatabaseSync(file, { readOnly: true });
    const bytes = body.prepare('SELECT body FROM bodies WHERE id = 4').get()?.body as Uint8Array;
    body.close();
    damage(file, Buffer.from(bytes.subarray(0, 60)));

    const store = await openStore(path, { keys });
    await expect(store.content(4)).rejects.toMatchObject({ ...corrupt, detail: 'message 4 is damaged' });
    expect((await store.content(5))?.label).toEqual(LABEL);
    expect((await store.heads('results', 0, 9)).map(({ id }) => id)).toEqual([1, 4]);
    await store.close();

    const into = join(dirname(path), 'repaired');
    expect(repairStore(path, into, keys)).toEqual({
      messages: 4,
      unknownState: [],
      unreadable: [4],
      perhaps: [],
      lost: undefined,
      answers: 0,
    });
    const repaired = await openStore(into, { keys });
    expect((await repaired.list({}, 0, 9)).map(({ id, state }) => [id, state])).toEqual([
      [1, 'waiting'],
      [2, 'dead'],
      [3, 'delivered'],
      [5, 'waiting'],
    ]);
    expect((await repaired.content(5))?.payload.toString('latin1', 0, 11)).toBe('<payload 5>');
    expect((await repaired.heads('results', 0, 9)).map(({ id }) => id)).toEqual([1]);
    expect(repaired.usage.pools.get('results')).toMatchObject({ waiting: 2, dead: 1, delivered: 1 });
    expect(await repaired.put(newMessage('next'))).toBe(6);
  });

  it('whose body is that of another one, or whose row was changed, is refused', async () => {
    const path = storeFolder();
    await someMessages(path, keys);
    sql(
      path,
      `CREATE TABLE x AS SELECT * FROM bodies; UPDATE bodies SET body = (SELECT body FROM x WHERE id = 2) WHERE id = 1;
      UPDATE messages SET ordering_key = 'key-0' WHERE id = 3; UPDATE messages SET received_at = 9 WHERE id = 4;
      DELETE FROM bodies WHERE id = 5`,
    );
    const store = await openStore(path, { keys });
    for (const id of [1, 3, 4, 5]) await expect(store.content(id)).rejects.toMatchObject(corrupt);
    expect(await store.content(2)).toBeDefined();
    await store.close();
    const into = join(dirname(path), 'repaired');
    expect(repairStore(path, into, keys)).toMatchObject({
      messages: 3,
      unknownState: [3, 4],
      unreadable: [1, 5],
    });
    const repaired = await openStore(into, { keys });
    expect(await repaired.list({ state: 'dead', orderingKey: 'key-1' }, 0, 9)).toMatchObject([
      { id: 3, lastError: 'GW_ERR_SPOOL_CORRUPT' },
    ]);
    expect(await repaired.list({ controlId: 'C-1' }, 0, 9)).toHaveLength(3);
  });

  it('whose queue row is gone comes back by repair, as a dead letter', async () => {
    const path = storeFolder();
    await someMessages(path, keys);
    sql(path, 'DELETE FROM messages WHERE id = 5');
    const into = join(dirname(path), 'repaired');
    expect(repairStore(path, into, keys)).toMatchObject({ messages: 5, unknownState: [5] });
    const repaired = await openStore(into, { keys });
    expect(await repaired.list({}, 4, 9)).toMatchObject([{ id: 5, state: 'dead', orderingKey: 'key-1' }]);
  });
});

it('a remembered answer that was changed is refused, and not repaired', async () => {
  const path = storeFolder();
  const store = await openStore(path, { keys: [KEY] });
  const answer = { pool: 'p', hash: Buffer.alloc(32), answer: Buffer.from('AA'), expiresAt: 9e12 };
  await store.remember({ ...answer, key: 'good' });
  await store.remember({ ...answer, key: 'bad' });
  await store.close();
  sql(path, `UPDATE answers SET expires_at = 8000000000000 WHERE key = 'bad'`);
  const again = await openStore(path, { keys: [KEY] });
  await expect(again.recall('p', 'bad')).rejects.toMatchObject(corrupt);
  expect((await again.recall('p', 'good'))?.answer.toString()).toBe('AA');
  await again.close();
  const into = join(dirname(path), 'repaired');
  expect(repairStore(path, into, [KEY]).answers).toBe(1);
  const repaired = await openStore(into, { keys: [KEY] });
  expect((await repaired.recall('p', 'good'))?.answer.toString()).toBe('AA');
});

describe('keys', () => {
  it('nothing of a message is in the files in the clear', async () => {
    const path = storeFolder();
    await someMessages(path, [KEY]);
    const bytes = readFileSync(join(path, 'spool.db'));
    for (const text of ['<payload', 'xxxxxxxx', LABEL.controlId, LABEL.sender, LABEL.source])
      expect(bytes.includes(text), text).toBe(false);
  });

  it('are rotated: the first encrypts, all decrypt, and what is not encrypted yet is read as well', async () => {
    const path = storeFolder();
    const plain = await openStore(path);
    await plain.put(newMessage('plain'));
    await plain.close();
    const old = await openStore(path, { keys: [KEY] });
    await old.put(newMessage('old', { label: { ...LABEL, controlId: 'OLD' } }));
    await old.close();
    const store = await openStore(path, { keys: [OTHER_KEY, KEY] });
    await store.put(newMessage('new'));
    const texts = await Promise.all(
      [1, 2, 3].map(async (id) => (await store.content(id))?.payload.toString()),
    );
    expect(texts).toEqual(['plain', 'old', 'new']);
    expect(await store.list({ controlId: 'OLD' }, 0, 9)).toMatchObject([{ id: 2 }]);
    await store.close();

    const without = await openStore(path, { keys: [OTHER_KEY] });
    expect((await without.content(3))?.payload.toString()).toBe('new');
    await expect(without.content(2)).rejects.toMatchObject({
      ...corrupt,
      detail: expect.stringMatching(/^message 2 was encrypted with the key [0-9a-f]{8}, which is not here$/),
    });
  });

  it('without that which encrypted last the spool is not opened', async () => {
    const path = storeFolder();
    await someMessages(path, [KEY]);
    for (const keys of [[], [OTHER_KEY]])
      await expect(openStore(path, { keys })).rejects.toMatchObject({
        detail: expect.stringMatching(
          /GW_ERR_SPOOL_CORRUPT.*encrypted with the key .*key file does not have/,
        ),
      });
  });

  it('the same message twice has not the same bytes twice, over openings', async () => {
    const path = storeFolder();
    for (let i = 0; i < 2; i++) {
      const store = await openStore(path, { keys: [KEY] });
      await store.put(newMessage('same'));
      await store.put(newMessage('same'));
      await store.close();
    }
    const db = new DatabaseSync(join(path, 'spool.db'), { readOnly: true });
    const bodies = db.prepare('SELECT body FROM bodies').all();
    db.close();
    const nonces = bodies.map(({ body }) => Buffer.from(body as Uint8Array).toString('hex', 5, 29));
    expect(new Set(nonces).size).toBe(4);
  });

  it('are read from a file, one a line, and no error shows them', () => {
    const file = join(dirname(storeFolder()), 'keys');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `# new\n${KEY.toString('base64')}\n\n${OTHER_KEY.toString('hex')}\n`);
    expect(readSpoolKeys(file)).toEqual([KEY, OTHER_KEY]);
    writeFileSync(file, `${KEY.toString('base64')}\n${OTHER_KEY.toString('hex').slice(1)}\n`);
    expect(() => readSpoolKeys(file)).toThrow(/:2 is no key/);
    expect(() => readSpoolKeys(file)).not.toThrow(/0202/);
    writeFileSync(file, '# none\n');
    expect(() => readSpoolKeys(file)).toThrow(/holds no key/);
    expect(() => readSpoolKeys(`${file}.none`)).toThrow(/ENOENT/);
  });
});

/** A copy of the files as they are while the store is open: as a crash would leave them. */
async function crashed(keys: readonly Buffer[] = []): Promise<string> {
  const path = storeFolder();
  const store = await openStore(path, { keys });
  for (let i = 1; i <= 20; i++) await store.put(newMessage(`<payload ${i}>`));
  await until(() => readFileSync(join(path, 'spool.mark'), 'utf8').includes('last id 20'), {
    what: 'the mark',
  });
  const copy = join(dirname(path), 'copy');
  cpSync(path, copy, { recursive: true });
  return copy;
}

describe('a log', () => {
  it('as a crash leaves it has all that was stored', async () => {
    const path = await crashed();
    expect(statSync(join(path, 'spool.db-wal')).size).toBeGreaterThan(10_000);
    const store = await openStore(path);
    expect(await store.list({}, 0, 100)).toHaveLength(20);
  });

  it.each([
    { what: 'with bad bytes', harm: (log: string) => damage(log, '<payload 11>') },
    { what: 'that is cut', harm: (log: string) => truncateSync(log, statSync(log).size / 2) },
    { what: 'that is gone', harm: (log: string) => rmSync(log) },
  ])('$what is noticed, and repair accepts it', async ({ harm }) => {
    const path = await crashed();
    harm(join(path, 'spool.db-wal'));
    await expect(openStore(path)).rejects.toMatchObject({
      detail: expect.stringMatching(
        /^GW_ERR_SPOOL_CORRUPT: .*(messages \d+ to 20|20 messages were stored).*repair/,
      ),
    });
    const into = join(dirname(path), 'repaired');
    const report = repairStore(path, into, []);
    expect(report.lost).toEqual({ from: report.messages + 1, to: 20 });
    const repaired = await openStore(into);
    expect(await repaired.list({}, 0, 100)).toHaveLength(report.messages);
    expect(await repaired.put(newMessage('next'))).toBe(21);
  });
});

describe('a database', () => {
  it('that is gone while its mark is there is not taken for a new one', async () => {
    const path = storeFolder();
    await someMessages(path);
    rmSync(join(path, 'spool.db'));
    await expect(openStore(path)).rejects.toMatchObject({
      detail: expect.stringMatching(/the database is gone or empty, and 5 messages were stored/),
    });
  });

  it('of which the end is cut off is refused or read by what is there; repair saves what it can', async () => {
    const path = storeFolder();
    const store = await openStore(path);
    for (let i = 1; i <= 60; i++) await store.put(newMessage(`${i}${'y'.repeat(3_000)}`));
    await store.close();
    truncateSync(join(path, 'spool.db'), (statSync(join(path, 'spool.db')).size / 2) & ~4_095);
    const into = join(dirname(path), 'repaired');
    const { messages, unreadable, perhaps } = repairStore(path, into, []);
    expect(messages).toBeGreaterThan(5);
    expect(messages + unreadable.length + perhaps.length).toBe(60);
    const repaired = await openStore(into);
    for (const { id } of await repaired.list({}, 0, 100))
      expect((await repaired.content(id))?.payload.toString('latin1', 0, 3)).toMatch(new RegExp(`^${id}y`));
  });

  it('that is none is refused, by the store and by repair', async () => {
    const path = storeFolder();
    await someMessages(path);
    writeFileSync(join(path, 'spool.db'), 'this is no database, and never was one '.repeat(300));
    await expect(openStore(path)).rejects.toMatchObject({ detail: expect.stringMatching(/SQLITE_NOTADB/) });
    const into = join(dirname(path), 'repaired');
    expect(() => repairStore(path, into, [])).toThrow(/damaged \(SQLITE_NOTADB\)/);
    expect(existsSync(into)).toBe(false);
  });

  it('a mark that is damaged is said', async () => {
    const path = storeFolder();
    await someMessages(path);
    writeFileSync(join(path, 'spool.mark'), 'commits 1 last');
    await expect(openStore(path)).rejects.toMatchObject({ detail: expect.stringMatching(/mark is damaged/) });
    expect(repairStore(path, join(dirname(path), 'repaired'), []).messages).toBe(5);
  });

  it('repair does not write over a spool, and says where there is none', async () => {
    const path = storeFolder();
    await someMessages(path);
    expect(() => repairStore(path, path, [])).toThrow(/holds a spool already/);
    expect(() => repairStore(`${path}-none`, `${path}-new`, [])).toThrow(/there is no spool/);
  });

  it('of a newer version is left alone', async () => {
    const path = storeFolder();
    await someMessages(path);
    sql(path, 'PRAGMA user_version = 7');
    await expect(openStore(path)).rejects.toMatchObject({
      detail: expect.stringMatching(/written by a newer hl7-gateway \(schema 7; this one knows 1\)/),
    });
    const db = new DatabaseSync(join(path, 'spool.db'), { readOnly: true });
    expect(db.prepare('SELECT count(*) AS n FROM messages').get()?.n).toBe(5);
    db.close();
  });

  it('of an older version becomes this one, step by step, or stays as it was', () => {
    const db = new DatabaseSync(':memory:');
    const steps = ['CREATE TABLE a (x); INSERT INTO a VALUES (1)', 'ALTER TABLE a ADD COLUMN y DEFAULT 2'];
    migrate(db, steps.slice(0, 1));
    migrate(db, steps);
    migrate(db, steps);
    expect(db.prepare('SELECT * FROM a').all()).toEqual([{ x: 1, y: 2 }]);
    expect(() => migrate(db, [...steps, 'CREATE TABLE b (x); CREATE TABLE a (z)'])).toThrow(/already exists/);
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    expect(db.prepare(`SELECT name FROM sqlite_schema WHERE name = 'b'`).get()).toBeUndefined();
    db.close();
  });
});
