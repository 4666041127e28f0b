// `--update`: what came out becomes what is expected. Promises to change nothing else of the file, comments and layout
// included, and to leave alone what cannot be said by one value.
import { type Document, isCollection, isMap, isNode, parseDocument, stringify } from 'yaml';
import type { Acceptance, ScenarioDifference } from './check/difference.ts';
import { answerText } from './check/message-checks.ts';
import type { CheckedMessage } from './check/scenario-checks.ts';
import type { ScenarioResult } from './run.ts';

export interface Updated {
  /** Undefined: nothing of the file has to change. */
  readonly text: string | undefined;
  /** Differences that have to be put right by hand. */
  readonly left: readonly ScenarioDifference[];
}

type Path = readonly (string | number)[];

/** A piece of the text and what comes in its place: writing the whole document anew would lay all of it out anew. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export function updatedSource({ scenario, differences, messages }: ScenarioResult): Updated {
  const { source } = scenario;
  const document = parseDocument(source);
  const edits: Edit[] = [];
  const left: ScenarioDifference[] = [];
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
    const value = commonValue(accept, all, messagesOf(accept.path, messages));
    const edit = value === undefined ? undefined : replacing(document, accept.path, value);
    if (edit === undefined) left.push(...all);
    else edits.push(edit);
  }
  const detailed = scenario.file.endsWith('.expect.yaml');
  scenario.steps.forEach((step, i) => {
    if (step.kind !== 'send' || step.expect.all.length > 0) return;
    const each = messages.filter(({ sent }) => sent.step === step).map((one) => expectationOf(one, detailed));
    const same = new Set(each.map((one) => JSON.stringify(one))).size === 1;
    const edit = adding(document, source, ['steps', i], { expect: same ? each[0] : each });
    if (each.length > 0 && edit !== undefined) edits.push(edit);
  });
  if (edits.length === 0) return { text: undefined, left };
  let text = source;
  for (const { from, to, text: by } of edits.sort((a, b) => b.from - a.from))
    text = text.slice(0, from) + by + text.slice(to);
  return { text, left };
}

/** What all messages of an expectation can be held to; of nodes, any of them. */
function commonValue(
  { path, value }: Acceptance,
  all: readonly ScenarioDifference[],
  concerned: readonly CheckedMessage[],
): Acceptance['value'] | undefined {
  const values = new Set(all.map(({ accept }) => JSON.stringify(accept?.value)));
  if (values.size === 1 && all.length >= concerned.length) return value;
  if (path.at(-1) === 'sameNode') return value;
  if (path.at(-1) !== 'node') return undefined;
  return [...new Set(concerned.flatMap(({ facts }) => facts.nodes))];
}

/** Those that an expectation at this place is of: of a list's item one, else all of the step. */
function messagesOf(path: Path, messages: readonly CheckedMessage[]): readonly CheckedMessage[] {
  const [first, step, third, item] = path;
  if (first !== 'steps' || third !== 'expect') return [];
  return messages.filter(
    ({ sent }) => sent.step.index === step && (typeof item !== 'number' || sent.index === item),
  );
}

function replacing(document: Document, path: Path, value: Acceptance['value']): Edit | undefined {
  const node = document.getIn(path, true);
  if (!isNode(node) || !node.range) return undefined;
  const [from, to] = node.range;
  const end = lastEnd(node, to);
  const text = inFlow(value);
  const isBlock = 'type' in node && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
  return { from, to: end, text: isBlock ? `${text}\n` : text };
}

/** Where the last item of a block list ends, which is before the line break that belongs to the list. */
function lastEnd(node: unknown, to: number): number {
  if (!isCollection(node) || node.flow === true) return to;
  const last: unknown = node.items.at(-1);
  return isNode(last) && last.range ? last.range[1] : to;
}

/** One more key of a map, behind the others. */
function adding(document: Document, source: string, path: Path, entry: object): Edit | undefined {
  const map = document.getIn(path, true);
  if (!isMap(map) || !map.range) return undefined;
  const [start, end] = map.range;
  if (map.flow === true) {
    const at = source.slice(0, end - 1).trimEnd().length;
    return { from: at, to: at, text: `, ${inFlow(entry).slice(1, -1).trim()}` };
  }
  const indent = ' '.repeat(start - (source.lastIndexOf('\n', start - 1) + 1));
  const lines = stringify(entry, { lineWidth: 0 }).trimEnd().split('\n');
  const block = lines.map((line) => (line === '' ? '' : indent + line)).join('\n');
  // Behind a comment on the last line.
  const lineEnd = source.indexOf('\n', end - 1);
  return lineEnd < 0
    ? { from: source.length, to: source.length, text: `\n${block}\n` }
    : { from: lineEnd + 1, to: lineEnd + 1, text: `${block}\n` };
}

/** On one line, as it may stand within `{ }`. */
function inFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inFlow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, one]) => `${key}: ${inFlow(one)}`);
    return `{ ${entries.join(', ')} }`;
  }
  // The library folds a text with line breaks over several lines; JSON's form is YAML too.
  if (typeof value === 'string' && /[\n\r]/.test(value)) return JSON.stringify(value);
  const list = stringify([value], { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false });
  return list.trim().slice(1, -1);
}

function expectationOf({ sent, facts }: CheckedMessage, detailed: boolean): Record<string, unknown> {
  const { route, pool, nodes, ack } = facts;
  const [node] = nodes;
  const own = { route, pool, node: nodes.length === 1 ? node : nodes, ack };
  return detailed && sent.answer !== undefined && ack !== 'none'
    ? { ...own, answer: answerText(sent.answer) }
    : own;
}
