// One picture of `top`, made of the last overview and the last states of nodes that came. Pure; promises no line wider than the terminal, no
// more lines than it has, and that what is wrong comes before what is well.
import type {
  HistoryPoint,
  ListenerReport,
  NodeSummary,
  OverviewReport,
  PoolSummary,
} from '../../admin/control.ts';
import { type Paint, plainPaint, type Tone } from '../colors.ts';
import { listOf, TypedFields } from '../fields.ts';
import { table } from '../terminal.ts';
import { wrapped } from './status-pools.ts';
import { ageText } from './status-table.ts';

export interface TopState {
  /** As it came; undefined: nothing yet. */
  readonly overview: unknown;
  readonly nodes: unknown;
  /** Messages of each step of the last hour, the oldest first. */
  readonly history: readonly number[];
  /** What stands in the way at this moment. */
  readonly trouble: string | undefined;
}

export interface TopSize {
  readonly columns: number;
  /** Undefined: as many as there are. */
  readonly rows: number | undefined;
}

const MIB = 2 ** 20;
/** Below it the curve says nothing. */
const LEAST_CURVE = 20;
const BARS = '▁▂▃▄▅▆▇█';
const TONES: Readonly<Record<string, Tone>> = {
  ok: 'good',
  up: 'good',
  degraded: 'warning',
  full: 'warning',
  draining: 'warning',
  maintenance: 'warning',
  failed: 'bad',
  down: 'bad',
};
/** Of nodes: the worst first. */
const BADNESS = ['down', 'maintenance', 'draining', 'full', 'up'];

export function topLines(
  { overview, nodes, history, trouble }: TopState,
  { columns, rows }: TopSize,
  paint: Paint = plainPaint,
): string[] {
  const at = new TypedFields<OverviewReport & { readonly last: unknown }>(overview);
  const now = at.time('at');
  const parts = [
    headLines(at, history, columns, paint, trouble),
    at.texts('problems').map((problem) => paint('bad', problem)),
    poolLines(at, paint),
    nodeLines(nodes, now, paint),
    listenerLines(at),
  ];
  const lines = parts
    .filter((part) => part.length > 0)
    .flatMap((part, n) => (n === 0 ? part : ['', ...part]))
    .flatMap((line) => wrapped(line, columns, 2));
  if (rows === undefined || lines.length <= rows) return lines;
  const more = `… ${lines.length - rows + 1} more lines; status has all of it`;
  return [...lines.slice(0, rows - 1), more.slice(0, columns)];
}

function headLines(
  at: TypedFields<OverviewReport & { readonly last: unknown }>,
  history: readonly number[],
  columns: number,
  paint: Paint,
  trouble: string | undefined,
): string[] {
  const lines = trouble === undefined ? [] : [paint('bad', trouble)];
  if (!at.has('at')) return lines;
  const condition = at.text('condition');
  const up = ageText(at.time('at') - at.time('startedAt'));
  const held = `${mebibytes(at.number('bufferedBytes'))} of ${mebibytes(at.number('maxBufferedBytes'))} MiB`;
  // The last one is not over, and may have nothing yet.
  const points = listOf(at.value('last')).map((one) => new TypedFields<HistoryPoint>(one));
  const point = points.findLast((one) => one.has('p50Ms'));
  const took =
    point === undefined ? '' : `, p50 ${point.number('p50Ms')} ms, p99 ${point.number('p99Ms') ?? '-'} ms`;
  const failures = at.number('failuresPerSecond') ?? 0;
  const failed = `${failures}/s failed`;
  lines.push(
    `hl7-gateway ${at.text('version')}, up ${up}, ${paint(TONES[condition], condition)}`,
    `${at.number('messagesPerSecond') ?? 0}/s messages, ${failures > 0 ? paint('bad', failed) : failed}${took}, holds ${held}`,
  );
  const room = columns - ' messages in the last hour'.length;
  if (history.length > 1 && room >= LEAST_CURVE)
    lines.push(
      `${curve(history.slice(-room))} messages in the last ${minutes(Math.min(history.length, room))}`,
    );
  return lines;
}

/** A point is ten seconds. */
function minutes(points: number): string {
  const whole = Math.max(1, Math.round(points / 6));
  return whole >= 60 ? 'hour' : `${whole} min`;
}

function curve(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((count) => BARS[Math.round((count / most) * (BARS.length - 1))]).join('');
}

function poolLines(at: TypedFields<OverviewReport>, paint: Paint): string[] {
  const pools = at.list('pools').map((one) => new TypedFields<PoolSummary>(one));
  if (pools.length === 0) return [];
  const rows = pools.map((pool) => [
    pool.text('pool'),
    `${pool.number('availableNodes') ?? 0} of ${pool.number('nodes') ?? 0} up`,
    `${pool.number('answersPerSecond') ?? 0}/s`,
    String(pool.number('inFlight') ?? 0),
    String(pool.number('queued') ?? 0),
  ]);
  return table([['POOL', 'NODES', 'RATE', 'IN FLIGHT', 'QUEUED'], ...rows], (text, row, column) => {
    const pool = pools[row - 1];
    if (column !== 1 || pool === undefined) return text;
    const all = pool.number('availableNodes') === pool.number('nodes');
    return paint(!pool.flag('available') ? 'bad' : all ? 'good' : 'warning', text);
  });
}

function nodeLines(nodes: unknown, now: number, paint: Paint): string[] {
  const all = listOf(nodes)
    .map((one) => new TypedFields<NodeSummary>(one))
    .sort((one, other) => badness(one) - badness(other));
  if (all.length === 0) return [];
  const rows = all.map((node) => [
    `${node.text('pool')}/${node.text('node')}`,
    node.text('state'),
    ageText(now - node.time('since')),
    node.text('state') === 'up' ? '' : node.text('reason'),
  ]);
  return table([['NODE', 'STATE', 'SINCE', 'REASON'], ...rows], (text, row, column) =>
    column === 1 && row > 0 ? paint(TONES[text.trim()], text) : text,
  );
}

function badness(node: TypedFields<NodeSummary>): number {
  return BADNESS.indexOf(node.text('state'));
}

function listenerLines(at: TypedFields<OverviewReport>): string[] {
  const rows = at.list('listeners').map((one) => {
    const listener = new TypedFields<ListenerReport>(one);
    return [listener.text('listener'), listener.text('address'), String(listener.number('connections') ?? 0)];
  });
  return rows.length === 0 ? [] : table([['LISTENER', 'ADDRESS', 'CONNECTIONS'], ...rows]);
}

function mebibytes(bytes = 0): string {
  return (bytes / MIB).toFixed(1);
}
