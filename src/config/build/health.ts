// Health checks, ejection and slow start of one pool, from its section to the typed result.
// Promises that a check has what its type needs, and nothing that another type is told by.
import type { NodeConfig } from '../config.ts';
import { urlAtPort } from '../formats.ts';
import type {
  CheckConfig,
  CheckType,
  Credentials,
  EjectionConfig,
  HealthConfig,
  KeysOf,
  Portion,
} from '../health-config.ts';
import { HEALTH_KEYS } from '../keys/health.ts';
import { keysOnlyFor, valueName } from '../keys/key.ts';
import type { POOL_KEYS } from '../keys/pool.ts';
import type { Section } from '../read/section.ts';
import type { ReadContext } from '../source/value.ts';
import { readBodyRule, readHeaderRules, readMessage, readStatuses } from './health-values.ts';

type PoolSection = Section<typeof POOL_KEYS>;

/** Mirth's web server listens there, HTTPS only (8080 is without TLS and has no API). */
const MIRTH_URL = 'https://{host}:8443';

export function buildHealth(
  pool: PoolSection,
  nodes: readonly NodeConfig[],
  reading: ReadContext,
): HealthConfig {
  const { type, initial, intervalMs, fastIntervalMs, timeoutMs, rise, fall } = pool.values.health;
  for (const [key, types] of keysOnlyFor(HEALTH_KEYS)) {
    if (pool.has(`health.${key}`) && !types.includes(type))
      pool.error(`health.${key}`, `is for type ${types.join(', ')}, and the type is ${type}`);
  }
  checkNodes(pool, type, nodes);
  if (type === 'none' && initial === 'down')
    pool.error('health.initial', 'type none never finds out that a node is up');
  return {
    check: buildCheck(pool, reading),
    intervalMs,
    fastIntervalMs: Math.min(intervalMs, fastIntervalMs),
    timeoutMs,
    rise,
    fall,
    initial,
  };
}

function buildCheck(pool: PoolSection, reading: ReadContext): CheckConfig {
  const { type, port, method, ack, channel } = pool.values.health;
  switch (type) {
    case 'tcp':
      return pool.has('health.type') ? { type, port } : { type, port, isDefault: true };
    case 'mllp':
      return { type, port, message: readMessage(pool, reading), ack };
    case 'http':
      return {
        type,
        method,
        headers: readHeaderRules(pool, reading),
        statuses: readStatuses(pool),
        body: readBodyRule(pool),
        credentials: readCredentials(pool),
      };
    case 'mirth':
      if (pool.has('health.channel') && !pool.has('health.user'))
        pool.error('health.channel', 'needs user and password: Mirth tells nobody else of its channels');
      return { type, credentials: readCredentials(pool), channel };
    default:
      return { type, ...keysOf(pool, type) };
  }
}

/** The values of the keys that are for one type, as they are. */
function keysOf<Type extends CheckType>(pool: PoolSection, type: Type): KeysOf<Type> {
  const values = new Map(Object.entries(pool.values.health));
  const own = keysOnlyFor(HEALTH_KEYS).flatMap(([key, only, part]) => {
    const name = valueName(key, part);
    return only.includes(type) && values.has(name) ? [[name, values.get(name)]] : [];
  });
  return Object.fromEntries(own);
}

/** Which nodes a type of check cannot ask. */
function checkNodes(pool: PoolSection, type: CheckType, nodes: readonly NodeConfig[]): void {
  const plain = nodes.find(({ tls, host }) => tls === undefined && host !== '');
  if (type === 'tls' && plain !== undefined && !pool.has('health.tls')) {
    const [scheme] = plain.url.split(':');
    pool.error(
      'health.type',
      `a TLS handshake needs mllps://, https:// or tls:// nodes, and node ${plain.name} is ${scheme}://; tcp checks both`,
    );
  }
  const web = nodes.find(({ url }) => isWeb(url));
  const passed = nodes.find(({ protocol }) => protocol === 'tcp' || protocol === 'tls');
  if (type === 'mllp' && passed !== undefined && !pool.has('health.port'))
    pool.error(
      'health.type',
      `node ${passed.name} is ${passed.protocol}://; tcp and tls check it, and mllp another port of it`,
    );
  if (type === 'mllp' && web !== undefined)
    pool.error('health.type', `node ${web.name} speaks HTTP; http checks it`);
}

function isWeb(url: string): boolean {
  return /^https?:/.test(url);
}

function readCredentials(pool: PoolSection): Credentials | undefined {
  const { user, password } = pool.values.health;
  for (const [one, other] of [
    ['user', 'password'],
    ['password', 'user'],
  ]) {
    if (pool.has(`health.${one}`) && !pool.has(`health.${other}`))
      pool.error(`health.${one}`, `needs ${other} as well`);
  }
  // RFC 7617 2: the first colon ends the user's name.
  if (user?.includes(':') === true) pool.error('health.user', 'has a colon, which no user name may have');
  return user === undefined || password === undefined ? undefined : { user, password };
}

/** The nodes, each with the place where it is asked. `healthUrl` of a node goes before the pool's `url`. */
export function withCheckUrls(
  pool: PoolSection,
  nodes: readonly NodeConfig[],
  { problems }: ReadContext,
): NodeConfig[] {
  const { type, url: own, path } = pool.values.health;
  if (path !== undefined && !/^\/[!-~]*$/.test(path))
    pool.error('health.path', 'must begin with / and hold no spaces');
  return nodes.map((node, index) => {
    const place = pool.entries('nodes')[index]?.place ?? pool.at('nodes');
    const key = `${pool.key}.nodes.${node.name}.healthUrl`;
    if (type !== 'http' && type !== 'mirth') {
      if (node.checkUrl !== undefined)
        problems.error(place, key, `is for health types http, mirth, and the type is ${type}`);
      return { ...node, checkUrl: undefined };
    }
    const given = node.checkUrl ?? own ?? defaultUrl(type, node);
    if (given === undefined) {
      // A URL that was refused has had its error.
      if (!pool.has('health.url'))
        pool.error('health.type', `http needs url: node ${node.name} itself speaks no HTTP`);
      return { ...node, checkUrl: undefined };
    }
    const url = resolveUrl(given, node.host, type === 'http' ? path : undefined);
    // Of a node whose URL was refused, or is not known here, nothing can be said.
    if (url === undefined && node.host === '') return { ...node, checkUrl: undefined };
    if (url === undefined) {
      const text = 'must be a URL whose only placeholder is {host}';
      if (node.checkUrl === undefined) pool.error('health.url', text);
      else problems.error(place, key, text);
    } else if (url.startsWith('http:') && pool.has('health.password')) {
      const text = 'sends the password over a connection without TLS';
      if (node.checkUrl === undefined && own !== undefined) pool.warn('health.url', text);
      else problems.warn(place, key, text);
    }
    const isAtPort = node.portOffset !== undefined && (node.checkUrl ?? own) === undefined && isWeb(node.url);
    return { ...node, checkUrl: isAtPort ? url?.replace(`:${PORT_TO_COME}/`, ':{port}/') : url };
  });
}

/** Of a node that goes by the port which the sender came to, until that is put in its place. */
const PORT_TO_COME = 1;

/** An HTTP node is asked itself; the API of Mirth stands beside its MLLP ports. */
function defaultUrl(type: 'http' | 'mirth', { url: written, portOffset }: NodeConfig): string | undefined {
  const url = portOffset === undefined ? written : urlAtPort(written, PORT_TO_COME);
  if (type === 'http') return isWeb(url) ? url : undefined;
  return url.startsWith('https:') ? new URL(url).origin : MIRTH_URL;
}

function resolveUrl(text: string, host: string, path: string | undefined): string | undefined {
  const resolved = text.replaceAll('{host}', host.includes(':') ? `[${host}]` : host);
  if (/[{}#]/.test(resolved) || !URL.canParse(resolved)) return undefined;
  const url = new URL(resolved);
  return path === undefined ? url.href : `${url.origin}${path}`;
}

export function buildEjection(pool: PoolSection): EjectionConfig {
  const { baseMs = pool.values.health.intervalMs, maxMs, maxEjected, errors } = pool.values.ejection;
  const { share } = errors;
  return {
    baseMs,
    maxMs: Math.max(maxMs, baseMs),
    maxEjected: readPortion(pool, 'ejection.maxEjected', maxEjected),
    errors: share === undefined ? undefined : { ...errors, share },
  };
}

function readPortion(pool: PoolSection, key: string, text: string): Portion {
  const [, digits, percent] = /^(0|[1-9]\d{0,3})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === undefined || (percent === '%' && number > 100))
    pool.error(key, 'must be a number of nodes, or a share of them such as 50%');
  return percent === '%' ? { share: number / 100 } : { count: number };
}
