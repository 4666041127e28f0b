#!/usr/bin/env -S node --expose-gc
// What the package's bin is. Promises one line where Node.js is too old to run the rest, and that the second start compiles nothing.
import module from 'node:module';
import { join } from 'node:path';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `hl7-gateway needs Node.js 24 or later; this is ${process.version} (${process.execPath})\n`,
  );
  process.exit(1);
}
// Beside the code, so that whoever may write there could change the code as well; NODE_COMPILE_CACHE names another folder. A
// folder that cannot be written to is no error.
module.enableCompileCache(join(import.meta.dirname, '.compile-cache'));
void import('./main.ts');
