// Reads one section of a config by its convict schema: known keys, formats, defaults; every problem with its place.
// Promises to go on after a problem (accessors then give a stand-in), so that one run finds all there are.
import convict from 'convict';
import type { FormatName, Item } from './formats.ts';
import { CONFIG_SECTIONS, isItem, type Schema, type SectionPattern } from './schema.ts';
import { suggestion } from './source/closest.ts';
import { quoted, type SourcePlace } from './source/problem.ts';
import { described, type Entry, type ReadContext, type Scalar, scalarOf, type Tree } from './source/value.ts';
import { urlHintText } from './url-hints.ts';

/** A value that the file gives. */
interface Found {
  readonly place: SourcePlace;
  readonly tree: Tree;
  readonly item: Item;
  readonly scalars: readonly Scalar[];
}

type Values = Record<string, unknown>;

/** Formats whose value is one scalar or a list of such. */
const MANY: readonly FormatName[] = [
  ...(['files', 'subjects', 'fingerprints', 'groups', 'codings', 'tokens', 'texts', 'ranges'] as const),
];

export interface Where {
  /** `pools.adt.nodes.a`; empty at the top. */
  readonly key: string;
  readonly pattern: SectionPattern;
  /** Of the key: where a missing one would have to stand. */
  readonly place: SourcePlace;
}

export function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

export function readSection(tree: Tree, where: Where, reading: ReadContext): Section {
  const section = new Section(where, reading);
  section.read(tree);
  return section;
}

export class Section {
  readonly place: SourcePlace;
  readonly key: string;
  readonly #pattern: SectionPattern;
  readonly #reading: ReadContext;
  readonly #found = new Map<string, Found>();
  /** Keys that a problem was reported for: convict must not call them missing as well. */
  readonly #refused = new Set<string>();
  /** There is no map to read, so nothing of it is missing. */
  #incomplete = false;
  #values: Values = {};

  constructor({ key, pattern, place }: Where, reading: ReadContext) {
    this.key = key;
    this.place = place;
    this.#pattern = pattern;
    this.#reading = reading;
  }

  read(tree: Tree): void {
    const schema = CONFIG_SECTIONS[this.#pattern];
    const given = this.#collect(tree, schema, '');
    this.#incomplete ||= tree.kind !== 'map';
    // Convict appends values to its error texts unless the key is sensitive: here all are, and this file appends what may
    // be shown. Without `env` and `args` it would read the process's own.
    const section = convict<Values>(sealed(schema), { env: {}, args: [] }).load(given);
    try {
      section.validate({ allowed: 'strict' });
    } catch (thrown) {
      for (const line of String((thrown as Error).message).split('\n')) this.#refusal(line);
    }
    this.#values = section.getProperties() as Values;
  }

  /** Does the file give the key, rightly or not? */
  has(key: string): boolean {
    return this.#found.has(key) || this.#refused.has(key);
  }

  /** Undefined where the file gives none, and the key has no default. */
  optionalNumber(key: string): number | undefined {
    const value = this.#value(key);
    return typeof value === 'number' ? value : undefined;
  }

  /** NaN where the value is refused: it is neither below nor above anything, so no check after this trips over it. */
  number(key: string): number {
    const value = this.#value(key);
    return typeof value === 'number' ? value : Number.NaN;
  }

  flag(key: string): boolean {
    return this.#value(key) === true;
  }

  optionalText(key: string): string | undefined {
    const value = this.#value(key);
    return typeof value === 'string' ? value : undefined;
  }

  text(key: string): string {
    return this.optionalText(key) ?? '';
  }

  /** A `one-of` item's value; `Word` has to be the list of its values. */
  word<Word extends string>(key: string): Word {
    return this.text(key) as Word;
  }

  /** The scalars that the file gives for a key: none, one, or a list's. */
  scalars(key: string): readonly Scalar[] {
    return this.#found.get(key)?.scalars ?? [];
  }

  /** What the file gives for a map, a list, key pairs, or subjects. */
  tree(key: string): Tree | undefined {
    return this.#found.get(key)?.tree;
  }

  entries(key: string): readonly Entry[] {
    const tree = this.tree(key);
    return tree?.kind === 'map' ? tree.entries : [];
  }

  /** Where a key's value stands, or where the section does. */
  at(key: string): SourcePlace {
    return this.#found.get(key)?.place ?? this.place;
  }

  /** The empty key is the section itself. */
  error(key: string, message: string): void {
    this.#reading.problems.error(this.at(key), key === '' ? this.key : joined(this.key, key), message);
  }

  warn(key: string, message: string): void {
    this.#reading.problems.warn(this.at(key), joined(this.key, key), message);
  }

  #value(key: string): unknown {
    let value: unknown = this.#values;
    for (const part of key.split('.')) value = (value as Values | undefined)?.[part];
    return value;
  }

  /** The known keys' values, as plain data for convict. */
  #collect(tree: Tree, schema: Schema, path: string): Values {
    const { problems } = this.#reading;
    const values: Values = {};
    if (tree.kind === 'refused') return values;
    if (tree.kind !== 'map') {
      const message = tree.kind === 'nothing' ? 'has no value' : 'must be a map';
      problems.error(tree.place, joined(this.key, path).replace(/\.$/, ''), message);
      return values;
    }
    for (const entry of tree.entries) {
      const key = joined(path, entry.key);
      const full = joined(this.key, key);
      const part = Object.hasOwn(schema, entry.key) ? schema[entry.key] : undefined;
      if (part === undefined) {
        problems.error(entry.place, full, `unknown key${suggestion(entry.key, Object.keys(schema))}`);
        continue;
      }
      if (!isItem(part)) {
        values[entry.key] = this.#collect(entry.value, part, key);
        continue;
      }
      const value = this.#given(entry, part, key);
      if (value === undefined) this.#refused.add(key);
      else values[entry.key] = value;
    }
    return values;
  }

  /** What convict is shown of one key; undefined: nothing, as a problem was reported. */
  #given({ value: tree, place }: Entry, item: Item, key: string): unknown {
    const full = joined(this.key, key);
    const found = { place: tree.kind === 'nothing' ? place : tree.place, tree, item };
    if (item.format === 'map' || item.format === 'list') {
      if (tree.kind === item.format) {
        this.#found.set(key, { ...found, place, scalars: [] });
        // Names chosen by the user may hold dots, which convict takes for paths, and a map within a custom format makes
        // its load() throw. So it sees that there is a map; what is in it is read in a second pass.
        return item.format === 'map' ? {} : [];
      }
      const message = tree.kind === 'nothing' ? 'has no value' : `must be a ${item.format}`;
      if (tree.kind !== 'refused') this.#reading.problems.error(found.place, full, message);
      return undefined;
    }
    if (item.format === 'key-pair' || item.format === 'key-pairs') {
      if (tree.kind === 'refused') return undefined;
      const one = item.format === 'key-pair' && tree.kind === 'list';
      if (tree.kind === 'nothing' || one) {
        const message = one ? 'must be the path of a file or { p12: … }, not a list' : 'has no value';
        this.#reading.problems.error(found.place, full, message);
        return undefined;
      }
      this.#found.set(key, { ...found, scalars: [] });
      // As with a map: the p12 forms are sections of their own, which tls/key-pairs.ts reads.
      return [];
    }
    const many = MANY.includes(item.format);
    const items = many && tree.kind === 'list' ? tree.items : [tree];
    const scalars: Scalar[] = [];
    for (const [index, one] of items.entries()) {
      const name = many && tree.kind === 'list' ? `${full}[${index}]` : full;
      const scalar = scalarOf(one, name, this.#reading);
      if (scalar === undefined) return undefined;
      scalars.push(scalar);
    }
    this.#found.set(key, { ...found, scalars });
    return many ? scalars.map(({ text }) => text) : scalars[0]?.text;
  }

  /** One line of convict's error: `key: message`. */
  #refusal(line: string): void {
    const [, key, message] = /^([A-Za-z0-9.]+): (.+)$/.exec(line) ?? [];
    if (key === undefined || message === undefined)
      throw new Error(`convict says what was not expected: ${quoted(line)}`);
    const found = this.#found.get(key);
    if (found === undefined) {
      if (!this.#refused.has(key) && !this.#incomplete) this.error(key, message);
      return;
    }
    const [scalar] = found.scalars;
    const single = found.item.format !== 'files' && found.item.sensitive !== true ? scalar : undefined;
    const outside = single?.written !== undefined;
    const hint =
      single === undefined
        ? ''
        : found.item.format === 'node-url'
          ? urlHintText(single.text, { outside })
          : outside
            ? ''
            : suggestion(single.text, found.item.values ?? []);
    this.error(key, single === undefined ? message : `${message}, not ${described(single)}${hint}`);
  }
}

/** The schema for convict, each key of it marked so that convict prints no value. */
function sealed(schema: Schema): convict.Schema<Values> {
  const parts = Object.entries(schema).map(([key, part]) => {
    return [key, isItem(part) ? { ...part, sensitive: true } : sealed(part)];
  });
  return Object.fromEntries(parts);
}
