// The campaign's short form with the other configs, and the proof that its checker would see what it is there for.
import { describe, expect, test } from 'vitest';
import { MUTANTS, runMutant } from './mutants.ts';
import { expectKept } from './short-form.ts';

/** With the time for the others to be over, as not all of them are done at once. */
const TIMEOUT_MS = 900_000;
/** Each is a dozen processes: more of them at once only wait for each other. */
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running === AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

/** Descriptors are counted under /proc. */
const onLinux = process.platform === 'linux';

describe.runIf(onLinux)(
  'F30 F31 F32 F33 F34 F35 F36 F39 F40 F41 F44 F125 nodes and senders that fail as they like',
  () => {
    // Both policies, one and more messages on a connection, with and without a sticky node.
    test.concurrent.each([
      ['default', 6],
      ['pipelined', 2],
      ['balanced', 4],
    ])('%s: every promise is kept through 50 events', { timeout: TIMEOUT_MS }, (profile, seed) =>
      inTurn(() => expectKept(profile, seed)),
    );
  },
);

describe.runIf(onLinux)('F34 F35 F41 F125 a gateway that is wrong is caught', () => {
  test.concurrent.each(MUTANTS.filter(({ isLong }) => isLong !== true))(
    '$name',
    { timeout: TIMEOUT_MS },
    async (mutant) => {
      const { violations } = await inTurn(() => runMutant(mutant, 2));
      const rules = new Set(violations.map(({ rule }) => rule));
      expect(mutant.caughtBy.filter((rule) => rules.has(rule))).not.toEqual([]);
    },
  );
});
