// May a proxied request be given to another node? (RFC 9110 9.2.2, F68.) What resend.ts is to messages.
import type { PoolConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';
import type { ProxiedRequest } from './proxied-request.ts';

/** RFC 9110 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * After a failure before its response began, with all of its body still there: yes where nothing was written, or where
 * the same again does no harm.
 */
export function mayTryAgain(
  { method, receivedAt, writes }: ProxiedRequest,
  { budgetMs, attempts }: PoolConfig['retry'],
  { side, code }: GatewayError,
  sent: boolean,
): boolean {
  if (side !== 'node' || performance.now() - receivedAt >= budgetMs) return false;
  return !sent || (code === 'GW_ERR_NODE_CLOSED' && IDEMPOTENT.has(method) && writes < attempts);
}
