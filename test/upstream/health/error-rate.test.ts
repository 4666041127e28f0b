// The window of answers against a slow reference that keeps them all.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ErrorRate } from '../../../src/upstream/health/error-rate.ts';

const WINDOW_MS = 1000;
const STEP_MS = WINDOW_MS / 10;

test('says the same as a list of all answers of the last ten steps', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(0, 1, 40, 99, 100, 101, 700, 1500, 10_000), fc.boolean()), {
    maxLength: 60,
  });
  const limits = fc.record({ share: fc.constantFrom(0, 0.3, 0.5, 1), answers: fc.constantFrom(1, 3, 10) });
  const property = fc.property(steps, limits, (all, { share, answers }) => {
    const rate = new ErrorRate({ share, answers, windowMs: WINDOW_MS });
    const seen: [step: number, negative: boolean][] = [];
    let now = 123_456;
    for (const [afterMs, negative] of all) {
      now += afterMs;
      const step = Math.floor(now / STEP_MS);
      seen.push([step, negative]);
      const recent = seen.filter(([at]) => at > step - 10);
      const bad = recent.filter(([, one]) => one).length;
      const expected = negative && recent.length >= answers && bad > share * recent.length;
      expect(rate.add(negative, now)).toBe(expected);
    }
  });
  fc.assert(property, { numRuns: 1000 });
});

test('after `clear` it begins anew', () => {
  const rate = new ErrorRate({ share: 0.5, answers: 2, windowMs: WINDOW_MS });
  rate.add(true, 0);
  rate.clear();
  expect(rate.add(true, 1)).toBe(false);
  expect(rate.add(true, 2)).toBe(true);
});
