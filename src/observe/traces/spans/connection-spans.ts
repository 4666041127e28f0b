// The trace of one connection that was passed on and is over: SERVER root, a `queue` for each wait, a `forward` for each dial.
// Nothing of what it carried is told.
import type { TcpConnection } from '../../../relay/tcp-scheduler.ts';
import { SERVER, type SpanWriter } from '../span-writer.ts';
import { attemptSpanCount, putPeer, type SpanContext, spanError, writeAttempts } from './attempt-spans.ts';
import {
  ATTEMPTS,
  BYTES_TO_NODE,
  BYTES_TO_SENDER,
  ENDED_BY,
  LISTENER,
  NODE,
  POOL,
  ROUTE,
} from './attributes.ts';

export function connectionSpanCount({ attempts }: TcpConnection, context: SpanContext): number {
  return 1 + attemptSpanCount(attempts, context);
}

export function writeConnection(
  out: SpanWriter,
  record: TcpConnection,
  context: SpanContext,
  state: string | undefined,
): void {
  const { trace, listener, receivedAt, settledAt = receivedAt, error, attemptCount } = record;
  out.root(trace, `tcp ${listener}`, SERVER, receivedAt, settledAt, state);
  out.put(LISTENER, listener);
  putPeer(out, record.peer);
  out.put(ROUTE, record.route?.name);
  out.put(POOL, record.pool?.name);
  out.put(NODE, record.node);
  if (attemptCount > 0) out.put(ATTEMPTS, attemptCount);
  out.put(BYTES_TO_NODE, record.bytesToNode);
  out.put(BYTES_TO_SENDER, record.bytesToSender);
  out.put(ENDED_BY, record.endedBy);
  out.end(isIdle(record) || error === undefined ? undefined : spanError(error));
  writeAttempts(out, record, context, () => undefined);
}

export function isConnectionWorthIt(record: TcpConnection): boolean {
  return (
    (record.error !== undefined && !isIdle(record)) ||
    record.attempts.some(({ error }) => error !== undefined)
  );
}

/** That it had nothing more to say is no failure. */
function isIdle({ error }: TcpConnection): boolean {
  return error?.code === 'GW_ERR_SENDER_IDLE';
}
