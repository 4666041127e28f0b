// What a page shows at a glance, made of the present state and of the last hour.
import { wallMs } from '../../platform/time.ts';
import type {
  HistoryPoint,
  NodeSummary,
  OverviewReport,
  PoolSummary,
  PresentNode,
  PresentPool,
  PresentState,
  PulseReport,
} from '../control.ts';
import { type HistoryCounts, historyPoints, STEP_MS } from './traffic-history.ts';

/** More sentences than anybody reads: the status has all of them. */
const MOST_PROBLEMS = 50;

/** `histories`: of all processes that carry messages. */
export function overviewOf(present: PresentState, histories: readonly HistoryCounts[]): OverviewReport {
  const points = historyPoints(histories);
  return { ...glanceOf(present, points), history: { stepSeconds: STEP_MS / 1000, points } };
}

/** The same each second: of the hour the last two steps alone are read. */
export function pulseOf(present: PresentState, histories: readonly HistoryCounts[]): PulseReport {
  const last = historyPoints(histories, 2);
  return {
    overview: { ...glanceOf(present, last), last },
    nodes: present.pools.flatMap(({ nodes }) => nodes.map(seldom)),
  };
}

function glanceOf(present: PresentState, points: readonly HistoryPoint[]): Omit<OverviewReport, 'history'> {
  const { problems } = present;
  const more = problems.length - MOST_PROBLEMS;
  return {
    at: new Date(wallMs()).toISOString(),
    version: present.version,
    startedAt: present.startedAt,
    draining: present.draining,
    condition: present.condition,
    problems: more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `and ${more} more`] : problems,
    messagesPerSecond: perSecond(points, ({ messages }) => messages),
    failuresPerSecond: perSecond(points, ({ failed }) => failed),
    tracesUi: present.tracesUi,
    bufferedBytes: present.bufferedBytes,
    maxBufferedBytes: present.maxBufferedBytes,
    listeners: present.listeners,
    pools: present.pools.map(summary),
  };
}

/** What changes seldom: the rest is in the overview, or asked for. */
function seldom({ pool, node, state, available, since, reason, weight }: PresentNode): NodeSummary {
  return { pool, node, state, available, since, reason, weight };
}

/** Over the step that is under way and the one before it: between ten and twenty seconds. */
function perSecond(points: readonly HistoryPoint[], of: (point: HistoryPoint) => number): number {
  const now = wallMs();
  const recent = points.slice(-2).filter(({ at }) => Date.parse(at) > now - 2 * STEP_MS);
  const sum = recent.reduce((all, point) => all + of(point), 0);
  return Math.round((sum / ((STEP_MS + (now % STEP_MS)) / 1000)) * 10) / 10;
}

function summary({ pool, protocol, available, queued, nodes }: PresentPool): PoolSummary {
  const sum = (of: (node: PresentNode) => number): number => nodes.reduce((all, node) => all + of(node), 0);
  return {
    pool,
    protocol,
    available,
    queued,
    inFlight: sum(({ inFlight }) => inFlight),
    nodes: nodes.length,
    availableNodes: nodes.filter((node) => node.available).length,
    answersPerSecond: Math.round(sum(({ answersPerSecond }) => answersPerSecond) * 10) / 10,
  };
}
