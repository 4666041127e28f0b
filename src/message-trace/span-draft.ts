// What the spans of messages and of requests have in common: the attributes of both ends, of a node, of an error; and
// the children that both have. Promises that no value comes from beyond a message's header, nor from a request's target.
import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { type Peer, sourceAddress } from '../../routing/message-view.ts';
import type { NodeConfig, PoolConfig } from '../config/config.ts';
import { ERRORS, type GatewayError } from '../errors.ts';
import type { Attempt } from '../relay/exchange.ts';
import { newSpanId } from '../telemetry/random-ids.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import {
  CLIENT,
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
  readonly #source: SpanSource;

  constructor(trace: TraceContext, source: SpanSource) {
    this.#trace = trace;
    this.#source = source;
  }

  root(parts: Omit<SpanParts, 'traceId' | 'spanId' | 'parentId' | 'isRemote'>): void {
    const { traceId, spanId, remote } = this.#trace;
    const whole = { ...parts, traceId, spanId, parentId: remote?.spanId, isRemote: remote !== undefined };
    this.spans.push(new FinishedSpan(whole, this.#source));
  }

  child(name: string, from: number, to: number, attributes: Attributes, error?: SpanParts['error']): void {
    const { traceId, spanId } = this.#trace;
    const ids = { traceId, spanId: newSpanId(), parentId: spanId };
    this.spans.push(
      new FinishedSpan({ name, kind: INTERNAL, ...ids, from, to, attributes, error }, this.#source),
    );
  }

  /** Every attempt, each behind its wait, and the wait at the end that led to none. */
  attempts(record: AttemptRecord, more: (attempt: Attempt, attributes: Attributes) => void): void {
    const { pool, attempts, waitingSince } = record;
    const end = record.settledAt ?? record.receivedAt;
    for (const [i, attempt] of attempts.entries()) {
      if (attempt.waitedSince !== undefined) this.#queue(attempt.waitedSince, attempt.startedAt, pool);
      this.#forward(attempt, i + 1, end, pool, more);
    }
    if (waitingSince !== undefined) this.#queue(waitingSince, end, pool);
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
    const { traceId, spanId } = this.#trace;
    const { node, why, startedAt, connectMs, writtenAt, endedAt, error, status } = attempt;
    const to = endedAt ?? end;
    const attributes: Attributes = {
      'gateway.attempt': count,
      'gateway.node': node,
      'gateway.node.choice': why,
    };
    put(attributes, 'gateway.pool', pool?.name);
    const config = nodeOf(pool, node);
    if (config !== undefined) {
      attributes['server.address'] = config.host;
      attributes['server.port'] = config.port;
      attributes['network.protocol.name'] =
        config.tls === undefined ? config.protocol : config.protocol.slice(0, 4);
      if (config.tls !== undefined) attributes['tls.established'] = true;
    }
    attributes['network.transport'] = 'tcp';
    put(attributes, 'http.response.status_code', status);
    if (error?.resend === 'unsafe') attributes['gateway.ambiguous'] = true;
    more(attempt, attributes);
    const events = [];
    if (connectMs > 0 || writtenAt !== undefined)
      events.push({
        name: 'connect',
        time: wallTime(startedAt + connectMs),
        attributes: { 'gateway.connection.reused': connectMs === 0 },
      });
    if (writtenAt !== undefined) events.push({ name: 'write', time: wallTime(writtenAt) });
    if (writtenAt !== undefined && error === undefined && endedAt !== undefined)
      events.push({ name: 'ack', time: wallTime(endedAt) });
    const ids = { traceId, spanId: attempt.spanId ?? newSpanId(), parentId: spanId };
    const parts = { name: 'forward', kind: CLIENT, ...ids, from: startedAt, to, attributes, events } as const;
    this.spans.push(
      new FinishedSpan(
        { ...parts, error: error === undefined ? undefined : errorParts(error) },
        this.#source,
      ),
    );
  }
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
