// How many files the process may have open, and how many its config may need (F100). Every connection is one.
import { readFileSync } from 'node:fs';
import type { GatewayConfig } from './config/config.ts';
import type { Log } from './observe/log/log.ts';

/** The log, watched files, the parse pool, telemetry, the admin API and checks of nodes: 40 to 80, and as many again. */
const SPARE = 150;

/** F100: where every listener is full. Said before it happens, as then messages wait. */
export function warnOfOpenFiles(config: GatewayConfig, log: Log): void {
  const limit = openFileLimit();
  const needed = openFilesNeeded(config);
  if (limit !== undefined && limit < needed)
    log.warn({ limit, needed }, 'the process may open fewer files than the config can need');
}

/** The soft limit; undefined where there is none, or no /proc to tell it. Node.js raises it to the hard one when it starts. */
export function openFileLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** With every listener full, and every connection open that pools may have. */
export function openFilesNeeded({ listeners, pools }: Pick<GatewayConfig, 'listeners' | 'pools'>): number {
  let files = SPARE;
  for (const { limits } of listeners) files += limits.maxConnections;
  for (const { nodes, discover, connections } of pools)
    files += (nodes.length + (discover?.max ?? 0)) * connections.max;
  return files;
}
