// The same as crash.test.ts, more often. HL7_GATEWAY_TEST_SPOOL_CRASHES says how often.
import { expect, it } from 'vitest';
import { crashAgainAndAgain, preloaded } from './crashes.ts';

const ROUNDS = Number(process.env.HL7_GATEWAY_TEST_SPOOL_CRASHES ?? 30);
/** A round of an idle machine takes half a second. */
const TIMEOUT_MS = 60_000 + ROUNDS * 5_000;

it(
  'killed at moments by chance: what was acknowledged is there',
  async () => {
    expect(await crashAgainAndAgain(ROUNDS)).toBeGreaterThan(ROUNDS * 5);
  },
  TIMEOUT_MS,
);

it(
  'the power cut at moments by chance: what was acknowledged is there',
  async ({ skip }) => {
    const library = preloaded('power-cut') ?? skip('no gcc here');
    expect(await crashAgainAndAgain(ROUNDS, library)).toBeGreaterThan(ROUNDS * 5);
  },
  TIMEOUT_MS,
);
