// `status --cluster`: all members of a cluster, as a table for people or as JSON. Promises that a member that cannot be reached is
// shown as such, and that a move of the VIPs which is under way is not taken for a split brain.
import { setTimeout } from 'node:timers/promises';
import type { ReadinessReport, StatusReport } from '../../admin/control.ts';
import { sharedDifferences } from '../../admin/shared-config.ts';
import { asGatewayError } from '../../errors.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient } from './admin-client.ts';
import type { AdminOptions, AdminTarget } from './admin-target.ts';
import { clusterLines } from './cluster-table.ts';
import { type ClusterView, clusterView, type MemberAnswer } from './cluster-view.ts';
import { type ClusterMember, type ClusterMembers, membersOf } from './member-targets.ts';
import { type StatusOutput, sayCondition, showStatus, type Watching } from './status-loop.ts';

export interface ClusterStatusOptions extends AdminOptions, StatusOutput {}

/** A move takes 0.1 to 0.5 s, members look every 0.25 s and are asked at slightly different times. */
const SECOND_LOOK_MS = 1000;

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, GW_ERR_TLS_FILE */
export async function clusterStatus(
  options: ClusterStatusOptions,
  terminal: Terminal,
  watching: Watching,
): Promise<number> {
  const members = await membersOf(options, terminal);
  const { json, wide } = options;
  const { columns, paint } = terminal;
  const look = async () => {
    const view = await viewOf(members);
    const lines = json
      ? [JSON.stringify(view)]
      : clusterLines(view, Date.now(), { width: wide === true ? undefined : columns, paint });
    const isWhole = view.members.every(({ version }) => version !== undefined);
    return { lines, exitCode: isWhole ? EXIT.good : EXIT.failed };
  };
  return showStatus(look, options, terminal, watching);
}

/**
 * Exit codes of a Nagios plugin: 0 all well, 1 degraded, 2 no member answers, no member has a VIP, or several have it.
 *
 * @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, GW_ERR_TLS_FILE, which are exit code 2 as well
 */
export async function checkClusterStatus(
  options: Omit<ClusterStatusOptions, 'watchMs'>,
  terminal: Terminal,
): Promise<number> {
  const view = await viewOf(await membersOf(options, terminal));
  const { cluster, members } = view;
  return sayCondition(
    view,
    `all ${members.length} members of ${cluster} are well, and one has the VIPs`,
    options.json,
    terminal,
  );
}

async function viewOf(members: ClusterMembers): Promise<ClusterView> {
  let view = await lookAtAll(members);
  if (isMoving(view)) {
    await setTimeout(SECOND_LOOK_MS);
    view = await lookAtAll(members);
  }
  if (!view.configsDiffer) return view;
  return { ...view, configDifferences: await differencesOf(members, view) };
}

/** More than one member has a VIP, or none has. */
function isMoving({ vips }: ClusterView): boolean {
  return vips.some(({ state }) => state === 'split brain' || state === 'nobody');
}

async function lookAtAll({ config, members }: ClusterMembers): Promise<ClusterView> {
  const answers = await Promise.all(members.map(lookAt));
  return clusterView(
    config.name,
    config.vips.map(({ address }) => address),
    answers,
  );
}

async function lookAt({ name: member, target }: ClusterMember): Promise<MemberAnswer> {
  if (target === undefined) return { member, status: undefined, isReady: undefined, error: undefined };
  // Of its own, as a gateway answers one request of a connection after the other.
  const [status, readiness] = await Promise.allSettled([
    asked(target, '/status', false),
    asked(target, '/readyz', true),
  ]);
  const ready =
    readiness.status === 'fulfilled' ? new TypedFields<ReadinessReport>(readiness.value) : undefined;
  const isReady = ready?.has('ready') === true ? ready.flag('ready') : undefined;
  if (status.status === 'fulfilled') return { member, status: status.value, isReady, error: undefined };
  const { code, message } = asGatewayError(status.reason);
  return { member, status: undefined, isReady, error: { code, message } };
}

async function asked(target: AdminTarget, path: '/status' | '/readyz', isProbe: boolean): Promise<unknown> {
  const client = new AdminClient(target);
  try {
    const { value } = await client.ask('GET', path, undefined, isProbe);
    if (!isProbe && !new TypedFields<StatusReport>(value).has('pools')) throw client.strange();
    return value;
  } finally {
    client.close();
  }
}

/** Keys of the config, none of their values. Empty where the texts cannot be had. */
async function differencesOf(
  { config, members }: ClusterMembers,
  { members: views }: ClusterView,
): Promise<readonly string[]> {
  const byDigest = new Map<string, AdminTarget>();
  for (const { member, configDigest } of views) {
    const target = members.find(({ name }) => name === member)?.target;
    if (configDigest !== undefined && target !== undefined && !byDigest.has(configDigest))
      byDigest.set(configDigest, target);
  }
  try {
    const [first = '', ...others] = await Promise.all([...byDigest.values()].map(effectiveConfig));
    return [...new Set(others.flatMap((other) => sharedDifferences(first, other, config)))];
  } catch {
    return [];
  }
}

async function effectiveConfig(target: AdminTarget): Promise<string> {
  const client = new AdminClient(target);
  try {
    return await client.text('/config/effective');
  } finally {
    client.close();
  }
}
