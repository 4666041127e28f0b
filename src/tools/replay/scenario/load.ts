// Loads a scenario: YAML → the typed Scenario, or one ConfigError with all problems, each with file, line, column and key.

import { isIP } from 'node:net';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from '../../../config/load.ts';
import { fileTrouble, readText } from '../../../config/source/files.ts';
import type { Environment } from '../../../config/source/interpolate.ts';
import { Problems } from '../../../config/source/problem.ts';
import { readTree } from '../../../config/source/tree.ts';
import type { ReadContext } from '../../../config/source/value.ts';
import { readFinally } from './expectations.ts';
import { ScenarioFields } from './fields.ts';
import { SCENARIO_SECTIONS } from './keys.ts';
import type { NodeStep, Scenario, ScenarioSender, SenderCertificate } from './scenario.ts';
import { SENDER_CONTENT_TYPE, SENDER_TIMEOUT_MS } from './sender.ts';
import { configOf, readBehaviour, readSteps } from './steps.ts';

/** Listeners take more, but a scenario is no load test. */
const MOST_CONNECTIONS = 200;

const PER = { s: 1, m: 60, h: 3600 } as const;

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
  const senders = readSenders(top, folder);
  const nodes = top.entries('nodes').map(({ key, place, value }, index): NodeStep => {
    const behaviour = readBehaviour(top.within(value, SCENARIO_SECTIONS.node, 'nodes', key));
    return { kind: 'node', place, key: `nodes.${key}`, index, nodes: [key], behaviour };
  });
  const scenario: Scenario = {
    file,
    name: top.text('name')?.value ?? basename(file).replace(/(\.expect)?\.ya?ml$/, ''),
    folder,
    source,
    speed: speedOf(top),
    config: configOf(top, 'config'),
    nodes,
    senders,
    steps: readSteps(top, folder, senders),
    expect: readFinally(top.section('expect', SCENARIO_SECTIONS.finally)),
  };
  top.text('about');
  problems.throwIfAny();
  return scenario;
}

/** A thousand times faster is below what a timer can tell apart. */
const FASTEST = 1000;

function speedOf(top: ScenarioFields): number | undefined {
  const speed = top.count('speed', 1);
  if (speed !== undefined && speed.value > FASTEST) top.error('speed', `must be ${FASTEST} at most`);
  return speed?.value;
}

function readSenders(top: ScenarioFields, folder: string): ScenarioSender[] {
  return top.entries('senders').map(({ key: name, place, value }): ScenarioSender => {
    const fields = top.within(value, SCENARIO_SECTIONS.sender, 'senders', name);
    const source = fields.read('source', 'an IP address', (text) => (isIP(text) > 0 ? text : undefined));
    const connections = fields.count('connections', 1);
    if ((connections?.value ?? 1) > MOST_CONNECTIONS)
      fields.error('connections', `must be ${MOST_CONNECTIONS} at most`);
    return {
      name,
      place: fields.has('listener') ? fields.at('listener') : place,
      listener: fields.text('listener')?.value,
      source: source?.value,
      certificate: certificateOf(fields.section('certificate', SCENARIO_SECTIONS.certificate), folder),
      servername: fields.text('servername')?.value,
      connections: connections?.value ?? 1,
      pipeline: fields.count('pipeline', 1)?.value ?? 1,
      perSecond: fields.read('rate', 'a rate such as 200/s or 30/m', parseRate)?.value,
      timeoutMs: fields.duration('timeout')?.value ?? SENDER_TIMEOUT_MS,
      path: fields.text('path')?.value ?? '/',
      contentType: fields.text('contentType')?.value ?? SENDER_CONTENT_TYPE,
      headers: new Map(fields.textMap('headers').map((one) => [one.name, one.value])),
      cookies: fields.flag('cookies')?.value ?? false,
    };
  });
}

function certificateOf(fields: ScenarioFields | undefined, folder: string): SenderCertificate | undefined {
  if (fields === undefined) return undefined;
  const [cert, key] = [fields.text('cert'), fields.text('key')];
  if (cert !== undefined && key !== undefined) {
    const absolute = (file: string): string => (isAbsolute(file) ? file : join(folder, file));
    const files = { cert: absolute(cert.value), key: absolute(key.value) };
    for (const name of ['cert', 'key'] as const) {
      const trouble = fileTrouble(files[name]);
      if (trouble !== undefined) fields.error(name, `the file ${trouble}`);
    }
    return { kind: 'files', ...files };
  }
  if (cert !== undefined || key !== undefined) fields.error('cert', 'cert and key go together');
  return {
    kind: 'throw-away',
    cn: fields.text('cn')?.value ?? 'sender',
    dns: fields.texts('dns')?.value ?? [],
  };
}

export function parseRate(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,6})\/([smh])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) / PER[unit as keyof typeof PER];
}
