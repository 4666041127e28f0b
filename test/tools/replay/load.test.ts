// Bad scenarios: every problem with file, line, column, the key and what would be right; and no key that is read by nobody.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KeyTable } from '../../../src/config/keys/key.ts';
import { ConfigError, formatProblem } from '../../../src/config/load.ts';
import { scenarioSchema } from '../../../src/tools/documents/scenario-schema.ts';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { SCENARIO_SECTIONS, STEPS, type StepKeys } from '../../../src/tools/replay/scenario/keys.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';
import { prepare } from '../../../src/tools/replay/stage/prepare.ts';
import { CONFIG, FIRST_LINE, HERE } from './scenario-text.ts';

/** Without the file's name in front. */
function problemsOf(text: string): string[] {
  const throwAway = new TempCerts();
  try {
    prepare(parseScenario(text, HERE, {}), { env: {}, throwAway });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map((one) => formatProblem(one).replace(`${HERE}:`, ''));
  } finally {
    throwAway.remove();
  }
}

describe('a problem has its place, and says what would be right', () => {
  test.each([
    ['stesp: []', '1:1: stesp: unknown key; did you mean "steps"?'],
    ['steps: [{ sned: x.hl7 }]', 'steps[0]: a step is a map with one of send, message, request'],
    ['steps: [{ sned: x.hl7 }]', 'not "sned"; did you mean "send"?'],
    ['steps:\n  - wait: 5 s', '2:11: steps[0].wait: must be a duration such as 5s, or answers, not "5 s"'],
    ['steps:\n  - wait: 5s\n    for: x', '3:5: steps[0].for: unknown key'],
    ['steps:\n  - send: gone.hl7', '2:11: steps[0].send: '],
    ['steps:\n  - send: test.yaml/../../scenario.schema.json', 'no HL7 message'],
    [
      'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AX }',
      '3:20: steps[0].expect.ack: must be one of AA, AE, AR, CA, CE, CR, none, not "AX"',
    ],
    [
      'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { error: GW_ERR_ACK_TIMOUT }',
      'is no error code of docs/errors.md; did you mean "GW_ERR_ACK_TIMEOUT"?',
    ],
    [
      'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { trace: [forward] }',
      'is none of queue, reply, forward NODE',
    ],
    ['steps:\n  - send: ../adt-a01-admit.hl7\n    set: { PID-3: x }', 'must be a field from MSH-3 on'],
    ['steps:\n  - send: ../adt-a01-admit.hl7\n    sender: ward', 'the scenario has no senders'],
    [
      'senders: { ward: {}, lab: {} }\nsteps:\n  - send: ../adt-a01-admit.hl7\n    sender: wrad',
      '4:13: steps[0].sender: names no sender of this scenario: "wrad"; did you mean "ward"?',
    ],
    ['senders: { ward: { rate: fast } }\nsteps: []', 'must be a rate such as 200/s or 30/m, not "fast"'],
    ['senders: { ward: { source: here } }\nsteps: []', 'must be an IP address, not "here"'],
    ['speed: 0\nsteps: []', '1:8: speed: must be an integer from 1, not "0"'],
    ['expect: { deliveries: { a: 3-1 } }\nsteps: []', 'must be a number, or two such as 10-20, not "3-1"'],
    ['expect: { states: { a: donw } }\nsteps: []', 'expect.states.a: must be one of up, full, down'],
    ['about: nothing', 'steps: is missing'],
    ['steps: [', 'not valid YAML'],
  ])('%s', (text, problem) => {
    expect(problemsOf(text).join('\n')).toContain(problem);
  });

  test('of names that the config does not have', () => {
    const senders = 'senders: { s: { listener: weeb } }\n';
    const text = `${CONFIG}${senders}steps:\n  - kill: c\n  - drain: mirth/d\nexpect: { deliveries: { q: 1 } }\n`;
    expect(problemsOf(text)).toEqual([
      expect.stringContaining(
        `${FIRST_LINE}:27: senders.s.listener: the config has no listener "weeb"; did you`,
      ),
      expect.stringContaining(`${FIRST_LINE + 2}:5: steps[0]: the config has no node "c"; `),
      expect.stringContaining('steps[1]: the config has no node "mirth/d"; did you mean'),
      expect.stringContaining('expect.deliveries.q: the config has no node "q"'),
    ]);
  });

  test('of its own config, at its own lines', () => {
    const bad = CONFIG.replace('balance: round-robin', 'balanec: round-robin');
    expect(problemsOf(`${bad}steps: []`)).toEqual([
      '6:7: pools.mirth.balanec: unknown key; did you mean "balance"?',
    ]);
  });

  test('of what a reload makes of the config', () => {
    const reload = 'steps:\n  - reload: { pools: { mirth: { balance: fair } } }\n';
    expect(problemsOf(CONFIG + reload)[0]).toContain(
      `${FIRST_LINE + 1}:42: pools.mirth.balance: must be one of`,
    );
  });

  test('without any config', () => {
    expect(problemsOf('steps: []')).toEqual(['1:1: config: is missing, and no --config was given']);
  });
});

describe('the table of keys', () => {
  test('is what fixtures/scenario.schema.json is made from', () => {
    const file = readFileSync(new URL('../../../fixtures/scenario.schema.json', import.meta.url), 'utf8');
    // npm run docs:config
    expect(JSON.parse(file)).toEqual(scenarioSchema());
  });

  /** No kind of value is a list of lists: who reads the key says so. */
  const wrong = '[[x]]';

  const texts: [string, string][] = [
    ...cases(
      SCENARIO_SECTIONS.scenario,
      '',
      (key) => `${key}: ${wrong}\n${key === 'steps' ? '' : 'steps: []\n'}`,
    ),
    ...cases(
      SCENARIO_SECTIONS.sender,
      'senders.s',
      (key) => `senders: { s: { ${key}: ${wrong} } }\nsteps: []\n`,
    ),
    ...cases(
      SCENARIO_SECTIONS.certificate,
      'senders.s.certificate',
      (key) => `senders: { s: { certificate: { ${key}: ${wrong} } } }\nsteps: []\n`,
    ),
    ...cases(SCENARIO_SECTIONS.node, 'nodes.a', (key) => `nodes: { a: { ${key}: ${wrong} } }\nsteps: []\n`),
    ...cases(SCENARIO_SECTIONS.request, 'request', (key) => `steps: [{ request: { ${key}: ${wrong} } }]\n`),
    ...cases(
      SCENARIO_SECTIONS.message,
      'message',
      (key) => `steps: [{ message: MSH, expect: { ${key}: ${wrong} } }]\n`,
    ),
    ...cases(SCENARIO_SECTIONS.finally, 'expect', (key) => `expect: { ${key}: ${wrong} }\nsteps: []\n`),
    ...Object.entries(STEPS).flatMap(([name, { more }]: [string, StepKeys]) => [
      [`steps: ${name}`, `steps: [{ ${name}: ${wrong} }]\n`] as [string, string],
      ...cases(more, `steps: ${name}`, (key) => `steps: [{ ${name}: x, ${key}: ${wrong} }]\n`),
    ]),
  ];

  test.each(texts)('%s is read', (name, text) => {
    const key = name.split(/[.: ]+/).at(-1) ?? '';
    const own = problemsOf(text).filter(
      (problem) => problem.includes(key) && !problem.includes('unknown key'),
    );
    expect(own.length).toBeGreaterThan(0);
  });
});

function cases(keys: KeyTable, path: string, text: (key: string) => string): [string, string][] {
  return Object.keys(keys).map((key) => [`${path}.${key}`, text(key)]);
}
