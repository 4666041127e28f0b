// The trace of one proxied request that is over: SERVER root, a `queue` for each wait, a `forward` for each attempt,
// `reply`. Of the request's target, its Host and its headers nothing is told: each of them may name a patient.
import type { Attributes } from '@opentelemetry/api';
import type { Peer } from '../../routing/message-view.ts';
import type { GatewayError } from '../errors.ts';
import type { Header } from '../hl7/header.ts';
import type { Proxied } from '../relay/proxied.ts';
import type { Identifiers } from '../telemetry/identifiers.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import { type FinishedSpan, SERVER, type SpanParts, type SpanSource } from '../telemetry/traces/span.ts';
import { headerAttributes } from './exchange-spans.ts';
import { errorParts, put, putPeer, SpanDraft } from './span-draft.ts';

export function proxiedSpanCount({ attempts }: Proxied): number {
  return 2 + 2 * attempts.length;
}

export function proxiedSpans(record: Proxied, source: SpanSource): FinishedSpan[] {
  const { trace, receivedAt, repliedAt, method, version, route, pool, status, attempts } = record;
  const settledAt = record.settledAt ?? receivedAt;
  const draft = new SpanDraft(trace, source);
  const attributes: Attributes = { 'gateway.listener': record.listener };
  putPeer(attributes, record.peer);
  attributes['network.protocol.name'] = 'http';
  attributes['network.protocol.version'] = version === '2.0' ? '2' : version;
  attributes['http.request.method'] = method;
  put(attributes, 'http.response.status_code', status);
  attributes['http.request.body.size'] = record.requestBytes;
  attributes['http.response.body.size'] = record.responseBytes;
  if (record.upgraded) attributes['gateway.upgraded'] = true;
  put(attributes, 'gateway.route', route?.name);
  put(attributes, 'gateway.pool', pool?.name);
  put(attributes, 'gateway.node', attempts.at(-1)?.node);
  if (attempts.length > 0) attributes['gateway.attempts'] = attempts.length;
  const error = rootError(record);
  draft.root({
    name: route === undefined ? method : `${method} ${route.name}`,
    kind: SERVER,
    from: receivedAt,
    to: settledAt,
    attributes,
    error,
  });
  draft.attempts(record, ({ writtenAt }, forwarded) => {
    if (writtenAt !== undefined) forwarded['http.request.method'] = method;
  });
  const replied: Attributes = {};
  put(replied, 'http.response.status_code', status);
  draft.child('reply', repliedAt ?? settledAt, settledAt, replied);
  return draft.spans;
}

/** Semantic conventions for HTTP: of a server, 5xx is an error, whose type is the status where there is no other. */
function rootError({ error, status }: Proxied): SpanParts['error'] {
  if (error !== undefined) return errorParts(error);
  return status !== undefined && status >= 500 ? { type: String(status), text: undefined } : undefined;
}

export function isProxiedWorthIt(record: Proxied): boolean {
  return rootError(record) !== undefined || record.attempts.some(({ error }) => error !== undefined);
}

export interface FaultOrigin {
  readonly listener: string;
  readonly protocol: 'mllp' | 'http';
  readonly peer: Peer | undefined;
  readonly header: Header | undefined;
}

/** Something that never became a message: a root alone, of the moment when it was found. */
export function faultSpans(
  trace: TraceContext,
  error: GatewayError,
  { listener, protocol, peer, header }: FaultOrigin,
  identifiers: Identifiers,
  source: SpanSource,
): FinishedSpan[] {
  const now = performance.now();
  const attributes: Attributes =
    header === undefined ? { 'gateway.listener': listener } : headerAttributes(header, listener, identifiers);
  if (peer !== undefined) putPeer(attributes, peer);
  attributes['network.protocol.name'] = protocol;
  const draft = new SpanDraft(trace, source);
  const name = protocol === 'mllp' ? 'mllp receive' : 'HTTP';
  draft.root({ name, kind: SERVER, from: now, to: now, attributes, error: errorParts(error) });
  return draft.spans;
}
