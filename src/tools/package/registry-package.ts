// A package's folder: the installed one, or, of another machine's, one that npm fetches in the installed one's version.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** `node` brings its runtime along in a folder of its own. */
const NESTED = ['node_modules', 'node_modules/node/node_modules'];

/** @throws Error where the registry does not have it, or cannot be reached */
export function registryPackage(root: string, name: string, version: string, cache: string): string {
  for (const folder of NESTED) {
    const installed = join(root, folder, name);
    if (versionIn(installed) === version) return installed;
  }
  const kept = join(cache, `${name.replace('/', '+')}@${version}`);
  if (existsSync(kept)) return kept;
  const fresh = `${kept}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${version}`], {
      cwd: fresh,
      encoding: 'utf8',
    });
    execFileSync('tar', ['-xzf', packed.trim()], { cwd: fresh });
    renameSync(join(fresh, 'package'), kept);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return kept;
}

function versionIn(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
