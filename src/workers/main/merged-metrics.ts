// Metrics of several processes as those of one gateway. Promises that counters never go back because a worker has ended: what it was
// last seen to have counted stays.
import { METRICS, type MetricName } from '../../observe/metrics/catalogue.ts';
import type { Family, HistogramSample, Labels, Sample } from '../../observe/metrics/family.ts';
import { BucketHistogram } from '../../observe/metrics/histogram.ts';

/**
 * What of a metric is told. `sum`: of all processes. `workers`: the sum without the main process, which knows their numbers as well.
 * `main`: that of the main process alone. `most`: the largest.
 */
type Merge = 'sum' | 'workers' | 'main' | 'most';

/** Counters and histograms that are not here are summed; every gauge is here. */
const MERGES: Partial<Record<MetricName, Merge>> = {
  hl7_gateway_sender_connections: 'main',
  hl7_gateway_held_bytes: 'sum',
  hl7_gateway_held_bytes_limit: 'main',
  hl7_gateway_frame_memory_bytes: 'sum',
  hl7_gateway_frame_memory_free_bytes: 'sum',
  hl7_gateway_queued: 'sum',
  hl7_gateway_queue_limit: 'main',
  hl7_gateway_discovered_nodes: 'main',
  hl7_gateway_discovery_age_seconds: 'main',
  hl7_gateway_node_up: 'main',
  hl7_gateway_node_state: 'main',
  hl7_gateway_node_weight: 'main',
  hl7_gateway_in_flight: 'workers',
  hl7_gateway_connections: 'workers',
  hl7_gateway_parse_queue: 'sum',
  hl7_gateway_parse_queue_limit: 'main',
  hl7_gateway_parse_running: 'sum',
  hl7_gateway_parse_workers: 'workers',
  hl7_gateway_parse_inline_limit_bytes: 'main',
  hl7_gateway_build_info: 'main',
  hl7_gateway_workers: 'main',
  hl7_gateway_worker_restarts_total: 'main',
  hl7_gateway_draining: 'main',
  // Each worker takes up each config as well.
  hl7_gateway_config_reloads_total: 'main',
  hl7_gateway_config_last_reload_successful: 'main',
  hl7_gateway_state_stored: 'main',
  hl7_gateway_cluster_info: 'main',
  hl7_gateway_cluster_fit: 'main',
  hl7_gateway_vip_held: 'main',
  hl7_gateway_vip_since_seconds: 'main',
  hl7_gateway_shared_state_connected: 'main',
  hl7_gateway_shared_state_away: 'main',
  hl7_gateway_shared_state_queued: 'main',
  hl7_gateway_spool_messages: 'main',
  hl7_gateway_spool_bytes: 'main',
  hl7_gateway_spool_oldest_seconds: 'main',
  hl7_gateway_spool_store_bytes: 'main',
  hl7_gateway_spool_store_bytes_limit: 'main',
  hl7_gateway_shared_state_revision: 'main',
  hl7_gateway_certificate_expiry_seconds: 'main',
  hl7_gateway_audit_queued: 'main',
  process_resident_memory_bytes: 'sum',
  process_start_time_seconds: 'main',
  process_open_fds: 'sum',
  process_max_fds: 'main',
  nodejs_eventloop_lag_seconds: 'most',
  nodejs_eventloop_lag_mean_seconds: 'most',
  nodejs_eventloop_lag_max_seconds: 'most',
  nodejs_eventloop_lag_p50_seconds: 'most',
  nodejs_eventloop_lag_p99_seconds: 'most',
  nodejs_eventloop_utilization: 'most',
  nodejs_heap_size_total_bytes: 'sum',
  nodejs_heap_size_used_bytes: 'sum',
  nodejs_external_memory_bytes: 'sum',
  nodejs_array_buffers_bytes: 'sum',
};

export function mergeOf(name: MetricName): Merge | undefined {
  return MERGES[name] ?? (METRICS[name].kind === 'gauge' ? undefined : 'sum');
}

export class MergedMetrics {
  /** Counters and histograms of workers that have ended. */
  #past: readonly Family[] = [];
  /** What each of those that run has told last. */
  readonly #last = new Map<object, readonly Family[]>();

  /** What a worker has told; it counts until the next time. */
  told(worker: object, families: readonly Family[]): void {
    this.#last.set(worker, families);
  }

  onWorkerEnd(worker: object): void {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    if (last === undefined) return;
    const counts = last.filter(({ kind }) => kind !== 'gauge');
    this.#past = merged([this.#past, counts], () => 'sum');
  }

  /** `own`: of the main process. */
  with(own: readonly Family[]): readonly Family[] {
    return merged([own, ...this.#last.values(), this.#past], mergeOf);
  }
}

type MergeRule = (name: MetricName) => Merge | undefined;

/** The first are the main process's. */
function merged(all: readonly (readonly Family[])[], ruleOf: MergeRule): readonly Family[] {
  const byName = new Map<MetricName, { readonly family: Family; readonly sets: Family[] }>();
  for (const [index, families] of all.entries()) {
    for (const family of families) {
      const rule = ruleOf(family.name);
      if ((rule === 'main' && index > 0) || (rule === 'workers' && index === 0 && all.length > 1)) {
        // It has its place in the order all the same.
        if (!byName.has(family.name)) byName.set(family.name, { family, sets: [] });
        continue;
      }
      const entry = byName.get(family.name);
      if (entry === undefined) byName.set(family.name, { family, sets: [family] });
      else entry.sets.push(family);
    }
  }
  return [...byName.values()].map(({ family, sets }) => joined(family, sets, ruleOf(family.name)));
}

function joined(family: Family, sets: readonly Family[], rule: Merge | undefined): Family {
  if (family.kind === 'histogram') {
    const samples = sets.flatMap((one) => (one.kind === 'histogram' ? one.samples : []));
    return { ...family, samples: histogramSums(samples) };
  }
  const samples = sets.flatMap((one) => (one.kind === 'histogram' ? [] : one.samples));
  return { ...family, samples: sums(samples, rule === 'most' ? Math.max : (a, b) => a + b) };
}

function sums(samples: readonly Sample[], join: (a: number, b: number) => number): readonly Sample[] {
  const byLabels = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { labels, value } of samples) {
    const key = keyOf(labels);
    const known = byLabels.get(key);
    if (known === undefined) byLabels.set(key, { labels, value });
    else known.value = join(known.value, value);
  }
  return [...byLabels.values()];
}

function histogramSums(samples: readonly HistogramSample[]): readonly HistogramSample[] {
  const byLabels = new Map<string, HistogramSample>();
  for (const { labels, histogram } of samples) {
    const key = keyOf(labels);
    let known = byLabels.get(key);
    if (known === undefined) {
      known = { labels, histogram: new BucketHistogram(histogram.bounds) };
      byLabels.set(key, known);
    }
    const sum = known.histogram;
    for (const [i, count] of histogram.counts.entries()) {
      sum.counts[i] = (sum.counts[i] ?? 0) + count;
      const exemplar = histogram.exemplars[i];
      if (exemplar !== undefined && exemplar.at >= (sum.exemplars[i]?.at ?? 0)) sum.exemplars[i] = exemplar;
    }
    sum.sum += histogram.sum;
    sum.count += histogram.count;
  }
  return [...byLabels.values()];
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}
