// Records that wait on the disk: all that was written comes again after whatever ended the process, in order, within its room.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fileName, parseName } from '../../../../src/observe/audit/spool/segment.ts';
import { SpoolBacklog, type SpoolOptions } from '../../../../src/observe/audit/spool/spool-backlog.ts';
import { until } from '../../../helpers/until.ts';

function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Spool {
  readonly backlog: SpoolBacklog;
  readonly lost: number[];
  readonly told: string[];
}

function open(folder: string, options: Partial<SpoolOptions> = {}): Spool {
  const lost: number[] = [];
  const told: string[] = [];
  const backlog = new SpoolBacklog({
    folder,
    maxBytes: 1 << 24,
    max: 100_000,
    onDisk: (error) => told.push(error === undefined ? 'up' : `${error.code} ${error.detail ?? ''}`),
    ...options,
  });
  // A file that nobody closes is an error when its memory is collected, in whatever test that is.
  onTestFinished(() =>
    backlog.close().then(
      () => {},
      () => {},
    ),
  );
  backlog.onLost = (count) => lost.push(count);
  backlog.begin();
  return { backlog, lost, told };
}

/** All that it gives out. */
async function drain({ backlog }: Spool): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const batch = await backlog.next();
    if (batch.length === 0) return all;
    all.push(...batch);
  }
}

const files = (folder: string): string[] => readdirSync(folder).toSorted();

/** What is on the disk now, as a process finds it whose predecessor was killed. */
function afterKill(folder: string): string {
  const other = mkdtempSync(join(folder, 'copy-'));
  for (const name of files(folder)) {
    const parsed = parseName(name);
    if (parsed === undefined) continue;
    // Nobody has this one.
    copyFileSync(join(folder, name), join(other, fileName({ at: parsed.at, owner: '999999999-1-1' })));
  }
  return other;
}

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `<85>1 record ${from + i} ${'x'.repeat(i % 300)}`);

test('what waits is on the disk, for its owner alone; what is taken is gone', async () => {
  const folder = join(emptyFolder(), 'deep', 'spool');
  const spool = open(folder);
  const all = numbered(250);
  for (const one of all) expect(spool.backlog.add(one)).toBe(true);
  await spool.backlog.settled();
  expect([spool.backlog.count, spool.backlog.kept]).toEqual([250, 250]);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, files(folder)[0] ?? '')).mode & 0o777).toBe(0o600);
  expect(await drain(spool)).toEqual(all);
  // Not taken yet: they come again.
  spool.backlog.again();
  expect(spool.backlog.count).toBe(250);
  expect(await drain(spool)).toEqual(all);
  await spool.backlog.taken();
  expect([spool.backlog.count, files(folder)]).toEqual([0, []]);
  spool.backlog.add('later');
  await spool.backlog.settled();
  expect(await drain(spool)).toEqual(['later']);
  expect([spool.lost, spool.told]).toEqual([[], []]);
});

test('many fill many files, which come back in order and in part', async () => {
  const folder = emptyFolder();
  const spool = open(folder);
  const all = numbered(10_000);
  for (const one of all) spool.backlog.add(one);
  await spool.backlog.settled();
  expect(files(folder).length).toBeGreaterThan(2);
  const next = open(afterKill(folder));
  const given: string[] = [];
  for (let i = 0; i < 20; i++) given.push(...(await next.backlog.next()));
  await next.backlog.taken();
  expect([next.backlog.count, spool.backlog.count]).toEqual([10_000 - given.length, 10_000]);
  expect([...given, ...(await drain(next))]).toEqual(all);
});

test('whatever was done before the kill, all that is not taken comes again, in order', async () => {
  const folders = emptyFolder();
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ do: fc.constantFrom('next', 'taken', 'again', 'settle', 'kill') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const folder = mkdtempSync(join(folders, 'run-'));
      const spool = open(folder);
      const added: string[] = [];
      let given = 0;
      let taken = 0;
      const { backlog } = spool;
      for (const one of steps) {
        if (one.do === 'add' && 'count' in one) {
          const some = numbered(one.count, added.length);
          added.push(...some);
          for (const record of some) backlog.add(record);
        } else if (one.do === 'next') {
          const batch = await backlog.next();
          expect(batch).toEqual(added.slice(given, given + batch.length));
          given += batch.length;
        } else if (one.do === 'taken') {
          await backlog.taken();
          taken = given;
        } else if (one.do === 'again') {
          backlog.again();
          given = taken;
        } else {
          await backlog.settled();
          if (one.do === 'kill') {
            const copy = open(afterKill(folder));
            const found = await drain(copy);
            expect(found).toEqual(added.slice(added.length - found.length));
            expect(found.length).toBeGreaterThanOrEqual(added.length - taken);
            // Of those that were taken no more than are in a file with others that were not.
            expect(found.length).toBeLessThan(added.length - taken + 8_000);
            await copy.backlog.close();
          }
        }
        expect(backlog.count).toBe(added.length - taken);
      }
      await backlog.close();
      expect(spool.lost).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('a file that is cut off anywhere has all that is whole in it', async () => {
  const folder = emptyFolder();
  const { backlog } = open(folder);
  const all = ['one', 'two', 'three'];
  for (const one of all) backlog.add(one);
  await backlog.settled();
  const [name = ''] = files(folder);
  const whole = readFileSync(join(folder, name), 'latin1');
  for (let cut = 0; cut <= whole.length; cut++) {
    const part = mkdtempSync(join(folder, 'cut-'));
    writeFileSync(join(part, fileName({ at: 1, owner: '999999999-1-1' })), whole.slice(0, cut));
    const found = open(part);
    const lines = whole.slice(0, cut).split('\n').length - 1;
    expect(await drain(found)).toEqual(all.slice(0, lines));
    const isWhole = cut === 0 || whole[cut - 1] === '\n';
    expect(found.lost).toEqual(isWhole ? [] : [1]);
    await found.backlog.taken();
    expect(files(part)).toEqual([]);
    await found.backlog.close();
  }
});

test('a record that has changed on the disk is left out and counted; those about it are there', async () => {
  const folder = emptyFolder();
  const { backlog } = open(folder);
  for (const one of ['one', 'two', 'three']) backlog.add(one);
  await backlog.settled();
  const copy = afterKill(folder);
  const [name = ''] = files(copy);
  writeFileSync(join(copy, name), readFileSync(join(copy, name), 'latin1').replace('two', 'twa'));
  const found = open(copy);
  expect(await drain(found)).toEqual(['one', 'three']);
  expect(found.lost).toEqual([1]);
});

test('what does not fit is refused, until there is room again', async () => {
  const folder = emptyFolder();
  const spool = open(folder, { maxBytes: 1_000 });
  const record = 'x'.repeat(90);
  const taken = Array.from({ length: 15 }, () => spool.backlog.add(record));
  expect(taken.filter((one) => one)).toHaveLength(10);
  await spool.backlog.settled();
  expect(spool.backlog.add(record)).toBe(false);
  expect(await drain(spool)).toHaveLength(10);
  expect(spool.backlog.add(record)).toBe(false);
  await spool.backlog.taken();
  expect(spool.backlog.add(record)).toBe(true);
  // What another has left counts too.
  await spool.backlog.settled();
  const next = open(afterKill(folder), { maxBytes: 150 });
  await next.backlog.next();
  expect(next.backlog.add(record)).toBe(false);
});

test('no more wait in memory for a disk than may', () => {
  const { backlog } = open(emptyFolder(), { max: 3 });
  expect([1, 2, 3, 4].map((n) => backlog.add(String(n)))).toEqual([true, true, true, false]);
});

test('two in one folder do not take from each other; when one has ended, the other takes over', async () => {
  const folder = emptyFolder();
  const [old, next] = [open(folder), open(folder)];
  old.backlog.add('first');
  await old.backlog.settled();
  next.backlog.add('second');
  await next.backlog.settled();
  expect(await drain(next)).toEqual(['second']);
  // One that comes now looks for what nobody has before it gives out anything.
  expect(await drain(open(folder))).toEqual([]);
  const ready = vi.fn();
  next.backlog.onReady = ready;
  old.backlog.add('third');
  expect(await old.backlog.close()).toEqual([]);
  next.backlog.begin();
  await until(() => ready.mock.calls.length > 0);
  expect(await drain(next)).toEqual(['first', 'third']);
  await next.backlog.taken();
  expect(files(folder)).toEqual([]);
  expect(next.lost).toEqual([]);
});

test('what others have left goes out first, also two files of the same moment and where the clock was set back', async () => {
  const folder = emptyFolder();
  const future = Date.now() + 3_600_000;
  for (const [i, owner] of ['999999998-1-1', '999999999-1-1'].entries()) {
    const one = open(mkdtempSync(join(folder, 'other-')));
    one.backlog.add(`old ${i}`);
    await one.backlog.settled();
    const there = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const made = there.filter((name) => name.includes(`${process.pid}-`)).at(-1) ?? '';
    copyFileSync(join(folder, made), join(folder, fileName({ at: future, owner })));
    await drain(one);
    await one.backlog.taken();
  }
  const spool = open(folder);
  spool.backlog.add('new');
  await spool.backlog.settled();
  expect(await drain(spool)).toEqual(['old 0', 'old 1', 'new']);
  // The same holds once more: its own file is behind theirs.
  spool.backlog.again();
  const copy = open(afterKill(folder));
  expect(await drain(copy)).toEqual(['old 0', 'old 1', 'new']);
});

test('a disk that takes none is told of; a repository gets what comes meanwhile from memory', async () => {
  const place = emptyFolder();
  const folder = join(place, 'spool');
  writeFileSync(folder, 'a file where the folder should be');
  const spool = open(folder);
  expect(await spool.backlog.open().catch(({ code }) => code)).toBe('GW_ERR_FILE');
  spool.backlog.add('one');
  await until(() => spool.told.length > 0);
  expect(spool.told).toEqual(['GW_ERR_FILE audit.spool: EEXIST']);
  const given = await until(async () => (await drain(spool)).join());
  expect(given).toBe('one');
  spool.backlog.again();
  expect(spool.backlog.count).toBe(1);
  expect(await until(async () => (await drain(spool)).join())).toBe('one');
  await spool.backlog.taken();
  expect([spool.backlog.count, spool.backlog.kept]).toEqual([0, 0]);
  // What nobody has taken is on the disk when there is one.
  spool.backlog.add('two');
  rmSync(folder);
  await until(() => spool.backlog.kept === 1);
  expect(spool.told.at(-1)).toBe('up');
  expect(await drain(spool)).toEqual(['two']);
});

test('at the end what has not come to the disk is given back', async () => {
  const folder = join(emptyFolder(), 'spool');
  writeFileSync(folder, '');
  const spool = open(folder);
  spool.backlog.add('one');
  await until(() => spool.told.length > 0);
  expect(await until(async () => (await spool.backlog.next()).join())).toBe('one');
  expect(await spool.backlog.close()).toEqual(['one']);
  expect(await spool.backlog.next()).toEqual([]);
});

test('a file that has gone is counted; one that cannot be read stays where it is', async () => {
  const folder = emptyFolder();
  const { backlog } = open(folder);
  for (const one of numbered(10_000)) backlog.add(one);
  await backlog.settled();
  const copy = afterKill(folder);
  const found = open(copy);
  await found.backlog.next();
  const [, second = '', third = ''] = files(copy);
  rmSync(join(copy, second));
  rmSync(join(copy, third));
  mkdirSync(join(copy, third));
  const got = await drain(found);
  expect(found.lost).toHaveLength(2);
  expect(got.length + 100 + (found.lost[0] ?? 0) + (found.lost[1] ?? 0)).toBe(10_000);
  expect(found.told[0]).toMatch(/^GW_ERR_FILE audit\.spool: (?:ENOENT|EISDIR)$/);
  await found.backlog.taken();
  expect(files(copy)).toEqual([third]);
  expect(found.backlog.count).toBe(0);
});

test('files of others in the folder are let be', async () => {
  const folder = emptyFolder();
  for (const name of ['notes.txt', '000000000000001.1.audit', 'x.audit'])
    writeFileSync(join(folder, name), 'x');
  const spool = open(folder);
  expect(await drain(spool)).toEqual([]);
  spool.backlog.add('one');
  await spool.backlog.settled();
  await drain(spool);
  await spool.backlog.taken();
  expect(files(folder)).toHaveLength(3);
  chmodSync(folder, 0o700);
});
