// The last messages that are over, as the log shows them: for the admin API. Promises a fixed amount of memory, nothing of a
// message but the identifiers of its header, and that a message that goes well leaves nothing to collect: names and numbers are
// kept in places that are made once, and texts are made when somebody asks.
import type { Header } from '../../hl7/header.ts';
import { loggable, MAX_IDENTIFIER } from '../../observe/log/loggable.ts';
import type { Identifiers } from '../../observe/traces/identifiers.ts';
import { wallMs } from '../../platform/time.ts';
import type { Message } from '../../relay/message.ts';
import type { Attempt } from '../../relay/retry.ts';
import type { MessageAttempt, MessageQuery, MessageReport, Time } from '../control.ts';
import { matches } from './message-search.ts';

/** One more than is shown, so that what is cut shows that it is. */
const KEPT = MAX_IDENTIFIER + 1;
/** Of the header: MSH-9, MSH-10, MSH-3, MSH-4. */
const TEXTS = 4;
const SLOT_BYTES = TEXTS * KEPT;

/** One place for a message. What it refers to is shared by many messages: names of the config, an address of a connection. */
class Place {
  id = 0;
  /** When it was over, how long it took, and how long of that it waited. Numbers that are no integers would be made anew each time. */
  readonly figures = new Float64Array(3);
  listener = '';
  source = '';
  port = 0;
  bytes = 0;
  parts = 0;
  kind: 'message' | 'batch' | 'none' = 'none';
  /** Of the four texts; -1: this one stands in `controlId`. */
  readonly lengths = new Int32Array(TEXTS);
  controlId: string | undefined;
  route: string | undefined;
  pool: string | undefined;
  outcome: string | undefined;
  code: string | undefined;
  reply: string | undefined;
  traceId: string | undefined;
  attemptCount = 0;
  /** Of the last attempt: they are nearly always one. In milliseconds since the message came; NaN: it never was. */
  node = '';
  selectionReason = '';
  readonly times = new Float64Array(4);
  attemptCode: string | undefined;
  earlier: readonly MessageAttempt[] | undefined;
}

const FIGURE = { endedAt: 0, total: 1, queued: 2 } as const;
const AT = { started: 0, connect: 1, written: 2, ended: 3 } as const;

export class LastMessages {
  /** Made as they are used: a gateway that has little to do has few. */
  #places: Place[] = [];
  #texts = Buffer.alloc(0);
  #max = 0;
  #count = 0;

  /** Undefined: it is recorded nowhere. */
  readonly #traceIdOf: (message: Message) => string | undefined;

  constructor(traceIdOf: (message: Message) => string | undefined) {
    this.#traceIdOf = traceIdOf;
  }

  /** How many are kept; with another number those that are there are forgotten. */
  set max(max: number) {
    if (max === this.#max) return;
    this.#max = max;
    this.#places = [];
    this.#count = 0;
    this.#texts = Buffer.alloc(max * SLOT_BYTES);
  }

  add(message: Message, shown: Identifiers): void {
    if (this.#max === 0) return;
    const at = this.#count % this.#max;
    let place = this.#places[at];
    if (place === undefined) {
      place = new Place();
      this.#places[at] = place;
    }
    place.id = ++this.#count;
    const { origin, outcome, replyError, abandonedFor } = message;
    const failed = outcome?.kind === 'failed' ? outcome.error : undefined;
    const trouble = failed ?? replyError ?? (outcome?.kind === 'abandoned' ? abandonedFor : undefined);
    place.figures[FIGURE.endedAt] = wallMs();
    place.figures[FIGURE.total] = (message.settledAt ?? message.receivedAt) - message.receivedAt;
    place.figures[FIGURE.queued] = message.queuedMs;
    place.listener = origin.listener;
    place.source = origin.peer.address;
    place.port = origin.peer.port;
    place.bytes = message.payload.length;
    place.parts = message.parts;
    place.route = message.route?.name;
    place.pool = message.pool?.name;
    place.outcome = outcome?.kind;
    place.code = trouble?.code;
    place.reply = message.replyCode;
    place.traceId = this.#traceIdOf(message);
    this.#takeHeader(place, at, message, shown);
    this.#takeAttempts(place, message);
  }

  /** The newest first. `prefix`: of their numbers, where several processes have some. */
  read(query: MessageQuery, shown: Identifiers, prefix = ''): readonly MessageReport[] {
    const found: MessageReport[] = [];
    const last = Math.max(0, this.#count - this.#max);
    for (let n = this.#count; n > last && found.length < query.limit; n--) {
      const at = (n - 1) % this.#max;
      const place = this.#places[at];
      if (place === undefined) continue;
      const report = { ...this.#report(place, at, shown), id: `${prefix}${place.id}` };
      if (matches(report, query)) found.push(report);
    }
    return found;
  }

  #takeHeader(place: Place, at: number, message: Message, shown: Identifiers): void {
    place.controlId = undefined;
    place.kind = !message.hasHeader ? 'none' : message.header.isMsh ? 'message' : 'batch';
    if (!message.hasHeader) return;
    const { header } = message;
    // A hash is made of all of it.
    if (shown.hashesControlIds) place.controlId = shown.controlId(header.controlId);
    else this.#keep(place, at, header, 1, header.idStart, header.idEnd);
    // F105: what a batch without messages says in its own header is for people: a file's name, a comment.
    if (!header.isMsh) return;
    this.#keep(place, at, header, 0, header.fieldStart(9), header.fieldEnd(9));
    this.#keep(place, at, header, 2, header.fieldStart(3), header.fieldEnd(3));
    this.#keep(place, at, header, 3, header.fieldStart(4), header.fieldEnd(4));
  }

  #keep(place: Place, at: number, { bytes }: Header, text: number, start: number, end: number): void {
    const to = at * SLOT_BYTES + text * KEPT;
    const length = Math.min(KEPT, end - start);
    // A few bytes: a call of `copy` makes more than it saves.
    for (let i = 0; i < length; i++) this.#texts[to + i] = bytes[start + i] ?? 0;
    place.lengths[text] = length;
  }

  #takeAttempts(place: Place, message: Message): void {
    const { lastAttempt: last, receivedAt } = message;
    place.attemptCount = message.attemptCount;
    place.earlier = undefined;
    if (last === undefined) return;
    place.node = last.node;
    place.selectionReason = last.selectionReason;
    place.attemptCode = last.error?.code;
    place.times[AT.started] = last.startedAt - receivedAt;
    place.times[AT.connect] = last.connectMs;
    place.times[AT.written] = last.writtenAt === undefined ? Number.NaN : last.writtenAt - receivedAt;
    place.times[AT.ended] = last.endedAt === undefined ? Number.NaN : last.endedAt - receivedAt;
    if (place.attemptCount > 1)
      place.earlier = message.attempts.slice(0, -1).map((one) => attemptReport(one, receivedAt));
  }

  #report(place: Place, at: number, shown: Identifiers): Omit<MessageReport, 'id'> {
    const text = (n: number): string => {
      const start = at * SLOT_BYTES + n * KEPT;
      return this.#texts.toString('latin1', start, start + (place.lengths[n] ?? 0));
    };
    const [endedAt = 0, totalMs = 0, queuedMs = 0] = place.figures;
    const { route, pool, outcome, code, reply, traceId, parts } = place;
    // Those that came before control ids were to be hashed.
    const controlId = place.controlId ?? shown.controlId(text(1));
    return {
      at: timeOf(endedAt - totalMs),
      endedAt: timeOf(endedAt),
      listener: place.listener,
      source: place.source,
      port: place.port,
      ...(place.kind === 'none' ? {} : { controlId }),
      ...(place.kind === 'message'
        ? { type: loggable(text(0)), sender: `${loggable(text(2))}|${loggable(text(3))}` }
        : {}),
      ...(parts === 0 ? {} : { messages: parts }),
      bytes: place.bytes,
      route,
      pool,
      node: place.attemptCount === 0 ? undefined : place.node,
      outcome,
      code,
      reply,
      queueMs: rounded(queuedMs),
      totalMs: rounded(totalMs),
      attempts: place.attemptCount === 0 ? [] : [...(place.earlier ?? []), lastAttemptOf(place)],
      traceId,
    };
  }
}

function lastAttemptOf({ node, selectionReason, times, attemptCode }: Place): MessageAttempt {
  const [startMs = 0, connectMs = 0, writtenMs = Number.NaN, endMs = Number.NaN] = times;
  return {
    node,
    reason: selectionReason,
    startMs: rounded(startMs),
    connectMs: rounded(connectMs),
    writtenMs: Number.isNaN(writtenMs) ? undefined : rounded(writtenMs),
    endMs: Number.isNaN(endMs) ? undefined : rounded(endMs),
    code: attemptCode,
  };
}

function attemptReport(attempt: Attempt, receivedAt: number): MessageAttempt {
  const { node, selectionReason, startedAt, connectMs, writtenAt, endedAt, error } = attempt;
  return {
    node,
    reason: selectionReason,
    startMs: rounded(startedAt - receivedAt),
    connectMs: rounded(connectMs),
    writtenMs: writtenAt === undefined ? undefined : rounded(writtenAt - receivedAt),
    endMs: endedAt === undefined ? undefined : rounded(endedAt - receivedAt),
    code: error?.code,
  };
}

function timeOf(ms: number): Time {
  return new Date(ms).toISOString();
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
