// What is made from the tables of keys is as `npm run docs:config` would write it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allKeys, withKeyTables } from '../../../src/tools/documents/key-tables.ts';
import { madeDocuments } from '../../../src/tools/documents/write.ts';
import { ROOT } from '../../helpers/product-files.ts';

test.each(madeDocuments())('%s: npm run docs:config', (path, text) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
});

test('a row of a table that is not as its key is put right, and one too many goes', () => {
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  const wrong = page
    .replace('| `admin.tap` | boolean', '| `admin.tap` | text')
    .replace('<!-- end of keys -->', '| `gone` | text | none | Nothing |\n<!-- end of keys -->');
  expect(wrong).not.toBe(page);
  expect(withKeyTables(wrong)).toBe(page);
});

test('each key says what it is for, in sentences without a full stop at the end', () => {
  const keys = allKeys();
  expect(keys.length).toBeGreaterThan(150);
  for (const [name, { doc }] of keys) {
    expect(doc, name).toMatch(/^[A-Z`[%;]/);
    expect(doc, name).not.toMatch(/\.$|\n/);
  }
});
