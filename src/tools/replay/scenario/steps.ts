// Reads the steps of a scenario: which each is, and what it says. Promises that every sender it names is there; nodes and
// listeners are compared with the config, when that is known.
import { parseDuration } from '../../../config/formats.ts';
import { suggestion } from '../../../config/source/closest.ts';
import { quoted } from '../../../config/source/problem.ts';
import { described, type Tree } from '../../../config/source/value.ts';
import { readExpectations } from './expectations.ts';
import type { ScenarioFields } from './fields.ts';
import { type AnyStepTable, SCENARIO_SECTIONS, STEPS, type StepKeys, type StepName } from './keys.ts';
import { readScenarioMessages } from './messages.ts';
import type { Behaviour, ConfigSource, ScenarioSender, Step } from './scenario.ts';

type StepFields = ScenarioFields<AnyStepTable>;

const STEP_NAMES = Object.keys(STEPS).filter((name): name is StepName => name in STEPS);

export function readSteps(top: ScenarioFields, folder: string, senders: readonly ScenarioSender[]): Step[] {
  if (!top.has('steps')) top.error('steps', 'is missing: what happens, in order');
  return top.items('steps').flatMap((tree, i) => {
    const name = nameOf(tree);
    if (name === undefined) {
      noStep(top, tree, i);
      return [];
    }
    const { main, more }: StepKeys = STEPS[name];
    const table = { [name]: main, ...more } as unknown as AnyStepTable;
    const fields = top.within(tree, table, 'steps', i);
    return readStep(name, fields, i, folder, senders) ?? [];
  });
}

function nameOf(tree: Tree): StepName | undefined {
  return tree.kind === 'map'
    ? STEP_NAMES.find((name) => tree.entries.some(({ key }) => key === name))
    : undefined;
}

function noStep(top: ScenarioFields, tree: Tree, i: number): void {
  const first = tree.kind === 'map' ? tree.entries[0] : undefined;
  if (tree.kind === 'refused') return;
  const hint = first === undefined ? '' : suggestion(first.key, STEP_NAMES);
  const found = first === undefined ? '' : `, not ${quoted(first.key)}`;
  const place = first?.place ?? tree.place;
  const message = `a step is a map with one of ${STEP_NAMES.join(', ')}${found}${hint}`;
  top.error(`steps[${i}]`, message, place);
}

function readStep(
  name: StepName,
  fields: StepFields,
  index: number,
  folder: string,
  senders: readonly ScenarioSender[],
): Step | undefined {
  const base = { place: fields.place, key: `steps[${index}]`, index };
  const { background, together, halfClose, cutOff, times } = fields.values;
  switch (name) {
    case 'send':
    case 'message':
      return {
        ...base,
        kind: 'send',
        sender: senderOf(fields, senders),
        messages: readScenarioMessages(fields, folder),
        together,
        halfClose,
        cutOff,
        background,
        expect: readExpectations(fields),
      };
    case 'request': {
      const request = fields.section('request', SCENARIO_SECTIONS.request);
      return {
        ...base,
        kind: 'request',
        sender: senderOf(fields, senders),
        method: request?.values.method ?? 'GET',
        path: request?.values.path ?? '/',
        headers: new Map((request?.textMap('headers') ?? []).map((one) => [one.name, one.value])),
        body: request?.values.body,
        times,
        background,
        expect: readExpectations(fields),
      };
    }
    case 'wait': {
      const [given] = fields.scalars('wait');
      const ms = given?.text === 'answers' ? given.text : parseDuration(given?.text ?? '0');
      if (ms !== undefined) return { ...base, kind: 'wait', ms };
      const found = given === undefined ? '' : `, not ${described(given)}`;
      fields.error('wait', `must be a duration such as 5s, or answers${found}`);
      return undefined;
    }
    case 'node':
      return {
        ...base,
        kind: 'node',
        nodes: fields.texts('node')?.value ?? [],
        behaviour: readBehaviour(fields),
      };
    case 'reload': {
      const config = configOf(fields, 'reload');
      return config && { ...base, kind: 'reload', config, changes: fields.texts('changes') };
    }
    case 'disconnect': {
      const names = fields.texts('disconnect')?.value ?? [];
      for (const one of names) checkSender(fields, 'disconnect', one, senders);
      return { ...base, kind: 'disconnect', senders: names };
    }
    default:
      return { ...base, kind: name, nodes: fields.texts(name)?.value ?? [] };
  }
}

/** Of a node's own map, or of a step that changes it. */
export function readBehaviour({
  values: { does, answers, delayMs, messages },
}: ScenarioFields<typeof SCENARIO_SECTIONS.node>): Behaviour {
  return { does, answers, delayMs, messages };
}

/** A map that stands here, or the path of a file. */
export function configOf(fields: ScenarioFields, key: string): ConfigSource | undefined {
  const tree = fields.tree(key);
  if (tree?.kind === 'map') return { kind: 'tree', tree, place: fields.entry(key)?.place ?? tree.place };
  const [file] = fields.scalars(key);
  return file && { kind: 'file', file: file.text, place: file.place };
}

function senderOf(fields: StepFields, senders: readonly ScenarioSender[]): string | undefined {
  const { sender } = fields.values;
  if (sender !== undefined) checkSender(fields, 'sender', sender, senders);
  return sender;
}

function checkSender(
  fields: StepFields,
  key: string,
  name: string,
  senders: readonly ScenarioSender[],
): void {
  const names = senders.map((one) => one.name);
  if (names.includes(name)) return;
  const known =
    names.length === 0
      ? '; the scenario has no senders'
      : suggestion(name, names) || `; there are ${names.join(', ')}`;
  fields.error(key, `names no sender of this scenario: ${quoted(name)}${known}`);
}
