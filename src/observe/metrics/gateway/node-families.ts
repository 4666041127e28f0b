// What pools and their nodes are doing, as metrics; read when it is asked for, so that a node that was taken out is gone.
import type { Discovery } from '../../../pools/discovery.ts';
import type { PoolRuntime } from '../../../pools/pool-runtime.ts';
import { isAvailable, type NodeState, type NodeStatus } from '../../../upstream/node-status.ts';
import { type Family, numbers, type Sample } from '../family.ts';

const STATES: readonly NodeState[] = ['up', 'down', 'full', 'draining', 'maintenance'];

export function nodeFamilies(runtimes: Iterable<PoolRuntime>): readonly Family[] {
  const pools = [...runtimes];
  const nodes = pools.flatMap((runtime) => runtime.nodes.map((node) => node.status));
  const each = (value: (status: NodeStatus) => number): Sample[] =>
    nodes.map((status) => ({ labels: labelsOf(status), value: value(status) }));
  const byKey = (label: string, counts: (status: NodeStatus) => Readonly<Record<string, number>>): Sample[] =>
    nodes.flatMap((status) =>
      Object.entries(counts(status)).map(([key, value]) => ({
        labels: { ...labelsOf(status), [label]: key },
        value,
      })),
    );
  return [
    numbers(
      'hl7_gateway_queued',
      pools.map(({ name, queued }) => ({
        labels: { pool: name },
        value: queued,
      })),
    ),
    numbers(
      'hl7_gateway_queue_limit',
      pools.map(({ name, config }) => ({ labels: { pool: name }, value: config.queue.max })),
    ),
    numbers(
      'hl7_gateway_node_up',
      each(({ state }) => (isAvailable(state) ? 1 : 0)),
    ),
    numbers(
      'hl7_gateway_node_state',
      byKey('state', ({ state }) => Object.fromEntries(STATES.map((one) => [one, one === state ? 1 : 0]))),
    ),
    numbers(
      'hl7_gateway_node_weight',
      each(({ effectiveWeight }) => effectiveWeight),
    ),
    numbers(
      'hl7_gateway_in_flight',
      each(({ inFlight }) => inFlight),
    ),
    numbers(
      'hl7_gateway_connections',
      each(({ connections }) => connections),
    ),
    numbers(
      'hl7_gateway_node_answers_total',
      byKey('code', ({ answers }) => answers),
    ),
    numbers(
      'hl7_gateway_node_failures_total',
      byKey('code', ({ failures }) => failures),
    ),
    numbers(
      'hl7_gateway_node_checks_total',
      byKey('result', ({ checks }) => checks),
    ),
    numbers(
      'hl7_gateway_node_ejections_total',
      each(({ ejections }) => ejections),
    ),
    numbers(
      'hl7_gateway_node_stray_answers_total',
      each(({ strayAnswers }) => strayAnswers),
    ),
  ];
}

function labelsOf({ pool, name }: NodeStatus): { readonly pool: string; readonly node: string } {
  return { pool, node: name };
}

export function discoveryFamilies(discoveries: Iterable<Discovery>): readonly Family[] {
  const all = [...discoveries];
  return [
    numbers(
      'hl7_gateway_discoveries_total',
      all.flatMap(({ pool, counts }) =>
        Object.entries(counts).map(([result, value]) => ({ labels: { pool, result }, value })),
      ),
    ),
    numbers(
      'hl7_gateway_discovered_nodes',
      all.map(({ pool, found }) => ({ labels: { pool }, value: found.length })),
    ),
    numbers(
      'hl7_gateway_discovery_age_seconds',
      all.flatMap(({ pool, ageMs }) =>
        ageMs === undefined ? [] : [{ labels: { pool }, value: ageMs / 1000 }],
      ),
    ),
  ];
}
