// How large the product is: lines, files, and what is said twice. `node bench/code.ts [FOLDER]`, where FOLDER is a checkout of
// another revision. Tests hold the lists of large files and of names (test/architecture.test.ts, test/names.test.ts).
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const FOLDERS = ['src', 'listeners', 'routing', 'certs'];
/** From here on a file's size is a design question (CONTRIBUTING.md). */
const LARGE = 250;
/** A file with one importer that has fewer lines than this belongs into it, unless it is loaded apart. */
const SMALL = 40;

const IMPORTS = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;
const EXPORTS =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) +([A-Za-z_$][\w$]*)/gm;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const lines = new Map([...texts].map(([file, text]) => [file, text.split('\n').length - 1]));

const importers = new Map<string, Set<string>>();
const exporters = new Map<string, Set<string>>();
const add = (map: Map<string, Set<string>>, key: string, value: string): void => {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(value));
};
for (const [file, text] of texts) {
  for (const [, path = ''] of text.matchAll(IMPORTS)) add(importers, join(file, '..', path), file);
  for (const [, name = ''] of text.matchAll(EXPORTS)) add(exporters, name, file);
}

const sizes = [...lines.values()].sort((a, b) => a - b);
const by = (least: (n: number) => boolean): [string, number][] =>
  [...lines].filter(([, n]) => least(n)).sort(([, a], [, b]) => b - a);
const large = by((n) => n > LARGE);
const twice = [...exporters].filter(([, places]) => places.size > 1);
const alone = by((n) => n < SMALL).filter(([file]) => importers.get(file)?.size === 1);

console.log(
  `${sizes.reduce((sum, n) => sum + n, 0)} lines in ${sizes.length} files, median ${sizes[sizes.length >> 1]}`,
);
console.log(`${large.length} files over ${LARGE} lines`);
for (const [file, n] of large) console.log(`  ${n} ${file}`);
console.log(`${twice.length} names that two files export`);
for (const [name, places] of twice) console.log(`  ${name}: ${[...places].join(', ')}`);
console.log(`${alone.length} files under ${SMALL} lines with one importer`);
for (const [file, n] of alone) console.log(`  ${n} ${file} < ${[...(importers.get(file) ?? [])].join()}`);
