// What the spans of messages and of requests have in common: the attributes of both ends, of a node, of an error; and
// the children that both have. Promises that no value comes from beyond a message's header, nor from a request's target.
import { type Peer, sourceAddress } from '../../../../routing/message-view.ts';
import type { NodeConfig, PoolConfig } from '../../../config/config.ts';
import { ERRORS, type GatewayError } from '../../../errors.ts';
import type { Attempt } from '../../../relay/retry.ts';
import type { Identifiers } from '../identifiers.ts';
import { newSpanId } from '../random-ids.ts';
import { CLIENT, INTERNAL, SERVER, type SpanError, type SpanWriter } from '../span-writer.ts';
import {
  AMBIGUOUS,
  ATTEMPT,
  ATTEMPT_COUNT,
  CLIENT_ADDRESS,
  CLIENT_PORT,
  METHOD,
  NODE,
  NODE_CHOICE,
  PEER_SERVICE,
  POOL,
  PROTOCOL,
  SCHEME,
  SERVER_ADDRESS,
  SERVER_PORT,
  SERVICE_PEER,
  STATUS,
  TLS,
  TLS_CLIENT,
  TRANSPORT,
} from './attributes.ts';

/** What the config has to do with what spans say. */
export interface SpanContext {
  readonly identifiers: Identifiers;
  /** Names of listeners that speak TLS. */
  readonly encrypted: ReadonlySet<string>;
  /** Senders and nodes are services of their own. */
  readonly hasPeers?: boolean;
}

/** As the connection has it: what a proxy before it spoke is its own word. */
export function schemeOf({ encrypted }: SpanContext, listener: string): string {
  return encrypted.has(listener) ? 'https' : 'http';
}

/** The table's own words: an error's detail is for the log, where it can be told from what it is about. */
export function spanError({ code }: GatewayError): SpanError {
  return { type: code, text: ERRORS[code].text };
}

/** RFC 9110: of a client, 4xx and 5xx are errors; their type is the status. */
export function statusError(status: number | undefined): SpanError | undefined {
  return status !== undefined && status >= 400 ? { type: String(status), text: undefined } : undefined;
}

export function putPeer(out: SpanWriter, { address, port, tls }: Peer): void {
  out.put(CLIENT_ADDRESS, sourceAddress(address));
  if (port > 0) out.put(CLIENT_PORT, port);
  out.put(TRANSPORT, 'tcp');
  if (tls === undefined) return;
  out.put(TLS, true);
  // The semantic conventions write it without colons. A subject may be a person's name.
  out.put(TLS_CLIENT, tls.fingerprint.replaceAll(':', ''));
}

/** The semantic conventions know these; any other is `_OTHER`, so that a client cannot make names of spans, nor plant one in them. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
]);

export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** `METHOD ROUTE`. */
export function requestName(method: string, route: string | undefined): string {
  const first = METHODS.has(method) ? method : 'HTTP';
  return route === undefined ? first : `${first} ${route}`;
}

export function putRequest(out: SpanWriter, method: string, scheme: string): void {
  out.put(METHOD, knownMethod(method));
  out.put(SCHEME, scheme);
}

/** What a message and a proxied request have in common. */
export interface AttemptRecord {
  readonly receivedAt: number;
  readonly settledAt: number | undefined;
  readonly pool: PoolConfig | undefined;
  readonly attempts: readonly Attempt[];
  readonly waitingSince: number | undefined;
}

export type AttemptDetails = (out: SpanWriter, attempt: Attempt) => SpanError | undefined;

/** Every attempt, each behind its wait, and the wait at the end that led to none. `more` puts what one of them has besides, and says what is wrong
 * with an answer. */
export function writeAttempts(
  out: SpanWriter,
  record: AttemptRecord,
  { hasPeers = false }: SpanContext,
  more: AttemptDetails,
): void {
  const { pool, attempts, waitingSince } = record;
  const end = record.settledAt ?? record.receivedAt;
  for (const tried of triesOf(attempts)) {
    const { waitedSince, startedAt } = tried.first;
    if (waitedSince !== undefined) writeQueue(out, waitedSince, startedAt, pool);
    writeForward(out, tried, end, pool, hasPeers, more);
  }
  if (waitingSince !== undefined) writeQueue(out, waitingSince, end, pool);
}

/** Attempts that one span tells of. */
export interface AttemptGroup {
  readonly first: Attempt;
  last: Attempt;
  /** Of the first, from 1. */
  readonly number: number;
  count: number;
}

/** With more attempts than this, those that were written and failed alike are told as one, too. */
const MAX_SINGLE = 32;

/**
 * A message that is tried for long is dialled again and again: dials that failed one way at one node are one span, so a trace
 * has no more of them than there are nodes and ways to fail.
 */
export function triesOf(attempts: readonly Attempt[]): readonly AttemptGroup[] {
  const tries: AttemptGroup[] = [];
  const alike = new Map<string, AttemptGroup>();
  const isLong = attempts.length > MAX_SINGLE;
  attempts.forEach((attempt, i) => {
    const { node, error, writtenAt } = attempt;
    const tried = { first: attempt, last: attempt, number: i + 1, count: 1 };
    if (error !== undefined && (isLong || writtenAt === undefined)) {
      const key = `${node} ${error.code} ${error.resend}`;
      const earlier = alike.get(key);
      if (earlier !== undefined) {
        earlier.last = attempt;
        earlier.count++;
        return;
      }
      alike.set(key, tried);
    }
    tries.push(tried);
  });
  return tries;
}

/** How many spans `writeAttempts` writes at most. */
export function attemptSpanCount(attempts: readonly Attempt[], { hasPeers = false }: SpanContext): number {
  return 1 + (hasPeers ? 3 : 2) * (attempts.length > 1 ? triesOf(attempts).length : attempts.length);
}

function writeQueue(out: SpanWriter, from: number, to: number, pool: PoolConfig | undefined): void {
  out.child('queue', INTERNAL, from, to);
  out.put(POOL, pool?.name);
  out.end();
}

function writeForward(
  out: SpanWriter,
  { first: attempt, last, number, count }: AttemptGroup,
  end: number,
  pool: PoolConfig | undefined,
  hasPeers: boolean,
  more: AttemptDetails,
): void {
  const { node, selectionReason, startedAt, connectMs, writtenAt, endedAt, error, status } = attempt;
  // Before it was written the node has nothing of it.
  const isReported = hasPeers && writtenAt !== undefined;
  const spanId = attempt.spanId ?? (isReported ? newSpanId() : undefined);
  out.child(`forward ${node}`, CLIENT, startedAt, last.endedAt ?? end, spanId);
  out.put(ATTEMPT, number);
  if (count > 1) out.put(ATTEMPT_COUNT, count);
  out.put(NODE, node);
  out.put(NODE_CHOICE, selectionReason);
  const service = serviceOf(pool, node);
  out.put(SERVICE_PEER, service);
  out.put(PEER_SERVICE, service);
  out.put(TRANSPORT, 'tcp');
  out.put(POOL, pool?.name);
  const config = nodeOf(pool, node);
  if (config !== undefined) {
    out.put(SERVER_ADDRESS, config.host);
    out.put(SERVER_PORT, config.port);
    const protocol = PROTOCOLS[config.protocol];
    out.put(PROTOCOL, protocol);
    if (protocol === 'http') out.put(SCHEME, config.protocol);
    if (config.tls !== undefined) out.put(TLS, true);
  }
  if (status !== undefined) out.put(STATUS, status);
  if (error?.resend === 'unsafe') out.put(AMBIGUOUS, true);
  const refusal = more(out, attempt);
  if (connectMs > 0 || writtenAt !== undefined) out.event('connect', startedAt + connectMs);
  // Of a connection that is passed on, what is written when is nobody's knowledge.
  if (writtenAt !== undefined && pool?.protocol !== 'tcp') {
    out.event('write', writtenAt);
    if (error === undefined && endedAt !== undefined) out.event('ack', endedAt);
  }
  const failure = error === undefined ? refusal : spanError(error);
  out.end(failure);
  if (!isReported || spanId === undefined) return;
  const to = last.endedAt ?? end;
  const from = writtenAt;
  out.peer({ service, name: 'receive', kind: SERVER, from, to, spanId: newSpanId(), parentId: spanId });
  out.put(POOL, pool?.name);
  out.put(NODE, node);
  out.end(failure);
}

/** With its pool: nodes of two pools may have one name and be two machines. */
function serviceOf(pool: PoolConfig | undefined, node: string): string {
  return pool === undefined ? node : `${pool.name}/${node}`;
}

/** Of bytes that are passed on nobody knows what they speak. */
const PROTOCOLS = {
  mllp: 'mllp',
  mllps: 'mllp',
  http: 'http',
  https: 'http',
  tcp: undefined,
  tls: undefined,
} as const;

/** Nodes that were added at run time are in no config: such an attempt has its node's name alone. */
function nodeOf(pool: PoolConfig | undefined, name: string): NodeConfig | undefined {
  if (pool === undefined) return undefined;
  for (const node of pool.nodes) if (node.name === name) return node;
  return undefined;
}
