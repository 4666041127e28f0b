import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { testFilesByTier } from './test/tiers.ts';

const files = testFilesByTier(fileURLToPath(new URL('.', import.meta.url)));

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A test that leaves a socket or timer behind is a leak in the gateway, so do not let it be forgiven.
    teardownTimeout: 5_000,
    // An error that nobody catches, in a test or in the gateway that runs in its process, fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    // The commands that tests start as a user would: each would otherwise compile every module anew.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    // One tier after the other. Unit tests share processes: starting one for each file takes longer than most of them.
    projects: [
      {
        extends: true,
        // Many work out thousands of cases, which takes long where others use the cores as well.
        test: {
          name: 'unit',
          include: files.unit,
          isolate: false,
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'socket', include: files.socket, sequence: { groupOrder: 2 } } },
      { extends: true, test: { name: 'e2e', include: files.e2e, sequence: { groupOrder: 3 } } },
    ],
  },
});
