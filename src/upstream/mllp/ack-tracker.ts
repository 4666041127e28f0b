// The messages of one connection to a node, from being sent until they are over, and what the node says of them. Promises that each is
// answered, unanswered or failed, once, and that what could be another message's answer is nobody's (answer-matcher.ts).
import type { GatewayError } from '../../errors.ts';
import { type Ack, type AckCode, isApplicationAck, readAck } from '../../hl7/ack.ts';
import type { MatchMode } from '../../hl7/answers.ts';
import { payloadOf } from '../../mllp/frame.ts';
import {
  type FrameFault,
  FrameReader,
  type FrameReaderLimits,
  type FrameSink,
} from '../../mllp/frame-reader.ts';
import type { Transport, TransportOwner } from '../../mllp/transport.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import { turnTime } from '../../turn.ts';
import type { Delivery } from '../delivery.ts';
import { AnswerDeadline } from './answer-deadline.ts';
import { AnswerMatcher, isMatch, type Verdict } from './answer-matcher.ts';
import { BatchAnswers, messagesIn } from './batch-answers.ts';
import { CommittedMessages } from './committed-messages.ts';
import { ConnectionErrors } from './connection-errors.ts';
import type { NodeQuirks } from './node-quirks.ts';
import { type AnsweredConnection, OtherAnswers } from './other-answers.ts';
import { OutstandingMessages } from './outstanding-messages.ts';
import { UnansweredMessages } from './unanswered-messages.ts';

export interface AckOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly ackMs: number;
  /** F89: how long the connection is kept for an application acknowledgement that comes behind a commit; else not at all. */
  readonly applicationMs?: number;
  /** The same where one comes on error only. */
  readonly silenceMs?: number;
  readonly answers: FrameReaderLimits;
  /** How MSA-2 is compared; `lenient`, unless said otherwise. */
  readonly match?: MatchMode;
}

/** The connection that the messages are on. */
export interface TrackedConnection extends AnsweredConnection {
  /** The first message has its answer, or needed none; it is told next. */
  onSettled(code: AckCode | 'none'): void;
  /** It has been told: there may be nothing left to wait for. */
  onOver(): void;
}

/** F99: bytes of HL7 outside a frame could be a stray line before an answer (F38); that answer comes with them. */
const UNFRAMED_MS = 1_000;

/** What one turn of the event loop brings goes on one connection, as far as no message waits longer for that than this. */
const TURN_WAIT_MS = 2;
/** And no more messages than these, however fast the node is. */
const TURN_MESSAGES = 32;
/** Of the node's mean time for a message, the last one's share. */
const LAST_SHARE = 1 / 16;

export class AckTracker implements FrameSink {
  /** Answers to messages that have come; when the last of them came, and when anything was sent or answered last. */
  answered = 0;
  answeredAt = 0;
  lastUsedAt = turnTime();
  /** The reader's own: it calls back for all that it finds. */
  readonly onRead: TransportOwner['onRead'];
  readonly #ackMs: number;
  readonly #transport: Transport;
  readonly #quirks: NodeQuirks;
  readonly #connection: TrackedConnection;
  readonly #reader: FrameReader;
  readonly #errors: ConnectionErrors;
  readonly #outstanding = new OutstandingMessages();
  readonly #unanswered: UnansweredMessages;
  readonly #committed: CommittedMessages;
  readonly #matcher: AnswerMatcher;
  readonly #other: OtherAnswers;
  readonly #deadline: AnswerDeadline;
  /** Of the last message, which is a frame of several (F82). */
  #batch: BatchAnswers | undefined;
  #unframedTimer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** How long the node takes for a message. */
  #meanMs = TURN_WAIT_MS;

  constructor(options: AckOptions, transport: Transport, quirks: NodeQuirks, connection: TrackedConnection) {
    const { node, ackMs, applicationMs = 0, silenceMs, match = 'lenient' } = options;
    this.#ackMs = ackMs;
    this.#transport = transport;
    this.#quirks = quirks;
    this.#connection = connection;
    this.#reader = new FrameReader(this, options.answers);
    this.onRead = this.#reader.push.bind(this.#reader);
    this.#errors = new ConnectionErrors(node, this.#reader);
    this.#unanswered = new UnansweredMessages(transport, (deliveries) => this.#onTaken(deliveries));
    this.#committed = new CommittedMessages(applicationMs, silenceMs ?? 0);
    this.#matcher = new AnswerMatcher(match, quirks, this.#outstanding, this.#unanswered, this.#committed);
    this.#other = new OtherAnswers(this.#matcher, this.#errors, quirks, connection);
    this.#deadline = new AnswerDeadline(ackMs, silenceMs ?? ackMs, () => this.#onDeadline());
  }

  /** Messages that are not over. */
  get pending(): number {
    return this.#outstanding.length + this.#unanswered.count;
  }

  /** One more message of this turn of the event loop would hardly have to wait for those before it. */
  get joinsTurn(): boolean {
    const { unwritten } = this.#outstanding;
    return unwritten > 0 && unwritten < TURN_MESSAGES && unwritten * this.#meanMs < TURN_WAIT_MS;
  }

  get isAnswerDue(): boolean {
    return this.#outstanding.length > 0;
  }

  /** Nobody waits for any of them. */
  get isUnwanted(): boolean {
    return this.#unanswered.count === 0 && this.#outstanding.areUnwanted;
  }

  /** F89: until when somebody waits for an application acknowledgement, in monotonicMs() milliseconds; undefined: nobody does. */
  get owedUntil(): number | undefined {
    return this.#committed.owed > 0 ? this.#committed.waitsUntil(monotonicMs()) : undefined;
  }

  /** F88: another sender's message with this control id was committed. */
  mayConfuse(delivery: Delivery): boolean {
    return this.#committed.size > 0 && this.#committed.mayConfuse(delivery);
  }

  /** F39: a second answer to an earlier message could be credited to this one. */
  repeats(delivery: Delivery): boolean {
    return this.#matcher.repeats(delivery);
  }

  /** It is being written. */
  sent(delivery: Delivery): void {
    const now = turnTime();
    this.lastUsedAt = now;
    this.#matcher.sent(delivery);
    if (!delivery.expectsAnswer) {
      this.#unanswered.add(delivery);
      return;
    }
    const messages = messagesIn(delivery.header);
    if (messages > 1) {
      // F82: behind such a frame Mirth swallows the next one, so no message goes on this connection any more.
      this.#batch = new BatchAnswers(messages, this.#ackMs, () => this.endBatch());
      this.#connection.onSpent();
    }
    this.#outstanding.add(delivery);
    if (this.#outstanding.length === 1) this.#awaitFirst(now);
  }

  onFlush(): void {
    this.#outstanding.onFlush();
    this.#unanswered.onFlush();
  }

  /** A late answer (F34): its message has been given up on. */
  onLate(): void {
    if (this.#isStopped) this.#quirks.onStrayAnswer(false);
  }

  /** F99: an answer without a start block has begun. If no frame follows soon, none will. */
  onJunk(): void {
    if (this.#isStopped || this.#unframedTimer !== undefined || !this.#errors.isUnframed) return;
    this.#unframedTimer = setTimeout(() => {
      this.#unframedTimer = undefined;
      if (this.#outstanding.length > 0 && this.#errors.isUnframed)
        this.#connection.onBroken(this.#errors.noFrame());
    }, UNFRAMED_MS);
    this.#unframedTimer.unref();
  }

  onFrame(frame: Buffer): void {
    if (this.#isStopped) return;
    const ack = readAck(payloadOf(frame));
    if (ack === undefined) {
      this.#onUnreadable(this.#errors.noAck(payloadOf(frame)));
      return;
    }
    if (this.#outstanding.first?.silenceIsSuccess === true)
      for (const silent of this.#outstanding.silentBefore(ack)) this.#onSilence(silent);
    const verdict = this.#matcher.match(ack, frame);
    const due = this.#outstanding.first;
    if (due === undefined || !isMatch(verdict)) {
      this.lastUsedAt = turnTime();
      this.#other.take(verdict, ack);
      this.#connection.onOver();
    } else if (this.#batch !== undefined && this.#outstanding.length === 1) {
      // Its deadline is kept by the first of its answers.
      this.#deadline.stop();
      if (this.#batch.add(ack, payloadOf(frame), frame)) this.endBatch();
    } else {
      this.#settle(due, ack, verdict);
      due.answered(ack, frame);
      this.#connection.onOver();
    }
  }

  onEmptyFrame(): void {
    this.#onUnreadable(this.#errors.noAck(Buffer.alloc(0)));
  }

  onFault(code: FrameFault): void {
    // The stream ended inside an answer: `endOfStream` says so.
    if (code === 'GW_ERR_FRAME_TRUNCATED' || this.#isStopped) return;
    if (this.#outstanding.length > 0) this.#connection.onBroken(this.#errors.noFrame(code));
    else this.#other.onStray();
    this.#connection.onOver();
  }

  /** F82: all answers to the last message have come, or those that do come. */
  endBatch(): void {
    const answered = this.#batch?.end();
    const due = this.#outstanding.first;
    this.#batch = undefined;
    if (due === undefined || answered === undefined) return;
    this.#settle(due, answered.ack, 'exact');
    due.answered(answered.ack, answered.frames);
    this.#connection.onOver();
  }

  /** The node says no more, as the connection is `broken` or it has said so. What the messages fail of; undefined: there are none. */
  endOfStream(broken: Error | undefined): GatewayError | undefined {
    this.#errors.broken ??= broken;
    if (this.#isStopped) return undefined;
    this.#reader.end();
    if (this.pending === 0) return undefined;
    // F31: nothing on it had been written, so it says nothing of the node.
    const isUnwritten = !this.#outstanding.isFirstWritten && this.#unanswered.areUnwritten;
    return isUnwritten ? this.#errors.stale() : (this.#other.wrong ?? this.#errors.closed());
  }

  /** Reads no further, and waits for nothing. */
  stop(): void {
    this.#isStopped = true;
    this.#deadline.stop();
    clearTimeout(this.#unframedTimer);
    this.#reader.stop();
    const inVain = this.#committed.clear();
    if (inVain > 0) this.#quirks.onLostAnswer('closed', inVain);
  }

  /** Behind `stop`: the first message fails of `error`; of the others, what was not written is safe to send elsewhere. */
  fail(error: GatewayError | undefined): void {
    this.#outstanding.fail(error, this.#errors);
    this.#unanswered.fail(this.#errors);
  }

  #awaitFirst(now: number): void {
    this.#deadline.start(this.#outstanding.first?.silenceIsSuccess === true, now);
  }

  /** The first message is over: the next one is due. */
  #shift(): void {
    const now = turnTime();
    this.#meanMs += (now - this.#deadline.since - this.#meanMs) * LAST_SHARE;
    this.#outstanding.shift();
    this.lastUsedAt = now;
    if (this.#outstanding.length > 0) this.#awaitFirst(now);
  }

  /** The first message is answered, and there is room for one more. */
  #settle(due: Delivery, ack: Ack, match: Verdict): void {
    this.#shift();
    this.#matcher.answered(due, ack);
    if (match === 'alike') this.#quirks.onAlike();
    // F85: the node may yet say what it has to say of the message under its own id.
    else if (match === 'refusal') this.#connection.onSpent();
    this.answered++;
    this.answeredAt = this.lastUsedAt;
    if (!isApplicationAck(ack.code)) this.#committed.add(due, ack);
    this.#connection.onSettled(ack.code);
  }

  /** F90: the node has said nothing of the first message, and that means success. An error may still come later. */
  #onSilence(due: Delivery): void {
    this.#shift();
    this.#committed.addSilent(due);
    this.#connection.onSettled('none');
    due.unanswered();
    this.#connection.onOver();
  }

  /** F42: the operating system has taken these, or never will. */
  #onTaken(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (this.#isStopped) delivery.failed(this.#errors.closed());
      else {
        this.#unanswered.delivered();
        this.#connection.onSettled('none');
        delivery.unanswered();
      }
    }
    this.#connection.onOver();
  }

  #onDeadline(): void {
    const due = this.#outstanding.first;
    if (due === undefined || this.#isStopped) return;
    const { wrong } = this.#other;
    if (due.silenceIsSuccess !== true || this.#deadline.isAnswerLate || wrong !== undefined)
      this.#connection.onBroken(wrong ?? this.#errors.timeout());
    // F90: delivered is what the operating system has taken.
    else if (this.#outstanding.isFirstWritten && !this.#transport.isBlocked) this.#onSilence(due);
    else this.#deadline.extend();
  }

  /** F36: a frame that is no acknowledgement. */
  #onUnreadable(error: GatewayError): void {
    if (this.#outstanding.length === 0) this.#other.onStray();
    else this.#other.onWrong(error);
    this.#connection.onOver();
  }
}
