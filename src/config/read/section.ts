// Reads one section of a config by its table of keys: known keys, formats, defaults; every problem with its place.
// Promises to go on after a problem (values then have a stand-in), so that one run finds all there are.
import convict from 'convict';
import type { Shape } from '../keys/format.ts';
import { formatOf } from '../keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable, type Values } from '../keys/key.ts';
import { suggestion } from '../source/closest.ts';
import { quoted, type SourcePlace } from '../source/problem.ts';
import {
  described,
  type Entry,
  type ReadContext,
  type Scalar,
  scalarOf,
  type Tree,
} from '../source/value.ts';
import { urlHintText } from '../url-hints.ts';
import { convictSchema } from './convict-formats.ts';
import { type Given, valuesOf } from './values.ts';

/** A value that the file gives. */
interface Found {
  readonly place: SourcePlace;
  readonly tree: Tree;
  readonly known: ConfigKey;
  readonly scalars: readonly Scalar[];
}

export interface Where {
  /** `pools.adt.nodes.a`; empty at the top. */
  readonly key: string;
  /** Of the key: where a missing one would have to stand. */
  readonly place: SourcePlace;
  /** A key that is unknown and like no other is answered with all there are. */
  readonly listsKeys?: true;
}

export function joined(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

export function readSection<Table extends KeyTable>(
  tree: Tree,
  table: Table,
  where: Where,
  reading: ReadContext,
): Section<Table> {
  const section = new Section(table, where, reading);
  section.read(tree);
  return section;
}

/** `Table`: what `values` has. Who only asks for places and trees takes any section. */
export class Section<Table extends KeyTable = KeyTable> {
  readonly place: SourcePlace;
  readonly key: string;
  readonly #table: Table;
  readonly #listsKeys: boolean;
  readonly #reading: ReadContext;
  readonly #found = new Map<string, Found>();
  /** Keys that a problem was reported for: convict must not call them missing as well. */
  readonly #refused = new Set<string>();
  /** There is no map to read, so nothing of it is missing. */
  #incomplete = false;
  #values: Values<Table> | undefined;

  constructor(table: Table, { key, place, listsKeys }: Where, reading: ReadContext) {
    this.#listsKeys = listsKeys === true;
    this.key = key;
    this.place = place;
    this.#table = table;
    this.#reading = reading;
  }

  read(tree: Tree): void {
    const given = this.#collect(tree, this.#table, '');
    this.#incomplete ||= tree.kind !== 'map';
    // Without `env` and `args` convict would read the process's own.
    const section = convict<Given>(convictSchema(this.#table), { env: {}, args: [] }).load(given);
    try {
      section.validate({ allowed: 'strict' });
    } catch (thrown) {
      for (const line of String((thrown as Error).message).split('\n')) this.#refusal(line);
    }
    this.#values = valuesOf(this.#table, section.getProperties() as Given) as Values<Table>;
  }

  /** What the file or a default says, of each key whose format has a value of its own. */
  get values(): Values<Table> {
    if (this.#values === undefined) throw new Error('the section has not been read');
    return this.#values;
  }

  /** The section that stands under a key of this one. Undefined: the file has none. */
  section<Inner extends KeyTable>(key: string, table: Inner): Section<Inner> | undefined {
    const tree = this.tree(key);
    return tree && this.#inner(tree, key, table);
  }

  /** The same with defaults where the file has none. */
  sectionOrDefaults<Inner extends KeyTable>(key: string, table: Inner): Section<Inner> {
    return this.#inner(this.tree(key) ?? { kind: 'map', place: this.at(key), entries: [] }, key, table);
  }

  #inner<Inner extends KeyTable>(tree: Tree, key: string, table: Inner): Section<Inner> {
    return readSection(tree, table, { key: joined(this.key, key), place: this.at(key) }, this.#reading);
  }

  /** Does the file give the key, rightly or not? */
  has(key: string): boolean {
    return this.#found.has(key) || this.#refused.has(key);
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

  /** The known keys' values, as plain data for convict. */
  #collect(tree: Tree, table: KeyTable, path: string): Given {
    const { problems } = this.#reading;
    const values: Given = {};
    if (tree.kind === 'refused') return values;
    if (tree.kind !== 'map') {
      const message = tree.kind === 'nothing' ? 'has no value' : 'must be a map';
      problems.error(tree.place, joined(this.key, path).replace(/\.$/, ''), message);
      return values;
    }
    for (const entry of tree.entries) {
      const key = joined(path, entry.key);
      const full = joined(this.key, key);
      const part = Object.hasOwn(table, entry.key) ? table[entry.key] : undefined;
      if (part === undefined) {
        const names = Object.keys(table);
        const all = this.#listsKeys ? `; there are ${names.join(', ')}` : '';
        problems.error(entry.place, full, `unknown key${suggestion(entry.key, names) || all}`);
        continue;
      }
      if (!isKey(part)) {
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
  #given({ value: tree, place }: Entry, known: ConfigKey, key: string): unknown {
    const { shape } = formatOf(known.format);
    const found = { place: tree.kind === 'nothing' ? place : tree.place, tree, known };
    const isText = shape === 'map-or-file' && tree.kind !== 'map';
    if (shape === 'scalar' || shape === 'scalars' || isText) {
      const scalars = this.#scalars(tree, shape, joined(this.key, key));
      if (scalars === undefined) return undefined;
      this.#found.set(key, { ...found, scalars });
      return shape === 'scalars' ? scalars.map(({ text }) => text) : scalars[0]?.text;
    }
    if (tree.kind === 'refused') return undefined;
    const trouble = shapeTrouble(tree, shape);
    if (trouble !== undefined) {
      this.#reading.problems.error(found.place, joined(this.key, key), trouble);
      return undefined;
    }
    this.#found.set(key, { ...found, place: shape === tree.kind ? place : found.place, scalars: [] });
    // Names chosen by the user may hold dots, which convict takes for paths, and a map within a custom format makes its
    // load() throw. So it sees that there is something; what is in it is read in a second pass.
    return shape === 'map' ? {} : [];
  }

  #scalars(tree: Tree, shape: Shape, key: string): readonly Scalar[] | undefined {
    const isList = shape === 'scalars' && tree.kind === 'list';
    const scalars: Scalar[] = [];
    for (const [index, one] of (isList ? tree.items : [tree]).entries()) {
      const scalar = scalarOf(one, isList ? `${key}[${index}]` : key, this.#reading);
      if (scalar === undefined) return undefined;
      scalars.push(scalar);
    }
    return scalars;
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
    const { format, sensitive, values = [] } = found.known;
    if (scalar === undefined || format === 'files' || sensitive === true) {
      this.error(key, message);
      return;
    }
    const outside = scalar.written !== undefined;
    const slip = outside ? '' : suggestion(scalar.text, values);
    const hint = format === 'node-url' ? urlHintText(scalar.text, { outside, isOfPool: true }) : slip;
    this.error(key, `${message}, not ${described(scalar)}${hint}`);
  }
}

/** Why a map, a list or a certificate cannot be what stands here. */
function shapeTrouble(tree: Tree, shape: Shape): string | undefined {
  if (tree.kind === 'nothing') return 'has no value';
  if (shape === 'map-or-file') return undefined;
  if (shape === 'maps') return ['map', 'list'].includes(tree.kind) ? undefined : 'must be a map or a list';
  if (shape === 'map' || shape === 'list') return tree.kind === shape ? undefined : `must be a ${shape}`;
  const isOne = shape === 'key-pairs' || tree.kind !== 'list';
  return isOne ? undefined : 'must be the path of a file or { p12: … }, not a list';
}
