// `drain`, `maintenance`, `ready`, `weight`, `reload` and `rotate`: what an operator changes of a running gateway.
// Promises one line that says how the node is now, or why nothing was done.
import type { NodeReport, ReloadReport, RotateReport } from '../../admin/control.ts';
import { suggestion } from '../../config/source/closest.ts';
import { quoted } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import { listOf, TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { AdminClient } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';

export interface ChangeOptions extends AdminOptions {
  readonly json: boolean;
}

export type NodeChange =
  | { readonly kind: 'drain' | 'maintenance' | 'ready' }
  | { readonly kind: 'weight'; readonly weight: number };

export interface NamedNode {
  /** Undefined: that of the one pool that has a node of this name. */
  readonly pool: string | undefined;
  readonly node: string;
}

/** `name`: POOL/NODE, or NODE where one pool alone has it. @throws GatewayError GW_ERR_USAGE */
export function nodeNamed(name: string): NamedNode {
  const parts = name.split('/');
  // No name begins with a dot, and these two would change the path that is asked for.
  if (parts.length > 2 || parts.some((part) => /^\.{0,2}$/.test(part)))
    throw usage(`a node is POOL/NODE, or NODE where one pool alone has it, not ${quoted(name)}`);
  const [first = '', second] = parts;
  return second === undefined ? { pool: undefined, node: first } : { pool: first, node: second };
}

export async function changeNode(
  name: string,
  change: NodeChange,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const named = nodeNamed(name);
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    const pool = named.pool ?? (await poolOf(named.node, client));
    const value = await askForChange(client, pool, named.node, change);
    terminal.out(options.json ? JSON.stringify(value) : nodeLine(value));
    return EXIT.good;
  } finally {
    client.close();
  }
}

/** Returns the report of the node as it is then. */
export async function askForChange(
  client: AdminClient,
  pool: string,
  node: string,
  change: NodeChange,
): Promise<unknown> {
  const path = `/nodes/${encodeURIComponent(pool)}/${encodeURIComponent(node)}/${change.kind}`;
  const { value } =
    change.kind === 'weight'
      ? await client.ask('PUT', path, { weight: change.weight })
      : await client.ask('POST', path);
  if (!new TypedFields<NodeReport>(value).has('state')) throw client.strange();
  return value;
}

/** @throws GatewayError GW_ERR_USAGE where several pools have it, or one of the admin API */
export async function poolOf(name: string, client: AdminClient): Promise<string> {
  const { value } = await client.ask('GET', '/nodes');
  const nodes = listOf(value).map((one) => new TypedFields<NodeReport>(one));
  const pools = nodes.filter((node) => node.text('node') === name).map((node) => node.text('pool'));
  const [pool] = pools;
  if (pool === undefined) {
    const known = [...new Set(nodes.map((node) => node.text('node')))];
    const detail = `no pool has a node ${quoted(name)}${suggestion(name, known)}`;
    throw new GatewayError('GW_ERR_ADMIN_NOT_FOUND', { detail });
  }
  if (pools.length > 1) {
    const ways = pools.map((one) => `${one}/${name}`).join(' or ');
    throw usage(`${pools.length} pools have a node ${quoted(name)}: say ${ways}`);
  }
  return pool;
}

export function nodeLine(value: unknown): string {
  const node = new TypedFields<NodeReport>(value);
  const weight = node.number('weight') ?? 0;
  const inFlight = node.number('inFlight') ?? 0;
  const reason = node.text('reason') === '' ? '' : ` (${node.text('reason')})`;
  return `${node.text('pool')}/${node.text('node')}: ${node.text('state')}${reason}, weight ${weight}, ${inFlight} in flight`;
}

export async function reload(options: ChangeOptions, terminal: Terminal): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    const { value } = await client.ask('POST', '/reload');
    const report = new TypedFields<ReloadReport>(value);
    if (!report.has('changed')) throw client.strange();
    if (options.json) {
      terminal.out(JSON.stringify(value));
      return EXIT.good;
    }
    for (const warning of report.texts('warnings')) terminal.err(`warning: ${warning}`);
    const changed = report.texts('changed');
    terminal.out(changed.length === 0 ? 'reloaded; nothing has changed' : 'reloaded; changed:');
    for (const one of changed) terminal.out(`  ${one}`);
    const atNextStart = report.texts('atNextStart');
    if (atNextStart.length > 0) terminal.out('takes effect at the next start:');
    for (const one of atNextStart) terminal.out(`  ${one}`);
    return EXIT.good;
  } finally {
    client.close();
  }
}

export async function rotate(options: ChangeOptions, terminal: Terminal): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    const { value } = await client.ask('POST', '/rotate');
    const report = new TypedFields<RotateReport>(value);
    if (!report.has('reopened')) throw client.strange();
    const files = report.texts('reopened');
    if (options.json) terminal.out(JSON.stringify(value));
    else if (files.length === 0) terminal.out('there is no file that the gateway writes to');
    else for (const file of files) terminal.out(`opened again: ${file}`);
    return EXIT.good;
  } finally {
    client.close();
  }
}
