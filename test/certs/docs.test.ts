// docs/certs.md is true: its commands run in its order and are good, and it names every command and no other.
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { CertsFolder } from './certs-command.ts';
import { made } from './made.ts';

const text = readFileSync(new URL('../../docs/certs.md', import.meta.url), 'utf8');
const folder = new CertsFolder();
afterAll(() => folder.remove());

/** Words of a shell line; quotes around words with spaces are all that the page uses. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

test('its commands run as they stand', { timeout: 60_000 }, async () => {
  folder.write('keystore.pass', 'changeit\n');
  const { certPem, keyPem } = made({ cn: 'mirth', dns: ['mirth.test'] });
  folder.write('m.crt.pem', certPem);
  folder.write('m.key.pem', keyPem);
  await folder.good('export', 'm.crt.pem', '--out', 'mirth.p12', '--passphrase-file', 'keystore.pass');
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  const commands = blocks
    .flatMap((block) => block.trim().split('\n'))
    .filter((line) => line.startsWith('hl7-gateway certs ') && !line.includes('--connect'))
    .map((line) => wordsOf(line).slice(2));
  expect(commands.length).toBeGreaterThan(12);
  // Each in a process of its own, as a user has it.
  for (const args of commands) {
    const { code, err } = await folder.spawned(...args);
    expect({ args, code, err }).toMatchObject({ args, code: 0 });
  }
});

test('it names every command and every one of them exists', async () => {
  const { out } = await folder.certs('--help');
  const known = out
    .map((line) => /^ {2}([a-z]+) .*<|^ {2}([a-z]+) \[/.exec(line))
    .flatMap((match) => match?.[1] ?? match?.[2] ?? []);
  const documented = [...text.matchAll(/^\| `certs ([a-z]+)/gm)].map(([, name]) => name);
  expect([...new Set(documented)].sort()).toEqual(known.filter((name) => name !== 'help').sort());
});
