// `--update`: what came out becomes what is expected. Promises to keep comments and everything else of the file, and to
// leave alone what cannot be said by one value.
import { type Document, isMap, isScalar, parseDocument } from 'yaml';
import type { Difference } from './check/difference.ts';
import { answerText } from './check/message-checks.ts';
import type { CheckedMessage } from './check/scenario-checks.ts';
import type { Result } from './run.ts';

export interface Updated {
  /** Undefined: nothing of the file has to change. */
  readonly text: string | undefined;
  /** Differences that have to be put right by hand. */
  readonly left: readonly Difference[];
}

type Path = readonly (string | number)[];

export function updatedSource({ scenario, differences, messages }: Result): Updated {
  const document = parseDocument(scenario.source);
  const left: Difference[] = [];
  const done = new Set<string>();
  for (const one of differences) {
    const { accept } = one;
    if (accept === undefined) {
      left.push(one);
      continue;
    }
    const id = JSON.stringify(accept.path);
    if (done.has(id)) continue;
    done.add(id);
    const all = differences.filter(({ accept: other }) => JSON.stringify(other?.path) === id);
    const values = [...new Set(all.map(({ accept: other }) => JSON.stringify(other?.value)))];
    const concerned = messagesOf(accept.path, messages);
    if (values.length === 1 && all.length >= concerned.length) put(document, accept.path, accept.value);
    else if (accept.path.at(-1) === 'node') {
      const nodes = [...new Set(concerned.flatMap(({ facts }) => facts.nodes))];
      put(document, accept.path, nodes);
    } else left.push(...all);
  }
  const detailed = scenario.file.endsWith('.expect.yaml');
  scenario.steps.forEach((step, i) => {
    if (step.kind !== 'send' || step.expect.all.length > 0) return;
    const own = messages.filter(({ sent }) => sent.step === step);
    const each = own.map((one) => expectationOf(one, detailed));
    const same = new Set(each.map((one) => JSON.stringify(one))).size === 1;
    if (each.length > 0) document.setIn(['steps', i, 'expect'], document.createNode(same ? each[0] : each));
  });
  const text = document.toString({ lineWidth: 0 });
  return { text: text === scenario.source ? undefined : text, left };
}

/** Those that an expectation at this place is of: of a list's item one, else all of the step. */
function messagesOf(path: Path, messages: readonly CheckedMessage[]): readonly CheckedMessage[] {
  const [first, step, third, item] = path;
  if (first !== 'steps' || third !== 'expect') return [];
  return messages.filter(
    ({ sent }) => sent.step.index === step && (typeof item !== 'number' || sent.index === item),
  );
}

/** In place of a scalar its value only, so that a comment behind it stays. */
function put(document: Document, path: Path, value: unknown): void {
  const node = document.getIn(path, true);
  if (isScalar(node) && !Array.isArray(value)) {
    node.value = value;
    return;
  }
  document.setIn(path, Array.isArray(value) ? document.createNode(value, { flow: true }) : value);
  const parent = document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) return;
}

function expectationOf({ sent, facts }: CheckedMessage, detailed: boolean): Record<string, unknown> {
  const { route, pool, nodes, ack } = facts;
  const [node] = nodes;
  const own = { route, pool, node: nodes.length === 1 ? node : nodes, ack };
  return detailed && sent.answer !== undefined && ack !== 'none'
    ? { ...own, answer: answerText(sent.answer) }
    : own;
}
