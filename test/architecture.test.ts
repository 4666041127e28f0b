// docs/architecture.md and docs/life-of-a-message.md name files: each has to be there, and each room has to be in the table.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const page = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** `…` stands for a part of a name. */
const pathsOf = (text: string): string[] =>
  [...text.matchAll(/`((?:src|listeners|routing|certs|test)\/[\w./-]*)`/g)].map(([, path]) => path as string);

describe.each(['architecture.md', 'life-of-a-message.md'])('docs/%s', (name) => {
  it('names files and folders that exist', () => {
    const paths = pathsOf(page(name));
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

it('docs/architecture.md lists every folder of the product', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}/`);
  const listed = new Set(pathsOf(page('architecture.md')));
  expect([...folders, 'listeners/', 'routing/', 'certs/'].filter((folder) => !listed.has(folder))).toEqual(
    [],
  );
});
