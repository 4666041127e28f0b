// The trace of one proxied request that is over: SERVER root, a `queue` for each wait, a `forward` for each attempt,
// `reply`. Of the request's target, its Host and its headers nothing is told: each of them may name a patient.
import type { Peer } from '../../routing/message-view.ts';
import type { GatewayError } from '../errors.ts';
import type { Header } from '../hl7/header.ts';
import type { Proxied } from '../relay/proxied.ts';
import type { Identifiers } from '../telemetry/identifiers.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import { INTERNAL, SERVER, type SpanError, type SpanWriter } from '../telemetry/traces/span-writer.ts';
import { putPeer, spanError, writeAttempts } from './attempt-spans.ts';
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
  STATUS,
  UPGRADED,
} from './attributes.ts';
import { putHeader } from './exchange-spans.ts';

export function proxiedSpanCount({ attempts }: Proxied): number {
  return 2 + 2 * attempts.length;
}

export function writeProxied(out: SpanWriter, record: Proxied): void {
  const { receivedAt, repliedAt, method, version, route, pool, status, attempts } = record;
  const settledAt = record.settledAt ?? receivedAt;
  out.root(
    record.trace,
    route === undefined ? method : `${method} ${route.name}`,
    SERVER,
    receivedAt,
    settledAt,
  );
  out.put(LISTENER, record.listener);
  putPeer(out, record.peer);
  out.put(PROTOCOL, 'http');
  out.put(PROTOCOL_VERSION, version === '2.0' ? '2' : version);
  out.put(METHOD, method);
  out.put(STATUS, status);
  out.put(REQUEST_SIZE, record.requestBytes);
  out.put(RESPONSE_SIZE, record.responseBytes);
  if (record.upgraded) out.put(UPGRADED, true);
  out.put(ROUTE, route?.name);
  out.put(POOL, pool?.name);
  out.put(NODE, attempts.at(-1)?.node);
  if (attempts.length > 0) out.put(ATTEMPTS, attempts.length);
  out.end(rootError(record));
  writeAttempts(out, record, (of, { writtenAt }) => {
    if (writtenAt !== undefined) of.put(METHOD, method);
  });
  out.child('reply', INTERNAL, repliedAt ?? settledAt, settledAt);
  out.put(STATUS, status);
  out.end();
}

/** Semantic conventions for HTTP: of a server, 5xx is an error, whose type is the status where there is no other. */
function rootError({ error, status }: Proxied): SpanError | undefined {
  if (error !== undefined) return spanError(error);
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
export function writeFault(
  out: SpanWriter,
  trace: TraceContext,
  error: GatewayError,
  { listener, protocol, peer, header }: FaultOrigin,
  identifiers: Identifiers,
): void {
  const now = performance.now();
  out.root(trace, protocol === 'mllp' ? 'mllp receive' : 'HTTP', SERVER, now, now);
  out.put(LISTENER, listener);
  if (header !== undefined) putHeader(out, header, identifiers);
  if (peer !== undefined) putPeer(out, peer);
  out.put(PROTOCOL, protocol);
  out.end(spanError(error));
}
