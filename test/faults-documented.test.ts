// docs/faults.md has a row for every fault number that code, tests or documents cite, in order and once; and each number is
// shown by a test whose name begins with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

const rows = [...readFileSync(join(ROOT, 'docs/faults.md'), 'utf8').matchAll(/^\| F(\d+) \|/gm)].map(
  ([, n]) => Number(n),
);

function cited(): Set<number> {
  const numbers = new Set<number>();
  for (const folder of ['src', 'listeners', 'routing', 'certs', 'test', 'docs'])
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|md)$/.test(name) || name === 'faults.md') continue;
      const text = readFileSync(join(ROOT, folder, name), 'utf8');
      // In comments, names of tests and documents; not a function key or a hexadecimal number.
      for (const [, n] of text.matchAll(/(?<![\w\\^|'])F(\d{1,3})(?=[ :,.;)])/g)) numbers.add(Number(n));
      for (const [, n] of text.matchAll(/'F(\d{1,3}) \w/g)) numbers.add(Number(n));
    }
  return numbers;
}

test('every number has one row, in order', () => {
  expect(rows).toEqual(Array.from({ length: 126 }, (_, i) => i + 1));
});

test('no number is cited that has none', () => {
  const numbers = cited();
  expect(numbers.size).toBeGreaterThan(100);
  expect([...numbers].filter((n) => !rows.includes(n))).toEqual([]);
});

/** Numbers that names of tests begin with: `F12 …`, `F12, F13: …`, `F12 and F13 …`, in rows of `test.each` too. */
function shown(): Set<number> {
  const numbers = new Set<number>();
  for (const name of readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })) {
    // Rows of `test.each` may stand in a file of their own (test/faults/http-probes.ts); the campaign's own files name no test.
    if (!name.endsWith('.ts') || (name.startsWith('campaign/') && !name.endsWith('.test.ts'))) continue;
    const text = readFileSync(join(ROOT, 'test', name), 'utf8');
    for (const [, first = ''] of text.matchAll(/[`'"]((?:F\d{1,3}(?:, | and | to )?)+)[ :,'`]/g))
      for (const [, n] of first.matchAll(/F(\d+)/g)) numbers.add(Number(n));
  }
  return numbers;
}

test('each number is shown by a test of its name', () => {
  const numbers = shown();
  expect(rows.filter((n) => !numbers.has(n))).toEqual([]);
});
