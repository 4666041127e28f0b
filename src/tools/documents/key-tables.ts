// The tables of docs/configuration.md, made from the tables of keys. A table stands between `<!-- keys: PREFIX -->` and
// `<!-- end of keys -->`, and has the keys below PREFIX that no other table has; the one of the top level has all others.
import { formatOf } from '../../config/keys/formats.ts';
import { type ConfigKey, isKey, type KeyTable } from '../../config/keys/key.ts';
import { CONFIG_SECTIONS } from '../../config/keys/sections.ts';
import { conditionSubjects } from '../../config/keys/subjects.ts';

const TOP_LEVEL = 'top level';
const BLOCK = /<!-- keys: (.+?) -->\n.*?<!-- end of keys -->/gs;
const HEAD = '| key | type | default | what it does, and why to change it |\n| --- | --- | --- | --- |';

/** Every key by its whole name, as `listeners.NAME.limits.maxFrame`. */
export function allKeys(): [key: string, ConfigKey][] {
  return Object.entries(CONFIG_SECTIONS).flatMap(([pattern, table]) => keysIn(table, pattern));
}

function keysIn(table: KeyTable, path: string): [string, ConfigKey][] {
  return Object.entries(table).flatMap(([name, part]) => {
    const full = path === '' ? name : `${path}.${name}`;
    return isKey(part) ? [[full, part] as [string, ConfigKey]] : keysIn(part, full);
  });
}

const SUBJECTS_BLOCK = /(?<=<!-- subjects -->\n).*?(?=<!-- end of subjects -->)/s;
const SUBJECTS_HEAD =
  '| left | is |\n| --- | --- |\n| `MSH-9.1`, `PID-3[2].4.1`, `OBX[3]-5`, `ZPI-1` | a field path |';

/** The page with its tables as the keys are now, and what a condition may look at. */
export function withKeyTables(page: string): string {
  const prefixes = [...page.matchAll(BLOCK)].map(([, prefix = '']) => prefix);
  const keys = allKeys().map(([name, key]) => ({ row: rowOf(name, key), home: homeOf(name, prefixes) }));
  const subjects = conditionSubjects().map(({ word, doc }) => `| \`${word}\` | ${escaped(doc)} |`);
  const told = page.replace(SUBJECTS_BLOCK, () => `${[SUBJECTS_HEAD, ...subjects].join('\n')}\n`);
  return told.replace(BLOCK, (_, prefix: string) => {
    const rows = keys.filter(({ home }) => home === prefix).map(({ row }) => row);
    return `<!-- keys: ${prefix} -->\n${HEAD}\n${rows.join('\n')}\n<!-- end of keys -->`;
  });
}

function homeOf(key: string, prefixes: readonly string[]): string {
  const fitting = prefixes.filter((prefix) => key.startsWith(`${prefix}.`));
  return fitting.toSorted((one, other) => other.length - one.length)[0] ?? TOP_LEVEL;
}

function rowOf(name: string, key: ConfigKey): string {
  const range = key.format === 'size' ? `. ${sizeWord(key.min)} to ${sizeWord(key.max)}` : '';
  return `| \`${name}\` | ${typeOf(key)} | ${defaultOf(key)} | ${escaped(key.doc + range)} |`;
}

function typeOf(key: ConfigKey): string {
  const { word } = formatOf(key.format);
  return typeof word === 'string' ? word : word(key);
}

function defaultOf({ default: fallback }: ConfigKey): string {
  if (fallback === null) return 'required';
  return fallback === undefined ? 'none' : `\`${fallback}\``;
}

/** The largest unit that divides it. */
function sizeWord(bytes = 0): string {
  const units = ['TiB', 'GiB', 'MiB', 'KiB'];
  const n = units.findIndex((_, i) => bytes > 0 && bytes % 1024 ** (4 - i) === 0);
  return n === -1 ? `${bytes}` : `${bytes / 1024 ** (4 - n)}${units[n]}`;
}

/** A bar would end the cell. */
function escaped(text: string): string {
  return text.replace(/(?<!\\)\|/g, '\\|');
}
