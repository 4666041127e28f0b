// The config as it runs: a listener for each port of a range and each address of an interface, and for nodes that take the port which the
// sender came to a pool for each such port. So each has its own connections, checks, state and numbers, as any other has.
import { compileRegex } from '../../hl7/regex.ts';
import { leadsTo } from '../check/node-addresses.ts';
import type {
  Condition,
  GatewayConfig,
  ListenerConfig,
  NodeConfig,
  PoolConfig,
  RouteConfig,
  ValueTest,
} from '../config.ts';
import { urlAtPort } from '../formats.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext } from '../source/value.ts';

export function forEachPort(top: Section, config: GatewayConfig, reading: ReadContext): GatewayConfig {
  const isRelative = config.pools.some(({ nodes }) => nodes.some(goesByPort));
  if (!isRelative && config.listeners.every(({ binds }) => binds === undefined)) return config;
  const listeners = config.listeners.flatMap(listenersOf);
  refuseSameNames(top, config.listeners, reading);
  const names = new Map(config.listeners.map((one) => [one.name, listenersOf(one).map(({ name }) => name)]));
  const routes = config.routes.map((route) => ({
    ...route,
    when: route.when.map((one) => rewritten(one, names)),
  }));
  const ports = new Map<string, readonly number[]>();
  const pools = config.pools.flatMap((pool, index) => {
    if (!pool.nodes.some(goesByPort)) return [pool];
    const reaching = listeners.filter((listener) =>
      routes.some((route) => leadsFrom(route, listener, pool.name)),
    );
    const own = [...new Set(reaching.map(({ bind }) => bind.port))].sort((a, b) => a - b);
    ports.set(pool.name, own);
    const refuse = refusing(top, index, pool, reading);
    const unknown = reaching.find(({ bind }) => bind.port === 0);
    if (own.length === 0) refuse(undefined, 'no listener leads here, so no port is known');
    if (unknown !== undefined)
      refuse(
        undefined,
        `the port is that of the listener, and listener ${unknown.name} has none before it runs`,
      );
    return own.map((port) => poolAt(pool, port, listeners, refuse));
  });
  refuseSamePools(top, config.pools, pools, reading);
  return { ...config, listeners, pools, routes: routes.map((route) => withPools(route, ports, listeners)) };
}

function goesByPort({ portOffset }: NodeConfig): boolean {
  return portOffset !== undefined;
}

function listenersOf({ binds, ...listener }: ListenerConfig): ListenerConfig[] {
  if (binds === undefined) return [listener];
  return binds.map(({ name, host, port }) => ({ ...listener, name, bind: { host, port } }));
}

type Refuse = (node: string | undefined, message: string, isWarning?: boolean) => void;

/** Once for each node, as what is wrong at one port is wrong at others too. */
function refusing(
  top: Section,
  index: number,
  { name, nodes }: PoolConfig,
  { problems }: ReadContext,
): Refuse {
  const entry = top.entries('pools')[index];
  const told = new Set<string>();
  return (node = nodes.find(goesByPort)?.name ?? '', message, isWarning = false) => {
    if (entry === undefined || told.has(node)) return;
    told.add(node);
    const of = entryIn(entryIn(entry.value, 'nodes')?.value, node);
    const place = entryIn(of?.value, 'url')?.value.place ?? of?.place ?? entry.place;
    const key = `pools.${name}.nodes.${node}.url`;
    if (isWarning) problems.warn(place, key, message);
    else problems.error(place, key, message);
  };
}

function poolAt(
  pool: PoolConfig,
  port: number,
  listeners: readonly ListenerConfig[],
  refuse: Refuse,
): PoolConfig {
  const nodes = pool.nodes.map(({ portOffset, ...node }) => {
    if (portOffset === undefined) return node;
    const at = port + portOffset;
    if (port > 0 && (at < 1 || at > 65_535))
      refuse(node.name, `senders come to port ${port}, and ${at} is no port`);
    const own = listeners.find(({ bind }) => leadsTo({ host: node.host, port: at }, bind));
    // F114.
    if (own !== undefined)
      refuse(
        node.name,
        `is listener ${own.name} of this gateway: it would send its messages to itself`,
        true,
      );
    const checkUrl = node.checkUrl?.replaceAll('{port}', String(at));
    return { ...node, port: at, url: urlAtPort(node.url, at), checkUrl };
  });
  return { ...pool, name: `${pool.name}-${port}`, nodes };
}

function withPools(
  route: RouteConfig,
  ports: ReadonlyMap<string, readonly number[]>,
  listeners: readonly ListenerConfig[],
): RouteConfig {
  const { action } = route;
  const own = action.kind === 'pool' ? ports.get(action.pool) : undefined;
  if (action.kind !== 'pool' || own === undefined) return route;
  const reached = listeners.filter(({ bind }) => own.includes(bind.port));
  const poolOf = Object.fromEntries(reached.map(({ name, bind }) => [name, `${action.pool}-${bind.port}`]));
  return { ...route, action: { ...action, poolOf } };
}

function leadsFrom({ action, when }: RouteConfig, { name }: ListenerConfig, pool: string): boolean {
  if (action.kind !== 'pool' || action.pool !== pool) return false;
  return when.every(({ subject, test }) => subject.kind !== 'listener' || passesName(test, name));
}

/** What a condition on a listener says of its entry in the file it says of each of its ports. */
function rewritten(condition: Condition, names: ReadonlyMap<string, readonly string[]>): Condition {
  if (condition.subject.kind !== 'listener') return condition;
  const byNames = (test: ValueTest): ValueTest => {
    if (test.kind === 'not') return { kind: 'not', test: byNames(test.test) };
    if (test.kind === 'any') return { kind: 'any', tests: test.tests.map(byNames) };
    const passing = [...names].flatMap(([entry, own]) =>
      own.filter((name) => passesName(test, entry) || passesName(test, name)),
    );
    return { kind: 'any', tests: passing.map((value) => ({ kind: 'equals', value })) };
  };
  return { ...condition, test: byNames(condition.test) };
}

/** A test of a listener's name. */
export function passesName(test: ValueTest, name: string): boolean {
  switch (test.kind) {
    case 'equals':
      return test.value === name;
    case 'any':
      return test.tests.some((one) => passesName(one, name));
    case 'not':
      return !passesName(test.test, name);
    case 'exists':
      return test.exists;
    case 'regex':
      return compileRegex(test.source, test.flags).test(name);
    case 'cidr':
      return false;
  }
}

function refuseSameNames(
  top: Section,
  listeners: readonly ListenerConfig[],
  { problems }: ReadContext,
): void {
  const seen = new Map<string, string>(
    listeners.filter(({ binds }) => binds === undefined).map(({ name }) => [name, name]),
  );
  for (const [index, { name: entry, binds = [] }] of listeners.entries()) {
    for (const { name } of binds) {
      const other = seen.get(name);
      seen.set(name, entry);
      const at = top.entries('listeners')[index];
      if (other === undefined || at === undefined) continue;
      problems.error(
        at.place,
        `listeners.${entry}.bind`,
        `makes listener ${name}, a name that listener ${other} has already`,
      );
      break;
    }
  }
}

function refuseSamePools(
  top: Section,
  before: readonly PoolConfig[],
  pools: readonly PoolConfig[],
  { problems }: ReadContext,
): void {
  const twice = pools.find(({ name }, n) => pools.some((other, m) => m < n && other.name === name));
  if (twice === undefined) return;
  const index = before.findIndex(
    ({ name, nodes }) => nodes.some(goesByPort) && twice.name.startsWith(`${name}-`),
  );
  const entry = top.entries('pools')[index];
  const message = `makes pool ${twice.name}, a name that another pool has already`;
  problems.error(entry?.place ?? top.at('pools'), `pools.${entry?.key}`, message);
}
