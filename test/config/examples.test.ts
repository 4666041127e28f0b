// The configs in examples/ load without a warning.
import { readdirSync, readFileSync } from 'node:fs';
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

test('30 channels on two Mirths take 25 lines at most, and docs/configuration.md shows these files', () => {
  const text = readFileSync(join(FOLDER, 'many-channels/gateway.yaml'), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
  const { config } = loadConfig(join(FOLDER, 'many-channels/gateway.yaml'), { env: {} });
  const channels = config.pools.filter(({ name }) => name.startsWith('mirth-'));
  expect(config.listeners.length).toBe(31);
  expect(channels.map(({ nodes }) => nodes.map(({ url }) => url))[29]).toEqual([
    'mllp://10.1.0.11:6690',
    'mllp://10.1.0.12:6690',
  ]);
  expect(
    channels.every(({ persistence, timeouts }) => persistence !== undefined && timeouts.ackMs === 60_000),
  ).toBe(true);
  expect(config.pools.at(-1)).toMatchObject({
    name: 'lab',
    persistence: undefined,
    timeouts: { ackMs: 300_000 },
  });
  const page = readFileSync(join(FOLDER, '../docs/configuration.md'), 'utf8');
  for (const name of ['gateway.yaml', 'conf.d/lab.yaml'])
    expect(page).toContain(readFileSync(join(FOLDER, 'many-channels', name), 'utf8'));
});
