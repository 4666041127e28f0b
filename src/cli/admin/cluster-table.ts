// The table of `status --cluster`, from the cluster as its members show it.
import { type Paint, plainPaint, type Tone } from '../colors.ts';
import { table } from '../terminal.ts';
import type { ClusterView, MemberView, VipView } from './cluster-view.ts';
import { wrapped } from './status-pools.ts';
import { ageText, type StatusView } from './status-table.ts';

const NONE = '-';
/** More nobody reads in a line; JSON has all. */
const SHOWN_PATHS = 20;

/** `now` in milliseconds since 1970. */
export function clusterLines(view: ClusterView, now: number, shown: StatusView = {}): readonly string[] {
  const { width, paint = plainPaint } = shown;
  const parts = [
    [`cluster ${view.cluster}: ${paint(CONDITION_TONES[view.condition], view.condition)}`],
    memberLines(view.members, now, paint),
    sharedStateLines(view.members, paint),
    vipLines(view.vips, now, paint),
    problemLines(view),
  ];
  const lines = parts
    .filter((part) => part.length > 0)
    .flatMap((part, n) => (n === 0 ? part : ['', ...part]));
  return width === undefined ? lines : lines.flatMap((line) => wrapped(line, width, 4));
}

const CONDITION_TONES: Readonly<Record<ClusterView['condition'], Tone>> = {
  ok: 'good',
  degraded: 'warning',
  failed: 'bad',
};

const COLUMNS = ['MEMBER', 'STATE', 'READY', 'NODES', 'CONDITION', 'CONFIG', 'VERSION', 'UP', 'REASON'];

function memberLines(members: readonly MemberView[], now: number, paint: Paint): string[] {
  const rows = members.map((member) => [
    member.member,
    member.state,
    member.ready === undefined ? NONE : member.ready ? 'yes' : 'no',
    member.nodes === undefined ? NONE : `${member.nodes.available} of ${member.nodes.all} up`,
    member.condition ?? NONE,
    member.configDigest ?? NONE,
    member.version ?? NONE,
    member.startedAt === undefined ? NONE : ageText(now - Date.parse(member.startedAt)),
    member.reason,
  ]);
  const state = COLUMNS.indexOf('STATE');
  return table([COLUMNS, ...rows], (text, row, column) =>
    column === state && row > 0 ? paint(toneOfMember(members[row - 1]), text) : text,
  );
}

/** Empty where no member shares state by NATS. */
function sharedStateLines(members: readonly MemberView[], paint: Paint): string[] {
  if (members.every(({ sharedState }) => sharedState === undefined)) return [];
  const rows = members.map(({ member, sharedState: shared }) =>
    shared === undefined
      ? [member, NONE, NONE, NONE]
      : [
          member,
          shared.connected ? 'connected' : `away: ${shared.reason}`,
          String(shared.revision),
          String(shared.queued),
        ],
  );
  const how = 1;
  return table([['MEMBER', 'SHARED STATE', 'REVISION', 'TO BE WRITTEN'], ...rows], (text, _row, column) =>
    column === how && text.startsWith('away') ? paint('warning', text) : text,
  );
}

function toneOfMember(member: MemberView | undefined): Tone {
  if (member?.state === 'fit') return 'good';
  return member?.state === 'unfit' || member?.state === 'draining' ? 'warning' : 'bad';
}

function vipLines(vips: readonly VipView[], now: number, paint: Paint): string[] {
  const rows = vips.map(({ address, state, heldBy }) => {
    const since = (text: string): string => ageText(now - Date.parse(text));
    const [only] = heldBy;
    if (only === undefined) return [address, NONE, NONE, state];
    if (heldBy.length === 1) return [address, only.member, since(only.since), ''];
    const names = heldBy.map(({ member }) => member).join(' and ');
    return [address, names, heldBy.map((one) => since(one.since)).join(' and '), state];
  });
  const remark = 3;
  return table([['VIP', 'HELD BY', 'FOR', 'REMARK'], ...rows], (text, row, column) =>
    column === remark && row > 0 ? paint('bad', text) : text,
  );
}

function problemLines({ problems, configDifferences: paths }: ClusterView): string[] {
  if (problems.length === 0) return [];
  const more = paths.length > SHOWN_PATHS ? `, and ${paths.length - SHOWN_PATHS} more` : '';
  const where =
    paths.length === 0 ? [] : [`configs differ in ${paths.slice(0, SHOWN_PATHS).join(', ')}${more}`];
  return ['PROBLEMS', ...[...problems, ...where].map((problem) => `  ${problem}`)];
}
