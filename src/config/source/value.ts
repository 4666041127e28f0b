// What a config's text consists of: maps, lists and scalars, each with its place; and reading one scalar of it.
// Promises that a value from the environment or from `{ file: … }` is marked, so that no error text repeats it.
import { resolve } from 'node:path';
import { readSecretValue, relativeHint } from './files.ts';
import type { Environment } from './interpolate.ts';
import { type Problems, quoted, type SourcePlace } from './problem.ts';

export interface Scalar {
  readonly kind: 'scalar';
  readonly place: SourcePlace;
  /** Always text, as it was written: `2.50` stays `2.50`, and the formats decide what it means. */
  readonly text: string;
  /** Set where the text came from outside the file: how the file refers to it. */
  readonly written: string | undefined;
  /** The file of `{ file: … }`, where it came from one. */
  readonly file?: string;
}

export interface Entry {
  readonly key: string;
  readonly place: SourcePlace;
  readonly value: Tree;
}

export interface MapTree {
  readonly kind: 'map';
  readonly place: SourcePlace;
  readonly entries: readonly Entry[];
}

export interface ListTree {
  readonly kind: 'list';
  readonly place: SourcePlace;
  readonly items: readonly Tree[];
}

/** `nothing`: a key without a value. `refused`: a problem was reported already. */
export type Tree =
  | Scalar
  | MapTree
  | ListTree
  | { readonly kind: 'nothing' | 'refused'; readonly place: SourcePlace };

/** What reading a config needs besides its text. */
export interface ReadContext {
  readonly problems: Problems;
  readonly env: Environment;
  /** Relative paths start here: the config file's folder. */
  readonly folder: string;
  /** The included file that is read, as it is named in problems; undefined: the config file itself. */
  readonly included?: string;
  /** Whoever reads is on another machine: its files, folders and interfaces are not looked at, but for what is included. */
  readonly isElsewhere?: boolean;
}

/** Is this `{ file: … }`, the form that stands for a scalar? */
export function standsForScalar(tree: Tree): boolean {
  return filePart(tree) !== undefined;
}

function filePart(tree: Tree): Tree | undefined {
  const [entry] = tree.kind === 'map' ? tree.entries : [];
  return tree.kind === 'map' && tree.entries.length === 1 && entry?.key === 'file' ? entry.value : undefined;
}

/** The scalar at `tree`, read from a file if need be. Undefined: there is none, and a problem says why, or its file is not looked at. */
export function scalarOf(tree: Tree, key: string, reading: ReadContext): Scalar | undefined {
  const { problems, folder, isElsewhere } = reading;
  if (tree.kind === 'scalar') return tree;
  if (tree.kind === 'refused') return undefined;
  const path = filePart(tree);
  if (path?.kind === 'scalar') {
    if (isElsewhere) return undefined;
    const file = resolve(folder, path.text);
    const read = readSecretValue(file);
    const written = path.written ?? path.text;
    if ('text' in read) {
      return {
        kind: 'scalar',
        place: tree.place,
        text: read.text,
        written: `{ file: ${written} }`,
        file,
      };
    }
    const hint = relativeHint(path.text, read.trouble);
    problems.error(path.place, `${key}.file`, `the file ${quoted(written)} ${read.trouble}${hint}`);
    return undefined;
  }
  if (path?.kind === 'refused') return undefined;
  if (tree.kind === 'nothing') problems.error(tree.place, key, 'has no value');
  else problems.error(tree.place, key, `must be a single value, not a ${tree.kind}`);
  return undefined;
}

/** What a value is called in an error: itself, or how it was written where it came from outside the file. */
export function described({ text, written }: Scalar): string {
  if (written !== undefined) return `what ${quoted(written)} holds`;
  // Nothing in this config takes `user:password@`, but someone may write it.
  return quoted(text.replace(/\/\/[^/@]*@/, '//…@'));
}

/** The entry of that key, where the tree is a map that has it. */
export function entryIn(tree: Tree | undefined, key: string): Entry | undefined {
  return tree?.kind === 'map' ? tree.entries.find((entry) => entry.key === key) : undefined;
}
