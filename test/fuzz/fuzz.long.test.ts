// Each fuzzer's short form, with a seed of its own so that a run that fails can be done again. The long form is run.ts.
import { describe, expect, test } from 'vitest';
import { runFuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/** Some seconds each on a machine that has nothing else to do. */
const INPUTS = 200;
const TIMEOUT_MS = 600_000;
const SEED = 13;

/** Descriptors are counted under /proc. */
describe.runIf(process.platform === 'linux')('fuzzers', () => {
  test.each(TARGETS)(
    'F115 F116 $name: no crash, no hang, nothing left behind, nothing smuggled, no answer to another',
    { timeout: TIMEOUT_MS },
    async (target) => {
      const { findings, inputs, codes } = await runFuzz(target, {
        seed: SEED,
        inputs: INPUTS,
        maxFindings: 3,
      });
      const again = `npm run fuzz -- --target ${target.name} --seed ${SEED} --inputs ${INPUTS}`;
      expect(findings, again).toEqual([]);
      expect(inputs).toBe(INPUTS);
      // The inputs are not all of a kind that the gateway takes.
      expect(Object.keys(codes).length).toBeGreaterThan(1);
    },
  );
});
