// Which changes of a listener's config can be taken up while it listens, and which need its port opened anew.
// Promises that what decides about connections (who, how secure, how many) never changes half.
import { isDeepStrictEqual } from 'node:util';
import type { ListenerConfig } from '../../src/config/config.ts';

export function hasSameBinding(one: ListenerConfig, other: ListenerConfig): boolean {
  return isDeepStrictEqual(door(one), door(other));
}

/** The rest is asked for each message, or each new connection. */
function door(config: ListenerConfig): object {
  const { protocol, bind, reusePort, tls, trustedProxies, proxyProtocol, limits, http } = config;
  const { bodyTimeoutMs: _, users: __, realm: ___, path: ____, ...server } = http;
  const { maxConnections, maxConnectionsPerSource, writeTimeoutMs } = limits;
  const perConnection = protocol === 'http' ? { server, writeTimeoutMs } : {};
  const most = { maxConnections, maxConnectionsPerSource };
  return { protocol, bind, reusePort, tls, trustedProxies, proxyProtocol, ...most, ...perConnection };
}
