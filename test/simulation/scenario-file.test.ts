// Days as scenarios: each can be played, and where a scenario says all of a day, messages are answered as they were.
import { describe, expect, test } from 'vitest';
import { TempCerts } from '../../src/tools/replay/config/temp-certs.ts';
import { runScenarios, type ScenarioResult } from '../../src/tools/replay/run.ts';
import { parseScenario } from '../../src/tools/replay/scenario/load.ts';
import { type Day, dayOf } from './day.ts';
import { runDay } from './run-day.ts';
import { SAID_KINDS, type ScenarioFile, scenarioFileOf } from './scenario-file.ts';

async function played(day: Day): Promise<{ readonly file: ScenarioFile; readonly result: ScenarioResult }> {
  const file = scenarioFileOf(day, await runDay(day));
  const throwAway = new TempCerts();
  try {
    const scenario = parseScenario(file.text, '/day.yaml', {});
    const [result] = await runScenarios([scenario], { env: {}, throwAway });
    if (result === undefined) throw new Error('nothing was played');
    return { file, result };
  } finally {
    throwAway.remove();
  }
}

/** All nodes at once are gone for longer than this, which makes a day of nothing but refusals. */
const LONG_MS = 10_000;

/** Whether a queue is full when a message comes is a matter of milliseconds. */
function withRoom(config: object): object {
  const { pools } = config as { readonly pools: Readonly<Record<string, { readonly queue?: object }>> };
  const roomy = Object.entries(pools).map(([name, pool]) => [
    name,
    { ...pool, queue: { ...pool.queue, max: 10_000 } },
  ]);
  return { ...config, pools: Object.fromEntries(roomy) };
}

/** With nothing in it that a scenario cannot say. */
function plain(day: Day): Day {
  return {
    ...day,
    config: withRoom(day.config),
    splitting: 0,
    senders: day.senders.filter(({ content }) => content !== 'batch' && content !== 'large'),
    events: day.events.filter(
      ({ kind, lastsMs }) => lastsMs < LONG_MS && SAID_KINDS.some((said) => said === kind),
    ),
  };
}

describe('a day as a scenario', () => {
  test.each([0, 4, 9, 10, 20])('seed %i: messages are answered as they were', async (seed) => {
    const { file, result } = await played(plain(dayOf(seed)));
    expect(file.left).toEqual(['what messages are filled with, and how long a node takes while it is well']);
    expect(file.answers).toBeGreaterThan(10);
    expect(result.error).toBeUndefined();
    expect(result.clock).toBe('virtual');
    expect(result.differences.map(({ key, actual }) => `${key}: ${actual}`)).toEqual([]);
  });

  test.each([1, 3, 7, 12, 13, 14])('seed %i, whatever is in it, can be played', async (seed) => {
    const day = dayOf(seed);
    const { file, result } = await played(day);
    expect(result.error).toBeUndefined();
    expect(result.messages.length).toBeGreaterThan(50);
    for (const { kind, target, atMs } of day.events) {
      const isSaid = SAID_KINDS.some((said) => said === kind);
      const isListed = file.left.some(
        (one) =>
          (one.startsWith(kind) && one.includes(`${target} at ${atMs} ms`)) ||
          one.startsWith(`${kind} at ${atMs} ms`),
      );
      expect(isListed, kind).toBe(!isSaid);
    }
    for (const one of file.left) expect(file.text).toContain(`# - ${one}\n`);
  });
});
