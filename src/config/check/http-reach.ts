// What a config says about HTTP and no request will ever meet; cross-checks.ts calls it once the whole config is known.
// Promises warnings only: the gateway does what such a config says, which is less than it looks like.
import type { GatewayConfig, PoolConfig, RouteConfig, Subject } from '../config.ts';
import { subjectInfo } from '../keys/subjects.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext, type Tree } from '../source/value.ts';

const NOBODY = 'no listener speaks http';

export function checkHttp(top: Section, config: GatewayConfig, reading: ReadContext): void {
  // A protocol that was refused may have been meant to be http.
  const some = config.listeners.some(({ protocol }) => protocol !== 'mllp' && protocol !== 'tcp');
  for (const [index, route] of config.routes.entries()) {
    const tree = routeTree(top, index);
    if (!some) checkConditions(tree, index, route, reading);
    checkActions(tree, index, { route, pools: config.pools, some }, reading);
  }
  if (some) checkCookies(top, config, reading);
  else checkPersistence(top, config.pools, reading);
}

function routeTree(top: Section, index: number): Tree | undefined {
  const routes = top.tree('routes');
  return routes?.kind === 'list' ? routes.items[index] : undefined;
}

function isOfHttp({ kind }: Subject): boolean {
  return kind !== 'field' && subjectInfo(kind).of === 'request';
}

function checkConditions(
  tree: Tree | undefined,
  index: number,
  { when }: RouteConfig,
  { problems }: ReadContext,
): void {
  for (const { subject, text } of when) {
    const entry = entryIn(entryIn(tree, 'when')?.value, text);
    if (entry === undefined || !isOfHttp(subject)) continue;
    problems.warn(entry.place, `routes[${index}].when.${text}`, `${NOBODY}, so this never holds`);
  }
}

interface Actions {
  readonly route: RouteConfig;
  readonly pools: readonly PoolConfig[];
  /** Does some listener speak HTTP? */
  readonly some: boolean;
}

/** `request` and `timeout` are also for messages that are posted to a node, whatever they came by. */
const OF_POSTS = ['request', 'timeout'];

function checkActions(
  tree: Tree | undefined,
  index: number,
  { route: { action, when, http }, pools, some }: Actions,
  { problems }: ReadContext,
): void {
  const entry = entryIn(tree, 'http');
  if (entry?.value.kind !== 'map' || http === undefined) return;
  const key = `routes[${index}].http`;
  const pool = action.kind === 'pool' ? pools.find(({ name }) => name === action.pool) : undefined;
  // Of TCP nodes tcp-reach.ts says it.
  if (action.kind === 'pool' && (pool === undefined || pool.protocol === 'tcp')) return;
  const why =
    pool === undefined ? 'this route rejects' : `the nodes of pool ${pool.name} speak ${pool.protocol}`;
  for (const { key: part, place } of entry.value.entries) {
    if (pool?.protocol !== 'http' && part !== 'hl7') {
      problems.warn(place, `${key}.${part}`, `has no effect, as ${why}`);
    } else if (!some && !OF_POSTS.includes(part)) {
      problems.warn(place, `${key}.${part}`, `${NOBODY}, so this has no effect`);
    }
  }
  const hl7 = entryIn(entry.value, 'hl7');
  const field = when.find(({ subject }) => subject.kind === 'field');
  if (some && hl7 !== undefined && http.hl7 && field !== undefined) {
    const message = `has no effect, as ${field.text} holds for no request before it is read as a message`;
    problems.warn(hl7.place, `${key}.hl7`, message);
  }
}

function checkPersistence(top: Section, pools: readonly PoolConfig[], { problems }: ReadContext): void {
  for (const [index, entry] of top.entries('pools').entries()) {
    const persistence = entryIn(entry.value, 'persistence')?.value;
    const key = `pools.${entry.key}.persistence`;
    const by = entryIn(persistence, 'by');
    for (const subject of pools[index]?.persistence?.by ?? []) {
      if (by === undefined || !isOfHttp(subject)) continue;
      const text = 'name' in subject ? `${subject.kind}.${subject.name}` : subject.kind;
      problems.warn(by.value.place, `${key}.by`, `${NOBODY}, so ${text} is always empty`);
    }
    const cookie = entryIn(persistence, 'cookie');
    if (cookie !== undefined)
      problems.warn(cookie.place, `${key}.cookie`, `${NOBODY}, so this has no effect`);
  }
}

/** RFC 6265 5.3: a client keeps one cookie of a name, for each host that it talks to. */
function checkCookies(top: Section, { pools, routes }: GatewayConfig, { problems }: ReadContext): void {
  const entries = top.entries('pools');
  const isOfHost = ({ name }: PoolConfig): boolean => {
    const to = routes.filter(({ action }) => action.kind === 'pool' && action.pool === name);
    return to.every(({ when }) => when.some(({ subject }) => subject.kind === 'host'));
  };
  for (const [index, pool] of pools.entries()) {
    const cookie = pool.persistence?.cookie;
    const entry = entries[index];
    const other = pools.slice(0, index).find((earlier) => earlier.persistence?.cookie === cookie);
    if (cookie === undefined || entry === undefined || other === undefined) continue;
    if (isOfHost(pool) && isOfHost(other)) continue;
    const at = entryIn(entryIn(entry.value, 'persistence')?.value, 'cookie') ?? entry;
    const message = `is that of pool ${other.name} as well: a client of both keeps its node in neither`;
    problems.warn(at.place, `pools.${pool.name}.persistence.cookie`, message);
  }
}
