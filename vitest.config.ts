import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';
import { testFilesByTier } from './test/tiers.ts';

const files = testFilesByTier(fileURLToPath(new URL('.', import.meta.url)));

/** Tests that talk to peers wait for three quarters of their time: with so many of them a core is seldom idle. */
const WORKERS = 3 * availableParallelism();
/** Each of the long ones keeps a core busy. */
const LONG_WORKERS = availableParallelism() + 1;

/** What makes the bundle that tests start, for those that start processes. */
const SETUP = { socket: [], e2e: ['test/helpers/bundle-setup.ts'] };

/** One tier of two projects: files that share processes, and those that have one of their own. `--project 'socket*'` is all of it. */
const tier = (name: 'socket' | 'e2e') =>
  [
    { name, include: [...files[name].together], isolate: false },
    { name: `${name}-alone`, include: [...files[name].alone] },
  ].map((test) => ({
    extends: true,
    test: { ...test, globalSetup: SETUP[name], maxWorkers: WORKERS, sequence: { groupOrder: 2 } },
  }));

export default defineConfig({
  test: {
    pool: 'forks',
    // As long as it may take on cores that others want as well. What is promised in a time has a bound of its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A test that leaves a socket or timer behind is a leak in the gateway, so do not let it be forgiven.
    teardownTimeout: 5_000,
    // An error that nobody catches, in a test or in the gateway that runs in its process, fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    // The commands that tests start as a user would: each would otherwise compile every module anew.
    // What is given back of frame memory is overwritten (src/mllp/frame-memory.ts), so that nothing reads it unseen.
    env: {
      TEST_GUARD: '1',
      NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)),
    },
    sequence: { sequencer: LongestFirst },
    // First what only computes, on each core, then the others all at once: a tier by itself would leave cores idle at its end.
    projects: [
      {
        extends: true,
        // Many work out thousands of cases, which takes long where others use the cores as well.
        test: {
          name: 'unit',
          include: [...files.unit.together],
          isolate: false,
          testTimeout: 120_000,
          // vitest's own default leaves one core idle: nothing else runs meanwhile.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      ...tier('socket'),
      ...tier('e2e'),
      {
        extends: true,
        test: {
          name: 'long',
          include: [...files.long.alone],
          globalSetup: SETUP.e2e,
          maxWorkers: LONG_WORKERS,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
