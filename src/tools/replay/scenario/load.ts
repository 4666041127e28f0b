// Loads a scenario: YAML → the typed Scenario, or one ConfigError with all problems, each with file, line, column and key.

import { basename, dirname, resolve } from 'node:path';
import { ConfigError } from '../../../config/load.ts';
import { readText } from '../../../config/source/files.ts';
import type { Environment } from '../../../config/source/interpolate.ts';
import { Problems } from '../../../config/source/problem.ts';
import { readTree } from '../../../config/source/tree.ts';
import type { ReadContext } from '../../../config/source/value.ts';
import { readFinally } from './expectations.ts';
import { ScenarioFields } from './fields.ts';
import { SCENARIO_SECTIONS } from './keys.ts';
import type { NodeStep, Scenario } from './scenario.ts';
import { readSender } from './sender.ts';
import { configOf, readBehaviour, readSteps } from './steps.ts';

type TopFields = ScenarioFields<typeof SCENARIO_SECTIONS.scenario>;

/** @throws ConfigError */
export function loadScenario(path: string, env: Environment): Scenario {
  const read = readText(path);
  if ('text' in read) return parseScenario(read.text, path, env);
  const message = `the scenario ${read.trouble}`;
  throw new ConfigError([{ file: path, line: 0, column: 0, key: '', message }], []);
}

/** `file`: what it is called in problems; relative paths start at its folder. */
export function parseScenario(source: string, file: string, env: Environment): Scenario {
  const problems = new Problems(file);
  const folder = dirname(resolve(file));
  const reading: ReadContext = { problems, env, folder };
  const tree = readTree(source, reading);
  problems.throwIfAny();
  if (tree === undefined) throw new ConfigError([], []);
  const top = new ScenarioFields(tree, SCENARIO_SECTIONS.scenario, [], reading);
  const senders = top
    .entries('senders')
    .map(({ key, place, value }) =>
      readSender(key, top.within(value, SCENARIO_SECTIONS.sender, 'senders', key), place, folder),
    );
  const nodes = top.entries('nodes').map(({ key, place, value }, index): NodeStep => {
    const behaviour = readBehaviour(top.within(value, SCENARIO_SECTIONS.node, 'nodes', key));
    return { kind: 'node', place, key: `nodes.${key}`, index, nodes: [key], behaviour };
  });
  const scenario: Scenario = {
    file,
    name: top.values.name ?? basename(file).replace(/(\.expect)?\.ya?ml$/, ''),
    folder,
    source,
    speed: speedOf(top),
    config: configOf(top, 'config'),
    nodes,
    senders,
    steps: readSteps(top, folder, senders),
    expect: readFinally(top.section('expect', SCENARIO_SECTIONS.finally)),
  };
  problems.throwIfAny();
  return scenario;
}

/** A thousand times faster is below what a timer can tell apart. */
const FASTEST = 1000;

function speedOf(top: TopFields): number | undefined {
  const { speed } = top.values;
  if (speed !== undefined && speed > FASTEST) top.error('speed', `must be ${FASTEST} at most`);
  return speed;
}
