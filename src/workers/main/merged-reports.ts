// What several processes tell of one gateway, put together for the admin API: what is judged in the main process is its word, what workers
// count is summed.
import type { NodeReport, PoolReport, RouteReport } from '../../admin/control.ts';

export function mergedNode(own: NodeReport, workers: readonly NodeReport[]): NodeReport {
  const mine = workers.filter(({ pool, node }) => pool === own.pool && node === own.node);
  const sum = (of: (report: NodeReport) => number): number => mine.reduce((all, one) => all + of(one), 0);
  return {
    ...own,
    inFlight: sum(({ inFlight }) => inFlight),
    connections: sum(({ connections }) => connections),
    answers: summed(mine.map(({ answers }) => answers)),
    failures: summed(mine.map(({ failures }) => failures)),
    answersPerSecond: sum(({ answersPerSecond }) => answersPerSecond),
    // Of quantiles none can be made of all: the worst of them, so that none is hidden.
    p50Ms: most(mine.map(({ p50Ms }) => p50Ms)),
    p99Ms: most(mine.map(({ p99Ms }) => p99Ms)),
  };
}

export function mergedPools(
  own: readonly PoolReport[],
  workers: readonly NodeReport[],
  queued: readonly ReadonlyMap<string, number>[],
): readonly PoolReport[] {
  return own.map((pool) => ({
    ...pool,
    queued: queued.reduce((all, one) => all + (one.get(pool.pool) ?? 0), 0),
    nodes: pool.nodes.map((node) => mergedNode(node, workers)),
  }));
}

/** Each worker has the same routes. */
export function mergedRoutes(
  own: readonly RouteReport[],
  workers: readonly (readonly RouteReport[])[],
): readonly RouteReport[] {
  return own.map((report) => {
    const messages = workers.flatMap((routes) => routes.filter(({ route }) => route === report.route));
    return { ...report, messages: messages.reduce((all, one) => all + one.messages, report.messages) };
  });
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all)
    for (const [key, count] of Object.entries(counts)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
