import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A test that leaves a socket or timer behind is a leak in the gateway, so do not let it be forgiven.
    teardownTimeout: 5_000,
    // An error that nobody catches, in a test or in the gateway that runs in its process, fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    // The commands that tests start as a user would: each would otherwise compile every module anew.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
  },
});
