// Each fuzzer's short form, with seeds of its own so that a run that fails can be done again. The long form is run.ts.
import { expect, test } from 'vitest';
import { runFuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/** Some seconds each; descriptors are counted under /proc. */
const INPUTS = 400;
const TIMEOUT_MS = 120_000;
const SEED = 13;

test.runIf(process.platform === 'linux').each(TARGETS)(
  'F115 F116 $name: no crash, no hang, nothing left behind, nothing smuggled, no answer to another',
  { timeout: TIMEOUT_MS },
  async (target) => {
    const { findings, inputs, codes } = await runFuzz(target, { seed: SEED, inputs: INPUTS, maxFindings: 3 });
    expect(
      findings,
      `again: npm run fuzz -- --target ${target.name} --seed ${SEED} --inputs ${INPUTS}`,
    ).toEqual([]);
    expect(inputs).toBe(INPUTS);
    // The inputs are not all of a kind that the gateway takes.
    expect(Object.keys(codes).length).toBeGreaterThan(2);
  },
);
