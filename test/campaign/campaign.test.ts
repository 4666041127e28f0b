// The campaign's short form: the config with all wires, routes and pools. campaign.long.test.ts has the others, and gateways that
// are wrong; the command is run.ts. Promises: the seed is fixed, so that a run that fails can be done again; its logs are kept.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeMutant } from './mutants.ts';
import { expectKept } from './short-form.ts';

const TIMEOUT_MS = 900_000;

/** Descriptors are counted under /proc. */
describe.runIf(process.platform === 'linux')(
  'F30 F31 F32 F33 F34 F35 F36 F39 F40 F41 F44 F125 nodes and senders that fail as they like',
  () => {
    test('mixed: every promise is kept through 50 events', { timeout: TIMEOUT_MS }, () =>
      expectKept('mixed', 3),
    );
  },
);

test('a mutant whose place in the source is gone, or there twice, is an error', () => {
  const patch = { file: 'src/relay/retry.ts', put: '' };
  for (const find of ['not in there', 'return'])
    expect(() => makeMutant({ name: 'test', patches: [{ ...patch, find }] })).toThrow(
      'the mutant “test” does not fit src/relay/retry.ts any more',
    );
});

test('nothing here is made of the product’s own code', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
  const imports = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8');
      return [...text.matchAll(/\bfrom '(\.[^']+)'/g)].map(([, path]) => [file, path as string] as const);
    });
  expect(imports.length).toBeGreaterThan(30);
  const outside = imports.filter(([file, path]) =>
    relative(import.meta.dirname, resolve(import.meta.dirname, dirname(file), path)).startsWith('..'),
  );
  // Chance by a seed, which no gateway uses.
  expect(outside.filter(([, path]) => !path.endsWith('/src/tools/world/prng.ts'))).toEqual([]);
});
