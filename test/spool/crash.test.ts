// Acknowledged is stored: the process is killed, and the power is cut, while it stores. crash.long.test.ts does it longer.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { crashAgainAndAgain, powerCutLibrary } from './crashes.ts';
import { storeFolder } from './stored.ts';

it('killed at moments by chance: what was acknowledged is there', async () => {
  expect(await crashAgainAndAgain(3)).toBeGreaterThan(20);
});

it('the power cut at moments by chance: what was acknowledged is there', async ({ skip }) => {
  const library = powerCutLibrary() ?? skip('no gcc here');
  expect(await crashAgainAndAgain(3, library)).toBeGreaterThan(20);
});

it('such a power cut loses what was not synced', ({ skip }) => {
  const library = powerCutLibrary() ?? skip('no gcc here');
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
