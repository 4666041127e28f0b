// The trace of one message that is over: SERVER root, `parse`, `route`, a `queue` for each wait, a `forward` for each
// attempt, `reply`. Promises that an error stands on the root and on the step that it came from.
import type { Message } from '../../../relay/message.ts';
import { newSpanId } from '../random-ids.ts';
import { CLIENT, INTERNAL, SERVER, type SpanError, type SpanWriter } from '../span-writer.ts';
import {
  attemptSpanCount,
  putPeer,
  putRequest,
  requestName,
  type SpanContext,
  schemeOf,
  spanError,
  writeAttempts,
} from './attempt-spans.ts';
import {
  ACK_CODE,
  AMBIGUOUS,
  ATTEMPTS,
  BATCH_CONTROL_ID,
  BATCH_POSITION,
  BATCH_SIZE,
  LINK,
  LISTENER,
  MESSAGE_SIZE,
  METHOD,
  NODE,
  OUTCOME,
  PARSE_WAIT,
  PARSE_WORKER,
  POOL,
  PROTOCOL,
  REPLY,
  ROUTE,
  STATUS,
  STICKY_KEY,
} from './attributes.ts';
import { fieldText, putHeader } from './header-attributes.ts';

/** How many spans `writeExchange` writes, or one or two fewer. */
export function messageSpanCount({ attempts }: Message, context: SpanContext): number {
  return (context.hasPeers === true ? 5 : 4) + attemptSpanCount(attempts, context);
}

export function writeMessage(
  out: SpanWriter,
  message: Message,
  context: SpanContext,
  state: string | undefined,
): void {
  const { receivedAt, parsedAt, repliedAt, route, outcome, replyCode } = message;
  const settledAt = message.settledAt ?? receivedAt;
  const error = outcome?.kind === 'failed' ? spanError(outcome.error) : undefined;
  const lost = message.replyError && spanError(message.replyError);
  const name = rootName(message);
  const endedAt = repliedAt ?? settledAt;
  const sender = senderOf(message, context);
  const above = sender === undefined ? undefined : newSpanId();
  out.root(message.trace, name, SERVER, receivedAt, endedAt, state, above);
  putRoot(out, message, context);
  const failure = error ?? lost ?? (replyCode === undefined ? undefined : refusalOf(replyCode));
  out.end(failure);
  if (sender !== undefined && above !== undefined) {
    const times = { from: receivedAt, to: endedAt };
    out.peer({ service: sender, name, kind: CLIENT, ...times, spanId: above, parentId: undefined, state });
    putHeader(out, message.header, context.identifiers);
    out.put(LISTENER, message.origin.listener);
    out.end(failure);
  }
  out.child('parse', INTERNAL, receivedAt, parsedAt ?? (message.parts > 0 ? receivedAt : settledAt));
  out.put(MESSAGE_SIZE, message.payload.length);
  if (message.parseWaitMs !== undefined) {
    out.put(PARSE_WORKER, true);
    out.put(PARSE_WAIT, Math.round(message.parseWaitMs * 1000) / 1000);
  }
  writeLinks(out, message);
  out.end(parsedAt === undefined ? error : undefined);
  if (parsedAt !== undefined && message.parts === 0) {
    const routedAt = routedAtOf(message);
    out.child('route', INTERNAL, parsedAt, routedAt ?? settledAt);
    out.put(ROUTE, route?.name);
    out.end(routedAt === undefined ? error : undefined);
  }
  const code = outcome?.kind === 'answered' ? outcome.ack.code : undefined;
  writeAttempts(out, message, context, (of, { error: failure, endedAt, status }) => {
    if (status !== undefined) of.put(METHOD, 'POST');
    if (failure !== undefined || endedAt === undefined || code === undefined) return undefined;
    of.put(ACK_CODE, code);
    return refusalOf(code);
  });
  if (replyCode !== undefined && outcome?.kind !== 'abandoned') {
    out.child('reply', INTERNAL, settledAt, repliedAt ?? settledAt);
    putReplyCode(out, replyCode);
    out.end(lost);
  }
}

/** The service that sent it, where it is to be one: by MSH-3. A client that has a trace of its own tells of itself. */
function senderOf(message: Message, { hasPeers }: SpanContext): string | undefined {
  if (hasPeers !== true || message.trace.remote !== undefined || !message.hasHeader) return undefined;
  const { header } = message;
  return header.isMsh ? fieldText(header, 3) || undefined : undefined;
}

/** Its pool took it at once: it began to wait then, or was sent. Undefined: it has none. */
function routedAtOf({ pool, attempts, waitingSince, settledAt }: Message): number | undefined {
  const [first] = attempts;
  if (first !== undefined) return first.waitedSince ?? first.startedAt;
  return pool === undefined ? undefined : (waitingSince ?? settledAt);
}

function rootName({ origin, route }: Message): string {
  const { http } = origin;
  return http === undefined
    ? `mllp ${route?.name ?? origin.listener}`
    : requestName(http.method, route?.name);
}

const ACK_CODES: ReadonlySet<string> = new Set(['AA', 'AE', 'AR', 'CA', 'CE', 'CR']);

/** A message that is not accepted is an error of its trace, whoever says so: a node or the gateway itself. */
function refusalOf(code: string): SpanError | undefined {
  return ACK_CODES.has(code) && isNegative(code) ? { type: code, text: undefined } : undefined;
}

function putReplyCode(out: SpanWriter, replyCode: string): void {
  out.put(ACK_CODES.has(replyCode) ? ACK_CODE : REPLY, replyCode);
}

function putRoot(out: SpanWriter, message: Message, context: SpanContext): void {
  const { identifiers } = context;
  const { origin, route, pool, outcome, attempts, batch, stickyKey, replyCode } = message;
  out.put(LISTENER, origin.listener);
  if (message.hasHeader) putHeader(out, message.header, identifiers);
  putPeer(out, origin.peer);
  out.put(PROTOCOL, origin.http === undefined ? 'mllp' : 'http');
  if (origin.http !== undefined) putRequest(out, origin.http.method, schemeOf(context, origin.listener));
  out.put(ROUTE, route?.name);
  out.put(POOL, pool?.name);
  const last = attempts.at(-1);
  if (last !== undefined) {
    out.put(NODE, last.node);
    out.put(ATTEMPTS, attempts.length);
  }
  out.put(OUTCOME, outcome?.kind);
  if (replyCode !== undefined) {
    putReplyCode(out, replyCode);
    // HL7 over HTTP: an acknowledgement is a 200, whatever it says.
    const status = replyCode.startsWith('HTTP ') ? Number(replyCode.slice(5)) : 200;
    if (origin.http !== undefined && replyCode !== 'close' && replyCode !== 'none') out.put(STATUS, status);
  }
  if (stickyKey !== undefined) out.put(STICKY_KEY, identifiers.stickyKey(stickyKey));
  if (outcome?.kind === 'failed' && outcome.ambiguous) out.put(AMBIGUOUS, true);
  if (message.parts > 0) out.put(BATCH_SIZE, message.parts);
  if (batch === undefined) return;
  out.put(BATCH_CONTROL_ID, identifiers.controlId(batch.controlId));
  out.put(BATCH_POSITION, batch.position);
  out.put(BATCH_SIZE, batch.size);
}

/** A batch is linked to the first of its messages, each of them to it: on a child, as Jaeger takes a root with links for an orphan. */
function writeLinks(out: SpanWriter, { batch, partTraces }: Message): void {
  if (batch !== undefined) out.link(batch.trace, LINK, 'batch');
  else if (partTraces !== undefined) for (const part of partTraces) out.link(part, LINK, 'message');
}

/** Was there anything about it that somebody will look for? */
export function isWorthIt({ outcome, attempts, replyError }: Message): boolean {
  if (replyError !== undefined) return true;
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
