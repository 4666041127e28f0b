// Tests run many commands in their own process. Here each command runs there and as a process of its own: what it prints, where,
// and its exit code are the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { command, type Ended, fixture, spawned } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const ODD = fixture('no-such-file.hl7');
const CONFIG = `listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "mllp://127.0.0.1:1" } } } }
routes: [{ to: p }]
`;
const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-commands-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(at('good.yaml'), CONFIG);
writeFileSync(at('bad.yaml'), `${CONFIG}wat: 1\n`);
writeFileSync(at('no.pem'), 'no certificate');
const NO_ADMIN = ['--admin', 'http://127.0.0.1:1'];

/** What took how long is never the same. */
function timeless({ out, ...rest }: Ended): Ended {
  return { ...rest, out: out.map((line) => line.replace(/ *\b\d+ ms\b/g, ' N ms')) };
}

test.each<[code: number, ...args: string[]]>([
  [0, '--version'],
  [0, '--help'],
  [2],
  [2, 'wat'],
  [0, 'help', 'certs'],
  [2, 'certs'],
  [0, 'check', '-c', at('good.yaml')],
  [2, 'check', '-c', at('bad.yaml')],
  [2, 'check', '-c', at('none.yaml'), '--json'],
  [2, 'init', '--yes', '--out', at('new.yaml')],
  [2, 'keepalived', '-c', at('good.yaml')],
  [2, 'transparent', '-c', at('good.yaml')],
  [0, 'route', '-c', at('good.yaml'), ADMIT],
  [0, 'show', ADMIT],
  [2, 'show', ODD],
  [2, 'send', ODD, '--to', 'mllp://127.0.0.1:1'],
  [1, 'status', ...NO_ADMIN],
  [1, 'top', '--once', ...NO_ADMIN],
  [1, 'drain', 'p/a', ...NO_ADMIN],
  [1, 'maintenance', 'p/a', ...NO_ADMIN],
  [1, 'ready', ...NO_ADMIN],
  [1, 'weight', 'p/a', '2', ...NO_ADMIN],
  [1, 'reload', ...NO_ADMIN],
  [1, 'rotate', ...NO_ADMIN],
  [1, 'spool', 'list', ...NO_ADMIN],
  [2, 'spool', 'retry', 'p'],
  [2, 'spool', 'repair', at('none'), '--into', at('new')],
  [0, 'replay', fixture('scenarios/first-route-wins.yaml')],
  [2, 'replay', at('none')],
  [1, 'import', fixture('import/two-mirths.cfg')],
  [2, 'import', at('none.cfg')],
  [0, 'certs', 'init', '--help'],
  [2, 'certs', 'issue'],
  [2, 'certs', 'csr', '--wat'],
  [2, 'certs', 'renew', at('none')],
  [2, 'certs', 'inspect', at('no.pem')],
  [2, 'certs', 'verify', at('none.pem')],
  [2, 'certs', 'import', at('no.pem')],
  [2, 'certs', 'export', at('none.pem')],
  [2, 'certs', 'fetch', 'nonsense'],
])('exit code %i: %s %s', async (code, ...args) => {
  const here = await command(...args);
  expect(timeless(here)).toEqual(timeless(await spawned(...args)));
  expect(here.code).toBe(code);
  expect(here.out.length + here.err.length).toBeGreaterThan(0);
});

test('a message that is sent is answered alike', async () => {
  await using node = await startFaultyNode();
  for (const run of [command, spawned]) {
    const { code, err } = await run('send', ADMIT, '--to', node.url, '--json');
    expect({ code, err }).toEqual({ code: 0, err: [] });
  }
  expect(node.controlIds).toHaveLength(2);
});
