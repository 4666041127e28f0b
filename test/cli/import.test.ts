// `import` as a user calls it: what it prints where, how it ends, and that `check` takes what it writes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { command, fixture } from './command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const GOOD = `defaults
  mode tcp
  timeout connect 5s
frontend adt
  bind 127.0.0.1:2575
  default_backend mirths
backend mirths
  balance roundrobin
  server one 10.0.0.1:6661 check
  server two 10.0.0.2:6661 check backup
`;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('all of a file: exit code 0, and check is content with it', async () => {
  const target = join(folder, 'gateway.yaml');
  const cfg = file('haproxy.cfg', GOOD);
  const { code, out, err } = await command('import', cfg, '-o', target);
  expect([code, out]).toEqual([0, []]);
  expect(err).toEqual([`${cfg}: 7 of 7 directives translated, 0 need nothing here, 0 left`]);
  const checked = await command('check', '-c', target);
  expect(checked).toMatchObject({
    code: 0,
    err: [],
    out: [
      `${target}: good; 1 listener: adt (mllp://127.0.0.1:2575); 1 pool: mirths (one, two backup); 1 route: adt to mirths; up to 1166 open files`,
    ],
  });
  const again = await command('import', cfg, '-o', target);
  expect(again.code).toBe(2);
  expect(again.err).toEqual([expect.stringContaining('is there already, and is not overwritten')]);
});

test('a part: on standard output, each left line with its place and reason on standard error, exit code 1', async () => {
  const cfg = file('part.cfg', `${GOOD}  http-reuse safe\n  email-alert to admin@example.org\n`);
  const { code, out, err } = await command('import', cfg);
  expect(code).toBe(1);
  expect(err).toEqual([
    `${cfg}:12: email-alert to: not translated: there is no counterpart`,
    `${cfg}: 7 of 9 directives translated, 1 need nothing here, 1 left`,
  ]);
  expect(out).toContain('  # part.cfg:12: email-alert to: not translated: there is no counterpart');
  expect(out).toContain('  adt:');
});

test('nothing of a file: no config, exit code 1', async () => {
  const { code, out, err } = await command('import', file('none.cfg', 'global\n daemon\n'));
  expect([code, out]).toEqual([1, []]);
  expect(err.at(-1)).toContain('nothing of it leads from a listener to servers');
});

test('--tcp and --mllp say what bytes carry', async () => {
  const cfg = file('bytes.cfg', GOOD);
  const passed = await command('import', cfg, '--tcp');
  expect(passed.out.join('\n')).toContain('tcp://10.0.0.1:6661');
  const named = await command('import', cfg, '--tcp', '--mllp', 'other, mirths');
  expect(named.out.join('\n')).toContain('mllp://10.0.0.1:6661');
});

test('passwords of the file are not printed', async () => {
  const { out, err } = await command('import', fixture('import/two-mirths.cfg'));
  expect(readFileSync(fixture('import/two-mirths.cfg'), 'utf8')).toContain('not-a-real-secret');
  expect([...out, ...err].join('\n')).not.toContain('not-a-real-secret');
});

test.each([
  ['missing.cfg', undefined, 'does not exist'],
  ['latin1.cfg', Buffer.from([0x66, 0xe9, 0x0a]), 'is not UTF-8 text'],
  ['large.cfg', Buffer.alloc(4 * 2 ** 20 + 1, '#'), 'is larger than 4 MiB'],
])('%s cannot be read: exit code 2', async (name, bytes, why) => {
  const path = join(folder, name);
  if (bytes !== undefined) writeFileSync(path, bytes);
  const { code, out, err } = await command('import', path);
  expect([code, out]).toEqual([2, []]);
  expect(err[0]).toContain(why);
});

test('nginx.conf is known by its name, or by its blocks', async () => {
  const named = await command('import', fixture('import/mirths.nginx.conf'));
  expect(named.code).toBe(1);
  expect(named.out[0]).toContain('(nginx)');
  const text = 'stream {\n server { listen 127.0.0.1:2575; proxy_pass 10.0.0.1:6661; }\n}\n';
  const other = await command('import', file('proxy.conf', text));
  expect(other).toMatchObject({ code: 0, err: [expect.stringContaining('4 of 4 directives translated')] });
  expect(other.out.join('\n')).toContain('url: "mllp://10.0.0.1:6661"');
});
