// One pool of the config, with its nodes and its sticky keys, from its sections to the typed result.
// Promises that what one key says of another within the pool has been checked.
import { buildEjection, buildHealth, withCheckUrls } from './build-health.ts';
import { buildPersistence } from './build-persistence.ts';
import type { NodeConfig, NodeTlsConfig, PoolConfig } from './config.ts';
import { isText, parseNodeUrl } from './formats.ts';
import { readSection, type Section } from './section.ts';
import type { Entry, ReadContext } from './source/value.ts';
import { buildNodeTls } from './tls/node-tls.ts';

/** Names go into URLs of the admin API, metrics and logs as they are. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Reports a name that is none, and goes on with it. */
export function checkName({ key: name, place }: Entry, key: string, { problems }: ReadContext): void {
  if (NAME.test(name)) return;
  problems.error(
    place,
    key,
    'a name has 1 to 63 letters, digits, ".", "_" and "-", and starts with a letter or digit',
  );
}

export function buildPool(entry: Entry, reading: ReadContext): PoolConfig {
  const key = `pools.${entry.key}`;
  checkName(entry, key, reading);
  const pool = readSection(entry.value, { key, pattern: 'pools.NAME', place: entry.place }, reading);
  const built = pool.entries('nodes').map((node) => buildNode(node, `${key}.nodes.${node.key}`, reading));
  const nodes = withCheckUrls(pool, built, reading);
  checkNodes(pool, nodes);
  checkProtocol(pool, nodes, reading);
  // Of a node whose URL was refused nothing is known.
  const protocols = nodes.filter(({ host }) => host !== '').map(protocolOf);

  const persistenceTree = pool.tree('persistence');
  const where = {
    key: `${key}.persistence`,
    pattern: 'pools.NAME.persistence',
    place: pool.at('persistence'),
  } as const;
  const section = persistenceTree && readSection(persistenceTree, where, reading);
  const persistence = section && buildPersistence(section, protocols[0], reading);
  const isKeyed =
    section === undefined ? pool.has('persistence') : section.has('by') || !section.has('cookie');
  if (!isKeyed) {
    const needs = 'needs persistence.by, which says what the sticky key is';
    if (pool.text('balance') === 'hash') pool.error('balance', `hash ${needs}`);
    if (pool.text('ordering') === 'key') pool.error('ordering', `key ${needs}`);
  }
  const protocol = protocols[0] ?? 'mllp';
  return {
    name: entry.key,
    protocol,
    nodes,
    balance: pool.word('balance'),
    persistence,
    ordering: pool.word('ordering'),
    connections: {
      max: pool.optionalNumber('connections.max') ?? (protocol === 'http' ? MAX_HTTP : MAX_MLLP),
      shared: pool.flag('connections.shared'),
      pipelining: pool.number('connections.pipelining'),
      idleMs: pool.optionalNumber('connections.idle') ?? (protocol === 'http' ? IDLE_HTTP_MS : IDLE_MLLP_MS),
      settleMs: pool.number('connections.settle'),
      repeatedIds: pool.word('connections.repeatedIds'),
      match: pool.word('connections.match'),
      reuse: pool.optionalNumber('connections.reuse'),
    },
    queue: { max: pool.number('queue.max'), timeoutMs: pool.number('queue.timeout') },
    timeouts: {
      connectMs: pool.number('timeouts.connect'),
      ackMs: pool.number('timeouts.ack'),
      applicationMs: pool.number('timeouts.application'),
      silenceMs: pool.number('timeouts.silence'),
    },
    retry: {
      attempts: pool.number('retry.attempts'),
      budgetMs: pool.number('retry.budget'),
      onAmbiguous: pool.word('retry.onAmbiguous'),
    },
    health: buildHealth(pool, nodes, reading),
    checkTls: buildCheckTls(pool, reading),
    ejection: buildEjection(pool),
    slowStartMs: pool.number('slowStart'),
    acknowledgement: pool.word('acknowledgement'),
    contentType: readContentType(pool),
    charset: pool.word('charset'),
  };
}

/** A Mirth listener takes 10 connections by default. */
const MAX_MLLP = 8;
/** As many requests at once as Mirth's web server has threads for. */
const MAX_HTTP = 256;
const IDLE_MLLP_MS = 300_000;
/** Mirth's HTTP listener closes an idle connection after 30 s; a request must not meet that. */
const IDLE_HTTP_MS = 20_000;

function protocolOf({ protocol }: NodeConfig): PoolConfig['protocol'] {
  return protocol === 'http' || protocol === 'https' ? 'http' : 'mllp';
}

/** Keys that say nothing to nodes of one protocol. */
const ONLY = {
  mllp: ['connections.shared', 'connections.pipelining', 'connections.settle', 'connections.repeatedIds'],
  http: ['contentType', 'charset'],
} as const;

function checkProtocol(pool: Section, nodes: readonly NodeConfig[], { problems }: ReadContext): void {
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
  const foreign = protocol === 'http' ? 'mllp' : 'http';
  for (const key of ONLY[foreign]) {
    if (pool.has(key)) pool.warn(key, `has no effect: it is for ${foreign}:// and ${foreign}s:// nodes`);
  }
}

/** RFC 9110 8.3.1, without parameters: the charset is added from the message. */
function readContentType(pool: Section): string {
  const text = pool.text('contentType');
  if (isText(text) && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(text)) {
    pool.error('contentType', 'must be a type such as text/plain, without parameters');
  }
  return text;
}

function checkNodes(pool: Section, nodes: readonly NodeConfig[]): void {
  if (pool.tree('nodes') === undefined) return;
  if (nodes.length === 0) pool.error('nodes', 'a pool needs at least one node');
  else if (nodes.every(({ backup }) => backup)) {
    pool.warn('nodes', 'every node is a backup, so the backups take all messages');
  } else if (nodes.every(({ backup, weight }) => backup || weight === 0)) {
    pool.warn('nodes', 'every node that is no backup has weight 0, so none of them takes a new message');
  }
}

function buildCheckTls(pool: Section, reading: ReadContext): NodeTlsConfig | undefined {
  const tree = pool.tree('health.tls');
  if (tree === undefined) return undefined;
  const place = pool.at('health.tls');
  const where = { key: `${pool.key}.health.tls`, pattern: 'pools.NAME.health.tls', place } as const;
  return buildNodeTls(readSection(tree, where, reading), reading, 'pools.NAME.health.tls.cert');
}

function buildNode(entry: Entry, key: string, reading: ReadContext): NodeConfig {
  checkName(entry, key, reading);
  const node = readSection(
    entry.value,
    { key, pattern: 'pools.NAME.nodes.NAME', place: entry.place },
    reading,
  );
  const url = parseNodeUrl(node.text('url'));
  const tlsTree = node.tree('tls');
  const where = { key: `${key}.tls`, pattern: 'pools.NAME.nodes.NAME.tls', place: node.at('tls') } as const;
  // Without a `tls` map an mllps node takes the defaults: the system's roots, no client certificate.
  const tls = readSection(tlsTree ?? { kind: 'map', place: where.place, entries: [] }, where, reading);
  if (tlsTree !== undefined && (url?.protocol === 'mllp' || url?.protocol === 'http')) {
    const { protocol: plain } = url;
    node.error('tls', `the url says ${plain}://, which is without TLS; write ${plain}s:// or leave tls out`);
  }
  const protocol = url?.protocol ?? 'mllp';
  return {
    name: entry.key,
    url: node.text('url'),
    protocol,
    host: url?.host ?? '',
    port: url?.port ?? 0,
    path: url?.path ?? '/',
    weight: node.number('weight'),
    backup: node.flag('backup'),
    tls: protocol.endsWith('s') || tlsTree !== undefined ? buildNodeTls(tls, reading) : undefined,
    checkUrl: node.optionalText('healthUrl'),
  };
}
