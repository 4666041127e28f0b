// Runs scenarios side by side, so many at a time, and says of each whether it came out as expected. A difference that shows
// in fast time only is none: such a scenario is played again in real time, by itself.
import { asGatewayError } from '../../errors.ts';
import { COPIES } from '../../hl7/whole/difference.ts';
import type { ScenarioDifference } from './check/difference.ts';
import { type CheckedMessage, checkPlay } from './check/scenario-checks.ts';
import { DEFAULT_JOBS } from './default-jobs.ts';
import type { Scenario } from './scenario/scenario.ts';
import { play } from './stage/play.ts';
import { type PreparedScenario, type PrepareOptions, prepare } from './stage/prepare.ts';

export interface ScenarioRunOptions extends PrepareOptions {
  /** Scenarios at the same time. */
  readonly jobs?: number | undefined;
  /** Fields of answers that are compared although they differ in each: `MSH-7`. */
  readonly compare?: readonly string[] | undefined;
  readonly onDone?: ((result: ScenarioResult) => void) | undefined;
}

export interface ScenarioResult {
  readonly scenario: Scenario;
  /** `new`: nothing is expected in it. `broken`: it could not be played. */
  readonly verdict: 'good' | 'different' | 'new' | 'broken';
  readonly messages: readonly CheckedMessage[];
  readonly differences: readonly ScenarioDifference[];
  /** Why it is broken. */
  readonly error: string | undefined;
  readonly notes: readonly string[];
  readonly speed: number;
  readonly ms: number;
}

/**
 * Senders, gateway and nodes share one thread, so more at a time save waiting and no work; with more, time that passes ten
 * times faster gets tight.
 */
/** In the order of `scenarios`. @throws ConfigError for what is wrong with any of them, before any is played */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: ScenarioRunOptions,
): Promise<ScenarioResult[]> {
  const prepared = scenarios.map((scenario) => prepare(scenario, options));
  const results = new Map<PreparedScenario, ScenarioResult>();
  const waiting = [...prepared];
  const again: PreparedScenario[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await runOne(next, options);
      if (result.verdict !== 'good' && result.verdict !== 'new' && next.speed > 1) again.push(next);
      else options.onDone?.(result);
      results.set(next, result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs ?? DEFAULT_JOBS }, worker));
  for (const one of again) {
    const slow = await runOne({ ...one, speed: 1 }, options);
    const note = `came out otherwise at ${one.speed} times the speed, and was played again in real time`;
    const result = { ...slow, notes: slow.verdict === 'good' ? [...slow.notes, note] : slow.notes };
    options.onDone?.(result);
    results.set(one, result);
  }
  return prepared.flatMap((one) => results.get(one) ?? []);
}

async function runOne(
  prepared: PreparedScenario,
  { throwAway, compare = [] }: ScenarioRunOptions,
): Promise<ScenarioResult> {
  const { scenario, speed } = prepared;
  const startedAt = performance.now();
  try {
    const played = await play(prepared, throwAway);
    const ignore = COPIES.ignore.filter((field) => !compare.includes(field));
    const { messages, differences } = checkPlay(played, ignore);
    const isNew = !expectsAnything(scenario);
    return {
      scenario,
      verdict: differences.length > 0 ? 'different' : isNew ? 'new' : 'good',
      messages,
      differences,
      error: undefined,
      notes: played.notes,
      speed,
      ms: played.ms,
    };
  } catch (thrown) {
    const { code, message } = asGatewayError(thrown);
    const ms = performance.now() - startedAt;
    const error = `${message} [${code}]`;
    return { scenario, verdict: 'broken', messages: [], differences: [], error, notes: [], speed, ms };
  }
}

function expectsAnything({ steps, expect }: Scenario): boolean {
  const ofSteps = steps.some(
    (step) =>
      ((step.kind === 'send' || step.kind === 'request') && step.expect.all.length > 0) ||
      (step.kind === 'reload' && step.changes !== undefined),
  );
  const { deliveries, states, order, faults } = expect;
  return ofSteps || deliveries.length > 0 || states.length > 0 || order !== undefined || faults !== undefined;
}
