// The config in docs/mirth.md is one that `check` takes without a word, and asks each Mirth once for all of its pools.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../../src/cli/run/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/mirth.md'), 'utf8');

test('the complete config', () => {
  const [, config = ''] = /## A complete config\n.*?```yaml\n(.*?)```/s.exec(PAGE) ?? [];
  expect(config).toContain('channel: ADT in');
  using folder = createTlsFolder();
  for (const name of ['mirth-a', 'mirth-b', 'vip'] as const) {
    const { certPem, keyPem } = folder.pems.good;
    folder.write(`${name}.pem`, certPem);
    folder.write(`${name}.crt.pem`, certPem);
    folder.write(`${name}.key.pem`, keyPem);
  }
  folder.write('mirth-password', 'secret\n');
  folder.write('admin.token', `${'t'.repeat(40)}\n`);
  const file = folder.write('gateway.yaml', config);
  const { config: loaded, warnings } = loadConfig(file, { env: {} });
  expect(warnings).toEqual([]);
  const urls = loaded.pools.flatMap(({ nodes }) => nodes.map(({ checkUrl }) => checkUrl));
  expect(new Set(urls)).toEqual(new Set(['https://10.0.0.11:8443/', 'https://10.0.0.12:8443/']));
  const out: string[] = [];
  const err: string[] = [];
  const terminal = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const code = check(file, { json: false }, terminal, {});
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out).toEqual([expect.stringContaining('good')]);
});
