// YAML (or JSON) text → a tree of maps, lists and scalars that know their place. Aliases are resolved, variables put in.
// Promises to end, whatever the text: aliases that contain themselves or multiply are problems.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { HEADER_VARIABLES } from '../config.ts';
import { interpolate } from './interpolate.ts';
import { printable, type SourcePlace } from './problem.ts';
import type { Entry, MapTree, ReadContext, Tree } from './value.ts';

/**
 * Where variables stand that each request fills in; no such name is taken for one of the environment there. A config may be
 * part of a file: a scenario has one.
 */
const HEADER_RULE = /(?:^|\.)routes\[\d+\]\.http\.(request|response)\.(set|add)\./;

/** Deeper than any key of the schema by far; recursion ends long before the stack does. */
const DEEPEST = 50;
/** A gateway with 1,000 pools of 10 nodes stays below; ten lines of multiplying aliases do not. */
const MOST_VALUES = 200_000;
/** More syntax errors than this are the first ones seen again. */
const MOST_SYNTAX_ERRORS = 5;

/** The file's top-level map. Undefined: the text is no YAML, and problems say why. */
export function readTree(source: string, reading: ReadContext): MapTree | undefined {
  const { problems, included } = reading;
  const whose = included === undefined ? {} : { file: included };
  const top: SourcePlace = { line: 1, column: 1, ...whose };
  const text = source.replace(/^\uFEFF/, '');
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    version: '1.2',
  });
  const place = (offset: number): SourcePlace => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), ...whose };
  };
  const faults = [...document.errors, ...document.warnings];
  for (const fault of leading(faults)) {
    const at = place(fault.pos[0]);
    problems.error(at, '', `not valid YAML: ${syntaxMessage(fault, text.split('\n')[at.line - 1] ?? '')}`);
  }
  if (faults.length > 0) return undefined;
  if (document.contents === null) return { kind: 'map', place: top, entries: [] };

  const grow = new Grower(reading, place);
  const tree = grow.tree(document.contents, '', top, 0);
  if (tree.kind === 'nothing') return { kind: 'map', place: top, entries: [] };
  if (tree.kind === 'map') return tree;
  if (tree.kind !== 'refused') problems.error(tree.place, '', `a config is a map, not a ${tree.kind}`);
  return undefined;
}

/** The errors up to the one that lost the thread: from there on every token is unexpected. */
function leading(faults: readonly YAMLError[]): readonly YAMLError[] {
  const lost = faults.findIndex(({ code }) => code === 'UNEXPECTED_TOKEN' || code === 'RESOURCE_EXHAUSTION');
  return faults.slice(0, Math.min(lost === -1 ? faults.length : lost + 1, MOST_SYNTAX_ERRORS));
}

function syntaxMessage({ code, message }: YAMLError, line: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a config is one document, and here a second one starts';
  if (code === 'RESOURCE_EXHAUSTION') return 'nested too deeply';
  // Behind the colon of these stands a part of the text, which may be a secret.
  const mayQuote = code === 'UNEXPECTED_TOKEN' || code === 'TAG_RESOLVE_FAILED';
  const told = printable(mayQuote ? message.replace(/: .*$/s, '') : message);
  return `${told.charAt(0).toLowerCase()}${told.slice(1)}${syntaxHint(line)}`;
}

/** YAML ends plain text at a bracket within `{ }` and `[ ]`, which two things that belong into this config hold. */
function syntaxHint(line: string): string {
  if (line.includes('${')) return ' (within { } and [ ] a "${NAME}" must stand in quotes)';
  return /[A-Z0-9]\[\d/.test(line)
    ? ' (within { } and [ ] a path such as "OBX[3]-5" must stand in quotes)'
    : '';
}

class Grower {
  readonly #reading: ReadContext;
  /** Filled in document order, so that each alias finds the last anchor of its name before it (YAML 1.2 7.1). */
  readonly #anchors = new Map<string, unknown>();
  readonly #anchored = new Set<unknown>();
  readonly #place: (offset: number) => SourcePlace;
  readonly #open = new Set<unknown>();
  #values = 0;

  constructor(reading: ReadContext, place: (offset: number) => SourcePlace) {
    this.#reading = reading;
    this.#place = place;
  }

  /** `fallback` is where the key stands: the place of a value that is not written. */
  tree(node: unknown, key: string, fallback: SourcePlace, depth: number): Tree {
    const own = rangeStart(node);
    const place = own === undefined ? fallback : this.#place(own);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined)
        return this.#refuse(
          place,
          key,
          'no anchor of this name comes before it (a value that begins with * must stand in quotes)',
        );
      return this.tree(target, key, place, depth + 1);
    }
    this.#anchor(node);
    this.#values++;
    if (this.#values === MOST_VALUES)
      this.#refuse(place, key, 'the config has too many values; do its aliases multiply?');
    if (this.#values >= MOST_VALUES) return { kind: 'refused', place };
    if (isScalar(node))
      return this.#scalar(node.value, node.source ?? String(node.value), key, place, fallback);
    if (!isMap(node) && !isSeq(node)) return { kind: 'nothing', place: fallback };
    if (this.#open.has(node)) return this.#refuse(place, key, 'contains itself');
    if (depth > DEEPEST) return this.#refuse(place, key, `is nested deeper than ${DEEPEST} levels`);

    this.#open.add(node);
    const tree: Tree = isMap(node)
      ? { kind: 'map', place, entries: this.#entries(node, key, place, depth) }
      : {
          kind: 'list',
          place,
          items: node.items.map((item, n) => this.tree(item, `${key}[${n}]`, place, depth + 1)),
        };
    this.#open.delete(node);
    return tree;
  }

  #entries(map: YAMLMap, path: string, fallback: SourcePlace, depth: number): Entry[] {
    const entries = new Map<string, Entry>();
    for (const pair of map.items as Pair[]) {
      this.#anchor(pair.key);
      const start = rangeStart(pair.key);
      const place = start === undefined ? fallback : this.#place(start);
      if (!isScalar(pair.key) || pair.key.source === undefined || pair.key.source === '') {
        this.#refuse(place, path, 'a key must be plain text');
        continue;
      }
      const key = pair.key.source;
      const full = path === '' ? key : `${path}.${key}`;
      const first = entries.get(key);
      if (key === '<<')
        this.#refuse(place, full, 'YAML merge keys are not supported; an alias of the whole map is');
      else if (first !== undefined)
        this.#refuse(place, full, `is given twice, first in line ${first.place.line}`);
      else entries.set(key, { key, place, value: this.tree(pair.value, full, place, depth + 1) });
    }
    return [...entries.values()];
  }

  /** Once only: an alias leads here again, which is no new anchor. The library's own look-up walks the whole file. */
  #anchor(node: unknown): void {
    const named = (isScalar(node) || isMap(node) || isSeq(node)) && node.anchor;
    if (!named || this.#anchored.has(node)) return;
    this.#anchored.add(node);
    this.#anchors.set(named, node);
  }

  #scalar(value: unknown, source: string, key: string, place: SourcePlace, fallback: SourcePlace): Tree {
    if (value === null) return { kind: 'nothing', place: fallback };
    const later = HEADER_RULE.test(key) ? HEADER_VARIABLES : [];
    const { text, outside, errors } = interpolate(source, this.#reading.env, later);
    for (const message of errors) this.#refuse(place, key, message);
    if (errors.length > 0) return { kind: 'refused', place };
    return { kind: 'scalar', place, text, written: outside ? source : undefined };
  }

  #refuse(place: SourcePlace, key: string, message: string): Tree {
    this.#reading.problems.error(place, key, message);
    return { kind: 'refused', place };
  }
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}
