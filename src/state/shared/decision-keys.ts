// What an operator decided as keys of a bucket: one for each thing that is decided of a node, so that two members that decide different
// things of it do not meet. Pure.
import type { Decisions } from '../decisions.ts';

export type DecidedValue =
  | { readonly is: 'node'; readonly node: 'added'; readonly settings: object }
  | { readonly is: 'node'; readonly node: 'removed' | 'as configured' }
  | { readonly is: 'weight'; readonly weight: number | undefined }
  | { readonly is: 'state'; readonly state: 'ready' | 'draining' | 'maintenance'; readonly reason: string };

export interface Decided {
  readonly pool: string;
  readonly node: string;
  readonly value: DecidedValue;
}

/** In the order in which they are put in force: a node has to be there before it is weighed. */
export const ASPECTS = ['node', 'weight', 'state'] as const;

export type Aspect = (typeof ASPECTS)[number];

export function decisionKey(pool: string, node: string, aspect: Aspect): string {
  return `${token(pool)}.${token(node)}.${aspect}`;
}

/** Undefined: it is none. */
export function placeOfKey(
  key: string,
): { readonly pool: string; readonly node: string; readonly aspect: Aspect } | undefined {
  const [pool, node, aspect, ...more] = key.split('.');
  const known = ASPECTS.find((one) => one === aspect);
  if (!pool || !node || known === undefined || more.length > 0) return undefined;
  return { pool: name(pool), node: name(node), aspect: known };
}

/** What is in force where nothing is decided. */
export function undecided(aspect: Aspect): DecidedValue {
  if (aspect === 'node') return { is: 'node', node: 'as configured' };
  return aspect === 'weight'
    ? { is: 'weight', weight: undefined }
    : { is: 'state', state: 'ready', reason: 'nothing else is decided' };
}

export function decidedByKey(decisions: Decisions): ReadonlyMap<string, Decided> {
  const all = new Map<string, Decided>();
  const add = (pool: string, node: string, value: DecidedValue): void => {
    all.set(decisionKey(pool, node, value.is), { pool, node, value });
  };
  for (const [pool, { states, weights, removed, added }] of Object.entries(decisions)) {
    for (const [node, settings] of Object.entries(added))
      add(pool, node, { is: 'node', node: 'added', settings });
    for (const node of removed) add(pool, node, { is: 'node', node: 'removed' });
    for (const [node, weight] of Object.entries(weights)) add(pool, node, { is: 'weight', weight });
    for (const [node, { state, reason }] of Object.entries(states))
      add(pool, node, { is: 'state', state, reason });
  }
  return all;
}

/** Undefined: it makes no sense. */
export function decidedValue(aspect: Aspect, value: unknown): DecidedValue | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { node, settings, weight, state, reason } = value as Record<string, unknown>;
  if (aspect === 'node') {
    if (node === 'removed' || node === 'as configured') return { is: 'node', node };
    return node === 'added' && typeof settings === 'object' && settings !== null
      ? { is: 'node', node, settings }
      : undefined;
  }
  if (aspect === 'weight')
    return weight === undefined || typeof weight === 'number' ? { is: 'weight', weight } : undefined;
  if (state !== 'ready' && state !== 'draining' && state !== 'maintenance') return undefined;
  return { is: 'state', state, reason: typeof reason === 'string' ? reason : 'another member' };
}

/** For the log: no settings, which may hold a passphrase. */
export function decisionInWords(value: DecidedValue): string {
  if (value.is === 'node') return `node ${value.node}`;
  if (value.is === 'weight')
    return value.weight === undefined ? 'weight as configured' : `weight ${value.weight}`;
  return value.state;
}

/** Keys of NATS have no more than these characters, and the dot parts them. */
function token(text: string): string {
  return /^[-\w]+$/.test(text) ? text : `=${Buffer.from(text).toString('base64url')}`;
}

function name(text: string): string {
  return text.startsWith('=') ? Buffer.from(text.slice(1), 'base64url').toString() : text;
}
