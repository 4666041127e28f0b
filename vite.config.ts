// The console's pages: `npm run build:console` makes dist/console of console/. Promises files of its own only, no script and no style
// within the page, so that the strictest policy of a browser holds.
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  root: resolve(import.meta.dirname, 'console'),
  // Wherever it is served: the page asks for what stands beside it.
  base: './',
  logLevel: 'warn',
  build: {
    outDir: resolve(import.meta.dirname, 'dist/console'),
    emptyOutDir: true,
    // Browsers of the last two years.
    target: 'es2022',
    // A script within the page, for browsers that are older.
    modulePreload: { polyfill: false },
    // `data:` would need a place in the policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
