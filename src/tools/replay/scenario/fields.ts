// One map of a scenario, read by its table of keys: the values, and for what a difference is reported of, the place of each.
import { type FormatName, formatOf } from '../../../config/keys/formats.ts';
import { type KeyTable, type ValueOf, valueName } from '../../../config/keys/key.ts';
import { readSection, type Section } from '../../../config/read/section.ts';
import type { SourcePlace } from '../../../config/source/problem.ts';
import {
  described,
  type Entry,
  entryIn,
  type ReadContext,
  type Scalar,
  scalarOf,
  type Tree,
} from '../../../config/source/value.ts';
import type { Expected, ExpectedPath } from './scenario.ts';

export function pathText(path: ExpectedPath): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}

type Plain<Table extends KeyTable, Name extends keyof Table> = Exclude<ValueOf<Table[Name]>, undefined>;
type Named<Value> = Expected<Value> & { readonly name: string };

export class ScenarioFields<Table extends KeyTable = KeyTable> {
  readonly path: ExpectedPath;
  readonly #section: Section<Table>;
  readonly #table: Table;
  readonly #tree: Tree;
  readonly #reading: ReadContext;

  constructor(tree: Tree, table: Table, path: ExpectedPath, reading: ReadContext) {
    this.path = path;
    this.#tree = tree;
    this.#table = table;
    this.#reading = reading;
    const where = { key: pathText(path), place: tree.place, listsKeys: true } as const;
    this.#section = readSection(tree, table, where, reading);
  }

  get place(): SourcePlace {
    return this.#section.place;
  }

  get values(): Section<Table>['values'] {
    return this.#section.values;
  }

  has(key: string): boolean {
    return this.#section.has(key);
  }

  /** Where a key's value stands, or where the map does. */
  at(key: string): SourcePlace {
    return this.#section.at(key);
  }

  error(key: string, message: string, place = this.at(key)): void {
    this.#reading.problems.error(place, pathText([...this.path, key]), message);
  }

  scalars(key: string): readonly Scalar[] {
    return this.#section.scalars(key);
  }

  /** What the file gives, with its place. Undefined: nothing, or nothing good. */
  expected<Name extends keyof Table & string>(key: Name): Expected<Plain<Table, Name>> | undefined {
    const [scalar] = this.scalars(key);
    const part = this.#table[key] as Parameters<typeof valueName>[1];
    const value = (this.values as Record<string, unknown>)[valueName(key, part)];
    if (scalar === undefined || value === undefined) return undefined;
    return { value: value as Plain<Table, Name>, place: scalar.place, path: [...this.path, key] };
  }

  /** One or several. */
  texts(key: string): Expected<readonly string[]> | undefined {
    if (this.#section.tree(key) === undefined) return undefined;
    const value = this.scalars(key).map(({ text }) => text);
    return { value, place: this.at(key), path: [...this.path, key] };
  }

  textMap(key: string): Named<string>[] {
    return this.mapOf(key, 'any-text');
  }

  /** The values of a map of names, each with its place. */
  mapOf<Value>(key: string, format: FormatName): Named<Value>[] {
    const { parse, refusal } = formatOf(format);
    return this.entries(key).flatMap(({ key: name, value: tree }) => {
      const path = [...this.path, key, name];
      const scalar = scalarOf(tree, pathText(path), this.#reading);
      if (scalar === undefined) return [];
      const { text, place } = scalar;
      const must = refusal(text, {});
      if (must === undefined) return [{ value: parse?.(text) as Value, place, path, name }];
      this.#reading.problems.error(place, pathText(path), `must be ${must}, not ${described(scalar)}`);
      return [];
    });
  }

  tree(key: string): Tree | undefined {
    return this.#section.tree(key);
  }

  entry(key: string): Entry | undefined {
    return entryIn(this.#tree, key);
  }

  entries(key: string): readonly Entry[] {
    return this.#section.entries(key);
  }

  /** The items of a list; a map is a list of itself. */
  items(key: string): readonly Tree[] {
    const tree = this.tree(key);
    if (tree?.kind === 'list') return tree.items;
    return tree?.kind === 'map' ? [tree] : [];
  }

  /** A map within this one. */
  section<Inner extends KeyTable>(key: string, table: Inner): ScenarioFields<Inner> | undefined {
    const tree = this.tree(key);
    return tree && this.within(tree, table, key);
  }

  within<Inner extends KeyTable>(tree: Tree, table: Inner, ...path: ExpectedPath): ScenarioFields<Inner> {
    return new ScenarioFields(tree, table, [...this.path, ...path], this.#reading);
  }
}
