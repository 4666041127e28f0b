// What the spans of messages and of requests have in common: the attributes of both ends, of a node, of an error; and
// the children that both have. Promises that no value comes from beyond a message's header, nor from a request's target.
import type { Attributes, AttributeValue, SpanContext } from '@opentelemetry/api';
import type { TimedEvent } from '@opentelemetry/sdk-trace';
import { type Peer, sourceAddress } from '../../routing/message-view.ts';
import type { NodeConfig, PoolConfig } from '../config/config.ts';
import { ERRORS, type GatewayError } from '../errors.ts';
import type { Attempt } from '../relay/exchange.ts';
import { newSpanId } from '../telemetry/random-ids.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import {
  CLIENT,
  contextOf,
  FinishedSpan,
  INTERNAL,
  type SpanParts,
  type SpanSource,
  wallTime,
} from '../telemetry/traces/span.ts';

export function put(attributes: Attributes, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined && value !== '') attributes[name] = value;
}

/** The table's own words: an error's detail is for the log, where it can be told from what it is about. */
export function errorParts({ code }: GatewayError): NonNullable<SpanParts['error']> {
  return { type: code, text: ERRORS[code].text };
}

export function putPeer(attributes: Attributes, { address, port, tls }: Peer): void {
  put(attributes, 'client.address', sourceAddress(address));
  if (port > 0) attributes['client.port'] = port;
  attributes['network.transport'] = 'tcp';
  if (tls === undefined) return;
  attributes['tls.established'] = true;
  // The semantic conventions write it without colons. A subject may be a person's name.
  attributes['tls.client.hash.sha256'] = tls.fingerprint.replaceAll(':', '');
}

/** The spans of one trace, as they are made. */
export class SpanDraft {
  readonly spans: FinishedSpan[] = [];
  readonly #trace: TraceContext;
  readonly #traceId: string;
  readonly #root: SpanContext;
  readonly #source: SpanSource;

  constructor(trace: TraceContext, source: SpanSource) {
    this.#trace = trace;
    this.#traceId = trace.traceId;
    this.#root = contextOf(trace.traceId, trace.spanId);
    this.#source = source;
  }

  root(parts: SpanParts): void {
    const { remote } = this.#trace;
    const parent = remote && contextOf(remote.traceId, remote.spanId, true);
    this.spans.push(new FinishedSpan(parts, this.#root, parent, this.#source));
  }

  child(name: string, from: number, to: number, attributes: Attributes, error?: SpanParts['error']): void {
    this.#add(
      { name, kind: INTERNAL, from, to, attributes, events: undefined, links: undefined, error },
      newSpanId(),
    );
  }

  /** Every attempt, each behind its wait, and the wait at the end that led to none. */
  attempts(record: AttemptRecord, more: (attempt: Attempt, attributes: Attributes) => void): void {
    const { pool, attempts, waitingSince } = record;
    const end = record.settledAt ?? record.receivedAt;
    let count = 0;
    for (const attempt of attempts) {
      if (attempt.waitedSince !== undefined) this.#queue(attempt.waitedSince, attempt.startedAt, pool);
      this.#forward(attempt, ++count, end, pool, more);
    }
    if (waitingSince !== undefined) this.#queue(waitingSince, end, pool);
  }

  #add(parts: SpanParts, spanId: string): void {
    this.spans.push(new FinishedSpan(parts, contextOf(this.#traceId, spanId), this.#root, this.#source));
  }

  #queue(from: number, to: number, pool: PoolConfig | undefined): void {
    const attributes: Attributes = {};
    put(attributes, 'gateway.pool', pool?.name);
    this.child('queue', from, to, attributes);
  }

  #forward(
    attempt: Attempt,
    count: number,
    end: number,
    pool: PoolConfig | undefined,
    more: (attempt: Attempt, attributes: Attributes) => void,
  ): void {
    const { startedAt, error } = attempt;
    const attributes = forwardAttributes(attempt, count, pool);
    more(attempt, attributes);
    this.#add(
      {
        name: 'forward',
        kind: CLIENT,
        from: startedAt,
        to: attempt.endedAt ?? end,
        attributes,
        events: eventsOf(attempt),
        links: undefined,
        error: error === undefined ? undefined : errorParts(error),
      },
      attempt.spanId ?? newSpanId(),
    );
  }
}

function forwardAttributes(
  { node, why, error, status }: Attempt,
  count: number,
  pool: PoolConfig | undefined,
): Attributes {
  const config = nodeOf(pool, node);
  // In one go where all is known, as it is mostly: V8 has such an object three times as fast.
  const attributes: Attributes =
    config === undefined
      ? {
          'gateway.attempt': count,
          'gateway.node': node,
          'gateway.node.choice': why,
          'network.transport': 'tcp',
        }
      : {
          'gateway.attempt': count,
          'gateway.node': node,
          'gateway.node.choice': why,
          'network.transport': 'tcp',
          'gateway.pool': pool?.name ?? '',
          'server.address': config.host,
          'server.port': config.port,
          'network.protocol.name': config.protocol.slice(0, 4),
        };
  if (config?.tls !== undefined) attributes['tls.established'] = true;
  if (status !== undefined) attributes['http.response.status_code'] = status;
  if (error?.resend === 'unsafe') attributes['gateway.ambiguous'] = true;
  return attributes;
}

function eventsOf({ startedAt, connectMs, writtenAt, endedAt, error }: Attempt): TimedEvent[] {
  const events: TimedEvent[] = [];
  if (connectMs > 0 || writtenAt !== undefined)
    events.push({ name: 'connect', time: wallTime(startedAt + connectMs) });
  if (writtenAt === undefined) return events;
  events.push({ name: 'write', time: wallTime(writtenAt) });
  if (error === undefined && endedAt !== undefined) events.push({ name: 'ack', time: wallTime(endedAt) });
  return events;
}

/** What an exchange and a proxied request have in common. */
export interface AttemptRecord {
  readonly receivedAt: number;
  readonly settledAt: number | undefined;
  readonly pool: PoolConfig | undefined;
  readonly attempts: readonly Attempt[];
  readonly waitingSince: number | undefined;
}

/** Nodes that were added at run time are in no config: such an attempt has its node's name alone. */
function nodeOf(pool: PoolConfig | undefined, name: string): NodeConfig | undefined {
  if (pool === undefined) return undefined;
  for (const node of pool.nodes) if (node.name === name) return node;
  return undefined;
}
