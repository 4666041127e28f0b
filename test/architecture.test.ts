// docs/architecture.md and docs/life-of-a-message.md name files: each has to be there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productFiles } from './helpers/product-files.ts';

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

it('docs/architecture.md says why each file over 250 lines is one', () => {
  const [, section = ''] = page('architecture.md').split('## Files over 250 lines');
  const explained = pathsOf(section.split('\n## ')[0] ?? '');
  const large = productFiles().filter(
    (file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1 > 250,
  );
  expect(large.length).toBeGreaterThan(10);
  expect(large.filter((file) => !explained.includes(file))).toEqual([]);
});
