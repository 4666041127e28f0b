// Health checks, ejection and slow start of one pool, from its section to the typed result.
// Promises that a check has what its type needs, and nothing that another type is told by.
import type { NodeConfig } from './config.ts';
import type { CheckConfig, Credentials, EjectionConfig, HealthConfig, Portion } from './health-config.ts';
import { readBodyRule, readHeaderRules, readMessage, readStatuses } from './health-values.ts';
import type { Section } from './section.ts';
import type { ReadContext } from './source/value.ts';

type CheckType = CheckConfig['type'];

/** What only some types know. */
const KEYS: Readonly<Record<string, readonly CheckType[]>> = {
  port: ['tcp', 'tls', 'mllp'],
  url: ['http', 'mirth'],
  tls: ['tls', 'http', 'mirth', 'mllp'],
  user: ['http', 'mirth'],
  password: ['http', 'mirth'],
  method: ['http'],
  path: ['http'],
  headers: ['http'],
  status: ['http'],
  body: ['http'],
  channel: ['mirth'],
  message: ['mllp'],
  ack: ['mllp'],
};

/** Mirth's web server listens there, HTTPS only (8080 is without TLS and has no API). */
const MIRTH_URL = 'https://{host}:8443';

export function buildHealth(pool: Section, nodes: readonly NodeConfig[], reading: ReadContext): HealthConfig {
  const type = pool.word<CheckType>('health.type');
  for (const [key, types] of Object.entries(KEYS)) {
    if (pool.has(`health.${key}`) && !types.includes(type))
      pool.error(`health.${key}`, `is for type ${types.join(', ')}, and the type is ${type}`);
  }
  checkNodes(pool, type, nodes);
  if (type === 'none' && pool.word('health.initial') === 'down')
    pool.error('health.initial', 'type none never finds out that a node is up');
  const intervalMs = pool.number('health.interval');
  return {
    check: buildCheck(pool, type, reading),
    intervalMs,
    fastIntervalMs: Math.min(intervalMs, pool.number('health.fastInterval')),
    timeoutMs: pool.number('health.timeout'),
    rise: pool.number('health.rise'),
    fall: pool.number('health.fall'),
    initial: pool.word('health.initial'),
  };
}

function buildCheck(pool: Section, type: CheckType, reading: ReadContext): CheckConfig {
  const port = pool.has('health.port') ? pool.number('health.port') : undefined;
  const credentials = readCredentials(pool, type);
  if (type === 'none') return { type };
  if (type === 'tcp' && !pool.has('health.type')) return { type, port, isDefault: true };
  if (type === 'tcp' || type === 'tls') return { type, port };
  if (type === 'mllp') {
    return { type, port, message: readMessage(pool, reading), ack: pool.word('health.ack') };
  }
  if (type === 'http') {
    return {
      type,
      method: pool.word('health.method'),
      headers: readHeaderRules(pool, reading),
      statuses: readStatuses(pool),
      body: readBodyRule(pool),
      credentials,
    };
  }
  const channel = pool.optionalText('health.channel');
  if (pool.has('health.channel') && !pool.has('health.user'))
    pool.error('health.channel', 'needs user and password: Mirth tells nobody else of its channels');
  return { type, credentials, channel };
}

/** Which nodes a type of check cannot ask. */
function checkNodes(pool: Section, type: CheckType, nodes: readonly NodeConfig[]): void {
  const plain = nodes.find(({ tls, host }) => tls === undefined && host !== '');
  if (type === 'tls' && plain !== undefined && !pool.has('health.tls')) {
    const [scheme] = plain.url.split(':');
    pool.error(
      'health.type',
      `a TLS handshake needs mllps:// or https:// nodes, and node ${plain.name} is ${scheme}://; tcp checks both`,
    );
  }
  const web = nodes.find(({ url }) => isWeb(url));
  if (type === 'mllp' && web !== undefined)
    pool.error('health.type', `node ${web.name} speaks HTTP; http checks it`);
}

function isWeb(url: string): boolean {
  return /^https?:/.test(url);
}

function readCredentials(pool: Section, type: CheckType): Credentials | undefined {
  const user = pool.optionalText('health.user');
  const password = pool.optionalText('health.password');
  if (type !== 'http' && type !== 'mirth') return undefined;
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
  pool: Section,
  nodes: readonly NodeConfig[],
  { problems }: ReadContext,
): NodeConfig[] {
  const type = pool.word<CheckType>('health.type');
  const own = pool.optionalText('health.url');
  const path = pool.optionalText('health.path');
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
    if (url === undefined) {
      const text = 'must be a URL whose only placeholder is {host}';
      if (node.checkUrl === undefined) pool.error('health.url', text);
      else problems.error(place, key, text);
    } else if (url.startsWith('http:') && pool.has('health.password')) {
      const text = 'sends the password over a connection without TLS';
      if (node.checkUrl === undefined && own !== undefined) pool.warn('health.url', text);
      else problems.warn(place, key, text);
    }
    return { ...node, checkUrl: url };
  });
}

/** An HTTP node is asked itself; the API of Mirth stands beside its MLLP ports. */
function defaultUrl(type: 'http' | 'mirth', { url }: NodeConfig): string | undefined {
  if (type === 'http') return isWeb(url) ? url : undefined;
  return url.startsWith('https:') ? new URL(url).origin : MIRTH_URL;
}

function resolveUrl(text: string, host: string, path: string | undefined): string | undefined {
  const resolved = text.replaceAll('{host}', host.includes(':') ? `[${host}]` : host);
  if (/[{}#]/.test(resolved) || !URL.canParse(resolved)) return undefined;
  const url = new URL(resolved);
  return path === undefined ? url.href : `${url.origin}${path}`;
}

export function buildEjection(pool: Section): EjectionConfig {
  const share = pool.has('ejection.errors.share') ? pool.number('ejection.errors.share') : undefined;
  const base = pool.has('ejection.base') ? 'ejection.base' : 'health.interval';
  return {
    baseMs: pool.number(base),
    maxMs: Math.max(pool.number('ejection.max'), pool.number(base)),
    maxEjected: readPortion(pool, 'ejection.maxEjected'),
    errors:
      share === undefined
        ? undefined
        : {
            share,
            windowMs: pool.number('ejection.errors.window'),
            answers: pool.number('ejection.errors.answers'),
          },
  };
}

function readPortion(pool: Section, key: string): Portion {
  const text = pool.text(key);
  const [, digits, percent] = /^(0|[1-9]\d{0,3})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === undefined || (percent === '%' && number > 100))
    pool.error(key, 'must be a number of nodes, or a share of them such as 50%');
  return percent === '%' ? { share: number / 100 } : { count: number };
}
