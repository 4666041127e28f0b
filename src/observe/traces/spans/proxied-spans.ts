// The trace of one proxied request that is over: SERVER root, a `queue` for each wait, a `forward` for each attempt,
// `reply`. Of the request's target, its Host and its headers nothing is told: each of them may name a patient.
import { statusOf } from '../../../../listeners/http/statuses.ts';
import type { GatewayError } from '../../../errors.ts';
import { monotonicMs } from '../../../platform/time.ts';
import type { ProxiedRequest } from '../../../relay/http-scheduler.ts';
import type { SenderFault } from '../../observer.ts';
import { INTERNAL, SERVER, type SpanError, type SpanWriter } from '../span-writer.ts';
import {
  attemptSpanCount,
  knownMethod,
  putPeer,
  putRequest,
  requestName,
  type SpanContext,
  schemeOf,
  spanError,
  statusError,
  writeAttempts,
} from './attempt-spans.ts';
import {
  ATTEMPTS,
  LISTENER,
  METHOD,
  NODE,
  POOL,
  PROTOCOL,
  PROTOCOL_VERSION,
  REQUEST_SIZE,
  RESPONSE_SIZE,
  ROUTE,
  SCHEME,
  STATUS,
  UPGRADED,
} from './attributes.ts';
import { putHeader } from './header-attributes.ts';

export function proxiedSpanCount({ attempts }: ProxiedRequest, context: SpanContext): number {
  return 2 + attemptSpanCount(attempts, context);
}

export function writeProxied(
  out: SpanWriter,
  record: ProxiedRequest,
  context: SpanContext,
  state: string | undefined,
): void {
  const { receivedAt, repliedAt, method, version, route, pool, status, attempts } = record;
  const settledAt = record.settledAt ?? receivedAt;
  out.root(record.trace, requestName(method, route?.name), SERVER, receivedAt, settledAt, state);
  out.put(LISTENER, record.listener);
  putPeer(out, record.peer);
  out.put(PROTOCOL, 'http');
  out.put(PROTOCOL_VERSION, version === '2.0' ? '2' : version);
  putRequest(out, method, schemeOf(context, record.listener));
  out.put(STATUS, status);
  out.put(REQUEST_SIZE, record.requestBytes);
  out.put(RESPONSE_SIZE, record.responseBytes);
  if (record.upgraded) out.put(UPGRADED, true);
  out.put(ROUTE, route?.name);
  out.put(POOL, pool?.name);
  out.put(NODE, attempts.at(-1)?.node);
  if (attempts.length > 0) out.put(ATTEMPTS, attempts.length);
  out.end(rootError(record));
  writeAttempts(out, record, context, (of, { writtenAt, status: said }) => {
    if (writtenAt !== undefined) of.put(METHOD, knownMethod(method));
    return statusError(said);
  });
  out.child('reply', INTERNAL, repliedAt ?? settledAt, settledAt);
  out.put(STATUS, status);
  out.end();
}

/** Semantic conventions for HTTP: of a server, 5xx is an error, whose type is the status where there is no other. */
function rootError({ error, status }: ProxiedRequest): SpanError | undefined {
  if (error !== undefined) return refusal(error);
  return status !== undefined && status >= 500 ? { type: String(status), text: undefined } : undefined;
}

/** What a request itself is refused for has a 4xx, which is no error of a server. */
function refusal(error: GatewayError): SpanError {
  return statusOf(error.code) < 500 ? { ...spanError(error), isAnswer: true } : spanError(error);
}

export function isProxiedWorthIt(record: ProxiedRequest): boolean {
  return rootError(record) !== undefined || record.attempts.some(({ error }) => error !== undefined);
}

/** Something that never became a message: a root alone, of the moment when it was found. */
export function writeFault(
  out: SpanWriter,
  { listener, protocol, error, peer, header, trace }: SenderFault,
  context: SpanContext,
  state: string | undefined,
): void {
  const now = monotonicMs();
  out.root(trace, protocol === 'http' ? 'HTTP' : `${protocol} ${listener}`, SERVER, now, now, state);
  out.put(LISTENER, listener);
  if (header !== undefined) putHeader(out, header, context.identifiers);
  if (peer !== undefined) putPeer(out, peer);
  if (protocol !== 'tcp') out.put(PROTOCOL, protocol);
  if (protocol === 'http') {
    out.put(SCHEME, schemeOf(context, listener));
    out.put(STATUS, statusOf(error.code));
  }
  out.end(protocol === 'http' ? refusal(error) : spanError(error));
}
