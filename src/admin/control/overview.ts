// What a page shows at a glance, made of the status and of the last hour.
import { wallMs } from '../../platform/time.ts';
import type { HistoryPoint, OverviewReport, PoolReport, PoolSummary, StatusReport } from '../control.ts';
import { type HistoryCounts, historyPoints, STEP_MS } from './traffic-history.ts';

/** More sentences than anybody reads: the status has all of them. */
const MOST_PROBLEMS = 50;

/** `histories`: of all processes that carry messages. */
export function overviewOf(status: StatusReport, histories: readonly HistoryCounts[]): OverviewReport {
  const points = historyPoints(histories);
  const { problems } = status;
  const more = problems.length - MOST_PROBLEMS;
  return {
    at: new Date(wallMs()).toISOString(),
    version: status.version,
    startedAt: status.startedAt,
    draining: status.draining,
    condition: status.condition,
    problems: more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `and ${more} more`] : problems,
    messagesPerSecond: perSecond(points, ({ messages }) => messages),
    failuresPerSecond: perSecond(points, ({ failed }) => failed),
    tracesUi: status.tracesUi,
    bufferedBytes: status.bufferedBytes,
    maxBufferedBytes: status.maxBufferedBytes,
    listeners: status.listeners,
    pools: status.pools.map(summary),
    history: { stepSeconds: STEP_MS / 1000, points },
  };
}

/** Over the step that is under way and the one before it: between ten and twenty seconds. */
function perSecond(points: readonly HistoryPoint[], of: (point: HistoryPoint) => number): number {
  const now = wallMs();
  const recent = points.slice(-2).filter(({ at }) => Date.parse(at) > now - 2 * STEP_MS);
  const sum = recent.reduce((all, point) => all + of(point), 0);
  return Math.round((sum / ((STEP_MS + (now % STEP_MS)) / 1000)) * 10) / 10;
}

function summary({ pool, protocol, available, queued, nodes }: PoolReport): PoolSummary {
  const sum = (of: (node: PoolReport['nodes'][number]) => number): number =>
    nodes.reduce((all, node) => all + of(node), 0);
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
