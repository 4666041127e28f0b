// A cluster as all of its members together show it: who has which VIP, what each is fit for, and where they differ. Pure: given
// what each answered, or why it did not, tells what is wrong. Promises that a member that does not answer is one of the states.
import type {
  ClusterReport,
  MemberState,
  NodeReport,
  PoolReport,
  StatusReport,
} from '../../admin/control.ts';
import { TypedFields } from '../fields.ts';

/** What became of a question to one member. */
export interface MemberAnswer {
  readonly member: string;
  /** Of `/status`; undefined: there was no answer. */
  readonly status: unknown;
  /** Of `/readyz`, which needs no token. */
  readonly isReady: boolean | undefined;
  /** Why there is no status; undefined where nobody was asked. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

export interface MemberView {
  readonly member: string;
  readonly state: MemberState;
  /** Why it is in no better state; empty where there is nothing to say. */
  readonly reason: string;
  readonly ready: boolean | undefined;
  readonly version: string | undefined;
  readonly startedAt: string | undefined;
  readonly condition: string | undefined;
  readonly problems: readonly string[];
  readonly configDigest: string | undefined;
  readonly nodes: { readonly all: number; readonly available: number } | undefined;
  /** What it shares with the others by NATS; undefined: its config has none of that, or it has not answered. */
  readonly sharedState:
    | {
        readonly connected: boolean;
        readonly revision: number;
        readonly queued: number;
        readonly reason: string;
      }
    | undefined;
}

/** `split brain`: several members have it; `nobody`: all have answered, and none has it; `unknown`: not all have answered. */
export type VipState = 'held' | 'split brain' | 'nobody' | 'unknown';

export interface VipView {
  readonly address: string;
  readonly state: VipState;
  /** Since when, as far as the member's process has seen. */
  readonly heldBy: readonly { readonly member: string; readonly since: string }[];
}

export interface ClusterView {
  readonly cluster: string;
  /** `failed`: senders cannot connect, or reach two members in turn; `degraded`: something in `problems` wants a look. */
  readonly condition: 'ok' | 'degraded' | 'failed';
  readonly problems: readonly string[];
  readonly members: readonly MemberView[];
  readonly vips: readonly VipView[];
  /** Members' configs do not say the same. */
  readonly configsDiffer: boolean;
  /** Keys of the config that differ, as far as they could be found out. */
  readonly configDifferences: readonly string[];
}

const ANSWERING: ReadonlySet<MemberState> = new Set(['fit', 'unfit', 'draining']);

export function clusterView(
  cluster: string,
  vips: readonly string[],
  answers: readonly MemberAnswer[],
): ClusterView {
  const members = answers.map((answer) => memberView(cluster, answer));
  const reports = answers.filter((_, i) => ANSWERING.has(members[i]?.state ?? 'unreachable'));
  const vipViews = vips.map((address) => vipView(address, reports, reports.length === answers.length));
  const digests = new Set(members.flatMap(({ configDigest }) => configDigest ?? []));
  const failures = [...(reports.length === 0 ? ['no member answers'] : []), ...vipViews.flatMap(vipFailure)];
  const problems = [
    ...members.flatMap(memberProblems),
    ...(failures.length === 0 ? apartness(vipViews) : []),
    ...(digests.size > 1 ? ["the members' configs differ"] : []),
    ...versionDifference(members),
    ...sharingDifference(members),
    ...decisionDifferences(reports),
  ];
  return {
    cluster,
    condition: failures.length > 0 ? 'failed' : problems.length > 0 ? 'degraded' : 'ok',
    problems: [...failures, ...problems],
    members,
    vips: vipViews,
    configsDiffer: digests.size > 1,
    configDifferences: [],
  };
}

function memberView(cluster: string, { member, status, isReady, error }: MemberAnswer): MemberView {
  const fields = new TypedFields<StatusReport>(status);
  const report = new TypedFields<ClusterReport>(fields.value('cluster'));
  const nodes = fields
    .list('pools')
    .flatMap((pool) => new TypedFields<PoolReport>(pool).list('nodes'))
    .map((node) => new TypedFields<NodeReport>(node));
  const hasAnswered = status !== undefined;
  return {
    member,
    ...stateOf(cluster, member, fields, report, error, hasAnswered),
    ready: isReady,
    version: hasAnswered ? fields.text('version') : undefined,
    startedAt: hasAnswered ? fields.text('startedAt') : undefined,
    condition: hasAnswered ? fields.text('condition') : undefined,
    problems: fields.texts('problems'),
    configDigest: report.has('configDigest') ? report.text('configDigest') : undefined,
    nodes: hasAnswered
      ? { all: nodes.length, available: nodes.filter((node) => node.flag('available')).length }
      : undefined,
    sharedState: sharedStateOf(report),
  };
}

function sharedStateOf(report: TypedFields<ClusterReport>): MemberView['sharedState'] {
  if (!report.has('state')) return undefined;
  const state = new TypedFields<NonNullable<ClusterReport['state']>>(report.value('state'));
  const connected = state.flag('connected');
  return {
    connected,
    revision: state.number('revision') ?? 0,
    queued: state.number('queued') ?? 0,
    reason: connected ? '' : state.text('reason') || 'not reached yet',
  };
}

function stateOf(
  cluster: string,
  member: string,
  status: TypedFields<StatusReport>,
  report: TypedFields<ClusterReport>,
  error: MemberAnswer['error'],
  hasAnswered: boolean,
): Pick<MemberView, 'state' | 'reason'> {
  if (error !== undefined) {
    const { code, message } = error;
    return { state: code === 'GW_ERR_ADMIN_TOKEN' ? 'refused' : 'unreachable', reason: message };
  }
  if (!hasAnswered)
    return { state: 'no admin', reason: `cluster.members.${member}.admin is not in the config` };
  if (!report.has('member'))
    return { state: 'not in the cluster', reason: 'the config that it runs by has no cluster section' };
  const [name, itself] = [report.text('name'), report.text('member')];
  if (name !== cluster || itself !== member)
    return { state: 'another member', reason: `it says that it is ${itself} of ${name}` };
  if (status.flag('draining')) return { state: 'draining', reason: 'it takes no new connections' };
  return report.flag('fit')
    ? { state: 'fit', reason: '' }
    : { state: 'unfit', reason: report.text('reason') };
}

function vipView(address: string, reports: readonly MemberAnswer[], isComplete: boolean): VipView {
  const heldBy = reports.flatMap(({ member, status }) => {
    const report = new TypedFields<ClusterReport>(new TypedFields<StatusReport>(status).value('cluster'));
    const vips = report.list('vips').map((vip) => new TypedFields<ClusterReport['vips'][number]>(vip));
    const vip = vips.find((one) => one.text('address') === address && one.flag('held'));
    return vip === undefined ? [] : [{ member, since: vip.text('since') }];
  });
  if (heldBy.length > 1) return { address, state: 'split brain', heldBy };
  if (heldBy.length === 1) return { address, state: 'held', heldBy };
  return { address, state: isComplete ? 'nobody' : 'unknown', heldBy };
}

function vipFailure({ address, state, heldBy }: VipView): readonly string[] {
  if (state === 'split brain')
    return [`split brain: ${heldBy.map(({ member }) => member).join(' and ')} have the VIP ${address}`];
  return state === 'nobody' ? [`no master: no member has the VIP ${address}`] : [];
}

/** keepalived moves all of them together. */
function apartness(vips: readonly VipView[]): readonly string[] {
  const unknown = vips.filter(({ state }) => state === 'unknown').map(({ address }) => address);
  if (unknown.length > 0) return [`no member that answers has the VIP ${unknown.join(', ')}`];
  const holders = new Set(vips.flatMap(({ heldBy }) => heldBy.map(({ member }) => member)));
  return holders.size > 1 ? [`the VIPs are apart: ${[...holders].join(' and ')} have some each`] : [];
}

function memberProblems({ member, state, reason, problems }: MemberView): readonly string[] {
  const own = problems.map((problem) => `${member}: ${problem}`);
  // Draining is among its own.
  if (state === 'fit' || state === 'draining') return own;
  return [`${member} is ${state}: ${reason}`, ...own];
}

function versionDifference(members: readonly MemberView[]): readonly string[] {
  const known = members.filter(({ version }) => version !== undefined);
  if (new Set(known.map(({ version }) => version)).size < 2) return [];
  return [`versions differ: ${known.map(({ member, version }) => `${member} ${version}`).join(', ')}`];
}

/** Of members that answer, some share what operators decide, and others do not. That NATS is away is among a member's own problems. */
function sharingDifference(members: readonly MemberView[]): readonly string[] {
  const answering = members.filter(({ state }) => ANSWERING.has(state));
  const alone = answering.filter(({ sharedState }) => sharedState === undefined);
  if (alone.length === 0 || alone.length === answering.length) return [];
  return [
    `${alone.map(({ member }) => member).join(', ')} shares no state with the others: cluster.state.nats`,
  ];
}

/** What an operator decided on one member alone. What checks say of a node may differ at any moment. */
function decisionDifferences(reports: readonly MemberAnswer[]): readonly string[] {
  const decided = new Map<string, Map<string, string>>();
  for (const { member, status } of reports) {
    for (const pool of new TypedFields<StatusReport>(status).list('pools')) {
      for (const one of new TypedFields<PoolReport>(pool).list('nodes')) {
        const node = new TypedFields<NodeReport>(one);
        const name = `${node.text('pool')}/${node.text('node')}`;
        const byMember = decided.get(name) ?? new Map<string, string>();
        decided.set(name, byMember.set(member, decisionOf(node)));
      }
    }
  }
  const members = reports.map(({ member }) => member);
  return [...decided].flatMap(([name, byMember]) => {
    const texts = members.map((member) => byMember.get(member) ?? 'not there');
    if (new Set(texts).size < 2) return [];
    return [`node ${name} differs: ${members.map((member, i) => `${texts[i]} on ${member}`).join(', ')}`];
  });
}

function decisionOf(node: TypedFields<NodeReport>): string {
  const state = node.text('state');
  const wanted = state === 'draining' || state === 'maintenance' ? state : 'ready';
  return `${wanted}, weight ${node.number('weight') ?? 0}`;
}
