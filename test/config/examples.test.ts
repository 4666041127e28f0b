// The configs in examples/ load without a warning.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

const FOLDER = join(import.meta.dirname, '../../examples');
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('gateway.yaml'),
);

test.each(files)('%s', (name) => {
  const { config, warnings } = loadConfig(join(FOLDER, name), { env: {} });
  expect(warnings).toEqual([]);
  expect(config.listeners.length).toBeGreaterThan(0);
});

test('there are some', () => {
  expect(files.length).toBeGreaterThan(0);
});
