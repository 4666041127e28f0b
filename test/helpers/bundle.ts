// The product as its package has it: a bundle, made by the configuration that `npm run build` has.
// Promises that one of other sources is never used, and that those of yesterday are gone.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, productFiles, ROOT } from './product-files.ts';

/** What a bundle is made of, beside the product's source files. The lock file stands for all packages. */
const MADE_OF = ['package.json', 'package-lock.json', 'rolldown.config.ts', 'tsconfig.json'];
const KEPT_MS = 24 * 60 * 60 * 1000;

/** A new folder with a bundle in its folder `dist`. Packages are found from there. */
export async function makeBundle(prefix: string): Promise<string> {
  const folder = mkdtempSync(join(cacheFolder(), prefix));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'));
  const rolldown = join(ROOT, 'node_modules/rolldown/bin/cli.mjs');
  const args = [rolldown, '-c', 'rolldown.config.ts', '-d', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return folder;
}

/** The command of a bundle of the sources as they are now. It is made where there is none, and kept for the next run. */
export async function currentBundle(): Promise<string> {
  const folder = join(cacheFolder(), `bundle-${sourcesDigest()}`);
  if (!existsSync(folder)) {
    const made = await makeBundle('making-');
    try {
      renameSync(made, folder);
    } catch (thrown) {
      rmSync(made, { recursive: true, force: true });
      // Another run has made it meanwhile.
      if (!existsSync(folder)) throw thrown;
    }
  }
  const now = new Date();
  utimesSync(folder, now, now);
  removeOldBundles();
  return join(folder, 'dist/main.js');
}

/** Other runs may use those of late. */
function removeOldBundles(): void {
  for (const name of readdirSync(cacheFolder())) {
    if (!/^(bundle|making)-/.test(name)) continue;
    const folder = join(cacheFolder(), name);
    const usedAt = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (usedAt !== undefined && Date.now() - usedAt > KEPT_MS)
      rmSync(folder, { recursive: true, force: true });
  }
}

function sourcesDigest(): string {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...MADE_OF, ...productFiles().sort()]) {
    const bytes = readFileSync(join(ROOT, file));
    hash.update(`\n${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 24);
}
