// That the simulated world sees some of the mutants of the product, those that it catches within a few days. All of them:
// `npm run simulate -- --mutants`.
import { describe, expect, test } from 'vitest';
import { catchMutant } from './mutant-run.ts';
import { SIMULATION_MUTANTS } from './mutants.ts';

/** Some seconds each, on a core of its own. */
const TIMEOUT_MS = 600_000;
const SEEDS = 100;
const QUICK = [
  'answers of one connection swapped',
  'an answer given twice',
  'one message in a hundred keeps its bytes',
  'messages of a connection may overtake each other',
  'an ACK timeout counts as not sent',
  'maintenance is ignored',
  'a timer of a node’s connections goes on for ever',
];

describe('a gateway that is wrong is caught in a simulated world', () => {
  test.each(QUICK)('%s', { timeout: TIMEOUT_MS }, async (name) => {
    const mutant = SIMULATION_MUTANTS.find((one) => one.name === name);
    if (mutant === undefined) throw new Error(`no mutant is named ${name}`);
    expect(await catchMutant(mutant, SEEDS)).toMatchObject({ kind: 'caught' });
  });
});
