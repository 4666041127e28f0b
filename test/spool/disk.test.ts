// The disk and the process around the embedded store: a full disk, one that is read-only, two processes, a thread that ends or is silent.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SqliteStore } from '../../src/spool/store/sqlite-store.ts';
import type { StoreState } from '../../src/spool/store/store-options.ts';
import { currentBundle } from '../helpers/bundle.ts';
import { until } from '../helpers/until.ts';
import { changeTo, newMessage, openStore, storeFolder } from './stored.ts';

const MIB = 1024 * 1024;

/** A file system of its own; undefined: this user may not mount one. */
function smallDisk(size: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-disk-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}

const canMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!canMount)('a small disk (root)', () => {
  it('keeps some of it free: new messages are refused first, and deliveries recorded to the last one', async ({
    skip,
  }) => {
    const disk = smallDisk('40M') ?? skip('no mount here');
    const states: StoreState[] = [];
    const store = await openStore(join(disk, 'spool'), {
      minFreeBytes: 3 * MIB,
      ballastBytes: 2 * MIB,
      onState: (state) => states.push(state),
    });
    expect(existsSync(join(disk, 'spool', 'spool.ballast'))).toBe(true);
    const body = 'x'.repeat(8_000);
    let stored = 0;
    const refused = await Promise.all(
      Array.from({ length: 3_000 }, () =>
        store.put(newMessage(body)).then(
          () => void stored++,
          (error: { code: string; detail: string }) => `${error.code}: ${error.detail}`,
        ),
      ),
    );
    expect(new Set(refused.filter((one) => one !== undefined))).toEqual(
      new Set(['GW_ERR_SPOOL_FULL: less than 3 MiB are free on the disk']),
    );
    expect(stored).toBeGreaterThan(300);
    await until(() => store.state.status === 'full', { what: 'the state' });
    expect((await store.list({}, 0, 5_000)).length).toBe(stored);
    for (let id = 1; id <= stored; id++) await store.change(id, changeTo('delivered'));
    // Delivered ones are for looking up and give their place only within maxSize; a person discards them.
    await Promise.all(Array.from({ length: stored }, (_, i) => store.change(i + 1, { to: 'discarded' })));
    await until(() => store.state.status === 'open', { what: 'place' });
    expect(await store.put(newMessage('again'))).toBeGreaterThan(stored);
    expect(states.map(({ status }) => status)).not.toContain('failed');
  });

  it('that others fill gives up the ballast, so that deliveries are recorded; nothing is acknowledged that is not stored', async ({
    skip,
  }) => {
    const disk = smallDisk('32M') ?? skip('no mount here');
    const path = join(disk, 'spool');
    const store = await openStore(path, { minFreeBytes: 0, ballastBytes: 8 * MIB });
    const body = 'y'.repeat(8_000);
    const known = new Set<number>();
    for (let i = 0; i < 100; i++) known.add(await store.put(newMessage(body)));
    // As another process would.
    try {
      writeFileSync(join(disk, 'other'), Buffer.alloc(32 * MIB));
    } catch {
      // Full: as it is meant to be.
    }
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, async () => known.add(await store.put(newMessage(body)))),
    );
    const codes = results.flatMap((one) => (one.status === 'rejected' ? [String(one.reason.code)] : []));
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['GW_ERR_SPOOL_FULL']));
    // More than the log has place for already.
    const error = 'E'.repeat(30_000);
    const delivered = { to: 'delivered', attempts: 1, error, boundTo: undefined } as const;
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.change(i + 1, delivered)));
    expect(existsSync(join(path, 'spool.ballast'))).toBe(false);
    expect(store.state).toMatchObject({ status: 'full' });

    rmSync(join(disk, 'other'));
    await until(() => store.state.status === 'open', { what: 'place' });
    const last = await store.put(newMessage('again'));
    known.add(last);
    expect(existsSync(join(path, 'spool.ballast'))).toBe(true);
    await store.close();
    const again = await openStore(path);
    const there = new Set((await again.list({}, 0, 1_000)).map(({ id }) => id));
    expect([...known].filter((id) => !there.has(id))).toEqual([]);
    expect(await again.list({ state: 'delivered' }, 0, 1_000)).toHaveLength(100);
  });

  it('that becomes read-only is told, nothing is acknowledged, and it goes on by itself', async ({
    skip,
  }) => {
    const disk = smallDisk('24M') ?? skip('no mount here');
    const path = join(disk, 'spool');
    const first = await openStore(path);
    await first.put(newMessage('a'));
    await first.close();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const states: string[] = [];
    const store = new SqliteStore({ path, maxBytes: MIB, onState: ({ status }) => states.push(status) });
    onTestFinished(() => store.close());
    await expect(store.opened).rejects.toMatchObject({
      code: 'GW_ERR_SPOOL_STORE',
      detail: expect.stringMatching(/spool\.db: (SQLITE_(READONLY|CANTOPEN)|EROFS)/),
    });
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await until(() => states.includes('open'), { what: 'the store, open again' });
    expect(states).toEqual(['opening', 'failed', ...states.slice(2)]);
  });
});

it.skipIf(process.getuid?.() === 0)('a folder that may not be written to is said (no root)', async () => {
  const path = storeFolder();
  await (await openStore(path)).close();
  chmodSync(path, 0o500);
  await expect(openStore(path)).rejects.toMatchObject({ code: 'GW_ERR_SPOOL_STORE' });
});

/** Says its first line, and can be ended. */
async function holder(path: string, waitMs = 0) {
  const file = new URL('processes/hold-store.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [file, path, String(waitMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout);
  const first = new Promise<string>((resolve) => lines.once('line', resolve));
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { child, first, exit };
}

describe('two processes', () => {
  it('the second is refused by name of the first, and has it once that was killed', async () => {
    const path = storeFolder();
    const one = await holder(path);
    expect(await one.first).toBe('open');
    await expect(openStore(path)).rejects.toMatchObject({
      code: 'GW_ERR_SPOOL_STORE',
      detail: expect.stringContaining(`process ${one.child.pid} has it open`),
    });
    one.child.kill('SIGKILL');
    await one.exit;
    const store = await openStore(path);
    expect(await store.put(newMessage('a'))).toBe(1);
    const other = await holder(path);
    expect(await other.first).toContain(`process ${process.pid} has it open`);
  });

  it('one takes over from the other as soon as that closes; what is stored meanwhile waits for it', async () => {
    const path = storeFolder();
    const old = await openStore(path);
    await old.put(newMessage('a'));
    const next = await holder(path, 30_000);
    let isOpen = false;
    void next.first.then(() => {
      isOpen = true;
    });
    for (let i = 0; i < 5; i++) await old.put(newMessage('b'));
    expect(isOpen).toBe(false);
    await old.close();
    expect(await next.first).toBe('open');

    const states: string[] = [];
    const opening = openStore(path, { waitMs: 30_000, onState: ({ status }) => states.push(status) });
    await until(() => states.includes('opening'), { what: 'the wait' });
    next.child.stdin.end();
    const store = await opening;
    expect(await store.put(newMessage('c'))).toBe(7);
    expect(states).toEqual(['opening', 'open']);
  });
});

describe('its thread', () => {
  it('that ends costs what it had an error and nothing else: another one starts', async () => {
    const path = storeFolder();
    const states: StoreState[] = [];
    const store = await openStore(path, {
      workerFile: new URL('processes/mortal-store-worker.ts', import.meta.url),
      onState: (state) => states.push(state),
    });
    expect(await store.put(newMessage('a'))).toBe(1);
    const died = store.put(newMessage('b', { orderingKey: 'die' }));
    const behind = store.put(newMessage('c'));
    await expect(died).rejects.toMatchObject({ code: 'GW_ERR_SPOOL_STORE', resend: 'unsafe' });
    await expect(behind).rejects.toMatchObject({ code: 'GW_ERR_SPOOL_STORE' });
    await expect(store.put(newMessage('d'))).rejects.toMatchObject({
      detail: expect.stringMatching(/its thread ended/),
    });
    await until(() => store.state.status === 'open', { what: 'another thread' });
    expect(await store.put(newMessage('e'))).toBe(2);
    expect(store.usage.pools.get('results')?.waiting).toBe(2);
    expect(states.map(({ status }) => status)).toEqual(['opening', 'open', 'failed', 'open']);
  });

  it('that is silent costs what waits an error; what it says later is heard', async () => {
    const path = storeFolder();
    const store = await openStore(path, {
      workerFile: new URL('processes/mortal-store-worker.ts', import.meta.url),
      silentMs: 150,
    });
    await expect(store.put(newMessage('a', { orderingKey: 'hang' }))).rejects.toMatchObject({
      code: 'GW_ERR_SPOOL_STORE',
      detail: expect.stringMatching(/has not answered/),
    });
    expect(store.state.status).toBe('failed');
    await until(() => store.state.status === 'open', { what: 'the answer' });
    // It was stored all the same.
    expect(await store.list({}, 0, 9)).toMatchObject([{ id: 1, orderingKey: 'hang' }]);
  });

  it('of the package, a bundle, does the same', async () => {
    const workerFile = pathToFileURL(join(dirname(await currentBundle()), 'store-worker.js'));
    const store = await openStore(storeFolder(), { workerFile, keys: [Buffer.alloc(32, 1)] });
    const id = await store.put(newMessage('a'));
    expect((await store.content(id))?.payload.toString()).toBe('a');
  });

  it('that does not start at all is said', async () => {
    const workerFile = new URL('processes/none.ts', import.meta.url);
    await expect(openStore(storeFolder(), { workerFile })).rejects.toMatchObject({
      detail: expect.stringMatching(/its thread ended/),
    });
  });
});
