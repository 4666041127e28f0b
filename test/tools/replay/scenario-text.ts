// Scenarios for tests, as text: a config of one listener and two nodes, and whatever steps a test wants.
// Promises the line of the first step, so that a test can say where a difference has to be.
import { fileURLToPath } from 'node:url';
import { TempCerts } from '../../../src/tools/replay/config/temp-certs.ts';
import { runScenarios, type ScenarioResult } from '../../../src/tools/replay/run.ts';
import { parseScenario } from '../../../src/tools/replay/scenario/load.ts';

/** Relative paths of a scenario start here: no such file has to exist. */
export const HERE = fileURLToPath(new URL('../../../fixtures/scenarios/test.yaml', import.meta.url));

export const CONFIG = `config:
  listeners: { in: { bind: 0.0.0.0:2575 }, web: { protocol: http, bind: 0.0.0.0:8080 } }
  pools:
    mirth:
      nodes: { a: { url: mllp://10.0.0.11:6661 }, b: { url: mllp://10.0.0.12:6661 } }
      balance: round-robin
      health: { type: none }
    site: { nodes: { s: { url: http://10.0.0.13:8080 } }, health: { type: none } }
  routes:
    - { name: messages, when: { MSH-9: { exists: true } }, to: mirth }
    - { name: site, when: { listener: web }, to: site }
`;

/** Of the first line of what is put behind `CONFIG`. */
export const FIRST_LINE = CONFIG.split('\n').length;

/** Played in virtual time, or at a speed; problems of the text are thrown. */
export async function playText(
  text: string,
  speed?: number,
  compare: readonly string[] = [],
): Promise<ScenarioResult> {
  const throwAway = new TempCerts();
  try {
    const scenario = parseScenario(CONFIG + text, HERE, {});
    const [result] = await runScenarios([scenario], { env: {}, throwAway, speed, compare });
    if (result === undefined) throw new Error('nothing was played');
    return result;
  } finally {
    throwAway.remove();
  }
}
