// The console as `npm run build:console` makes it, for tests that serve or measure it. Promises one of the sources as they are: it is
// made where there is none of them, and kept for the next run.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, ROOT } from '../helpers/product-files.ts';

const MADE_OF = ['package-lock.json', 'vite.config.ts', 'tsconfig.json'];
const KEPT_MS = 24 * 60 * 60 * 1000;

export function consoleFiles(): string[] {
  return readdirSync(join(ROOT, 'console'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('console', name))
    .filter((name) => statSync(join(ROOT, name)).isFile())
    .sort();
}

/** Its folder. */
export async function builtConsole(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [...MADE_OF, ...consoleFiles()])
    hash.update(`\n${file}\n`).update(readFileSync(join(ROOT, file)));
  const folder = join(cacheFolder(), `console-${hash.digest('hex').slice(0, 24)}`);
  if (existsSync(folder)) return folder;
  const making = mkdtempSync(join(cacheFolder(), 'console-making-'));
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', making], { cwd: ROOT });
  try {
    renameSync(making, folder);
  } catch (thrown) {
    rmSync(making, { recursive: true, force: true });
    // Another run has made it meanwhile.
    if (!existsSync(folder)) throw thrown;
  }
  for (const name of readdirSync(cacheFolder())) {
    const path = join(cacheFolder(), name);
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (name.startsWith('console-') && at !== undefined && Date.now() - at > KEPT_MS)
      rmSync(path, { recursive: true, force: true });
  }
  return folder;
}
