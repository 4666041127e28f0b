// Makes the check that a pool's config asks for, for one of its nodes: which port or URL, with which TLS.
import { NodeTls, trusting } from '../../../certs/node-tls.ts';
import type { NodeConfig, PoolConfig } from '../../config/config.ts';
import type { DialTls } from '../dial.ts';
import { headerOfClient } from '../proxy-header.ts';
import type { Check } from './check.ts';
import { DialCheck } from './dial-check.ts';
import { HttpCheck } from './http-check.ts';
import { MirthCheck } from './mirth-check.ts';
import { MirthServers } from './mirth-servers.ts';
import { MllpCheck } from './mllp-check.ts';

export interface CheckParts {
  readonly check: Check;
  /** TLS of the check's own, whose files are to be watched; undefined: it has none. */
  readonly ownTls: NodeTls | undefined;
}

/**
 * `nodeTls`: that of the node's messages. `servers`: shared with the checks of other nodes and pools. Undefined: the pool's
 * nodes are not checked.
 *
 * @throws GatewayError GW_ERR_TLS_FILE
 */
export function createCheck(
  pool: PoolConfig,
  node: NodeConfig,
  nodeTls: DialTls | undefined,
  servers: MirthServers = new MirthServers(),
): CheckParts | undefined {
  const { check: config, timeoutMs } = pool.health;
  if (config.type === 'none') return undefined;
  const { name, host, source } = node;
  // As whoever connects there must; a check is the gateway's own.
  const header = pool.proxyProtocol === 'off' ? undefined : headerOfClient(pool.proxyProtocol, undefined);
  if (config.type === 'http' || config.type === 'mirth') {
    const url = new URL(node.checkUrl ?? node.url);
    const onDataPort = /^https?:/.test(node.url) && new URL(node.url).origin === url.origin;
    const ownTls = urlTls(pool, url, onDataPort ? nodeTls : undefined);
    const tls = url.protocol === 'https:' ? (ownTls ?? nodeTls) : undefined;
    const target = { node: name, url, tls, source, timeoutMs, proxyHeader: onDataPort ? header : undefined };
    if (config.type === 'http') return { check: new HttpCheck(target, config, onDataPort), ownTls };
    const trust = [tls && [pool.checkTls ?? (onDataPort && node.tls), ownTls === undefined && host], source];
    return {
      check: new MirthCheck(target, config, servers.lease(url, trust, config.credentials)),
      ownTls,
    };
  }
  const port = config.port ?? node.port;
  const ownTls = pool.checkTls === undefined ? undefined : new NodeTls(pool.checkTls, host);
  const onDataPort = port === node.port;
  // Another port may be without TLS.
  const isPlain = config.type === 'tcp' && !(config.isDefault === true && onDataPort);
  const tls = isPlain ? undefined : (ownTls ?? nodeTls);
  // A connection alone shows nothing of a handshake that fails (F47).
  const proof = {
    port: onDataPort && (!isPlain || node.tls === undefined),
    answer: config.type === 'mllp',
  };
  const proxyHeader = onDataPort ? header : undefined;
  const dialled = { node: name, host, port, source, tls, timeoutMs, onDataPort, proof, proxyHeader };
  const check =
    config.type === 'mllp'
      ? new MllpCheck({ ...dialled, ...config, port, settleMs: pool.connections.settleMs })
      : new DialCheck(dialled);
  return { check, ownTls };
}

/** Undefined where there is none, or where the node's own will do. */
function urlTls(pool: PoolConfig, url: URL, nodeTls: DialTls | undefined): NodeTls | undefined {
  if (url.protocol !== 'https:') return undefined;
  if (pool.checkTls === undefined && nodeTls !== undefined) return undefined;
  return new NodeTls(pool.checkTls ?? trusting(undefined), url.hostname.replace(/^\[|\]$/g, ''));
}
