// That every mutant of the product is one still: each patch fits its file in one place. Whether each is caught: `npm run simulate -- --mutants`.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RULES } from '../campaign/checks/violation.ts';
import { SIMULATION_MUTANTS } from './mutants.ts';

function textOf(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
}

describe('a mutant of the product', () => {
  it.each(SIMULATION_MUTANTS)('$name: its patches fit', ({ patches }) => {
    for (const { file, find } of patches) expect(textOf(file).split(find).length, find).toBe(2);
  });

  it('has a name of its own, and rules that there are', () => {
    expect(new Set(SIMULATION_MUTANTS.map(({ name }) => name)).size).toBe(SIMULATION_MUTANTS.length);
    for (const { caughtBy } of SIMULATION_MUTANTS) {
      expect(caughtBy.length).toBeGreaterThan(0);
      for (const rule of caughtBy) expect(Object.keys(RULES)).toContain(rule);
    }
  });
});
