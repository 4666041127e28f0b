// `status`: what a running gateway does, as a table for people or as JSON; once, or again and again until a signal.
// Promises that a gateway which is restarted does not end the watching.
import { setTimeout } from 'node:timers/promises';
import type { StatusReport } from '../../admin/control.ts';
import { GatewayError } from '../../errors.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient, type AdminReply } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';
import { statusLines } from './status-table.ts';

export interface StatusOptions extends AdminOptions {
  /** Between two; undefined: once. */
  readonly watchMs: number | undefined;
  readonly json: boolean;
  /** The whole table, whatever the terminal has room for. */
  readonly wide?: boolean | undefined;
}

/**
 * Exit codes of a Nagios plugin: 0 all well, 1 degraded, 2 nothing works or not reachable. One line, and one for each problem.
 *
 * @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, which are exit code 2 as well
 */
export async function checkStatus(
  options: Omit<StatusOptions, 'watchMs'>,
  terminal: Terminal,
): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    const { value } = await look(client);
    const status = new TypedFields<StatusReport>(value);
    const condition = status.text('condition');
    const problems = status.texts('problems');
    if (options.json) terminal.out(JSON.stringify({ condition, problems }));
    else {
      const [first = 'all pools and nodes are available', ...others] = problems;
      for (const line of [`HL7-GATEWAY ${CONDITIONS[condition] ?? 'UNKNOWN'}: ${first}`, ...others])
        terminal.out(line);
    }
    return condition === 'ok' ? EXIT.good : condition === 'degraded' ? EXIT.failed : NOTHING_WORKS;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError && thrown.code.startsWith('GW_ERR_ADMIN_'))) throw thrown;
    const problems = [`${thrown.message} [${thrown.code}]`];
    terminal.out(
      options.json
        ? JSON.stringify({ condition: 'failed', problems })
        : `HL7-GATEWAY CRITICAL: ${problems[0]}`,
    );
    return NOTHING_WORKS;
  } finally {
    client.close();
  }
}

const NOTHING_WORKS = 2;
const CONDITIONS: Readonly<Record<string, string>> = { ok: 'OK', degraded: 'WARNING', failed: 'CRITICAL' };

export interface Watching {
  /** Ends it, as good. */
  readonly until: AbortSignal;
  /** What comes next is to stand in the place of what came before. */
  readonly clear: boolean;
}

/** ECMA-48: cursor to the top left, erase from there to the end of the screen, and of what has scrolled by. */
const CLEAR = '\x1b[H\x1b[2J\x1b[3J';

export async function status(
  options: StatusOptions,
  terminal: Terminal,
  watching: Watching,
): Promise<number> {
  const { watchMs, json } = options;
  const client = new AdminClient(await targetOf(options, terminal));
  const print = (lines: readonly string[]): void => {
    const clear = watchMs !== undefined && watching.clear && !json ? CLEAR : '';
    // In one piece, so that a screen does not flicker.
    terminal.out(clear + lines.join('\n'));
  };
  try {
    for (let isFirst = true; ; isFirst = false) {
      try {
        print(linesOf(await look(client), options, terminal));
      } catch (thrown) {
        const goesOn = !isFirst && thrown instanceof GatewayError && thrown.code === 'GW_ERR_ADMIN_CONNECT';
        if (!goesOn) throw thrown;
        if (json) terminal.out(JSON.stringify({ error: { code: thrown.code, message: thrown.message } }));
        else print([`${thrown.message} [${thrown.code}]`]);
      }
      if (watchMs === undefined) return EXIT.good;
      await setTimeout(watchMs, undefined, { signal: watching.until }).catch(() => {});
      if (watching.until.aborted) return EXIT.good;
      if (!json && !watching.clear) terminal.out('');
    }
  } finally {
    client.close();
  }
}

async function look(client: AdminClient): Promise<AdminReply> {
  const reply = await client.ask('GET', '/status');
  if (!new TypedFields<StatusReport>(reply.value).has('pools')) throw client.strange();
  return reply;
}

function linesOf(
  { value, now }: AdminReply,
  { json, wide }: StatusOptions,
  { columns, paint }: Terminal,
): readonly string[] {
  if (json) return [JSON.stringify(value)];
  return statusLines(value, now, { width: wide === true ? undefined : columns, paint });
}
