// What the log says of a message: where it came from, where it went, how it ended and how long each phase took; and of what
// never became one. Header identifiers only (loggable.ts): nothing of a patient is in reach here.
import type { Peer } from '../../../routing/message-view.ts';
import { causeCode, type GatewayError } from '../../errors.ts';
import type { Header } from '../../hl7/header.ts';
import type { ProxiedRequest } from '../../relay/http-scheduler.ts';
import type { Message } from '../../relay/message.ts';
import type { TcpConnection } from '../../relay/tcp-scheduler.ts';
import type { Observer, SenderFault } from '../observer.ts';
import type { Identifiers } from '../traces/identifiers.ts';
import { type Log, lineOutputOf } from './log.ts';
import { loggable } from './loggable.ts';
import { writeMessageLine } from './message-line.ts';
import { Repeats } from './repeats.ts';

export interface MessageLogOptions {
  /** Messages, requests and connections that are passed on have a line each. Asked for each, as a reload may change it; so is the next. */
  readonly hasMessages: () => boolean;
  readonly identifiers: () => Identifiers;
}

export class MessageLog implements Observer {
  readonly #log: Log;
  readonly #options: MessageLogOptions;
  readonly #repeats = new Repeats();
  /** F83: their lines said already that the sender was gone. */
  readonly #saidLost = new WeakSet<Message>();

  constructor(log: Log, options: MessageLogOptions) {
    this.#log = log;
    this.#options = options;
  }

  onMessage(message: Message): void {
    if (!this.#options.hasMessages()) return;
    logMessage(this.#log, message, this.#options.identifiers());
    if (message.replyError !== undefined) this.#saidLost.add(message);
  }

  onReply(message: Message, isDelivered: boolean): void {
    const { lostReply } = message;
    if (isDelivered || lostReply === undefined || this.#saidLost.has(message)) return;
    logReplyLost(this.#log, message, lostReply, this.#options.identifiers());
  }

  onRequest(request: ProxiedRequest): void {
    if (this.#options.hasMessages()) logRequest(this.#log, request);
  }

  onConnection(connection: TcpConnection): void {
    if (this.#options.hasMessages()) logConnection(this.#log, connection);
  }

  onFault(fault: SenderFault): void {
    const { listener, error } = fault;
    const { code } = error;
    const tell = (leftOut: number): void =>
      this.#log.warn({ listener, code, leftOut }, 'lines were left out: too many alike');
    if (this.#repeats.admits(`${listener} ${code}`, tell))
      logFault(this.#log, fault, this.#options.identifiers());
  }

  onFraming(listener: string, { address, port }: Peer, framing: string): void {
    const tell = (leftOut: number): void =>
      this.#log.info({ listener, leftOut }, 'lines were left out: too many alike');
    if (this.#repeats.admits(`${listener} framing`, tell))
      this.#log.info(
        { listener, source: address, 'client.port': port, framing },
        'a sender frames its messages in UTF-16',
      );
  }
}

/** One line for a message that is over. */
function logMessage(log: Log, message: Message, shown: Identifiers): void {
  const { outcome } = message;
  const failed = outcome?.kind === 'failed' ? outcome : undefined;
  const { replyError, abandonedFor } = message;
  const trouble = failed?.error ?? replyError ?? (outcome?.kind === 'abandoned' ? abandonedFor : undefined);
  const level = trouble === undefined ? 'info' : 'warn';
  if (!log.isLevelEnabled(level)) return;
  const output = trouble === undefined ? lineOutputOf(log) : undefined;
  if (output !== undefined) {
    writeMessageLine(output, message, shown);
    return;
  }
  const last = message.lastAttempt;
  log[level](
    {
      trace_id: message.trace.traceId,
      listener: message.origin.listener,
      source: message.origin.peer.address,
      'client.port': message.origin.peer.port,
      ...(message.hasHeader ? shownIdentifiers(message.header, shown) : {}),
      batch: message.batch === undefined ? undefined : shown.controlId(message.batch.controlId),
      messages: message.parts === 0 ? undefined : message.parts,
      bytes: message.payload.length,
      framing: message.origin.framing,
      route: message.route?.name,
      pool: message.pool?.name,
      node: last?.node,
      attempts: message.attemptCount,
      outcome: outcome?.kind,
      ambiguous: failed?.ambiguous === true ? true : undefined,
      code: trouble?.code,
      ...(failed === undefined ? {} : causeOf(failed.error, last?.error)),
      reply: message.replyCode,
      undelivered: replyError === undefined ? undefined : true,
      queueMs: rounded(message.queuedMs),
      connectMs: rounded(last?.connectMs),
      ackMs: last?.writtenAt === undefined ? undefined : rounded((last.endedAt ?? 0) - last.writtenAt),
      totalMs: rounded((message.settledAt ?? 0) - message.receivedAt),
    },
    'message',
  );
}

/** F83: of a message whose line said what its sender is told, and whose sender has not been told. */
function logReplyLost(log: Log, message: Message, error: GatewayError, shown: Identifiers): void {
  log.warn(
    {
      trace_id: message.trace.traceId,
      listener: message.origin.listener,
      source: message.origin.peer.address,
      ...(message.hasHeader ? shownIdentifiers(message.header, shown) : {}),
      code: error.code,
      reply: message.replyCode,
      undelivered: true,
    },
    error.message,
  );
}

/** One line for a proxied request that is over. Its path and query may name a patient, so they are not in it. */
function logRequest(log: Log, record: ProxiedRequest): void {
  const { error, status } = record;
  const level = error === undefined ? 'info' : 'warn';
  if (!log.isLevelEnabled(level)) return;
  const last = record.lastAttempt;
  log[level](
    {
      trace_id: record.trace.traceId,
      listener: record.listener,
      source: record.peer.address,
      'client.port': record.peer.port,
      // A method may be any token (RFC 9110 9.1), and so anything.
      method: loggable(record.method.slice(0, 20)),
      version: record.version,
      route: record.route?.name,
      pool: record.pool?.name,
      node: last?.node,
      attempts: record.attemptCount,
      status,
      upgraded: record.upgraded ? true : undefined,
      code: error?.code,
      ...(error === undefined ? {} : causeOf(error, last?.error)),
      requestBytes: record.requestBytes,
      responseBytes: record.responseBytes,
      queueMs: rounded(record.queuedMs),
      totalMs: rounded((record.settledAt ?? 0) - record.receivedAt),
    },
    'request',
  );
}

/** One line for a connection that was passed on, or refused, and is over. */
function logConnection(log: Log, record: TcpConnection): void {
  const { error, lastAttempt: last } = record;
  const level = error === undefined || error.code === 'GW_ERR_SENDER_IDLE' ? 'info' : 'warn';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      trace_id: record.trace.traceId,
      listener: record.listener,
      source: record.peer.address,
      'client.port': record.peer.port,
      route: record.route?.name,
      pool: record.pool?.name,
      node: last?.node,
      attempts: record.attemptCount,
      endedBy: record.endedBy,
      code: error?.code,
      ...(error === undefined ? {} : causeOf(error, last?.error)),
      bytesToNode: record.bytesToNode,
      bytesToSender: record.bytesToSender,
      queueMs: rounded(record.queuedMs),
      connectMs: rounded(last?.connectMs),
      totalMs: rounded((record.settledAt ?? 0) - record.receivedAt),
    },
    'connection',
  );
}

/** Something a sender did that never became a message, or that ended its connection. */
function logFault(log: Log, { listener, error, peer, header, trace }: SenderFault, shown: Identifiers): void {
  const fields = {
    trace_id: trace.traceId,
    listener,
    source: peer?.address,
    'client.port': peer?.port,
    code: error.code,
    detail: error.detail,
    ...(header === undefined ? {} : shownIdentifiers(header, shown)),
  };
  log[error.code === 'GW_ERR_SENDER_IDLE' ? 'info' : 'warn'](fields, error.message);
}

/** What the last node did (F107): that no node could take it in time says nothing of why. */
function causeOf(error: GatewayError, last: GatewayError | undefined): Record<string, string | undefined> {
  const { code, cause, detail } = last ?? error;
  return {
    lastCode: last === undefined || code === error.code ? undefined : code,
    cause: cause === undefined ? detail : causeCode(cause),
  };
}

/** MSH-9, MSH-10 and MSH-3|MSH-4, as people are shown them. */
export function shownIdentifiers(
  header: Header,
  shown: Identifiers,
): { readonly controlId: string; readonly type?: string; readonly sender?: string } {
  const controlId = shown.controlId(header.controlId);
  // F105: what a batch without messages says in its own header is for people: a file's name, a comment.
  if (!header.isMsh) return { controlId };
  return {
    type: loggable(header.text(9)),
    controlId,
    sender: `${loggable(header.text(3))}|${loggable(header.text(4))}`,
  };
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined || ms === 0 ? undefined : Math.round(ms * 100) / 100;
}
