// Whether the gateway works, is degraded or has failed, and whether it is ready for new messages: one judgement, which
// `/readyz`, `/status`, the commands `status` and `ready`, and the metrics all show (F107). Pure: told the facts, tells the verdict.
import { isAvailable, type NodeState } from '../../upstream/node-status.ts';
import type { CertificateInUse, NodeReport, PoolReport, ReadinessReport, StatusReport } from '../control.ts';
import type { SpoolReport } from '../spool-control.ts';

/** Long enough to renew a certificate by hand, short enough not to be passed over for weeks. */
const CERTIFICATE_DAYS = 7;

export interface ConditionFacts {
  readonly draining: boolean;
  /** Of the last reload, where it failed. */
  readonly reloadError: string | undefined;
  readonly pools: readonly (Pick<PoolReport, 'pool' | 'available'> & {
    readonly nodes: readonly Pick<NodeReport, 'node' | 'state' | 'trial' | 'reason'>[];
  })[];
  readonly certificates: readonly CertificateInUse[];
  /** Why threads of the parse pool do not start; undefined: they do, or are not needed. */
  readonly parsingError?: string | undefined;
  /** Why what an operator decided cannot be stored; undefined: it is, or is not to be. */
  readonly stateError?: string | undefined;
  /** Why NATS is away; undefined: it is there, or nothing is shared. */
  readonly sharedError?: string | undefined;
  /** What pools have stored. */
  readonly spools?: readonly Pick<SpoolReport, 'pool' | 'configured' | 'waiting' | 'dead'>[];
}

export function conditionOf(facts: ConditionFacts): Pick<StatusReport, 'condition' | 'problems'> {
  const { draining, reloadError, pools, certificates, parsingError, stateError, sharedError } = facts;
  const { spools = [] } = facts;
  const problems: string[] = [];
  if (draining) problems.push('the gateway is draining: it takes no new connections');
  for (const { pool, available } of pools) if (!available) problems.push(unavailable(pool));
  for (const { pool, nodes, available } of pools) {
    if (!available) continue;
    for (const { node, state, trial, reason } of nodes)
      if (state === 'down')
        problems.push(`node ${pool}/${node} is down${trial ? ' (on trial)' : ''}: ${reason}`);
  }
  if (reloadError !== undefined) problems.push(`the last reload failed: ${reloadError}`);
  if (parsingError !== undefined) problems.push(noThreads(parsingError));
  if (stateError !== undefined) problems.push(`the state file cannot be written: ${stateError}`);
  if (sharedError !== undefined) problems.push(nothingShared(sharedError));
  for (const { pool, configured, waiting, dead } of spools) {
    if (!configured && waiting + dead > 0)
      problems.push(
        `${waiting + dead} messages of pool ${pool} are stored, and nothing delivers them: the config has no such spool`,
      );
    else if (dead > 0) problems.push(`${dead} dead letters of pool ${pool} wait for a person`);
  }
  for (const { subject, where, days } of certificates) {
    if (days < 0) problems.push(`certificate ${subject} of ${where} has expired`);
    else if (days < CERTIFICATE_DAYS)
      problems.push(`certificate ${subject} of ${where} expires in ${days === 1 ? '1 day' : `${days} days`}`);
  }
  const works = !draining && pools.some(({ available }) => available);
  return { condition: !works ? 'failed' : problems.length > 0 ? 'degraded' : 'ok', problems };
}

/** `strict`: each of these pools must be available; else one that is not is only noted. */
export function readinessOf(
  draining: boolean,
  strict: boolean,
  pools: readonly { readonly pool: string; readonly states: readonly NodeState[] }[],
  parsingError?: string | undefined,
  sharedError?: string | undefined,
): ReadinessReport {
  const judged = pools.map(({ pool, states }) => {
    const availableNodes = states.filter(isAvailable).length;
    return { pool, available: availableNodes > 0, nodes: states.length, availableNodes };
  });
  const notes = [
    ...(draining ? ['the gateway is draining'] : []),
    ...(parsingError === undefined ? [] : [noThreads(parsingError)]),
    ...judged.filter(({ available }) => !available).map(({ pool }) => unavailable(pool)),
    // No reason to send messages elsewhere: it serves as before.
    ...(sharedError === undefined ? [] : [nothingShared(sharedError)]),
  ];
  const ready =
    !draining && parsingError === undefined && (!strict || judged.every(({ available }) => available));
  return { ready, draining, pools: judged, notes };
}

function noThreads(cause: string): string {
  return `the threads that parse do not start (${cause}): is the installation whole?`;
}

function nothingShared(reason: string): string {
  return `shared state: NATS is away (${reason}); this member goes on with what it knows`;
}

function unavailable(pool: string): string {
  return `pool ${pool} has no available node`;
}
