// What an operator has decided while the gateway runs, as plain data: states and weights of nodes, nodes added and removed. Read back
// with suspicion: a file that was edited by hand, or is from another version, gives what in it makes sense.

export interface PoolDecisions {
  /** By node. `ready` is not listed. */
  readonly states: Readonly<Record<string, NodeDecision>>;
  readonly weights: Readonly<Record<string, number>>;
  readonly removed: readonly string[];
  /** Settings of a node as they were given. */
  readonly added: Readonly<Record<string, object>>;
}

export interface NodeDecision {
  readonly state: 'draining' | 'maintenance';
  /** Who wanted it. */
  readonly reason: string;
}

/** By pool. */
export type Decisions = Readonly<Record<string, PoolDecisions>>;

export function isNothing({ states, weights, removed, added }: PoolDecisions): boolean {
  return [states, weights, removed, added].every((one) => Object.keys(one).length === 0);
}

/** @throws Error where `value` is no map of pools */
export function readDecisions(value: unknown): Decisions {
  return mapOf(value, (pool) => {
    const { states, weights, removed, added } = isMap(pool) ? pool : {};
    return {
      states: mapOf(states ?? {}, decisionIn),
      weights: mapOf(weights ?? {}, (weight) => (typeof weight === 'number' ? weight : undefined)),
      removed: Array.isArray(removed) ? removed.filter((name) => typeof name === 'string') : [],
      added: mapOf(added ?? {}, (settings) => (isMap(settings) ? settings : undefined)),
    };
  });
}

function decisionIn(value: unknown): NodeDecision | undefined {
  if (!isMap(value)) return undefined;
  const { state, reason } = value;
  if (state !== 'draining' && state !== 'maintenance') return undefined;
  return { state, reason: typeof reason === 'string' ? reason : 'stored state' };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapOf<T>(value: unknown, read: (one: unknown) => T | undefined): Record<string, T> {
  if (!isMap(value)) throw new Error('not a map');
  const entries = Object.entries(value).flatMap(([name, one]) => {
    const made = read(one);
    return made === undefined ? [] : [[name, made] as const];
  });
  return Object.fromEntries(entries);
}
