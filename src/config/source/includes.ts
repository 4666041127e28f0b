// `include`: the files that a config file names join it. Listeners and pools are put together by name, routes in the order of the
// files; any other key may stand in one of them. Promises that what is wrong in an included file is said with its own name and
// line, and that an included file includes none itself.
import { readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { suggestion } from './closest.ts';
import { fileTrouble, readText, relativeHint } from './files.ts';
import { quoted, type SourcePlace } from './problem.ts';
import { readTree } from './tree.ts';
import { type Entry, entryIn, type ListTree, type MapTree, type ReadContext, scalarOf } from './value.ts';

/** More than a hospital has channels; a folder of another kind that was named by mistake has more soon. */
const MOST_FILES = 1000;

export interface IncludedFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

export interface WholeTree {
  /** Without `include`. */
  readonly tree: MapTree;
  readonly included: readonly IncludedFile[];
  /** As absolute paths, with their wildcards. */
  readonly patterns: readonly string[];
}

/** The tree with what it includes. A tree that includes nothing is returned as it is. */
export function withIncludes(tree: MapTree, reading: ReadContext): WholeTree {
  const entry = entryIn(tree, 'include');
  if (entry === undefined) return { tree, included: [], patterns: [] };
  const joining = new JoinedTree(tree, reading);
  const included: IncludedFile[] = [];
  const patterns: string[] = [];
  for (const { text, place, key } of patternsIn(entry, reading)) {
    patterns.push(resolve(reading.folder, text));
    for (const name of filesOf(text, place, key, reading)) {
      const path = resolve(reading.folder, name);
      const refuse = (message: string): void => reading.problems.error(place, key, message);
      if (path === resolve(reading.folder, basename(reading.problems.file)))
        refuse(
          `${quoted(name)} is this file itself; give the others a folder of their own, as in conf.d/*.yaml`,
        );
      else if (included.some((one) => one.path === path)) refuse(`includes ${quoted(name)} a second time`);
      else if (included.length === MOST_FILES) refuse(`is more than ${MOST_FILES} files`);
      else {
        const file = read(name, path, place, key, reading);
        if (file === undefined) continue;
        included.push({ path, text: file.text });
        joining.add(file.tree);
      }
      if (included.length === MOST_FILES) break;
    }
  }
  return { tree: joining.tree, included, patterns };
}

/** The files that stand for absolute patterns now, for whoever watches them. */
export function filesFor(patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => (isPattern(pattern) ? (matches(pattern) ?? []) : [pattern]));
}

interface Pattern {
  readonly text: string;
  readonly place: SourcePlace;
  readonly key: string;
}

function patternsIn({ value, place }: Entry, reading: ReadContext): Pattern[] {
  if (value.kind === 'list' && value.items.length === 0)
    reading.problems.error(place, 'include', 'an empty list includes nothing; leave it out');
  const items = value.kind === 'list' ? value.items : [value];
  return items.flatMap((item, n) => {
    const key = value.kind === 'list' ? `include[${n}]` : 'include';
    const scalar = scalarOf(item, key, reading);
    if (scalar === undefined) return [];
    const isUsable = scalar.text !== '' && !scalar.text.includes('\0');
    if (!isUsable)
      reading.problems.error(item.place, key, 'must be the path of a file, or a pattern of such');
    return isUsable ? [{ text: scalar.text, place: item.place, key }] : [];
  });
}

/** Names as they are to be resolved, sorted by their bytes, which is the same on every machine. */
function filesOf(
  pattern: string,
  place: SourcePlace,
  key: string,
  { problems, folder }: ReadContext,
): string[] {
  if (!isPattern(pattern)) return [pattern];
  if (isPattern(dirname(pattern))) {
    problems.error(place, key, 'only the name of a file may have wildcards, not its folder');
    return [];
  }
  const found = matches(resolve(folder, pattern));
  if (found === undefined) {
    const hint = isAbsolute(pattern) ? '' : " (relative paths start at the config file's folder)";
    problems.error(place, key, `the folder ${quoted(dirname(pattern))} cannot be read${hint}`);
  } else if (found.length === 0) problems.warn(place, key, `no file matches ${quoted(pattern)}`);
  return (found ?? []).map((path) => join(dirname(pattern), basename(path)));
}

function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** As in a shell, a wildcard takes no dot at the beginning: editors and Kubernetes hide their own files by it. */
function matches(pattern: string): string[] | undefined {
  const wanted = basename(pattern);
  const regex = regexOf(wanted);
  try {
    return readdirSync(dirname(pattern))
      .filter((name) => regex.test(name) && (wanted.startsWith('.') || !name.startsWith('.')))
      .sort()
      .map((name) => join(dirname(pattern), name));
  } catch {
    return undefined;
  }
}

function regexOf(pattern: string): RegExp {
  const source = pattern.replace(/\[(!?)([^\]/\\]+)\]|[*?]|[^\w*?]/g, (part, not?: string, set?: string) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return set === undefined ? `\\${part}` : `[${not === '!' ? '^' : ''}${set.replace(/[\^[]/g, '\\$&')}]`;
  });
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    // A range such as [z-a] has nothing in it.
    return /(?!)/;
  }
}

function read(
  name: string,
  path: string,
  place: SourcePlace,
  key: string,
  reading: ReadContext,
): { readonly tree: MapTree; readonly text: string } | undefined {
  const { problems } = reading;
  const trouble = fileTrouble(path);
  const content = trouble === undefined ? readText(path) : { trouble };
  if ('trouble' in content) {
    const hint =
      content.trouble === 'does not exist' ? closestName(path) || relativeHint(name, content.trouble) : '';
    problems.error(place, key, `the file ${quoted(name)} ${content.trouble}${hint}`);
    return undefined;
  }
  const included = isAbsolute(name) ? name : join(dirname(problems.file), name);
  const tree = readTree(content.text, { ...reading, included });
  return tree && { tree, text: content.text };
}

function closestName(path: string): string {
  try {
    const names = readdirSync(dirname(path)).slice(0, MOST_FILES);
    // One that is there leads to another file, as a symbolic link.
    return names.includes(basename(path)) ? '' : suggestion(basename(path), names);
  } catch {
    return '';
  }
}

/** The one tree that several files make. */
class JoinedTree {
  readonly #reading: ReadContext;
  readonly #base: MapTree;
  readonly #entries: Map<string, Entry>;

  constructor(base: MapTree, reading: ReadContext) {
    this.#base = base;
    this.#reading = reading;
    this.#entries = new Map(base.entries.filter(({ key }) => key !== 'include').map((one) => [one.key, one]));
  }

  get tree(): MapTree {
    return { ...this.#base, entries: [...this.#entries.values()] };
  }

  add(tree: MapTree): void {
    for (const entry of tree.entries) {
      const { key, place, value } = entry;
      const before = this.#entries.get(key);
      if (key === 'include' || key === 'defaults')
        this.#refuse(place, key, 'may not stand in an included file, only in the one that includes it');
      else if (before !== undefined && value.kind === 'refused') continue;
      else if (before === undefined || (before.value.kind === 'nothing' && PARTS.has(key)))
        this.#entries.set(key, entry);
      else if (!PARTS.has(key))
        this.#refuse(place, key, `is given twice, first in ${this.#named(before.place)}`);
      else if (before.value.kind === 'map' && value.kind === 'map')
        this.#entries.set(key, { ...before, value: this.#withNames(key, before.value, value) });
      else if (before.value.kind === 'list' && value.kind === 'list')
        this.#entries.set(key, { ...before, value: appended(before.value, value) });
      else if (before.value.kind === 'map' || before.value.kind === 'list')
        this.#refuse(
          place,
          key,
          value.kind === 'nothing' ? 'has no value' : `must be a ${before.value.kind}`,
        );
    }
  }

  #withNames(part: string, one: MapTree, other: MapTree): MapTree {
    const entries = new Map(one.entries.map((entry) => [entry.key, entry]));
    for (const entry of other.entries) {
      const before = entries.get(entry.key);
      if (before === undefined) entries.set(entry.key, entry);
      else
        this.#refuse(
          entry.place,
          `${part}.${entry.key}`,
          `is a name that is taken, first in ${this.#named(before.place)}`,
        );
    }
    return { ...one, entries: [...entries.values()] };
  }

  #named({ file, line }: SourcePlace): string {
    return `${file ?? this.#reading.problems.file}:${line}`;
  }

  #refuse(place: SourcePlace, key: string, message: string): void {
    this.#reading.problems.error(place, key, message);
  }
}

/** What several files may have a part of. */
const PARTS: ReadonlySet<string> = new Set(['listeners', 'pools', 'routes']);

function appended(one: ListTree, other: ListTree): ListTree {
  return { ...one, items: [...one.items, ...other.items] };
}
