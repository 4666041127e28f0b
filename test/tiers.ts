// Which tier a test file belongs to. Source of the vitest projects: nothing lists files by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * - `unit`: neither of the others. Its files share processes.
 * - `socket`: talks to peers over sockets, starts threads, or replaces modules or timers, in a process for each file.
 * - `e2e`: starts processes, as a user would.
 */
export type Tier = 'unit' | 'socket' | 'e2e';

const PROCESSES = /^node:(child_process|cluster)$/;
const SOCKETS = /^(node:(net|tls|https?|http2|dgram|worker_threads)|undici|ws|piscina|.*\/parse-pool\.ts)$/;
const IMPORT = /(?:^|\n)(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/g;

/** Files under `test/` with the `.ts` ending that vitest runs, by tier; paths relative to the project's root. */
export function testFilesByTier(root: string): Record<Tier, string[]> {
  const files: Record<Tier, string[]> = { unit: [], socket: [], e2e: [] };
  for (const name of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).sort())
    if (name.endsWith('.test.ts'))
      files[tierOf(join(root, 'test', name), join(root, 'test'))].push(`test/${name}`);
  return files;
}

/** What a file and the test helpers that it imports reach for. The product's own imports do not count. */
function tierOf(file: string, tests: string): Tier {
  let tier: Tier = 'unit';
  const seen = new Set<string>();
  const open = [file];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next) || !next.startsWith(tests)) continue;
    seen.add(next);
    const text = readFileSync(next, 'utf8');
    if (/\bvi\.(mock|useFakeTimers)\(/.test(text)) tier = 'socket';
    for (const [, from, dynamic] of text.matchAll(IMPORT)) {
      const target = (from ?? dynamic) as string;
      if (PROCESSES.test(target)) return 'e2e';
      if (SOCKETS.test(target)) tier = 'socket';
      if (target.startsWith('.')) open.push(resolve(dirname(next), target));
    }
  }
  return tier;
}
