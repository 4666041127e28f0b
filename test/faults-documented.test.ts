// docs/faults.md has a row for every fault number that code, tests or documents cite, in order and once.
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
