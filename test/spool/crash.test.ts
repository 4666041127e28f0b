// Acknowledged is stored: the process is killed, and the power is cut, while it stores. crash.long.test.ts does it longer.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../helpers/until.ts';
import { crashAgainAndAgain, preloaded } from './crashes.ts';
import { payloadOf } from './load.ts';
import { openStore, storeFolder } from './stored.ts';

it('killed at moments by chance: what was acknowledged is there', async () => {
  expect(await crashAgainAndAgain(3)).toBeGreaterThan(20);
});

it('the power cut at moments by chance: what was acknowledged is there', async ({ skip }) => {
  const library = preloaded('power-cut') ?? skip('no gcc here');
  expect(await crashAgainAndAgain(3, library)).toBeGreaterThan(20);
});

it('such a power cut loses what was not synced', ({ skip }) => {
  const library = preloaded('power-cut') ?? skip('no gcc here');
  const from = storeFolder();
  const to = join(dirname(from), 'shadow');
  mkdirSync(from);
  mkdirSync(to);
  const script = `const fs = require('fs'); const fd = fs.openSync('${from}/a', 'w');
    fs.writeSync(fd, 'synced'); fs.fsyncSync(fd); fs.writeSync(fd, 'not'); fs.writeFileSync('${from}/b', 'not');
    fs.renameSync('${from}/a', '${from}/c');`;
  execFileSync(process.execPath, ['-e', script], {
    env: { ...process.env, LD_PRELOAD: library, POWER_CUT_FROM: from, POWER_CUT_TO: to },
  });
  expect(readFileSync(join(from, 'c'), 'utf8')).toBe('syncednot');
  expect(readFileSync(join(to, 'a'), 'utf8')).toBe('synced');
  expect(existsSync(join(to, 'b'))).toBe(false);
});

it('a disk that fails with EIO at fsync: nothing is acknowledged, until it does not fail any more', async ({
  skip,
}) => {
  const library = preloaded('io-error') ?? skip('no gcc here');
  const path = storeFolder();
  const failing = join(dirname(path), 'failing');
  const file = new URL('processes/trickle-store.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [file, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LD_PRELOAD: library,
      IO_ERROR_WHILE: failing,
      IO_ERROR_ON: join(path, 'spool.db'),
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = new Promise((resolve) => child.once('exit', resolve));
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const puts = (from: number): string[] => lines.slice(from).filter((line) => line.startsWith('put'));
  await until(() => puts(0).length > 20, { what: 'messages stored' });
  writeFileSync(failing, '');
  await until(() => lines.includes('state failed'), { what: 'the failure' });
  const failed = lines.indexOf('state failed');
  await until(() => lines.slice(failed).filter((line) => line.startsWith('error')).length > 20, {
    what: 'errors',
  });
  expect(puts(failed)).toEqual([]);
  expect(new Set(lines.flatMap((line) => /^error (\w+)/.exec(line)?.[1] ?? []))).toEqual(
    new Set(['GW_ERR_SPOOL_STORE']),
  );
  expect(lines.some((line) => line.includes('SQLITE_IOERR'))).toBe(true);
  rmSync(failing);
  await until(() => puts(failed).length > 20, { what: 'messages stored again' });
  child.kill('SIGTERM');
  await exit;
  const store = await openStore(path);
  for (const line of puts(0)) {
    const [, n, id] = line.split(' ').map(Number);
    expect((await store.content(id ?? 0))?.payload, line).toEqual(payloadOf(n ?? 0));
  }
});
