// F113: an audit file that cannot be there fails `check` and the start as it fails a reload; `rotate` and SIGUSR2 open it again
// after a rotation, and do nothing else.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { addresses, runConfig } from '../faults/process-room.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { command, start } from './command-line.ts';

const TOKEN = 'a-token-of-this-test';

test.for([
  ['a folder that is not there', 'none/audit.log', 'its folder does not exist', 'ENOENT'],
  ['a folder that is a file', 'gateway.yaml/audit.log', 'its folder is a file', 'ENOTDIR'],
  ['a folder in its place', '.', 'it is a folder', 'EISDIR'],
] as const)('F113 check, start and reload refuse %s', async ([, file, reason, code]) => {
  await using node = await startFaultyNode();
  const good = runConfig({ nodes: { a: node.url } });
  const bad = runConfig({ nodes: { a: node.url }, more: { audit: { file } } });
  const path = join(dirname(bad), file);

  const checked = await command('check', '-c', bad);
  expect({ code: checked.code, out: checked.out }).toEqual({ code: 2, out: [] });
  expect(checked.err.at(-1)?.replace(/:\d+:\d+: /, ': ')).toBe(`${bad}: audit.file: "${path}": ${reason}`);

  const started = await command('run', '-c', bad);
  expect({ code: started.code, out: started.out }).toEqual({ code: 2, out: [] });
  expect(started.err.at(-1)).toContain(`audit.file: ${code} [GW_ERR_FILE]`);

  const gateway = start('run', '-c', good);
  await addresses(gateway);
  writeFileSync(good, readFileSync(bad, 'utf8').replace(`"${file}"`, `"${path}"`));
  gateway.child.kill('SIGHUP');
  await gateway.line(/"code":"GW_ERR_FILE".*the old config stays in force/);
  expect((await gateway.stop()).code).toBe(0);
});

test('F113 rotate and SIGUSR2 open the audit file again, and nothing is reloaded', async () => {
  await using node = await startFaultyNode();
  const config = runConfig({ nodes: { a: node.url }, more: { audit: { file: 'audit.log' } } });
  const file = join(dirname(config), 'audit.log');
  expect((await command('check', '-c', config)).code).toBe(0);
  // Looking makes nothing.
  expect(existsSync(file)).toBe(false);
  const gateway = start('run', '-c', config);
  const { admin } = await addresses(gateway);
  const url = `http://127.0.0.2:${admin}`;
  const refused = async (): Promise<void> => {
    await (await fetch(`${url}/status`, { headers: { authorization: 'Bearer wrong' } })).text();
  };
  const lines = (path: string, what = ''): number =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '' && line.includes(what)).length
      : 0;
  const REFUSED = 'a wrong token';
  await until(() => lines(file) === 1, { deadlineMs: 15_000 });
  // A config that would be refused shows that it is not read.
  writeFileSync(config, 'listeners: 7');

  renameSync(file, `${file}.1`);
  gateway.child.kill('SIGUSR2');
  await gateway.line(/"by":"SIGUSR2".*"msg":"files opened again"/);
  await refused();
  await until(() => lines(file, REFUSED) === 1, { deadlineMs: 15_000 });

  renameSync(file, `${file}.2`);
  const token = join(dirname(config), 'token');
  writeFileSync(token, TOKEN, { mode: 0o600 });
  const rotated = await command('rotate', '--admin', url, '--token-file', token);
  expect(rotated).toEqual({ code: 0, signal: null, out: [`opened again: ${file}`], err: [] });
  await refused();
  await until(() => lines(file, REFUSED) === 1, { deadlineMs: 15_000 });

  expect((await gateway.stop()).code).toBe(0);
  expect([`${file}.1`, `${file}.2`, file].map((path) => lines(path, REFUSED))).toEqual([0, 1, 1]);
  // Who has rotated them stands in the files that were opened for it.
  expect([`${file}.1`, `${file}.2`, file].map((path) => lines(path))).toEqual([1, 2, 3]);
  expect(gateway.out.filter((line) => /"msg":"(reload|config loaded)"/.test(line))).toEqual([]);
});
