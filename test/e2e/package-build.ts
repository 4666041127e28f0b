// The gateway as `npm run build` makes it for the package: JavaScript, in a folder of its own.
// Promises that nothing of it is left behind.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

export interface PackageBuild extends Disposable {
  /** What the package's bin runs. */
  readonly main: string;
}

export async function buildPackage(): Promise<PackageBuild> {
  // Where the dependencies are found from.
  const cache = join(realpathSync(join(ROOT, 'node_modules')), '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'built-'));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, args);
  return {
    main: join(folder, 'dist/src/main.js'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
