// Which tier a test file belongs to. Source of the vitest projects: nothing lists files by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * - `unit`: neither of the others.
 * - `socket`: talks to peers over sockets, starts threads, or replaces modules or timers.
 * - `e2e`: starts processes, as a user would.
 * - `long`: its name ends in `.long.test.ts`, as it keeps a core busy for about half a minute and more, or is a tour of a browser
 *   or a foreign tool. Not in `npm test`; CI runs it.
 */
export type Tier = 'unit' | 'socket' | 'e2e' | 'long';

/** `together`: files that share processes, as starting one for each takes longer than most of them. `alone`: one for each. */
export interface TierFiles {
  readonly together: readonly string[];
  readonly alone: readonly string[];
}

const PROCESSES = /^node:(child_process|cluster)$/;
const SOCKETS =
  /^(node:(net|tls|https?|http2|dgram|worker_threads)|undici|ws|piscina|.*\/(parse-pool|sqlite-store)\.ts)$/;
const IMPORT = /(?:^|\n)(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/g;

const REPLACES = /\bvi\.(mock|doMock|useFakeTimers)\(/;
/** What is of the whole process: its modules, timers and globals, its environment, its memory, how it takes signals and errors. */
const WHOLE_PROCESS =
  /\bvi\.(mock|doMock|useFakeTimers|spyOn|stub\w+)\(|\bprocess\.(on|once|prependListener|chdir|umask|memoryUsage|resourceUsage|cpuUsage)\(|\bprocess\.env(\.\w+|\[[^\]]+\]) = |\b(setFlagsFromString|queryObjects|getHeapStatistics|createHook|getActiveResourcesInfo)\(|\bset(GlobalDispatcher|Servers)\(/;

/** Files under `test/` with the `.ts` ending that vitest runs, by tier; paths relative to the project's root. */
export function testFilesByTier(root: string): Record<Tier, TierFiles> {
  const files = {
    unit: { together: [] as string[], alone: [] as string[] },
    socket: { together: [] as string[], alone: [] as string[] },
    e2e: { together: [] as string[], alone: [] as string[] },
    long: { together: [] as string[], alone: [] as string[] },
  };
  for (const name of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.test.ts')) continue;
    if (name.endsWith('.long.test.ts')) {
      files.long.alone.push(`test/${name}`);
      continue;
    }
    const { tier, isAlone } = placeOf(join(root, 'test', name), join(root, 'test'));
    files[tier][isAlone ? 'alone' : 'together'].push(`test/${name}`);
  }
  return files;
}

/** What a file and the test helpers that it imports reach for. The product's own imports do not count. */
function placeOf(file: string, tests: string): { readonly tier: Tier; readonly isAlone: boolean } {
  let tier: Tier = 'unit';
  let isAlone = false;
  const seen = new Set<string>();
  const open = [file];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next) || !next.startsWith(tests)) continue;
    seen.add(next);
    const text = readFileSync(next, 'utf8');
    if (REPLACES.test(text) && tier === 'unit') tier = 'socket';
    if (WHOLE_PROCESS.test(text)) isAlone = true;
    for (const [, from, dynamic] of text.matchAll(IMPORT)) {
      const target = (from ?? dynamic) as string;
      if (PROCESSES.test(target)) tier = 'e2e';
      else if (SOCKETS.test(target) && tier === 'unit') tier = 'socket';
      if (target.startsWith('.')) open.push(resolve(dirname(next), target));
    }
  }
  // Files of the unit tier put back what they change.
  return { tier, isAlone: isAlone && tier !== 'unit' };
}
