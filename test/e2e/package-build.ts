// The gateway as `npm run build` makes it for the package: a bundle, in a folder of its own.
// Promises that nothing of it is left behind.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeBundle } from '../helpers/bundle.ts';

export interface PackageBuild extends Disposable {
  /** What the package's bin runs. */
  readonly main: string;
  /** The folder that it is in, with all else that was built. */
  readonly dist: string;
}

export async function buildPackage(): Promise<PackageBuild> {
  const folder = await makeBundle('built-');
  const dist = join(folder, 'dist');
  return {
    dist,
    main: join(dist, 'main.js'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
