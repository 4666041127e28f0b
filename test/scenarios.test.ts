// Plays every scenario of fixtures/scenarios/ by the package's own test helper, in virtual and in real time: they are end-to-end tests and
// documentation.
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
const played: Record<'virtual' | 'real', Promise<PlayedScenario[]> | undefined> = {
  virtual: undefined,
  real: undefined,
};
const resultOf = async (file: string, clock: 'virtual' | 'real'): Promise<PlayedScenario | undefined> => {
  const isReal = clock === 'real';
  played[clock] ??= playScenarios([FOLDER], { env: {}, realTime: isReal });
  return (await played[clock]).find((one) => one.file === `${FOLDER}${file}`);
};

/** The real network is the point of these. */
const TLS = /\btls\b|mllps:|https:/;

/** In real time they take 4 s together; what differs is played again, as fast as time is. */
const TIMEOUT_MS = 120_000;

describe('the scenarios', () => {
  test.each(files)('%s', { timeout: TIMEOUT_MS }, async (file) => {
    const result = await resultOf(file, 'virtual');
    expect(result?.problems).toEqual([]);
    expect(result?.verdict).toBe('good');
    expect(result?.clock).toBe(TLS.test(textOf(file)) ? 'real' : 'virtual');
  });

  test.each(files)('%s comes out the same in real time', { timeout: TIMEOUT_MS }, async (file) => {
    const result = await resultOf(file, 'real');
    const virtual = await resultOf(file, 'virtual');
    expect(result?.clock).toBe('real');
    expect(result).toEqual({ ...virtual, clock: 'real' });
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
