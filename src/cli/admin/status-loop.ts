// Shows what is looked at: once, or again and again until a signal. Promises that what cannot be reached for a time does not end
// the watching.
import { setTimeout } from 'node:timers/promises';
import { GatewayError } from '../../errors.ts';
import { EXIT, type Terminal } from '../terminal.ts';

export interface StatusOutput {
  /** Between two; undefined: once. */
  readonly watchMs: number | undefined;
  readonly json: boolean;
  /** The whole table, whatever the terminal has room for. */
  readonly wide?: boolean | undefined;
}

export interface Watching {
  /** Ends it, as good. */
  readonly until: AbortSignal;
  /** What comes next is to stand in the place of what came before. */
  readonly clear: boolean;
}

export interface Seen {
  readonly lines: readonly string[];
  /** Where it is looked at once. */
  readonly exitCode: number;
}

/** Exit codes of a Nagios plugin besides 0 and 1. */
export const NOTHING_WORKS = 2;

/** ECMA-48: cursor to the top left, erase from there to the end of the screen, and of what has scrolled by. */
const CLEAR = '\x1b[H\x1b[2J\x1b[3J';

/** @throws GatewayError what the first look throws, and what is not about reaching the gateway */
export async function showStatus(
  look: () => Promise<Seen>,
  { watchMs, json }: StatusOutput,
  terminal: Terminal,
  watching: Watching,
): Promise<number> {
  const print = (lines: readonly string[]): void => {
    const clear = watchMs !== undefined && watching.clear && !json ? CLEAR : '';
    // In one piece, so that a screen does not flicker.
    terminal.out(clear + lines.join('\n'));
  };
  for (let isFirst = true; ; isFirst = false) {
    let exitCode: number = EXIT.good;
    try {
      const seen = await look();
      print(seen.lines);
      ({ exitCode } = seen);
    } catch (thrown) {
      const goesOn = !isFirst && thrown instanceof GatewayError && thrown.code === 'GW_ERR_ADMIN_CONNECT';
      if (!goesOn) throw thrown;
      if (json) terminal.out(JSON.stringify({ error: { code: thrown.code, message: thrown.message } }));
      else print([`${thrown.message} [${thrown.code}]`]);
    }
    if (watchMs === undefined) return exitCode;
    await setTimeout(watchMs, undefined, { signal: watching.until }).catch(() => {});
    if (watching.until.aborted) return EXIT.good;
    if (!json && !watching.clear) terminal.out('');
  }
}

/** What a gateway or a cluster is, as a Nagios plugin says it: one line, one for each further problem, and the exit code. */
export function sayCondition(
  { condition, problems }: { readonly condition: string; readonly problems: readonly string[] },
  allWell: string,
  json: boolean,
  terminal: Terminal,
): number {
  if (json) terminal.out(JSON.stringify({ condition, problems }));
  else {
    const [first = allWell, ...others] = problems;
    for (const line of [`HL7-GATEWAY ${CONDITIONS[condition] ?? 'UNKNOWN'}: ${first}`, ...others])
      terminal.out(line);
  }
  return condition === 'ok' ? EXIT.good : condition === 'degraded' ? EXIT.failed : NOTHING_WORKS;
}

const CONDITIONS: Readonly<Record<string, string>> = { ok: 'OK', degraded: 'WARNING', failed: 'CRITICAL' };
