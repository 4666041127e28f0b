// What can only be seen when the whole config is known: parts that collide, are missing, or are never used.
// Promises errors for a gateway that could not run, and warnings for one that would run and surprise.
import type { GatewayConfig, ListenerConfig } from './config.ts';
import { sizeText } from './formats.ts';
import type { Section } from './section.ts';
import type { Place } from './source/problem.ts';
import type { Entry, Reading, Tree } from './source/value.ts';

export function crossCheck(top: Section, config: GatewayConfig, reading: Reading): void {
  checkBinds(top.entries('listeners'), config.listeners, reading);
  checkFrames(top.entries('listeners'), config, reading);
  checkPools(top, config, reading);
  checkRoutes(top, config, reading);
  if (top.tree('listeners') !== undefined && config.listeners.length === 0) {
    top.error('listeners', 'a gateway needs at least one listener');
  }
}

/** The place of `key` in a map; the map's own where it is not there. */
function placeIn(tree: Tree | undefined, key: string, fallback: Place): Place {
  const entry = tree?.kind === 'map' ? tree.entries.find((one) => one.key === key) : undefined;
  return entry === undefined ? (tree?.place ?? fallback) : entry.value.place;
}

const WILDCARDS = ['0.0.0.0', '::'];

/** `::` takes IPv4 as well, so a wildcard collides with each address on its port that it covers. */
function collide(a: ListenerConfig['bind'], b: ListenerConfig['bind']): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host.toLowerCase() === b.host.toLowerCase()) return true;
  const covers = (wide: string, other: string): boolean => {
    return wide === '::' || (wide === '0.0.0.0' && (!other.includes(':') || WILDCARDS.includes(other)));
  };
  return covers(a.host, b.host) || covers(b.host, a.host);
}

function checkBinds(
  entries: readonly Entry[],
  listeners: readonly ListenerConfig[],
  { problems }: Reading,
): void {
  for (const [index, { name, bind }] of listeners.entries()) {
    const other = listeners.slice(0, index).find((earlier) => collide(earlier.bind, bind));
    const tree = entries[index]?.value;
    if (other === undefined || tree === undefined) continue;
    const place = placeIn(tree, 'bind', tree.place);
    problems.error(place, `listeners.${name}.bind`, `listener ${other.name} listens on this address already`);
  }
}

/** A frame that can never be in memory as a whole would hold up every listener until its timeout. */
function checkFrames(entries: readonly Entry[], config: GatewayConfig, { problems }: Reading): void {
  for (const [index, { name, limits }] of config.listeners.entries()) {
    const entry = entries[index];
    if (entry === undefined || !(limits.maxFrameBytes > config.maxBufferedBytes)) continue;
    const most = sizeText(config.maxBufferedBytes);
    problems.warn(
      entry.place,
      `listeners.${name}.limits.maxFrame`,
      `is larger than limits.maxBuffered (${most})`,
    );
  }
}

function checkPools(top: Section, { pools, routes }: GatewayConfig, { problems }: Reading): void {
  const used = new Set(routes.map(({ action }) => (action.kind === 'pool' ? action.pool : undefined)));
  const needed = routes.some(({ action }) => action.kind === 'pool' && action.pool !== '');
  if (pools.length === 0 && needed && (!top.has('pools') || top.tree('pools') !== undefined)) {
    top.error('pools', 'no pool is defined, so there is nowhere to route to');
  }
  for (const { key, place } of top.entries('pools')) {
    if (!used.has(key)) problems.warn(place, `pools.${key}`, 'no route uses this pool');
  }
}

function checkRoutes(top: Section, { routes }: GatewayConfig, { problems }: Reading): void {
  const tree = top.tree('routes');
  if (tree?.kind !== 'list') return;
  if (routes.length === 0) top.error('routes', 'a gateway needs at least one route');
  for (const [index, item] of tree.items.entries()) {
    const after = routes.length - index - 1;
    // The file is asked, not the result: conditions that were refused are missing there.
    if (item.kind !== 'map' || hasConditions(item) || after === 0) continue;
    const never = after === 1 ? 'the route after it is' : `the ${after} routes after it are`;
    problems.warn(item.place, `routes[${index}]`, `matches every message, so ${never} never reached`);
    return;
  }
}

function hasConditions(route: Tree): boolean {
  const when = route.kind === 'map' ? route.entries.find(({ key }) => key === 'when')?.value : undefined;
  return when !== undefined && !(when.kind === 'map' && when.entries.length === 0);
}
