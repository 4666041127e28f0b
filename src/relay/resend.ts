// May a message be sent again? A pure decision on how it failed: not sent, ambiguous, or answered (which is never
// asked here: a node's AE or AR is an answer and is passed back).
import type { PoolConfig } from '../config/config.ts';
import type { GatewayError } from '../errors.ts';

export type ResendDecision = 'other-node' | 'same-node' | 'give-up';

export interface AttemptsMade {
  /** How often the message was written to a node. */
  readonly writes: number;
  /** Since its first attempt could have begun. */
  readonly elapsedMs: number;
}

/**
 * Not sent (no byte written): another node, for as long as the budget lasts or the message might have been queued; it
 * cannot become a duplicate. Ambiguous (written, no answer): a node may have it and may even complete it later (Mirth
 * does, after a restart), so it is sent again only where the config accepts duplicates, and written `attempts` times at most.
 */
export function resendAfter(
  error: GatewayError,
  tried: AttemptsMade,
  config: Pick<PoolConfig, 'retry' | 'queue'>,
): ResendDecision {
  const { budgetMs, attempts, onAmbiguous } = config.retry;
  if (error.resend === 'never') return 'give-up';
  if (error.resend === 'safe')
    return tried.elapsedMs < Math.max(budgetMs, config.queue.timeoutMs) ? 'other-node' : 'give-up';
  if (onAmbiguous === 'fail' || tried.writes >= attempts || tried.elapsedMs >= budgetMs) return 'give-up';
  return onAmbiguous;
}
