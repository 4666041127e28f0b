// The trace of one message that is over: SERVER root, `parse`, `route`, a `queue` for each wait, a `forward` for each
// attempt, `reply`. Promises that an error stands on the root and on the step that it came from.
import type { Attributes } from '@opentelemetry/api';
import type { Header } from '../hl7/header.ts';
import type { Exchange } from '../relay/exchange.ts';
import type { Identifiers } from '../telemetry/identifiers.ts';
import { loggable } from '../telemetry/log.ts';
import { type FinishedSpan, SERVER, type SpanSource } from '../telemetry/traces/span.ts';
import { errorParts, put, putPeer, SpanDraft } from './span-draft.ts';

/** How many spans `exchangeSpans` makes, or one or two fewer. */
export function exchangeSpanCount({ attempts }: Exchange): number {
  return 4 + 2 * attempts.length;
}

export function exchangeSpans(
  exchange: Exchange,
  identifiers: Identifiers,
  source: SpanSource,
): FinishedSpan[] {
  const { receivedAt, parsedAt, repliedAt, route, outcome, trace } = exchange;
  const settledAt = exchange.settledAt ?? receivedAt;
  const error = outcome?.kind === 'failed' ? errorParts(outcome.error) : undefined;
  const draft = new SpanDraft(trace, source);
  draft.root({
    name: rootName(exchange),
    kind: SERVER,
    from: receivedAt,
    to: repliedAt ?? settledAt,
    attributes: rootAttributes(exchange, identifiers),
    error,
    links: linksOf(exchange),
  });
  const parsed = parsedAt ?? (exchange.parts > 0 ? receivedAt : settledAt);
  const size = { 'gateway.message.size': exchange.frame.length - 3 };
  draft.child('parse', receivedAt, parsed, size, parsedAt === undefined ? error : undefined);
  if (parsedAt !== undefined && exchange.parts === 0) {
    const routedAt = routedAtOf(exchange);
    const attributes: Attributes = {};
    put(attributes, 'gateway.route', route?.name);
    draft.child(
      'route',
      parsedAt,
      routedAt ?? settledAt,
      attributes,
      routedAt === undefined ? error : undefined,
    );
  }
  draft.attempts(exchange, ({ error: failure, endedAt, status }, attributes) => {
    if (status !== undefined) attributes['http.request.method'] = 'POST';
    if (failure === undefined && endedAt !== undefined && outcome?.kind === 'answered')
      attributes['hl7.ack.code'] = outcome.ack.code;
  });
  if (exchange.told !== undefined && outcome?.kind !== 'abandoned')
    draft.child('reply', settledAt, repliedAt ?? settledAt, replyAttributes(exchange.told));
  return draft.spans;
}

/** Its pool took it at once: it began to wait then, or was sent. Undefined: it has none. */
function routedAtOf({ pool, attempts, waitingSince, settledAt }: Exchange): number | undefined {
  const [first] = attempts;
  if (first !== undefined) return first.waitedSince ?? first.startedAt;
  return pool === undefined ? undefined : (waitingSince ?? settledAt);
}

function rootName({ origin, route }: Exchange): string {
  const { http } = origin;
  if (http === undefined) return 'mllp receive';
  return route === undefined ? http.method : `${http.method} ${route.name}`;
}

const ACK_CODES: ReadonlySet<string> = new Set(['AA', 'AE', 'AR', 'CA', 'CE', 'CR']);

function replyAttributes(told: string): Attributes {
  return ACK_CODES.has(told) ? { 'hl7.ack.code': told } : { 'gateway.reply': told };
}

function rootAttributes(exchange: Exchange, identifiers: Identifiers): Attributes {
  const { origin, route, pool, outcome, attempts, batch, stickyKey, told } = exchange;
  const attributes: Attributes = exchange.hasHeader
    ? headerAttributes(exchange.header, origin.listener, identifiers)
    : { 'gateway.listener': origin.listener };
  putPeer(attributes, origin.peer);
  attributes['network.protocol.name'] = origin.http === undefined ? 'mllp' : 'http';
  if (origin.http !== undefined) attributes['http.request.method'] = origin.http.method;
  if (route !== undefined) attributes['gateway.route'] = route.name;
  if (pool !== undefined) attributes['gateway.pool'] = pool.name;
  const last = attempts.at(-1);
  if (last !== undefined) {
    attributes['gateway.node'] = last.node;
    attributes['gateway.attempts'] = attempts.length;
  }
  if (outcome !== undefined) attributes['gateway.outcome'] = outcome.kind;
  if (told !== undefined) attributes[ACK_CODES.has(told) ? 'hl7.ack.code' : 'gateway.reply'] = told;
  if (stickyKey !== undefined) attributes['gateway.sticky.key'] = identifiers.stickyKey(stickyKey);
  if (outcome?.kind === 'failed' && outcome.ambiguous) attributes['gateway.ambiguous'] = true;
  if (exchange.parts > 0) attributes['gateway.batch.size'] = exchange.parts;
  if (batch !== undefined) {
    put(attributes, 'gateway.batch.control_id', identifiers.controlId(batch.controlId));
    attributes['gateway.batch.position'] = batch.position;
    attributes['gateway.batch.size'] = batch.size;
  }
  return attributes;
}

/** With the listener. A field that is empty says nothing, and is left out. */
export function headerAttributes(header: Header, listener: string, identifiers: Identifiers): Attributes {
  const type = loggable(header.text(9));
  const controlId = identifiers.controlId(header.text(10));
  const version = loggable(header.text(12));
  const application = loggable(header.text(3));
  const facility = loggable(header.text(4));
  const receivingApplication = loggable(header.text(5));
  const receivingFacility = loggable(header.text(6));
  const attributes: Attributes = {
    'gateway.listener': listener,
    'hl7.message.type': type,
    'hl7.message.control_id': controlId,
    'hl7.version': version,
    'hl7.sending.application': application,
    'hl7.sending.facility': facility,
    'hl7.receiving.application': receivingApplication,
    'hl7.receiving.facility': receivingFacility,
  };
  if (
    !type ||
    !controlId ||
    !version ||
    !application ||
    !facility ||
    !receivingApplication ||
    !receivingFacility
  )
    for (const name in attributes) if (attributes[name] === '') delete attributes[name];
  return attributes;
}

function linksOf({ batch, partTraces }: Exchange) {
  const linked = batch === undefined ? partTraces : [batch.trace];
  return linked?.map(({ traceId, spanId }) => ({
    context: { traceId, spanId, traceFlags: 1 },
    attributes: { 'gateway.link': batch === undefined ? 'message' : 'batch' },
  }));
}

/** Was there anything about it that somebody will look for? */
export function isWorthIt({ outcome, attempts }: Exchange): boolean {
  if (outcome === undefined || outcome.kind === 'failed' || outcome.kind === 'abandoned') return true;
  if (attempts.some(({ error }) => error !== undefined)) return true;
  return (
    (outcome.kind === 'answered' && isNegative(outcome.ack.code)) ||
    (outcome.kind === 'gathered' && isNegative(outcome.code))
  );
}

function isNegative(code: string): boolean {
  return code !== 'AA' && code !== 'CA';
}
