// Connections to a node that are of one client address each, as the node is to see whose messages and requests come on them: by where
// they come from, or by the header that they begin with.
import type { GatewayError } from '../errors.ts';
import type { DialOptions } from './dial.ts';
import { headerOfClient, type ProxyProtocolVersion } from './proxy-header.ts';

export interface PerClient {
  /** MLLP: connections that one client may have to a node. HTTP: those of one that are kept while they are idle. */
  readonly max: number;
  /** How long a connection of a client is kept without a message, instead of the pool's. */
  readonly idleMs: number;
  /** MLLP: how long a message waits while all that its client may have are busy. */
  readonly waitMs: number;
  /** Connections come from the client's own address (IP_TRANSPARENT). */
  readonly isSource: boolean;
  /** Each connection begins with a header that names its client. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
}

/** Whose connection it is; all of those of which nothing is known have one name. */
export function clientKey(clientAddress: string | undefined): string {
  return clientAddress ?? '';
}

/**
 * The failure says something of one client's connections and nothing of the node, which has connections of others: there may be no way
 * back to this client alone.
 */
export function isOfOneClient(
  { code }: GatewayError,
  perClient: PerClient | undefined,
  openConnections: number,
): boolean {
  return code === 'GW_ERR_NODE_CONNECT_TIMEOUT' && perClient?.isSource === true && openConnections > 0;
}

/** How a client's connections begin: where they come from, and what they say first. */
export function dialFor(
  perClient: PerClient | undefined,
  client: string | undefined,
): Pick<DialOptions, 'from' | 'proxyHeader'> {
  if (perClient === undefined) return {};
  const { isSource, proxyProtocol } = perClient;
  return {
    from: isSource ? client : undefined,
    proxyHeader: proxyProtocol && headerOfClient(proxyProtocol, client),
  };
}
