// Another revision of this repository beside the one that is checked out.
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Its files in a folder of their own below `folder`, with this checkout's packages. Returns its `src/main.ts`. */
export function mainOf(revision: string, folder: string): string {
  const at = join(folder, 'revision');
  mkdirSync(at);
  const archive = spawnSync('git', ['archive', '--format=tar', revision], {
    cwd: ROOT,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (archive.status !== 0) throw new Error(`git archive ${revision}: ${archive.stderr.toString().trim()}`);
  const extracted = spawnSync('tar', ['-x', '-C', at], { input: archive.stdout });
  if (extracted.status !== 0) throw new Error(`tar: ${extracted.stderr.toString().trim()}`);
  symlinkSync(join(ROOT, 'node_modules'), join(at, 'node_modules'));
  return join(at, 'src', 'main.ts');
}
