// How scenarios are run: in virtual time, or in real time side by side, fast, and once more at its own speed where that came out otherwise.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { runScenarios, type ScenarioResult, type ScenarioRunOptions } from '../../../src/tools/replay/run.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';
import { CONFIG, HERE } from './scenario-text.ts';

async function run(
  texts: readonly string[],
  options: Partial<ScenarioRunOptions> = {},
): Promise<ScenarioResult[]> {
  const scenarios = texts.map((text) => parseScenario(CONFIG + text, HERE, {}));
  return runScenarios(scenarios, { env: {}, throwAway: new TempCerts(), ...options });
}

describe('runScenarios', () => {
  test('results are in the order of the scenarios, whatever the number of jobs', async () => {
    const texts = ['1s', '0', '500ms', '0'].map(
      (wait, i) =>
        `name: n${i}\nsteps:\n  - wait: ${wait}\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AA }\n`,
    );
    for (const jobs of [1, 4]) {
      const results = await run(texts, { jobs, isRealTime: true });
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
    const [result] = await run([text], { isRealTime: true });
    expect(result).toMatchObject({ verdict: 'good', speed: 1 });
    expect(result?.notes).toEqual([
      'came out otherwise at 1000 times the speed, and was played again in real time',
    ]);
  });

  test('what differs in real time too is different', async () => {
    const text = 'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AE }\n';
    for (const isRealTime of [false, true]) {
      const [result] = await run([text], { isRealTime });
      expect(result).toMatchObject({ verdict: 'different', speed: 1, notes: [] });
    }
  });

  test('with a full node real time is not fast, as the gateway’s patience with it is', async () => {
    const full =
      'steps:\n  - { node: a, does: full }\n  - send: ../adt-a01-admit.hl7\n    expect: { node: b }\n';
    expect((await run([full], { isRealTime: true }))[0]).toMatchObject({ verdict: 'good', speed: 1 });
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

  describe('in virtual time', () => {
    const DELAYED = 'nodes: { a: { delay: 500ms }, b: { delay: 500ms } }\nsteps:\n';
    const SEND = '  - send: ../adt-a01-admit.hl7\n';

    // A new connection is watched for 10 ms before anything is sent on it: `connections.settle`.
    test('an answer takes exactly what the gateway and its node take', async () => {
      const results = await run([510, 509].map((ms) => `${DELAYED}${SEND}    expect: { within: ${ms}ms }\n`));
      expect(results.map(({ verdict }) => verdict)).toEqual(['good', 'different']);
      expect(results[1]?.differences[0]).toMatchObject({ expected: '509 ms at most', actual: '510 ms' });
    });

    test('a rate is met by each message', async () => {
      const text = `senders: { steady: { rate: 10/s } }\nsteps:\n${SEND}    times: 20\n    expect: { ack: AA }\n`;
      const [result] = await run([text]);
      const [first, ...rest] = (result?.messages ?? []).map(({ sent }) => sent.sentAt);
      expect(rest).toHaveLength(19);
      // Timers have whole milliseconds.
      for (const [i, at] of rest.entries())
        expect(Math.abs(at - (first ?? 0) - 100 * (i + 1))).toBeLessThan(1);
    });

    test('a wait of an hour passes, and costs no hour', async () => {
      const text = `steps:\n${SEND}  - wait: 1h\n${SEND}    expect: { ack: AA }\n`;
      const [result] = await run([text]);
      const [first, second] = (result?.messages ?? []).map(({ sent }) => sent.sentAt);
      expect(result).toMatchObject({ verdict: 'good', clock: 'virtual', speed: 1 });
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(3_600_000);
    });

    test('what takes longer than a day is broken, and what comes behind it is played', async () => {
      const results = await run([
        `steps:\n  - wait: 25h\n${SEND}`,
        `steps:\n${SEND}    expect: { ack: AA }\n`,
      ]);
      expect(results.map(({ verdict }) => verdict)).toEqual(['broken', 'good']);
      expect(results[0]?.error).toContain('the scenario takes longer than 86400000 ms');
    });

    test('the same scenario is the same to the microsecond', async () => {
      const text = `${DELAYED}${SEND}    times: 5\n  - kill: a\n${SEND}    times: 5\n    expect: { ack: AA }\n`;
      const times = (await run([text, text])).map(({ messages }) =>
        messages.map(({ sent }) => [sent.sentAt, sent.endedAt]),
      );
      expect(times[0]).toHaveLength(10);
      expect(times[1]).toEqual(times[0]);
    });
  });

  describe('real time', () => {
    const send = 'steps:\n  - send: ../adt-a01-admit.hl7\n    expect: { ack: AA }\n';

    test('is had by who asks for it, or for a speed', async () => {
      for (const options of [{ isRealTime: true }, { speed: 1 }]) {
        const [result] = await run([send], options);
        expect(result).toMatchObject({ verdict: 'good', clock: 'real', notes: [] });
      }
    });

    test('is had by what has TLS, to senders, to nodes, or from a reload on; and the report says so', async () => {
      const tls = 'tls: { cert: x.pem, key: x.key }';
      const listener = CONFIG.replace('{ bind: 0.0.0.0:2575 }', `{ bind: 0.0.0.0:2575, ${tls} }`);
      const toNodes = CONFIG.replace('a: { url: mllp:', 'a: { url: mllps:');
      const reload = `steps:\n  - reload: { listeners: { in: { ${tls} } } }\n${send.slice('steps:\n'.length)}`;
      const scenarios = [listener + send, toNodes + send, CONFIG + reload, CONFIG + send].map((text) =>
        parseScenario(text, HERE, {}),
      );
      const results = await runScenarios(scenarios, { env: {}, throwAway: new TempCerts() });
      expect(results.map(({ verdict, clock, notes }) => [verdict, clock, ...notes])).toEqual([
        ['good', 'real', 'in real time, as listener in has TLS'],
        ['good', 'real', 'in real time, as node mirth/a has TLS'],
        ['good', 'real', 'in real time, as listener in has TLS'],
        ['good', 'virtual'],
      ]);
    });
  });
});
