// One pool of the config, with its nodes and its sticky keys, from its sections to the typed result.
// Promises that what one key says of another within the pool has been checked.
import type { NodeConfig, NodeTlsConfig, PoolConfig } from '../config.ts';
import { isText, parsePoolNodeUrl } from '../formats.ts';
import { keysOnlyFor } from '../keys/key.ts';
import { NODE_KEYS, PERSISTENCE_KEYS, POOL_KEYS } from '../keys/pool.ts';
import { HEALTH_TLS_KEYS, NODE_TLS_KEYS } from '../keys/tls.ts';
import { readSection, type Section } from '../read/section.ts';
import type { Entry, ReadContext } from '../source/value.ts';
import { buildDiscover } from './discover.ts';
import { buildEjection, buildHealth, withCheckUrls } from './health.ts';
import { checkName } from './name.ts';
import { buildPersistence } from './persistence.ts';
import { buildDuplicates, buildSpool } from './spool.ts';
import { buildNodeTls } from './tls/node-tls.ts';

type PoolSection = Section<typeof POOL_KEYS>;

export function buildPool(entry: Entry, reading: ReadContext): PoolConfig {
  const key = `pools.${entry.key}`;
  checkName(entry, key, reading);
  const pool = readSection(entry.value, POOL_KEYS, { key, place: entry.place }, reading);
  const built = pool
    .entries('nodes')
    .map((node) => buildNode(node, `${key}.nodes.${node.key}`, pool.values.source, reading));
  const nodes = withCheckUrls(pool, built, reading);
  const found = buildDiscover(pool, (one, at) => buildNode(one, at, pool.values.source, reading), reading);
  const [template] = found === undefined ? [] : withCheckUrls(pool, [found.template], reading);
  const discover = found && template && { ...found, template };
  if (!pool.has('nodes') && !pool.has('discover') && entry.value.kind === 'map')
    pool.error('nodes', 'is required');
  if (discover === undefined) checkNodes(pool, nodes);
  const known = template === undefined ? nodes : [...nodes, template];
  checkProtocol(pool, known, reading);
  // Of a node whose URL was refused nothing is known.
  const protocols = known.filter(({ host }) => host !== '').map(protocolOf);
  if (discover !== undefined && nodes.some(({ portOffset }) => portOffset !== undefined))
    pool.error('discover', 'does not go with nodes that take the port which the sender came to');

  const section = pool.section('persistence', PERSISTENCE_KEYS);
  const persistence = section && buildPersistence(section, protocols[0], reading);
  const { connections, health: _health, ejection: _ejection, ...values } = pool.values;
  const isKeyed =
    section === undefined ? pool.has('persistence') : section.has('by') || !section.has('cookie');
  if (!isKeyed) {
    const needs = 'needs persistence.by, which says what the sticky key is';
    if (values.balance === 'hash') pool.error('balance', `hash ${needs}`);
    if (values.ordering === 'key') pool.error('ordering', `key ${needs}`);
  }
  const protocol = protocols[0] ?? 'mllp';
  const usual = USUAL[protocol];
  return {
    ...values,
    name: entry.key,
    protocol,
    nodes,
    discover,
    persistence,
    connections: {
      ...connections,
      max: connections.max === 'auto' ? usual.max : connections.max,
      idleMs: connections.idleMs ?? usual.idleMs,
      reuse: connections.reuse === 'auto' ? undefined : connections.reuse,
      perClient: {
        max: connections.perClient.max === 'auto' ? usual.perClient : connections.perClient.max,
        idleMs: Math.min(connections.perClient.idleMs, connections.idleMs ?? usual.idleMs),
      },
    },
    health: buildHealth(pool, known, reading),
    checkTls: buildCheckTls(pool, reading),
    ejection: buildEjection(pool),
    contentType: readContentType(pool),
    spool: buildSpool(pool, protocol, reading),
    duplicates: buildDuplicates(pool, protocol),
  };
}

/** Those of `health` go by its type. */
const { health: _ofHealth, ...OWN_KEYS } = POOL_KEYS;

const USUAL = {
  /** A Mirth listener takes 10 connections by default. */
  mllp: { max: 8, perClient: 4, idleMs: 300_000 },
  /**
   * As many requests at once as Mirth's web server has threads for. Mirth's HTTP listener closes an idle connection after 30 s; a
   * request must not meet that.
   */
  http: { max: 256, perClient: 64, idleMs: 20_000 },
  /** As many as a listener takes by default. A database's client may be silent for a day. */
  tcp: { max: 1000, perClient: 1000, idleMs: 0 },
} as const;

const PROTOCOLS = {
  mllp: 'mllp',
  mllps: 'mllp',
  http: 'http',
  https: 'http',
  tcp: 'tcp',
  tls: 'tcp',
} as const;

function protocolOf({ protocol }: NodeConfig): PoolConfig['protocol'] {
  return PROTOCOLS[protocol];
}

function checkProtocol(pool: PoolSection, nodes: readonly NodeConfig[], { problems }: ReadContext): void {
  const entries = pool.entries('nodes');
  const known = nodes.flatMap((node, index) => (node.host === '' ? [] : { node, entry: entries[index] }));
  const [first] = known;
  if (first === undefined) return;
  const protocol = protocolOf(first.node);
  const other = known.find(({ node }) => protocolOf(node) !== protocol);
  if (other?.entry !== undefined) {
    const { name } = other.node;
    const message = `speaks ${protocolOf(other.node)} where ${first.node.name} speaks ${protocol}; nodes of one pool can stand in for each other`;
    problems.error(other.entry.place, `${pool.key}.nodes.${name}`, message);
    return;
  }
  if (other !== undefined) {
    pool.error(
      'discover',
      `finds nodes that speak ${protocolOf(other.node)} where ${first.node.name} speaks ${protocol}; nodes of one pool can stand in for each other`,
    );
    return;
  }
  for (const [key, only] of keysOnlyFor(OWN_KEYS)) {
    if (only.includes(protocol) || !pool.has(key)) continue;
    const whose = only
      .flatMap((one) => [`${one}://`, `${one}s://`])
      .join(', ')
      .replace(/, (?=[^,]*$)/, ' and ');
    if (protocol === 'tcp')
      pool.error(key, `is for ${whose} nodes: nothing is read of what tcp:// and tls:// nodes get`);
    else pool.warn(key, `has no effect: it is for ${whose} nodes`);
  }
}

/** RFC 9110 8.3.1, without parameters: the charset is added from the message. */
function readContentType(pool: PoolSection): string {
  const text = pool.values.contentType;
  if (isText(text) && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(text)) {
    pool.error('contentType', 'must be a type such as text/plain, without parameters');
  }
  return text;
}

function checkNodes(pool: PoolSection, nodes: readonly NodeConfig[]): void {
  if (pool.tree('nodes') === undefined) return;
  if (nodes.length === 0) pool.error('nodes', 'a pool needs at least one node');
  else if (nodes.every(({ backup }) => backup)) {
    pool.warn('nodes', 'every node is a backup, so the backups take all messages');
  } else if (nodes.every(({ backup, weight }) => backup || weight === 0)) {
    pool.warn('nodes', 'every node that is no backup has weight 0, so none of them takes a new message');
  }
}

function buildCheckTls(pool: PoolSection, reading: ReadContext): NodeTlsConfig | undefined {
  const tls = pool.section('health.tls', HEALTH_TLS_KEYS);
  return tls && buildNodeTls(tls, reading);
}

function buildNode(
  entry: Entry,
  key: string,
  poolSource: string | undefined,
  reading: ReadContext,
): NodeConfig {
  checkName(entry, key, reading);
  const node = readSection(entry.value, NODE_KEYS, { key, place: entry.place }, reading);
  const text = node.scalars('url')[0]?.text ?? '';
  const url = parsePoolNodeUrl(text);
  const isTls = node.tree('tls') !== undefined;
  // Without a `tls` map an mllps node takes the defaults: the system's roots, no client certificate.
  const tls = node.sectionOrDefaults('tls', NODE_TLS_KEYS);
  if (isTls && (url?.protocol === 'mllp' || url?.protocol === 'http' || url?.protocol === 'tcp')) {
    const { protocol: plain } = url;
    const secured = plain === 'tcp' ? 'tls' : `${plain}s`;
    node.error('tls', `the url says ${plain}://, which is without TLS; write ${secured}:// or leave tls out`);
  }
  const protocol = url?.protocol ?? 'mllp';
  const source = node.values.source ?? poolSource;
  return {
    name: entry.key,
    url: text,
    protocol,
    host: url?.host ?? '',
    port: url?.port ?? 0,
    ...(url?.portOffset !== undefined && { portOffset: url.portOffset }),
    path: url?.path ?? '/',
    weight: node.values.weight,
    backup: node.values.backup,
    source: source === 'client' ? undefined : source,
    isFromClients: source === 'client',
    tls: protocol.endsWith('s') || isTls ? buildNodeTls(tls, reading) : undefined,
    checkUrl: node.values.healthUrl,
  };
}
