// `node --api …` as a child process: what it prints, its options, and what it refuses.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { curl } from '../tools/simulation/http-room.ts';
import { command, start } from './command-line.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const LISTEN = ['node', '--listen', 'mllp://127.0.0.1:0'];
const REQUESTED = ['-H', 'X-Requested-With: test'];

test('it goes through its phases, says so, and opens its port at the end of them', async () => {
  const node = start(...LISTEN, '--api', 'http://127.0.0.1:0', '--api-status', '2@150ms,3@150ms,0');
  const [, url = ''] = await node.line(/^its REST API on (http:\/\/127\.0\.0\.1:[1-9]\d*)$/);
  await node.line(/^status 0, the port is open$/);
  expect((await curl(...REQUESTED, `${url}/api/server/status`)).body).toBe('<int>0</int>');
  const { code, out, err } = await node.stop();
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out.slice(2)).toEqual([
    'status 2, the port is closed',
    'status 3, the port is closed',
    'status 0, the port is open',
  ]);
});

test('over HTTPS with a throw-away certificate, a user of its own, and --json', async () => {
  const file = folder.write('password', 'secret\n');
  const args = [
    '--api-user',
    'probe',
    '--api-password-file',
    file,
    '--json',
    '--keep-open',
    '--api-status',
    '1',
  ];
  const channels = ['--api-channel', 'ADT=PAUSED', '--api-channel', 'LAB'];
  const node = start(...LISTEN, '--api', 'https://127.0.0.1:0', ...args, ...channels);
  const [line] = await node.line(/^\{"listening".*$/);
  const { api, apiSha256 } = JSON.parse(line) as { api: string; apiSha256: string };
  expect(apiSha256).toMatch(/^[0-9A-F:]{95}$/);
  await node.line(/^\{"status":1,"port":"open"\}$/);
  const shown = await curl('-k', ...REQUESTED, `${api}/control`);
  expect(JSON.parse(shown.body)).toMatchObject({ status: 1, channels: { ADT: 'PAUSED', LAB: 'STARTED' } });
  const path = `${api}/api/channels/statuses`;
  expect((await curl('-k', ...REQUESTED, '-u', 'admin:admin', path)).status).toBe(401);
  expect((await curl('-k', ...REQUESTED, '-u', 'probe:secret', path)).status).toBe(200);
  await curl('-k', ...REQUESTED, '-X', 'PUT', '-d', '{"status":0}', `${api}/control`);
  await node.line(/^\{"status":0,"port":"open"\}$/);
  expect((await node.stop()).code).toBe(0);
});

test('F94 --login-cost is for logins alone, --api-delay for each answer, and both change nothing of it', async () => {
  const node = start(
    ...[...LISTEN, '--api', 'http://127.0.0.1:0', '--login-cost', '300ms', '--api-delay', '10ms'],
  );
  const [, url = ''] = await node.line(/^its REST API on (http:\/\/127\.0\.0\.1:[1-9]\d*)$/);
  const path = `${url}/api/channels/statuses`;
  const startedAt = performance.now();
  const [first, second] = await Promise.all([
    curl(...REQUESTED, '-u', 'admin:admin', path),
    curl(...REQUESTED, '-u', 'admin:admin', path),
  ]);
  // One after the other.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(600);
  expect([first.status, second.status]).toEqual([200, 200]);
  const cookie = first.fields.get('set-cookie')?.split(';')[0] ?? '';
  expect((await curl(...REQUESTED, '-b', cookie, path)).status).toBe(200);
  const shown = await curl(...REQUESTED, '-X', 'PUT', '-d', '{"delay":"2s"}', `${url}/control`);
  expect(JSON.parse(shown.body)).toMatchObject({ delay: '2000ms' });
  expect((await curl(...REQUESTED, '-X', 'PUT', '-d', '{"delay":7}', `${url}/control`)).status).toBe(400);
  expect((await node.stop()).code).toBe(0);
});

test('--api-cert is what it shows', async () => {
  const { cert, key } = folder.files.good;
  const node = start(...LISTEN, '--api', 'https://127.0.0.1:0', '--api-cert', cert, '--api-key', key);
  const [, port = ''] = await node.line(/^its REST API on https:\/\/127\.0\.0\.1:([1-9]\d*)$/);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/api/server/status', ca: readFileSync(folder.caFile) };
    https
      .get({ ...options, headers: { 'x-requested-with': 'test' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
      .on('error', reject);
  });
  expect(status).toBe(200);
  expect((await node.stop()).out.filter((line) => line.includes('throw-away'))).toEqual([]);
});

test.for<[string, string[], string]>([
  [
    'another scheme',
    ['--api', 'ftp://127.0.0.1:0'],
    '--api takes https://HOST:PORT or http://HOST:PORT, not "ftp://127.0.0.1:0"',
  ],
  ['a status alone', ['--api-status', '0'], '--api-… and --keep-open need --api'],
  ['--login-cost alone', ['--login-cost', '1s'], '--login-cost needs --api'],
  ['--keep-open alone', ['--keep-open'], '--api-… and --keep-open need --api'],
  [
    'half a pair',
    ['--api', 'https://127.0.0.1:0', '--api-cert', 'x'],
    '--api-cert and --api-key go together',
  ],
  [
    'a pair over http',
    ['--api', 'http://127.0.0.1:0', '--api-cert', 'x', '--api-key', 'y'],
    '--api-cert needs --api https://…',
  ],
  [
    'a user alone',
    ['--api', 'http://127.0.0.1:0', '--api-user', 'x'],
    '--api-user and --api-password-file go together',
  ],
])('%s is exit code 2 and one line', async ([, args, why]) => {
  expect(await command(...LISTEN, ...args)).toEqual({
    code: 2,
    signal: null,
    out: [],
    err: [`the command was called wrongly: ${why} [GW_ERR_USAGE]`],
  });
});

test.for<[string[], string]>([
  [['--api-status', '2@2s'], 'It takes 0, 1, 2 or 3, or a sequence as 2@2s,3@2s,0 whose last one stays.'],
  [['--api-channel', 'ADT=GONE'], 'It takes NAME or NAME=STATE, with a state of STARTED,'],
])('%j is exit code 2', async ([args, why]) => {
  const { code, err } = await command(...LISTEN, '--api', 'http://127.0.0.1:0', ...args);
  expect([code, err[0]]).toEqual([2, expect.stringContaining(why)]);
});

test('an API port in use is exit code 1, and the node’s own port is not kept', async () => {
  const first = start(...LISTEN, '--api', 'http://127.0.0.1:0');
  const [, url = ''] = await first.line(/^its REST API on (http:\/\/127\.0\.0\.1:[1-9]\d*)$/);
  const { code, err } = await command(...LISTEN, '--api', url);
  expect([code, err[0]]).toEqual([1, expect.stringContaining("simulated node's API on 127.0.0.1")]);
});
