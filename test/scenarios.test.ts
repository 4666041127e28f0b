// Plays every scenario of fixtures/scenarios/ by the package's own test helper: they are end-to-end tests and documentation.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type PlayedScenario, playScenarios } from '../src/tools/replay/testing.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/scenarios/', import.meta.url));
const files = readdirSync(FOLDER).sort();
const textOf = (file: string): string => readFileSync(`${FOLDER}${file}`, 'utf8');

/** All at once, as `replay` does it; each test then looks at its own. */
let played: Promise<PlayedScenario[]> | undefined;
const resultOf = async (file: string): Promise<PlayedScenario | undefined> => {
  played ??= playScenarios([FOLDER], { env: {} });
  return (await played).find((one) => one.file === `${FOLDER}${file}`);
};

/** They take 4 s together; what differs is played again in real time. */
const TIMEOUT_MS = 120_000;

describe('the scenarios', () => {
  test.each(files)('%s', { timeout: TIMEOUT_MS }, async (file) => {
    const result = await resultOf(file);
    expect(result?.problems).toEqual([]);
    expect(result?.verdict).toBe('good');
  });

  test('are forty at least', () => {
    expect(files.length).toBeGreaterThanOrEqual(40);
    expect(files.every((file) => /^[a-z0-9-]+\.yaml$/.test(file))).toBe(true);
  });

  test('each says what it shows, and where its schema is', () => {
    for (const file of files) {
      expect(textOf(file), file).toMatch(
        /^# yaml-language-server: \$schema=\.\.\/scenario\.schema\.json\nabout: /,
      );
    }
  });

  test('each is valid by the schema', () => {
    const schema = JSON.parse(textOf('../scenario.schema.json'));
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(schema);
    for (const file of files) {
      const good = validate(parse(textOf(file)));
      expect(good ? [] : validate.errors, file).toEqual([]);
    }
  });
});
