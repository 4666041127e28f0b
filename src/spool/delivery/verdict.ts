// What becomes of a stored message when its delivery has ended: pure, by the outcome and the pool's config.
import type { SpoolConfig } from '../../config/config.ts';
import { isNegative } from '../../hl7/ack.ts';
import type { Message, Outcome } from '../../relay/message.ts';
import type { StoredMessage } from '../spool-store.ts';

export type DeliveryVerdict =
  | { readonly kind: 'delivered' }
  /** `wasSent`: a node had it; else nothing has changed. `boundTo`: the only node that may have it again. */
  | {
      readonly kind: 'again';
      readonly error: string;
      readonly wasSent: boolean;
      readonly boundTo: string | undefined;
    }
  | { readonly kind: 'dead'; readonly error: string; readonly boundTo: string | undefined }
  | { readonly kind: 'dropped'; readonly error: string };

type Deliver = SpoolConfig['deliver'];

/** `attempts`: with this one, where a node had it. */
export function verdictOf(
  { boundTo }: Pick<StoredMessage, 'boundTo'>,
  message: Pick<Message, 'boundTo' | 'attempts'>,
  outcome: Outcome,
  attempts: number,
  deliver: Deliver,
): DeliveryVerdict {
  switch (outcome.kind) {
    case 'answered':
      return isNegative(outcome.ack.code)
        ? refused(outcome.ack.code, boundTo, attempts, deliver)
        : { kind: 'delivered' };
    case 'unanswered':
      return { kind: 'delivered' };
    case 'failed': {
      const { error, ambiguous } = outcome;
      if (ambiguous) return unclear(boundTo, message, error.code, attempts, deliver);
      if (error.resend === 'never') return refused(error.code, boundTo, attempts, deliver);
      return { kind: 'again', error: error.code, wasSent: false, boundTo };
    }
    default:
      return { kind: 'again', error: outcome.kind, wasSent: false, boundTo };
  }
}

function refused(
  error: string,
  boundTo: string | undefined,
  attempts: number,
  { onNegative, attempts: most }: Deliver,
): DeliveryVerdict {
  if (onNegative === 'drop') return { kind: 'dropped', error };
  if (onNegative === 'dead-letter' || isEnough(attempts, most)) return { kind: 'dead', error, boundTo };
  // The node has said what it makes of it, so it need not be the one that gets it next.
  return { kind: 'again', error, wasSent: true, boundTo: undefined };
}

function unclear(
  boundTo: string | undefined,
  message: Pick<Message, 'boundTo' | 'attempts'>,
  error: string,
  attempts: number,
  { onAmbiguous, attempts: most }: Deliver,
): DeliveryVerdict {
  const node = boundTo ?? nodeThatMayHaveIt(message);
  if (onAmbiguous === 'dead-letter' || isEnough(attempts, most))
    return { kind: 'dead', error, boundTo: node };
  return { kind: 'again', error, wasSent: true, boundTo: onAmbiguous === 'same-node' ? node : undefined };
}

/** Undefined: none. */
export function nodeThatMayHaveIt({
  boundTo,
  attempts,
}: Pick<Message, 'boundTo' | 'attempts'>): string | undefined {
  return boundTo?.name ?? attempts.findLast(({ error }) => error?.resend === 'unsafe')?.node;
}

function isEnough(attempts: number, most: number): boolean {
  return most > 0 && attempts >= most;
}
