// examples/: `check` is content with each config, the page lists them all, and messages go through them as their scenarios say.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { playScenarios } from '../../src/tools/replay/testing.ts';
import { ROOT } from '../helpers/product-files.ts';

const FOLDER = join(ROOT, 'examples');
const configs = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
const scenarios = readdirSync(join(FOLDER, 'scenarios'));

/** What is only warned of because files are not looked at here. */
const OF_FILES = ['cluster.state.nats.hashKey'];

test.each(configs)('%s', (name) => {
  const { config, warnings } = loadConfig(join(FOLDER, name), { env: {}, isElsewhere: true });
  expect(warnings.filter(({ key }) => !OF_FILES.includes(key))).toEqual([]);
  expect(config.routes.length).toBeGreaterThan(0);
  expect(readFileSync(join(FOLDER, name), 'utf8')).toMatch(/^# [A-Z].*\n/);
});

describe('what is where', () => {
  const page = readFileSync(join(FOLDER, 'README.md'), 'utf8');

  test('the page has every config, and no other', () => {
    const linked = [...page.matchAll(/\]\(([\w-]+\.yaml)\)/g)].map(([, name]) => name);
    expect(linked.toSorted()).toEqual(configs.toSorted());
    expect(configs.length).toBeGreaterThanOrEqual(20);
  });

  test('a scenario is of the config of its name', () => {
    for (const name of scenarios)
      expect(readFileSync(join(FOLDER, 'scenarios', name), 'utf8')).toContain(`\nconfig: ../${name}\n`);
    expect(scenarios.filter((name) => !configs.includes(name))).toEqual([]);
  });
});

test('messages go through them', async () => {
  const played = await playScenarios([join(FOLDER, 'scenarios')]);
  expect(played.map(({ name, verdict }) => [name, verdict])).toEqual(
    scenarios.toSorted().map((name) => [name.replace('.yaml', ''), 'good']),
  );
});
