// One pool of the config, with its nodes and its sticky keys, from its sections to the typed result.
// Promises that what one key says of another within the pool has been checked.
import { parseSubject, subjectTrouble } from './conditions.ts';
import type { NodeConfig, PersistenceConfig, PoolConfig, Subject } from './config.ts';
import { parseNodeUrl } from './formats.ts';
import { readSection, type Section } from './section.ts';
import type { Entry, Reading } from './source/value.ts';
import { buildNodeTls } from './tls/node-tls.ts';

/** Names go into URLs of the admin API, metrics and logs as they are. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Reports a name that is none, and goes on with it. */
export function checkName({ key: name, place }: Entry, key: string, { problems }: Reading): void {
  if (NAME.test(name)) return;
  problems.error(
    place,
    key,
    'a name has 1 to 63 letters, digits, ".", "_" and "-", and starts with a letter or digit',
  );
}

export function buildPool(entry: Entry, reading: Reading): PoolConfig {
  const key = `pools.${entry.key}`;
  checkName(entry, key, reading);
  const pool = readSection(entry.value, { key, pattern: 'pools.NAME', place: entry.place }, reading);
  const nodes = pool.entries('nodes').map((node) => buildNode(node, `${key}.nodes.${node.key}`, reading));
  checkNodes(pool, nodes);
  checkHealth(pool, nodes);

  const persistenceTree = pool.tree('persistence');
  const where = {
    key: `${key}.persistence`,
    pattern: 'pools.NAME.persistence',
    place: pool.at('persistence'),
  } as const;
  const persistence =
    persistenceTree && buildPersistence(readSection(persistenceTree, where, reading), reading);
  if (!pool.has('persistence')) {
    const needs = 'needs persistence.by, which says what the sticky key is';
    if (pool.text('balance') === 'hash') pool.error('balance', `hash ${needs}`);
    if (pool.text('ordering') === 'key') pool.error('ordering', `key ${needs}`);
  }
  return {
    name: entry.key,
    nodes,
    balance: pool.word('balance'),
    persistence,
    ordering: pool.word('ordering'),
    connections: {
      max: pool.number('connections.max'),
      pipelining: pool.number('connections.pipelining'),
      idleMs: pool.number('connections.idle'),
      settleMs: pool.number('connections.settle'),
    },
    queue: { max: pool.number('queue.max'), timeoutMs: pool.number('queue.timeout') },
    timeouts: { connectMs: pool.number('timeouts.connect'), ackMs: pool.number('timeouts.ack') },
    retry: {
      attempts: pool.number('retry.attempts'),
      budgetMs: pool.number('retry.budget'),
      onAmbiguous: pool.word('retry.onAmbiguous'),
    },
    health: {
      type: pool.word('health.type'),
      intervalMs: pool.number('health.interval'),
      timeoutMs: pool.number('health.timeout'),
      rise: pool.number('health.rise'),
      fall: pool.number('health.fall'),
    },
    acknowledgement: pool.word('acknowledgement'),
  };
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

function checkHealth(pool: Section, nodes: readonly NodeConfig[]): void {
  const plain = nodes.find(({ protocol }) => protocol === 'mllp');
  if (pool.word('health.type') === 'tls' && plain !== undefined) {
    pool.error(
      'health.type',
      `a TLS handshake needs mllps:// nodes, and node ${plain.name} is mllp://; tcp checks both`,
    );
  }
}

function buildNode(entry: Entry, key: string, reading: Reading): NodeConfig {
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
  if (tlsTree !== undefined && url?.protocol === 'mllp') {
    node.error('tls', 'the url says mllp://, which is without TLS; write mllps:// or leave tls out');
  }
  const protocol = url?.protocol ?? 'mllp';
  return {
    name: entry.key,
    url: node.text('url'),
    protocol,
    host: url?.host ?? '',
    port: url?.port ?? 0,
    weight: node.number('weight'),
    backup: node.flag('backup'),
    tls: protocol === 'mllps' || tlsTree !== undefined ? buildNodeTls(tls, reading) : undefined,
  };
}

function buildPersistence(section: Section, { problems }: Reading): PersistenceConfig {
  const by: Subject[] = [];
  const scalars = section.scalars('by');
  if (section.tree('by') !== undefined && scalars.length === 0)
    section.error('by', 'a sticky key needs at least one part');
  for (const { text, place } of scalars) {
    const subject = parseSubject(text);
    if (subject === undefined) problems.error(place, `${section.key}.by`, subjectTrouble(text));
    else by.push(subject);
  }
  return {
    by,
    mode: section.word('mode'),
    idleMs: section.number('idle'),
    maxSenders: section.number('maxSenders'),
  };
}
