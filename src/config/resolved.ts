// A config as it is after includes, defaults, variables and ranges, as data that a YAML file may hold: what `check --resolved` prints.
// Promises that it is a config that says the same, but for secrets, which are masked, and `{ file: … }`, which stays as it is.
import { passesName } from './build/each-port.ts';
import type { GatewayConfig, NamedBind, PoolConfig, RouteConfig, ValueTest } from './config.ts';
import { HOLD_SECRETS, SECRET_KEYS } from './keys/sections.ts';
import {
  type Entry,
  entryIn,
  type MapTree,
  type Scalar,
  standsForScalar,
  type Tree,
} from './source/value.ts';

type Data = string | number | boolean | null | readonly Data[] | { readonly [key: string]: Data };
type DataMap = { readonly [key: string]: Data };

const MASK = '***';

/** `tree`: what `config` was made of. */
export function resolvedConfig(tree: MapTree, config: GatewayConfig): DataMap {
  const binds = bindsByEntry(tree, config);
  const hasRanges = binds.size > 0;
  const sections = tree.entries.map(({ key, value }): readonly [string, Data] => {
    if (key === 'listeners' && value.kind === 'map') return [key, eachBind(value, binds)];
    if (key === 'pools' && value.kind === 'map') return [key, eachPool(value, config)];
    if (key === 'routes' && value.kind === 'list')
      return [key, value.items.flatMap((item, n) => eachRoute(item, config.routes[n], config, hasRanges))];
    return [key, dataOf(value, key, SECRET_KEYS.has(key))];
  });
  return Object.fromEntries(sections);
}

/** Of entries that make several listeners, each of which begins with the entry's name. */
function bindsByEntry(
  tree: MapTree,
  { listeners }: GatewayConfig,
): ReadonlyMap<string, readonly NamedBind[]> {
  const entries = entriesIn(tree, 'listeners').map(({ key }) => key);
  const binds = new Map<string, NamedBind[]>();
  for (const { name, bind } of listeners) {
    if (entries.includes(name)) continue;
    const [entry = ''] = entries
      .filter((one) => name.startsWith(`${one}-`))
      .sort((a, b) => b.length - a.length);
    binds.set(entry, [...(binds.get(entry) ?? []), { name, ...bind }]);
  }
  return binds;
}

function eachBind(listeners: MapTree, binds: ReadonlyMap<string, readonly NamedBind[]>): DataMap {
  const all = listeners.entries.flatMap(({ key, value }): [string, Data][] => {
    const data = dataOf(value, key, false);
    return (binds.get(key) ?? [undefined]).map((one) =>
      one === undefined ? [key, data] : [one.name, { ...(data as DataMap), bind: bindText(one) }],
    );
  });
  return Object.fromEntries(all);
}

function bindText({ host, port }: NamedBind): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function eachPool(pools: MapTree, { pools: running, routes }: GatewayConfig): DataMap {
  const all = pools.entries.flatMap(({ key, value }): [string, Data][] => {
    const data = dataOf(value, key, false) as DataMap;
    const names = new Set(routes.flatMap((route) => Object.values(poolsByListener(route, key))));
    if (names.size === 0) return [[key, data]];
    return running
      .filter(({ name }) => names.has(name))
      .map((pool) => [pool.name, { ...data, nodes: nodesAt(data, pool) }]);
  });
  return Object.fromEntries(all);
}

function nodesAt(data: DataMap, { nodes }: PoolConfig): Data {
  const given = data.nodes as { readonly [name: string]: DataMap };
  return Object.fromEntries(nodes.map(({ name, url }) => [name, { ...given[name], url }]));
}

/** Where a pool is one for each port. */
function poolsByListener({ action }: RouteConfig, pool: string): Readonly<Record<string, string>> {
  return action.kind === 'pool' && action.pool === pool ? (action.poolOf ?? {}) : {};
}

/** A route to a pool of which there is one for each port is a route for each of them. */
function eachRoute(
  item: Tree,
  route: RouteConfig | undefined,
  { listeners }: GatewayConfig,
  hasRanges: boolean,
): Data[] {
  const data = dataOf(item, 'routes', false) as DataMap;
  if (route === undefined || !hasRanges) return [data];
  const named = route.when.find(({ subject }) => subject.kind === 'listener');
  const when = (listener: Data | undefined): { readonly when?: DataMap } => {
    const others = Object.entries((data.when ?? {}) as DataMap).filter(([key]) => key !== 'listener');
    const all = listener === undefined ? others : [['listener', listener] as const, ...others];
    return all.length === 0 ? {} : { when: Object.fromEntries(all) };
  };
  const { when: _when, to, ...rest } = data;
  if (route.action.kind !== 'pool' || route.action.poolOf === undefined)
    return [{ ...rest, ...when(named && testData(named.test)), ...(to !== undefined && { to }) }];
  const taken = new Map<string, string[]>();
  for (const [listener, pool] of Object.entries(route.action.poolOf))
    if (named === undefined || passesName(named.test, listener))
      taken.set(pool, [...(taken.get(pool) ?? []), listener]);
  const order = listeners.map(({ name }) => name);
  return [...taken].map(([pool, names]) => {
    const sorted = names.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    return { ...rest, name: `${route.name} (${pool})`, ...when(sorted), to: pool };
  });
}

/** A condition on the listener, by the names of those that there are. */
function testData(test: ValueTest): Data {
  switch (test.kind) {
    case 'equals':
      return test.value;
    case 'any':
      return test.tests.map(testData);
    case 'not':
      return { not: testData(test.test) };
    case 'exists':
      return { exists: test.exists };
    case 'regex':
      return `/${test.source}/${test.flags}`;
    case 'cidr':
      return test.range;
  }
}

function entriesIn(tree: MapTree, key: string): readonly Entry[] {
  const value = entryIn(tree, key)?.value;
  return value?.kind === 'map' ? value.entries : [];
}

function dataOf(tree: Tree, key: string, isSecret: boolean): Data {
  if (tree.kind === 'scalar') return isSecret ? masked(tree) : scalarData(tree);
  if (tree.kind === 'list') return tree.items.map((item) => dataOf(item, key, isSecret));
  if (tree.kind !== 'map') return null;
  if (isSecret && standsForScalar(tree)) return dataOf(tree, key, false);
  return Object.fromEntries(
    tree.entries.map((entry) => [
      entry.key,
      dataOf(entry.value, entry.key, isSecret || HOLD_SECRETS.has(key) || SECRET_KEYS.has(entry.key)),
    ]),
  );
}

/** `${NAME}` says where a secret is, and not what it is. */
function masked({ written }: Scalar): string {
  return written !== undefined && /^\$\{\w+\}$/.test(written) ? written : MASK;
}

/** As YAML would read it where that is the same text. */
function scalarData({ text }: Scalar): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  if (text !== '' && String(number) === text && Number.isSafeInteger(number)) return number;
  return text.replaceAll('${', () => '$${');
}
