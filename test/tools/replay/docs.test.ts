// docs/replay.md and the loader's table hold the same keys, kinds and words; its scenario plays, and its test runs.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { ConfigKey, KeyTable } from '../../../src/config/keys/key.ts';
import { scenarioSchema } from '../../../src/tools/documents/scenario-schema.ts';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { runScenarios } from '../../../src/tools/replay/run.ts';
import { SCENARIO_SECTIONS, STEPS, type StepKeys } from '../../../src/tools/replay/scenario/keys.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';
import { openStage, playScenarios } from '../../../src/tools/replay/testing.ts';
import { kindText } from './kind-text.ts';
import { HERE } from './scenario-text.ts';

const page = readFileSync(new URL('../../../docs/replay.md', import.meta.url), 'utf8');
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));

/** The rows of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const part = page.slice(page.indexOf(`\n${heading}\n`)).slice(heading.length + 2);
  const own = part.split(/\n##+ /, 1)[0] ?? '';
  return own.split('\n').filter((line) => /^\| `/.test(line));
}

const rowOf = (name: string, key: ConfigKey): string => `| \`${name}\` | ${kindText(key)} | ${key.doc} |`;
const rowsOf = (keys: KeyTable): string[] =>
  Object.entries(keys).map(([name, key]) => rowOf(name, key as ConfigKey));

describe('the tables', () => {
  test.each(Object.entries(SCENARIO_SECTIONS))('%s', (name, keys) => {
    const heading = name === 'scenario' ? '## A scenario' : `### ${name}`;
    expect(rowsUnder(heading)).toEqual(rowsOf(keys));
  });

  test('the steps, and what goes with them', () => {
    const steps = Object.entries(STEPS).map(([name, { about, main, more }]: [string, StepKeys]) => {
      const keys = Object.keys(more).map((key) => `\`${key}\``);
      return `| \`${name}\` | ${kindText(main)} | ${about}. ${main.doc} | ${keys.join(', ') || '–'} |`;
    });
    const more = rowsOf({ ...STEPS.send.more, ...STEPS.reload.more });
    expect(rowsUnder('## Steps')).toEqual([...steps, ...more]);
    // What is in no row of its own is a node's.
    const explained = Object.keys({ ...STEPS.send.more, ...STEPS.reload.more, ...SCENARIO_SECTIONS.node });
    for (const { more: keys } of Object.values(STEPS) as StepKeys[])
      for (const key of Object.keys(keys)) expect(explained).toContain(key);
  });
});

const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text = '']) => text);

test('its scenario is valid by the schema, and plays', async () => {
  const [text = ''] = blocks('yaml');
  expect(new Ajv2020({ allowUnionTypes: true }).compile(scenarioSchema())(parse(text))).toBe(true);
  const throwAway = new TempCerts();
  const [result] = await runScenarios([parseScenario(text, HERE, {})], { env: {}, throwAway });
  expect(result?.differences).toEqual([]);
  expect(result?.messages).toHaveLength(21);
});

test('its test runs, and fails when the gateway does something else', async () => {
  const [code = ''] = blocks('ts');
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  const before = process.cwd();
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  mkdirSync(join(folder, 'messages'));
  mkdirSync(join(folder, 'scenarios'));
  copyFileSync(fixture('oru-r01-lab-numeric.hl7'), join(folder, 'messages/lab-results.hl7'));
  const scenario = (node: string): string =>
    `steps:\n  - send: ../messages/lab-results.hl7\n    expect: { node: ${node} }\n`;
  const config = (route: string): string => `listeners: { lab: { bind: 0.0.0.0:2576 } }
pools: { mirth: { nodes: { a: { url: mllp://h:1 }, b: { url: mllp://h:2 } }, health: { type: none } } }
routes: [{ name: ${route}, to: mirth }]
`;
  process.chdir(folder);
  const run = async (route: string, node: string): Promise<string[]> => {
    writeFileSync('gateway.yaml', config(route));
    writeFileSync('scenarios/one.yaml', scenario(node));
    const failed: string[] = [];
    for (const [name, work] of testsIn(code)) await work().catch(() => failed.push(name));
    return failed;
  };
  expect(await run('results', 'a')).toEqual([]);
  expect(await run('others', 'b')).toHaveLength(2);
});

/** The code of the page as it stands there, with its imports given to it. */
function testsIn(code: string): [string, () => Promise<void>][] {
  const imports = /^import .*;\n/gm;
  expect(code.match(imports)).toEqual([
    "import { expect, test } from 'vitest';\n",
    "import { openStage, playScenarios } from 'hl7-gateway/testing';\n",
  ]);
  const tests: [string, () => Promise<void>][] = [];
  const define = new Function('expect', 'test', 'openStage', 'playScenarios', code.replace(imports, ''));
  define(
    expect,
    (name: string, work: () => Promise<void>) => void tests.push([name, work]),
    openStage,
    playScenarios,
  );
  return tests;
}
