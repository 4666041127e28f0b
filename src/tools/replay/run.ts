// Runs scenarios and says of each whether it came out as expected: in virtual time one after the other, and those that need the machine
// side by side, so many at a time. A difference that shows in fast time only is none: such a scenario is played again in real time, by itself.
import { asGatewayError } from '../../errors.ts';
import { COPIES } from '../../hl7/whole/difference.ts';
import { useMachine } from '../world/in-world.ts';
import type { ScenarioDifference } from './check/difference.ts';
import { type CheckedMessage, checkPlay } from './check/scenario-checks.ts';
import { DEFAULT_JOBS } from './default-jobs.ts';
import type { Scenario } from './scenario/scenario.ts';
import { whyRealTime } from './stage/clock.ts';
import { type Played, play, playInWorld } from './stage/play.ts';
import { type PreparedScenario, type PrepareOptions, prepare } from './stage/prepare.ts';

export interface ScenarioRunOptions extends PrepareOptions {
  /** Play all of them on the machine's own clock and network, as `speed` does too. */
  readonly isRealTime?: boolean | undefined;
  /** In real time: scenarios at the same time. */
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
  readonly clock: 'virtual' | 'real';
  /** 1 in virtual time. */
  readonly speed: number;
  /** That it took. */
  readonly ms: number;
}

/** In the order of `scenarios`. @throws ConfigError for what is wrong with any of them, before any is played */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: ScenarioRunOptions,
): Promise<ScenarioResult[]> {
  const prepared = scenarios.map((scenario) => prepare(scenario, options));
  const results = new Map<PreparedScenario, ScenarioResult>();
  const onMachine: OnMachine[] = [];
  const isRealTime = options.isRealTime === true || options.speed !== undefined;
  for (const one of prepared) {
    const why = isRealTime ? undefined : whyRealTime(one);
    const result = isRealTime || why !== undefined ? undefined : await runInWorld(one, options);
    if (result === undefined)
      onMachine.push({ prepared: one, why: isRealTime ? undefined : (why ?? IN_USE) });
    else {
      options.onDone?.(result);
      results.set(one, result);
    }
  }
  if (onMachine.length > 0) {
    const leave = await useMachine();
    try {
      await runOnMachine(onMachine, options, results);
    } finally {
      leave();
    }
  }
  return prepared.flatMap((one) => results.get(one) ?? []);
}

interface OnMachine {
  readonly prepared: PreparedScenario;
  /** Undefined: somebody wanted it so. */
  readonly why: string | undefined;
}

const IN_USE = 'another stage is open in this process';

/** Senders, gateway and nodes share one thread, so more at a time save waiting and no work; with more, fast time gets tight. */
async function runOnMachine(
  scenarios: readonly OnMachine[],
  options: ScenarioRunOptions,
  results: Map<PreparedScenario, ScenarioResult>,
): Promise<void> {
  const waiting = [...scenarios];
  const again: OnMachine[] = [];
  const run = async ({ prepared, why }: OnMachine, speed: number): Promise<ScenarioResult> => {
    const result = await runOne({ ...prepared, speed }, 'real', options, () =>
      play({ ...prepared, speed }, options.throwAway),
    );
    return why === undefined ? result : { ...result, notes: [...result.notes, `in real time, as ${why}`] };
  };
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { speed } = next.prepared;
      const result = await run(next, speed);
      if (result.verdict !== 'good' && result.verdict !== 'new' && speed > 1) again.push(next);
      else options.onDone?.(result);
      results.set(next.prepared, result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs ?? DEFAULT_JOBS }, worker));
  for (const one of again) {
    const slow = await run(one, 1);
    const note = `came out otherwise at ${one.prepared.speed} times the speed, and was played again in real time`;
    const result = { ...slow, notes: slow.verdict === 'good' ? [...slow.notes, note] : slow.notes };
    options.onDone?.(result);
    results.set(one.prepared, result);
  }
}

/** Undefined: the machine is in use, and a world would take its clock away. */
async function runInWorld(
  prepared: PreparedScenario,
  options: ScenarioRunOptions,
): Promise<ScenarioResult | undefined> {
  let isInUse = false;
  const result = await runOne({ ...prepared, speed: 1 }, 'virtual', options, async () => {
    const played = await playInWorld(prepared, options.throwAway);
    isInUse = played === undefined;
    if (played === undefined) throw new Error(IN_USE);
    return played;
  });
  return isInUse ? undefined : result;
}

async function runOne(
  { scenario, speed }: PreparedScenario,
  clock: ScenarioResult['clock'],
  { compare = [] }: ScenarioRunOptions,
  playIt: () => Promise<Played>,
): Promise<ScenarioResult> {
  const startedAt = performance.now();
  const common = { scenario, clock, speed };
  try {
    const played = await playIt();
    const ms = performance.now() - startedAt;
    const ignore = COPIES.ignore.filter((field) => !compare.includes(field));
    const { messages, differences } = checkPlay(played, ignore);
    const isNew = !expectsAnything(scenario);
    const verdict = differences.length > 0 ? 'different' : isNew ? 'new' : 'good';
    return { ...common, verdict, messages, differences, error: undefined, notes: played.notes, ms };
  } catch (thrown) {
    const { code, message } = asGatewayError(thrown);
    const ms = performance.now() - startedAt;
    const error = `${message} [${code}]`;
    return { ...common, verdict: 'broken', messages: [], differences: [], error, notes: [], ms };
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
