// docs/hl7.md names the test of each rule: the files are there, and every row has one.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const text = readFileSync(new URL('docs/hl7.md', ROOT), 'utf8');
const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));

test('every file that docs/hl7.md names is there', () => {
  const files = [...text.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([]);
});

test('every rule has its test', () => {
  const rules = rows.filter((row) => row.split(' | ').length === 3);
  const without = rules.filter((row) => !row.includes('`test/') && !row.includes('shown by'));
  // Those of table 0155 are shown together.
  const table0155 = text.slice(text.indexOf('**Table 0155.**'), text.indexOf("The gateway's own refusals"));
  expect(without.filter((row) => !table0155.includes(row))).toEqual([]);
  expect(rules.length).toBeGreaterThan(15);
});
