// Gateways that are wrong in one place each: the fuzzer of that place finds each of them out.
import { describe, expect, test } from 'vitest';
import { MUTANTS, runFuzzMutant } from './mutants.ts';

/** At most: the run ends with the first finding. */
const INPUTS = 2_000;
const TIMEOUT_MS = 600_000;
const SEED = 13;

/** Descriptors are counted under /proc. */
describe.runIf(process.platform === 'linux')('gateways that are wrong', () => {
  test.each(MUTANTS)('$target catches: $name', { timeout: TIMEOUT_MS }, async (mutant) => {
    const { findings } = await runFuzzMutant(mutant, SEED, INPUTS);
    expect(findings.map(({ kind }) => kind)).toContain(mutant.caughtBy);
  });
});
