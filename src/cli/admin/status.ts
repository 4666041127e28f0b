// `status`: what a running gateway does, as a table for people or as JSON; once, or again and again until a signal.
// Promises that a gateway which is restarted does not end the watching.
import type { StatusReport } from '../../admin/control.ts';
import { GatewayError } from '../../errors.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient, type AdminReply } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';
import { type StatusOutput, sayCondition, showStatus, type Watching } from './status-loop.ts';
import { statusLines } from './status-table.ts';

export interface StatusOptions extends AdminOptions, StatusOutput {}

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
  const say = (condition: string, problems: readonly string[]): number =>
    sayCondition({ condition, problems }, 'all pools and nodes are available', options.json, terminal);
  try {
    const { value } = await look(client);
    const status = new TypedFields<StatusReport>(value);
    return say(status.text('condition'), status.texts('problems'));
  } catch (thrown) {
    if (!(thrown instanceof GatewayError && thrown.code.startsWith('GW_ERR_ADMIN_'))) throw thrown;
    return say('failed', [`${thrown.message} [${thrown.code}]`]);
  } finally {
    client.close();
  }
}

export async function status(
  options: StatusOptions,
  terminal: Terminal,
  watching: Watching,
): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    return await showStatus(
      async () => ({ lines: linesOf(await look(client), options, terminal), exitCode: EXIT.good }),
      options,
      terminal,
      watching,
    );
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
