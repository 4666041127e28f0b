// One word, one meaning: no two files of the product export the same name (docs/glossary.md).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productFiles, ROOT } from './helpers/product-files.ts';

const DECLARED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) +([A-Za-z_$][\w$]*)/gm;

it('each exported name is declared by one file', () => {
  const places = new Map<string, string[]>();
  for (const file of productFiles())
    for (const [, name = ''] of readFileSync(join(ROOT, file), 'utf8').matchAll(DECLARED))
      places.set(name, [...new Set([...(places.get(name) ?? []), file])]);
  expect(places.size).toBeGreaterThan(1000);
  expect([...places].filter(([, { length }]) => length > 1)).toEqual([]);
});
