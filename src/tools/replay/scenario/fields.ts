// Reads one map of a scenario by its table of keys: unknown keys, formats, and every problem with its place.
// Promises to go on after a problem, so that one run finds all there are.
import { parseCount, parseDuration, parseFlag } from '../../../config/formats.ts';
import { suggestion } from '../../../config/source/closest.ts';
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
import type { Keys } from './keys.ts';
import type { Expected, Range } from './scenario.ts';

export type Path = readonly (string | number)[];

export function pathText(path: Path): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}

export class ScenarioFields {
  readonly place: SourcePlace;
  readonly path: Path;
  readonly #tree: Tree;
  readonly #keys: Keys;
  readonly #reading: ReadContext;

  constructor(tree: Tree, keys: Keys, path: Path, reading: ReadContext) {
    this.#tree = tree;
    this.#keys = keys;
    this.path = path;
    this.place = tree.place;
    this.#reading = reading;
    const { problems } = reading;
    if (tree.kind === 'map') {
      for (const { key, place } of tree.entries) {
        if (Object.hasOwn(keys, key)) continue;
        const hint = suggestion(key, Object.keys(keys)) || `; there are ${Object.keys(keys).join(', ')}`;
        problems.error(place, pathText([...path, key]), `unknown key${hint}`);
      }
    } else if (tree.kind !== 'refused') {
      const message = tree.kind === 'nothing' ? 'has no value' : 'must be a map';
      problems.error(tree.place, pathText(path), message);
    }
  }

  entry(key: string): Entry | undefined {
    return entryIn(this.#tree, key);
  }

  has(key: string): boolean {
    return this.entry(key) !== undefined;
  }

  /** Where a key's value stands, or where the map does. */
  at(key: string): SourcePlace {
    const entry = this.entry(key);
    return entry === undefined
      ? this.place
      : entry.value.kind === 'nothing'
        ? entry.place
        : entry.value.place;
  }

  error(key: string, message: string, place = this.at(key)): void {
    this.#reading.problems.error(place, pathText([...this.path, key]), message);
  }

  /** A value that `parse` understands; `what` says what it would have to be. */
  read<Value>(
    key: string,
    what: string,
    parse: (text: string) => Value | undefined,
  ): Expected<Value> | undefined {
    const entry = this.entry(key);
    return entry && this.#one(entry.value, [...this.path, key], what, parse);
  }

  text(key: string): Expected<string> | undefined {
    return this.read(key, 'a text', (text) => text);
  }

  count(key: string, min = 0): Expected<number> | undefined {
    return this.read(key, `an integer from ${min}`, (text) => {
      const count = parseCount(text);
      return count === undefined || count < min ? undefined : count;
    });
  }

  duration(key: string): Expected<number> | undefined {
    return this.read(key, 'a duration such as 500ms, 5s or 2m', parseDuration);
  }

  flag(key: string): Expected<boolean> | undefined {
    return this.read(key, 'true or false', parseFlag);
  }

  range(key: string): Expected<Range> | undefined {
    return this.read(key, RANGE, parseRange);
  }

  word<Word extends string>(key: string, words: readonly Word[]): Expected<Word> | undefined {
    const entry = this.entry(key);
    if (entry === undefined) return undefined;
    const scalar = scalarOf(entry.value, pathText([...this.path, key]), this.#reading);
    if (scalar === undefined) return undefined;
    const value = words.find((one) => one === scalar.text);
    if (value === undefined) {
      const hint = suggestion(scalar.text, words);
      this.error(key, `must be one of ${words.join(', ')}, not ${described(scalar)}${hint}`);
      return undefined;
    }
    return { value, place: scalar.place, path: [...this.path, key] };
  }

  /** One or several. */
  texts(key: string): Expected<readonly string[]> | undefined {
    const scalars = this.scalars(key);
    return (
      scalars && { value: scalars.map(({ text }) => text), place: this.at(key), path: [...this.path, key] }
    );
  }

  scalars(key: string): readonly Scalar[] | undefined {
    const tree = this.entry(key)?.value;
    if (tree === undefined) return undefined;
    const full = pathText([...this.path, key]);
    const items = tree.kind === 'list' ? tree.items : [tree];
    return items.flatMap((item, i) => {
      const name = tree.kind === 'list' ? `${full}[${i}]` : full;
      return scalarOf(item, name, this.#reading) ?? [];
    });
  }

  /** The values of a map of names, each with its place. */
  mapOf<Value>(
    key: string,
    what: string,
    parse: (text: string) => Value | undefined,
  ): (Expected<Value> & { readonly name: string })[] {
    return this.entries(key).flatMap(({ key: name, value }) => {
      const one = this.#one(value, [...this.path, key, name], what, parse);
      return one === undefined ? [] : [{ ...one, name }];
    });
  }

  textMap(key: string): (Expected<string> & { readonly name: string })[] {
    return this.mapOf(key, 'a text', (text) => text);
  }

  rangeMap(key: string): (Expected<Range> & { readonly name: string })[] {
    return this.mapOf(key, RANGE, parseRange);
  }

  entries(key: string): readonly Entry[] {
    const tree = this.entry(key)?.value;
    if (tree === undefined || tree.kind === 'refused') return [];
    if (tree.kind === 'map') return tree.entries;
    this.error(key, tree.kind === 'nothing' ? 'has no value' : 'must be a map');
    return [];
  }

  /** The items of a list; with `one`, a map is a list of itself. */
  items(key: string, one = false): readonly Tree[] {
    const tree = this.entry(key)?.value;
    if (tree === undefined || tree.kind === 'refused') return [];
    if (tree.kind === 'list') return tree.items;
    if (one && tree.kind === 'map') return [tree];
    this.error(key, tree.kind === 'nothing' ? 'has no value' : `must be a ${one ? 'map or a list' : 'list'}`);
    return [];
  }

  /** A map within this one. */
  section(key: string, keys: Keys): ScenarioFields | undefined {
    const tree = this.entry(key)?.value;
    return tree && new ScenarioFields(tree, keys, [...this.path, key], this.#reading);
  }

  within(tree: Tree, keys: Keys, ...path: Path): ScenarioFields {
    return new ScenarioFields(tree, keys, [...this.path, ...path], this.#reading);
  }

  get keys(): readonly string[] {
    return Object.keys(this.#keys);
  }

  #one<Value>(
    tree: Tree,
    path: Path,
    what: string,
    parse: (text: string) => Value | undefined,
  ): Expected<Value> | undefined {
    const scalar = scalarOf(tree, pathText(path), this.#reading);
    if (scalar === undefined) return undefined;
    const value = parse(scalar.text);
    if (value !== undefined) return { value, place: scalar.place, path };
    this.#reading.problems.error(scalar.place, pathText(path), `must be ${what}, not ${described(scalar)}`);
    return undefined;
  }
}

const RANGE = 'a number, or two such as 10-20';

function parseRange(text: string): Range | undefined {
  const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  if (from === undefined || Number(from) > Number(to)) return undefined;
  return { from: Number(from), to: Number(to) };
}
