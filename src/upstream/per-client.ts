// Connections to a node that are of one client address each, as the node is to see whose messages and requests come on them.
import type { GatewayError } from '../errors.ts';

export interface PerClient {
  /** MLLP: connections that one client may have to a node. HTTP: those of one that are kept while they are idle. */
  readonly max: number;
  /** How long a connection of a client is kept without a message, instead of the pool's. */
  readonly idleMs: number;
  /** MLLP: how long a message waits while all that its client may have are busy. */
  readonly waitMs: number;
  /** Connections come from the client's own address (IP_TRANSPARENT). */
  readonly isSource: boolean;
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

/** Where a client's connections come from; undefined: from this machine. */
export function sourceOf(perClient: PerClient | undefined, client: string | undefined): string | undefined {
  return perClient?.isSource === true ? client : undefined;
}
