// npm-shrinkwrap.json: the lock file without development packages. npm takes a package's shrinkwrap for its own dependencies, so
// whoever installs the package has the versions that were tested.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const FILE = join(ROOT, 'npm-shrinkwrap.json');

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devDependencies?: object }>>;
}

export function shrinkwrapText(lock: LockFile): string {
  const packages = Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (entry.dev === true) return [];
    const { devDependencies: _, ...kept } = entry;
    return [[path, kept] as const];
  });
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`;
}

/** `prepack` writes it, `postpack` removes it: in a checkout package-lock.json is the one that counts. */
if (import.meta.main) {
  if (process.argv.includes('--remove')) rmSync(FILE, { force: true });
  else
    writeFileSync(
      FILE,
      shrinkwrapText(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile),
    );
}
