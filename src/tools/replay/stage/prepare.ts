// A scenario with the configs that it needs: its own or the user's, and what each reload makes of it. Promises that every
// listener and node that the scenario names is there, or one ConfigError that says which is not, and where.
import { ConfigError } from '../../../config/load.ts';
import { suggestion } from '../../../config/source/closest.ts';
import { Problems, quoted, type SourcePlace } from '../../../config/source/problem.ts';
import { type ConfigContext, type GivenConfig, readChanged, readSource } from '../config/given-config.ts';
import type { NodeStep, Scenario, ScenarioSender, Step } from '../scenario/scenario.ts';
import { senderNamed } from '../scenario/sender.ts';

export interface PreparedScenario {
  readonly scenario: Scenario;
  readonly config: GivenConfig;
  /** By the index of their steps. */
  readonly reloads: ReadonlyMap<number, GivenConfig>;
  /** At least one. */
  readonly senders: readonly ScenarioSender[];
  readonly speed: number;
}

export interface PrepareOptions extends ConfigContext {
  /** For scenarios without one of their own. */
  readonly given?: GivenConfig | undefined;
  /** Instead of the scenario's own. */
  readonly speed?: number | undefined;
  /** Of scenarios that do not say. */
  readonly usualSpeed?: number | undefined;
}

const DEFAULT_SPEED = 10;

/** @throws ConfigError */
export function prepare(scenario: Scenario, options: PrepareOptions): PreparedScenario {
  const problems = new Problems(scenario.file);
  const own = scenario.config === undefined ? undefined : readSource(scenario.config, scenario, options);
  const config = own ?? options.given;
  if (config === undefined) {
    const message = 'is missing, and no --config was given';
    throw new ConfigError([{ file: scenario.file, line: 1, column: 1, key: 'config', message }], []);
  }
  const reloads = new Map<number, GivenConfig>();
  let current = config;
  for (const step of scenario.steps) {
    if (step.kind !== 'reload') continue;
    current = readChanged(current, step.config, scenario, options);
    reloads.set(step.index, current);
  }
  const senders =
    scenario.senders.length > 0 ? scenario.senders : [senderNamed('sender', scenario.steps[0]?.place)];
  checkNames(scenario, senders, [config, ...reloads.values()], problems);
  problems.throwIfAny();
  const full = [...scenario.nodes, ...scenario.steps].some((step) => isFull(step));
  // The gateway's own patience with a full node is a second, whatever the config says.
  const usual = full ? 1 : (options.usualSpeed ?? DEFAULT_SPEED);
  return { scenario, config, reloads, senders, speed: options.speed ?? scenario.speed ?? usual };
}

function isFull(step: Step | NodeStep): boolean {
  return step.kind === 'node' && step.behaviour.does === 'full';
}

function checkNames(
  scenario: Scenario,
  senders: readonly ScenarioSender[],
  configs: readonly GivenConfig[],
  problems: Problems,
): void {
  const listeners = configs.flatMap(({ config }) => config.listeners.map(({ name }) => name));
  const pools = configs.flatMap(({ config }) => config.pools);
  const paths = pools.flatMap(({ name, nodes }) => nodes.map((node) => `${name}/${node.name}`));
  const nodes = [...new Set([...paths, ...paths.map((path) => path.replace(/^.*\//, ''))])];
  const check = (
    names: readonly string[],
    known: readonly string[],
    what: string,
    place: SourcePlace,
    key: string,
  ) => {
    for (const name of names) {
      if (known.includes(name)) continue;
      const hint = suggestion(name, known) || `; there are ${[...new Set(known)].join(', ')}`;
      problems.error(place, key, `the config has no ${what} ${quoted(name)}${hint}`);
    }
  };
  for (const { name, listener, place } of senders)
    if (listener !== undefined) check([listener], listeners, 'listener', place, `senders.${name}.listener`);
  for (const step of [...scenario.nodes, ...scenario.steps])
    if ('nodes' in step) check(step.nodes, nodes, 'node', step.place, step.key);
  const { deliveries, states } = scenario.expect;
  for (const { name, place } of deliveries) check([name], nodes, 'node', place, `expect.deliveries.${name}`);
  for (const { name, place } of states) check([name], nodes, 'node', place, `expect.states.${name}`);
}
