// One node of a pool with what belongs to it: its connections, its check, its certificates; made from the config.
import { NodeTls } from '../../certs/node-tls.ts';
import type { CertificateStore } from '../../certs/store.ts';
import type { NodeConfig, PoolConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Log } from '../observe/log/log.ts';
import { clientSourceTrouble } from '../platform/client-source.ts';
import type { ReloadGuard } from '../relay/ordering.ts';
import { createCheck } from '../upstream/checks/create-check.ts';
import type { MirthServers } from '../upstream/checks/mirth-servers.ts';
import { HealthCheck } from '../upstream/health/health-check.ts';
import { HttpUpstream } from '../upstream/http/http-upstream.ts';
import { MllpUpstream, type MllpUpstreamOptions } from '../upstream/mllp/mllp-upstream.ts';
import { PerClientUpstream } from '../upstream/mllp/per-client-upstream.ts';
import { Node, type NodeWatcher } from '../upstream/node.ts';
import type { NodeSharing } from '../upstream/node-sharing.ts';
import type { PerClient } from '../upstream/per-client.ts';
import type { SharedLimits } from '../upstream/shared-limit.ts';
import { TcpUpstream } from '../upstream/tcp/tcp-upstream.ts';
import type { Upstream, UpstreamOwner } from '../upstream/upstream.ts';

export interface PoolContext {
  readonly store: CertificateStore;
  readonly log: Log;
  readonly rerouting: ReloadGuard;
  /** Whose REST APIs are asked, for all pools together. */
  readonly servers: MirthServers;
  /** The limits of connections that pools share. */
  readonly sharedLimits: SharedLimits;
  /** Of an answer: as large as the largest frame that is taken. */
  readonly maxAnswerBytes: number;
  /** Undefined: this process is the only one. */
  readonly sharing: NodeSharing | undefined;
  /** How long connections of a node go on that is taken out, where nothing tells when they may be ended. */
  readonly leaveMs: number;
}

export interface PoolNode {
  readonly config: NodeConfig;
  readonly node: Node;
  readonly check: HealthCheck | undefined;
  readonly http: HttpUpstream | undefined;
  readonly tcp: TcpUpstream | undefined;
  readonly tls: readonly (readonly [where: string, tls: NodeTls])[];
  /** What it was made from. */
  readonly recipe: object;
}

/**
 * `before`: the node that was at the same place. Nothing is dialled and no check runs before it is started.
 *
 * @throws GatewayError GW_ERR_TLS_FILE, GW_ERR_SOURCE
 */
export function createPoolNode(
  pool: PoolConfig,
  config: NodeConfig,
  context: PoolContext,
  watcher: NodeWatcher,
  before: Node | undefined,
): PoolNode {
  const { health, connections, timeouts, contentType } = pool;
  const { name, host, port, path, weight, backup, source } = config;
  const { log, maxAnswerBytes, sharing, sharedLimits, leaveMs } = context;
  const tls = config.tls && new NodeTls(config.tls, host);
  if (config.tls?.insecure === true) {
    log.warn({ pool: pool.name, node: name }, 'insecure: the certificate of this node is not checked');
  }
  const perClient = perClientOf(pool, config);
  const common = {
    node: name,
    host,
    port,
    source,
    tls,
    maxConnections: connections.max,
    idleMs: connections.idleMs,
    connectMs: timeouts.connectMs,
    ackMs: timeouts.ackMs,
    match: connections.match,
    reuse: connections.reuse,
    perClient,
  };
  let http: HttpUpstream | undefined;
  const overHttp = (owner: UpstreamOwner): HttpUpstream => {
    http = new HttpUpstream({ ...common, path, contentType, maxAnswerBytes }, owner);
    return http;
  };
  let tcp: TcpUpstream | undefined;
  const overTcp = (owner: UpstreamOwner): TcpUpstream => {
    const { proxyProtocol } = pool;
    tcp = new TcpUpstream(
      { ...common, leaveMs, proxyProtocol: proxyProtocol === 'off' ? undefined : proxyProtocol },
      owner,
    );
    return tcp;
  };
  const overMllp = (owner: UpstreamOwner): Upstream => {
    const options: MllpUpstreamOptions = {
      ...common,
      shared: connections.shared ? sharedLimits.of(host, port) : sharedLimits.ofNode(pool.name, name),
      pipelining: connections.pipelining,
      settleMs: connections.settleMs,
      applicationMs: timeouts.applicationMs,
      silenceMs: timeouts.silenceMs,
      repeatedIds: connections.repeatedIds,
      // F38: a node's banner or stray line before an answer is skipped; more than this is no MLLP node.
      answers: {
        maxFrameBytes: maxAnswerBytes,
        maxJunkBytes: 4096,
        strayEndByte: 'content',
        missingCr: 'refuse',
      },
    };
    return perClient === undefined
      ? new MllpUpstream(options, owner)
      : new PerClientUpstream(options, perClient, owner);
  };
  const ownUpstream = { mllp: overMllp, http: overHttp, tcp: overTcp }[pool.protocol];
  const parts = sharing?.judge === undefined ? createCheck(pool, config, tls, context.servers) : undefined;
  const node = new Node(
    {
      name,
      pool: pool.name,
      weight,
      backup,
      fall: health.fall,
      rise: health.rise,
      // With other settings it is the same node: one that serves need not show itself first. One that does not may do so now.
      initial: before?.health === 'up' ? 'up' : health.initial,
      proof: parts?.check.proof,
      ejection: pool.ejection,
      slowStartMs: pool.slowStartMs,
      answerless: pool.acknowledgement === 'never',
      judge: sharing?.judge?.(pool.name, name),
    },
    watcher,
    sharing?.upstream?.(pool.name, name) ?? ownUpstream,
  );
  const secured: (readonly [string, NodeTls])[] = [];
  if (tls !== undefined) secured.push([`pools.${pool.name}.nodes.${name}`, tls]);
  if (parts?.ownTls !== undefined) secured.push([`pools.${pool.name}.health.tls (${name})`, parts.ownTls]);
  const check =
    parts &&
    new HealthCheck(node, parts.check, {
      intervalMs: health.intervalMs,
      fastIntervalMs: health.fastIntervalMs,
      onNote: (note) => {
        const fields = { pool: pool.name, node: name };
        if (note === undefined) log.info(fields, 'the health check is as it should be again');
        else log.warn({ ...fields, note }, 'the health check passes, but cannot see all that it should');
      },
    });
  return { config, node, check, http, tcp, tls: secured, recipe: recipeOf(pool, config, context) };
}

/**
 * Undefined: connections carry messages of all clients, and come from this machine.
 *
 * @throws GatewayError GW_ERR_SOURCE
 */
function perClientOf(
  { name, protocol, connections, queue, proxyProtocol: version }: PoolConfig,
  node: NodeConfig,
): PerClient | undefined {
  // Over TCP each connection is of one client anyway.
  const proxyProtocol = version === 'off' || protocol === 'tcp' ? undefined : version;
  const options = { ...connections.perClient, waitMs: queue.timeoutMs, proxyProtocol };
  if (!node.isFromClients) return proxyProtocol && { ...options, isSource: false };
  const trouble = clientSourceTrouble();
  if (trouble !== undefined)
    throw new GatewayError('GW_ERR_SOURCE', {
      node: node.name,
      detail: `pool ${name}, source: client: ${trouble}`,
    });
  return { ...options, isSource: true };
}

/** Checks end; connections end when what is on them is answered. Nothing new may be given to them. */
export function closeNodes(nodes: readonly PoolNode[]): void {
  for (const { check, node } of nodes) {
    check?.stop();
    node.close();
  }
}

/** What is there is the same node, whatever it is called. */
export function isSamePlace(one: NodeConfig, other: NodeConfig): boolean {
  return one.host === other.host && one.port === other.port && one.path === other.path;
}

/** All that a node's connections and checks are made from; its weight can be changed under way. */
export function recipeOf(pool: PoolConfig, node: NodeConfig, { maxAnswerBytes }: PoolContext): object {
  const { weight: _, ...rest } = node;
  return {
    rest,
    // How long a message waits for its client's connections.
    waitMs: node.isFromClients || pool.proxyProtocol !== 'off' ? pool.queue.timeoutMs : undefined,
    connections: pool.connections,
    timeouts: pool.timeouts,
    health: pool.health,
    checkTls: pool.checkTls,
    ejection: pool.ejection,
    slowStartMs: pool.slowStartMs,
    acknowledgement: pool.acknowledgement,
    contentType: pool.contentType,
    proxyProtocol: pool.proxyProtocol,
    maxAnswerBytes,
  };
}
