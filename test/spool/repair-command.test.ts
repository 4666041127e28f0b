// `hl7-gateway spool repair` as a person uses it.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { runInProcess } from '../cli/in-process.ts';
import { changeTo, newMessage, openStore, storeFolder } from './stored.ts';

it('says what is saved and what is lost, and the new store opens', async () => {
  const path = storeFolder();
  const key = Buffer.alloc(32, 3);
  const store = await openStore(path, { keys: [key] });
  for (let i = 0; i < 9; i++) await store.put(newMessage(`<patient ${i}>`));
  await store.change(9, changeTo('delivered'));
  await store.close();
  const keyFile = join(dirname(path), 'spool.key');
  writeFileSync(keyFile, key.toString('base64'), { mode: 0o600 });
  const whole = await runInProcess(['spool', 'repair', path, '--into', `${path}-1`, '--key', keyFile]);
  expect(whole).toEqual({ code: 0, out: [`${path}-1: 9 messages and 0 remembered answers`], err: [] });

  const db = new DatabaseSync(join(path, 'spool.db'));
  db.exec(`UPDATE bodies SET body = x'00' WHERE id IN (2, 3, 4, 7); DELETE FROM messages WHERE id = 6`);
  db.close();
  writeFileSync(join(path, 'spool.mark'), 'commits 99 last id 11\n');
  const said = await runInProcess(['spool', 'repair', path, '--into', `${path}-2`, '--key', keyFile]);
  expect(said).toEqual({
    code: 1,
    out: [
      `${path}-2: 5 messages and 0 remembered answers`,
      'dead letters now, as their state was lost: 6',
      'lost, as they cannot be read: 2 to 4, 7',
      'lost, stored last: 10 to 11',
    ],
    err: [],
  });
  const repaired = await openStore(`${path}-2`, { keys: [key] });
  expect((await repaired.list({}, 0, 99)).map(({ id, state }) => `${id} ${state}`)).toEqual([
    '1 waiting',
    '5 waiting',
    '6 dead',
    '8 waiting',
    '9 delivered',
  ]);
  await repaired.close();
  const json = await runInProcess([
    'spool',
    'repair',
    path,
    '--into',
    `${path}-3`,
    '--key',
    keyFile,
    '--json',
  ]);
  expect(JSON.parse(json.out.join(''))).toMatchObject({ messages: 5, unreadable: [2, 3, 4, 7] });
});

it('refuses what it must not do in one line', async () => {
  const path = storeFolder();
  const store = await openStore(path);
  await store.put(newMessage('a'));
  const repair = (...args: string[]) => runInProcess(['spool', 'repair', ...args]);
  expect(await repair(path, '--into', `${path}-1`)).toMatchObject({
    code: 2,
    out: [],
    err: [expect.stringMatching(new RegExp(`process ${process.pid} has .* open \\[GW_ERR_SPOOL_STORE\\]$`))],
  });
  await store.close();
  expect(await repair(path, '--into', path)).toMatchObject({
    code: 2,
    err: [expect.stringMatching(/holds a spool already/)],
  });
  expect(await repair(`${path}-none`, '--into', `${path}-1`)).toMatchObject({
    code: 2,
    err: [expect.stringMatching(/there is no spool in/)],
  });
});
