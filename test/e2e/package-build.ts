// The gateway as `npm run build` makes it for the package: a bundle, in a folder of its own.
// Promises that nothing of it is left behind.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

export interface PackageBuild extends Disposable {
  /** What the package's bin runs. */
  readonly main: string;
  /** The folder that it is in, with all else that was built. */
  readonly dist: string;
}

export async function buildPackage(): Promise<PackageBuild> {
  // Where the dependencies are found from.
  const cache = join(realpathSync(join(ROOT, 'node_modules')), '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'built-'));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const dist = join(folder, 'dist');
  const rolldown = join(ROOT, 'node_modules/rolldown/bin/cli.mjs');
  await promisify(execFile)(process.execPath, [rolldown, '-c', 'rolldown.config.ts', '-d', dist], {
    cwd: ROOT,
  });
  return {
    dist,
    main: join(dist, 'main.js'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
