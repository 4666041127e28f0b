// How scenarios are run: side by side, in fast time, and once more in real time where that came out otherwise.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { runScenarios, type ScenarioResult } from '../../../src/tools/replay/run.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';
import { CONFIG, HERE } from './scenario-text.ts';

async function run(texts: readonly string[], jobs = 8): Promise<ScenarioResult[]> {
  const scenarios = texts.map((text) => parseScenario(CONFIG + text, HERE, {}));
  return runScenarios(scenarios, { env: {}, throwAway: new TempCerts(), jobs });
}

describe('runScenarios', () => {
  test('results are in the order of the scenarios, whatever the number of jobs', async () => {
    const texts = ['1s', '0', '500ms', '0'].map(
      (wait, i) =>
        `name: n${i}\nsteps:\n  - wait: ${wait}\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AA }\n`,
    );
    for (const jobs of [1, 4]) {
      const results = await run(texts, jobs);
      expect(results.map(({ scenario }) => scenario.name)).toEqual(['n0', 'n1', 'n2', 'n3']);
      expect(results.every(({ verdict }) => verdict === 'good')).toBe(true);
    }
  });

  test('what differs in fast time only is good, with a note', async () => {
    // Every fresh connection is watched for 300 ms, in any time; the sender waits 20 s, which are 20 ms here.
    const text = `speed: 1000
senders: { hasty: { timeout: 20s } }
steps:
  - reload: { pools: { mirth: { connections: { settle: 300ms } } } }
  - send: ../adt-a01-admit.hl7
    expect: { ack: AA, node: a }
`;
    const [result] = await run([text]);
    expect(result).toMatchObject({ verdict: 'good', speed: 1 });
    expect(result?.notes).toEqual([
      'came out otherwise at 1000 times the speed, and was played again in real time',
    ]);
  });

  test('what differs in real time too is different', async () => {
    const [result] = await run(['steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AE }\n']);
    expect(result).toMatchObject({ verdict: 'different', speed: 1, notes: [] });
  });

  test('with a full node time is real, as the gateway’s patience with it is', async () => {
    const full =
      'steps:\n  - { node: a, does: full }\n  - send: ../adt-a01-admit.hl7\n    expect: { node: b }\n';
    expect((await run([full]))[0]).toMatchObject({ verdict: 'good', speed: 1 });
  });

  test('behaviour of a node that a reload brings holds from its start', async () => {
    const text = `nodes: { mirth/b: {} }
steps:
  - reload:
      pools: { mirth: { nodes: { a: , b: , c: { url: mllp://10.0.0.14:6661 } } } }
  - send: ../adt-a01-admit.hl7
    expect: { node: c, ack: AR }
`;
    const [result] = await run([text.replace('mirth/b: {}', 'mirth/c: { answers: AR }')]);
    expect(result?.differences).toEqual([]);
  });

  test('a listener that cannot be had makes a scenario broken, and no other', async () => {
    const throwAway = new TempCerts();
    const file = throwAway.secretFile;
    writeFileSync(file, 'no certificate');
    const tls = CONFIG.replace(
      '{ bind: 0.0.0.0:2575 }',
      `{ bind: 0.0.0.0:2575, tls: { cert: x.pem, key: x.key } }`,
    );
    const send = 'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AA }\n';
    const scenarios = [tls + send, CONFIG + send].map((text) => parseScenario(text, HERE, {}));
    writeFileSync(throwAway.server.certFile, 'no certificate');
    const results = await runScenarios(scenarios, { env: {}, throwAway });
    expect(results.map(({ verdict }) => verdict)).toEqual(['broken', 'good']);
    expect(results[0]?.error).toContain('GW_ERR_TLS_FILE');
  });
});
