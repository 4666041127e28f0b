// One open connection to a node: writes messages and matches each answer to its message. Answers come in the order of
// the messages (MLLP R1) and MSA-2 must agree (src/hl7/answers.ts); else nothing is credited to anything.
import type { Socket } from 'node:net';
import { causeCode, GatewayError } from '../../errors.ts';
import { type Ack, type AckCode, isApplicationAck, isNegative, readAck } from '../../hl7/ack.ts';
import { alikeKey, answers, type Match, type MatchMode, matchAnswer } from '../../hl7/answers.ts';
import type { Header } from '../../hl7/header.ts';
import { CoalescingWriter, closeGracefully } from '../../mllp/coalescing-writer.ts';
import { classifyBytes, frame as framed, isUnframedHl7, payloadOf } from '../../mllp/frame.ts';
import {
  type FrameFault,
  FrameReader,
  type FrameReaderLimits,
  type FrameSink,
} from '../../mllp/frame-reader.ts';
import { Ring } from '../../ring.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { afterLoopTime } from '../loop-time.ts';
import { BatchAnswers, messagesIn } from './batch-answers.ts';
import { CommittedMessages } from './committed-messages.ts';
import { WATCH_MS } from './connection-reuse.ts';
import { RecentIds } from './recent-ids.ts';

export interface ConnectionOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly ackMs: number;
  /** How long it has been watched before it was handed over. */
  readonly settleMs?: number;
  /** F89: how long the connection is kept for an application acknowledgement that comes behind a commit; else not at all. */
  readonly applicationMs?: number;
  /** The same where one comes on error only. */
  readonly silenceMs?: number;
  /** Messages that may wait for their answers. */
  readonly pipelining: number;
  readonly answers: FrameReaderLimits;
  /** How MSA-2 is compared; `lenient`, unless said otherwise. */
  readonly match?: MatchMode;
  /** F97: it is ended after so many messages; undefined: it is not. */
  readonly reuse?: number | undefined;
  /** Unless `reuse`, which is the default, ids are remembered, and the owner's `guardsIds` says what that is for. */
  readonly repeatedIds?: 'auto' | 'redial' | 'reuse';
}

/** Whom a connection belongs to. */
export interface ConnectionOwner {
  /** A message got its answer, or needed none: there is room. */
  onSettled(connection: MllpConnection, code: AckCode | 'none'): void;
  /** No message will be taken any more; `error`: why, if the node's doing. Called before its messages fail. */
  onClosed(connection: MllpConnection, error: GatewayError | undefined): void;
  /** An answer that belongs to no message (F34, F39): dropped. `isSecond`: to one that was answered before. */
  onStrayAnswer(connection: MllpConnection, isSecond: boolean): void;
  /** F88: application acknowledgements that nobody is told of. */
  onLostAnswer?(reason: LostAnswer, count: number): void;
  /** It takes no more messages, has none, and is kept for answers that are owed (F89). */
  onLingering?(): void;
  /** No connection is to take a message that a second answer to an earlier one could be credited to. */
  readonly guardsIds?: boolean;
  /** F84: an answer was taken for its message's though MSA-2 or MSA-1 was not as it should be. */
  onAlike?(): void;
  /** The node is known for such answers. */
  readonly changesIds?: boolean;
  /** No connection takes a second message while one is out. */
  readonly oneAtATime?: boolean;
  /** F97: after an answer it takes no message until it has been watched for a close. */
  readonly watchesClose?: boolean;
  /** It was not closed, and takes messages again unless it is watched for longer or ended. */
  onKept?(connection: MllpConnection): void;
}

/**
 * `unclear`: it could be for more than one sender. `gone`: its sender is. `closed`: the connection ended before it came.
 * `unasked`: a refusal, to a sender that wants no answer.
 */
export type LostAnswer = 'unclear' | 'gone' | 'closed' | 'unasked';

/** F42: control ids of messages that needed no answer, to tell a node that answers all the same from one that is confused. */
const MAX_UNANSWERED = 256;
/** F86: a node that is confused says one or two things before the right one; one that says more is no MLLP node. */
const MAX_WRONG = 8;
/** More than a node says of others before it says something twice. */
const ANSWERED_IDS = 16;
/** F99: bytes of HL7 outside a frame could be a stray line before an answer (F38); that answer comes with them. */
const UNFRAMED_MS = 1_000;
const NOTHING = Buffer.alloc(0);

export class MllpConnection implements Channel, FrameSink {
  /** How long dialling took; reported with the first message only. */
  #connectMs: number;
  /** About when the node accepted it, in performance.now() milliseconds. */
  readonly dialledAt: number;
  lastUsedAt = performance.now();
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #writer: CoalescingWriter;
  /** In the order in which they were sent; the first is the one whose answer is due. */
  readonly #pending = new Ring<Delivery>();
  /** Of `#pending`, the last ones whose bytes are not written yet. */
  #unwritten = 0;
  /** Gathered in this turn, no answer expected. */
  #silent: Delivery[] = [];
  /** Those, and the ones whose bytes the operating system has not taken yet. */
  #silentCount = 0;
  readonly #committed: CommittedMessages;
  readonly #answerless = new Set<string>();
  /** Of those, the ones that asked for no answer themselves. */
  readonly #unasked = new Set<string>();
  /** Undefined: ids may repeat. */
  readonly #recent: RecentIds | undefined;
  /** MSA-2 of the last answers; an empty one on a fresh connection repeats nothing. With several messages out, a second answer to one may come behind those to others. */
  readonly #answeredIds = new Array<string | undefined>(ANSWERED_IDS).fill(undefined);
  /** MSH-10 of that message. */
  #lastId: string | undefined;
  /** F86: what the message that is out fails of, if the right answer does not come in time after all. */
  #wrong: GatewayError | undefined;
  #wrongCount = 0;
  #carried = 0;
  #answered = 0;
  #answeredAt = 0;
  /** Watched for a close behind an answer (F97); ends that. */
  #watch: (() => void) | undefined;
  #isClosedInWatch = false;
  #state: 'open' | 'retiring' | 'closed' = 'open';
  #error: Error | undefined;
  #isEndedByNode = false;
  /** Of the last message that it takes, which is a frame of several (F82). */
  #batch: BatchAnswers | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #dueSince = 0;
  /** How long the first may take from then on. */
  #dueMs = 0;
  #lingerTimer: NodeJS.Timeout | undefined;
  #unframedTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, connectMs: number, options: ConnectionOptions, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#connectMs = connectMs;
    this.dialledAt = performance.now() - (options.settleMs ?? 0);
    this.#options = options;
    this.#owner = owner;
    this.#committed = new CommittedMessages(options.applicationMs ?? 0, options.silenceMs ?? 0);
    this.#recent = (options.repeatedIds ?? 'reuse') === 'reuse' ? undefined : new RecentIds();
    this.#reader = new FrameReader(this, options.answers);
    this.#writer = new CoalescingWriter(socket, () => this.#onFlush());
    socket.on('data', this.#onData);
    socket.on('error', (error: Error) => {
      this.#error = error;
      this.#onEnd();
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onEnd());
  }

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Answers to messages that have come on it. */
  get answered(): number {
    return this.#answered;
  }

  /** When the last of them came, in performance.now() milliseconds. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** The node closed it while it was watched for that. */
  get isClosedInWatch(): boolean {
    return this.#isClosedInWatch;
  }

  /** F97: it is watched for a close, and has room if there is none. */
  get isWatched(): boolean {
    return this.#watch !== undefined && this.#state === 'open' && this.#owner.watchesClose === true;
  }

  get pending(): number {
    return this.#pending.length + this.#silentCount;
  }

  get hasRoom(): boolean {
    if (this.#state !== 'open' || this.isWatched) return false;
    return this.pending < (this.#owner.oneAtATime === true ? 1 : this.#options.pipelining);
  }

  /** The node closed it, or it broke. */
  get isEndedByNode(): boolean {
    return this.#isEndedByNode;
  }

  /** F89: somebody waits for an application acknowledgement on it. */
  get isOwed(): boolean {
    return this.#committed.owed > 0 && this.#committed.waitsUntil(performance.now()) !== undefined;
  }

  /** It is there for such answers alone. */
  get isLingering(): boolean {
    return this.#state === 'retiring' && this.pending === 0;
  }

  takes(delivery: Delivery): boolean {
    return this.hasRoom && !this.repeats(delivery) && !this.mayConfuse(delivery);
  }

  /** F88: another sender's message with this control id was committed on it. */
  mayConfuse(delivery: Delivery): boolean {
    return this.#committed.size > 0 && this.#committed.mayConfuse(delivery);
  }

  /** F39: a second answer to an earlier message could be credited to this one. */
  repeats({ header }: Delivery): boolean {
    if (this.#recent === undefined || this.#owner.guardsIds !== true) return false;
    if (this.#recent.wouldRepeat(header, this.#owner.changesIds)) return true;
    // Of these an answer may come at any time, whatever was answered since. F43: the one of a commit is told apart where
    // a commit is due.
    const id = header.controlId;
    if (this.#answerless.size > 0 && this.#answerless.has(id)) return true;
    return this.#committed.size > 0 && !header.enhanced && this.#committed.has(id);
  }

  /** Calls back when the node has closed its side too, or has been given up on; the connection must have ended. */
  whenGone(callback: () => void): void {
    if (this.#socket.closed) setImmediate(callback);
    else this.#socket.once('close', callback);
  }

  send(delivery: Delivery): void {
    this.lastUsedAt = performance.now();
    this.#recent?.add(delivery.header, this.#owner.changesIds);
    if (++this.#carried === this.#options.reuse) this.#state = 'retiring';
    const messages = delivery.expectsAnswer ? messagesIn(delivery.header) : 1;
    if (messages > 1) {
      // F82: behind such a frame Mirth swallows the next one, so no message goes on this connection any more.
      this.#batch = new BatchAnswers(messages, this.#options.ackMs, () => this.#endBatch());
      this.#state = 'retiring';
    }
    if (delivery.expectsAnswer) {
      if (this.#pending.push(delivery) === 1) this.#expect();
      this.#unwritten++;
    } else {
      this.#silent.push(delivery);
      this.#silentCount++;
    }
    this.#writer.write(delivery.frame ?? framed(delivery.payload));
    delivery.assigned(this, this.#connectMs);
    this.#connectMs = 0;
  }

  /** Takes no more messages, and ends when those under way are answered. */
  retire(): void {
    if (this.#state === 'closed') return;
    this.#state = 'retiring';
    this.#endIfDone();
  }

  /** Like `retire`, but does not wait for answers that nobody waits for. */
  end(): void {
    this.retire();
    if (this.isOwed) return;
    if (this.#silentCount === 0 && [...this.#pending].every(({ unwanted }) => unwanted === true))
      this.#close(undefined);
  }

  /** Ends it whatever may still come. */
  abort(): void {
    if (this.pending === 0) this.#close(undefined);
  }

  /** Of one that takes no more. */
  #endIfDone(): void {
    if (this.#state !== 'retiring' || this.pending > 0) return;
    const now = performance.now();
    const until = this.#committed.waitsUntil(now);
    if (until === undefined) {
      this.#close(undefined);
      return;
    }
    if (this.#lingerTimer === undefined) this.#owner.onLingering?.();
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = setTimeout(() => this.#endIfDone(), Math.max(1, until - now));
    this.#lingerTimer.unref();
  }

  #onFlush(): void {
    const pending = this.#pending;
    for (let i = pending.length - this.#unwritten; i < pending.length; i++) pending.at(i)?.written();
    this.#unwritten = 0;
    if (this.#silent.length > 0) this.#writeSilent();
  }

  /** Messages without an answer are delivered when the operating system has taken their bytes. */
  #writeSilent(): void {
    const silent = this.#silent;
    this.#silent = [];
    for (const delivery of silent) {
      delivery.written();
      const { controlId } = delivery.header;
      keep(this.#answerless, controlId);
      if (delivery.header.text(15) === 'NE') keep(this.#unasked, controlId);
    }
    // Behind the messages' own bytes, so that its callback tells when those have been taken.
    setImmediate(() => {
      this.#socket.write(NOTHING, () => {
        for (const delivery of silent) {
          if (this.#state === 'closed') delivery.failed(this.#closedError());
          else {
            this.#silentCount--;
            this.#owner.onSettled(this, 'none');
            delivery.unanswered();
          }
        }
        this.#endIfDone();
      });
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closed') {
      // A late answer (F34): its message has been given up on.
      this.#owner.onStrayAnswer(this, false);
      return;
    }
    this.#reader.push(chunk);
    if (this.#reader.unfinished && !this.#reader.inside && this.#unframedTimer === undefined)
      this.#watchUnframed();
  };

  /** F99: an answer without a start block has begun. If no frame follows soon, none will. */
  #watchUnframed(): void {
    if (!isUnframedHl7(this.#reader.sample)) return;
    this.#unframedTimer = setTimeout(() => {
      this.#unframedTimer = undefined;
      if (this.#pending.length > 0 && isUnframedHl7(this.#reader.sample))
        this.#close(this.#invalid(this.#looksLike));
    }, UNFRAMED_MS);
    this.#unframedTimer.unref();
  }

  onFrame(frame: Buffer): void {
    if (this.#state === 'closed') return;
    const ack = readAck(payloadOf(frame));
    if (ack !== undefined && this.#pending.at(0)?.silenceIsSuccess === true) this.#passSilent(ack);
    const due = this.#pending.at(0);
    if (ack === undefined) {
      this.#onUnreadable(release2Block(payloadOf(frame)));
      return;
    }
    const match = due === undefined ? 'none' : this.#match(ack, due);
    if (due === undefined || match === 'none') {
      this.#onUnmatched(ack, frame, due);
      return;
    }
    if (
      match === 'exact' &&
      this.#owner.guardsIds === true &&
      this.#recent?.mayAnswer(ack.controlId, due.header) === false
    ) {
      this.#close(new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#options.node }));
      return;
    }
    // Mostly there are none, and a look-up costs the hash of a string that nobody has asked for yet: 0.4 µs.
    if (this.#committed.size > 0 && this.#isOfCommitted(ack, frame, due)) return;
    if (this.#batch !== undefined && this.#pending.length === 1) {
      // Its deadline is kept by the first of its answers.
      clearTimeout(this.#ackTimer);
      if (this.#batch.add(ack, payloadOf(frame), frame)) this.#endBatch();
      return;
    }
    this.#leaves(due, ack, match);
    due.answered(ack, frame);
    this.#endIfDone();
  }

  /** F82: all answers to the last message have come, or those that do come. */
  #endBatch(): void {
    const answered = this.#batch?.end();
    const due = this.#pending.at(0);
    this.#batch = undefined;
    if (due === undefined || answered === undefined) return;
    this.#leaves(due, answered.ack, 'exact');
    due.answered(answered.ack, answered.frames);
    this.#endIfDone();
  }

  /** It is answered: the next one is due, and there is room for one more. */
  #leaves(due: Delivery, ack: Ack, match: Match): void {
    this.#pending.shift();
    this.#answeredIds[this.#answered % ANSWERED_IDS] = ack.controlId;
    this.#lastId = due.header.controlId;
    if (match === 'alike') this.#owner.onAlike?.();
    // F85: the node may yet say what it has to say of the message under its own id.
    else if (match === 'refusal') this.#state = 'retiring';
    this.#answered++;
    this.#answeredAt = performance.now();
    this.lastUsedAt = this.#answeredAt;
    if (this.#owner.watchesClose === true && this.#pending.length === 0) this.watchClose(WATCH_MS);
    if (!isApplicationAck(ack.code)) this.#committed.add(due, ack);
    if (this.#pending.length > 0) this.#expect();
    this.#owner.onSettled(this, ack.code);
  }

  /** F97: takes no message for so long, then tells the owner if the node has not closed it. */
  watchClose(ms: number): void {
    this.#watch?.();
    this.#watch = afterLoopTime(ms, () => {
      this.#watch = undefined;
      if (this.#state === 'open') this.#owner.onKept?.(this);
    });
  }

  onEmptyFrame(): void {
    this.#onUnreadable('an empty frame');
  }

  onFault(code: FrameFault): void {
    // The stream ended inside an answer: `#onEnd` says so.
    if (code === 'GW_ERR_FRAME_TRUNCATED' || this.#state === 'closed') return;
    if (this.#pending.length === 0) this.#onStray();
    else this.#close(this.#invalid(this.#looksLike ?? code));
  }

  #invalid(detail: string | undefined): GatewayError {
    return new GatewayError('GW_ERR_ACK_INVALID', { node: this.#options.node, detail });
  }

  /** F99: what a node sends that answers in no frame. */
  get #looksLike(): string | undefined {
    const { sample } = this.#reader;
    return sample.length === 0 ? undefined : `it looks like ${classifyBytes(sample)}`;
  }

  get #lastAnsweredId(): string | undefined {
    return this.#answeredIds[(this.#answered - 1) % ANSWERED_IDS];
  }

  /** One message is out, and every byte of it has been written. */
  get #isOnlyOne(): boolean {
    return this.#pending.length === 1 && this.#unwritten === 0 && this.#silentCount === 0;
  }

  #match(ack: Ack, { header }: Delivery): Match {
    if (this.#pending.length === this.#unwritten) return 'none';
    const match = matchAnswer(ack, header, this.#options.match ?? 'lenient', this.#isOnlyOne);
    return match === 'exact' || match === 'none' || !this.#mayNameAnother(ack, header, match)
      ? match
      : 'none';
  }

  /**
   * Could it be the answer to a message that is not out any more: a second one to one of those answered last, one to a
   * message that needed none (F42), or the application's to one that was committed (F43)?
   */
  #mayNameAnother(ack: Ack, header: Header, match: Match): boolean {
    const id = ack.controlId;
    if (id !== '' && id === this.#lastId && id !== header.controlId) return true;
    if (match === 'refusal') {
      const isCommit = !isApplicationAck(ack.code);
      const isSecond = id === this.#lastAnsweredId || (id !== '' && this.#answeredIds.includes(id));
      return isSecond || this.#answerless.size > 0 || (this.#committed.size > 0 && !isCommit);
    }
    if (this.#answerless.has(id) || this.#committed.has(id)) return true;
    if (match !== 'alike' || this.#answerless.size + this.#committed.size === 0) return false;
    const key = alikeKey(id, header);
    for (const ids of [this.#answerless, this.#committed.keys()])
      for (const other of ids) if (alikeKey(other, header) === key) return true;
    return false;
  }

  /** F36: a frame that is no acknowledgement. */
  #onUnreadable(detail?: string): void {
    if (this.#pending.length === 0) this.#onStray();
    else this.#onWrong(this.#invalid(detail));
  }

  /**
   * F86: it is not the answer to the message that is due. Where that is the only one out, the right one may still come until
   * the deadline. Else it cannot be said what any later answer belongs to.
   */
  #onWrong(error: GatewayError, isSecond = false): void {
    if (!this.#isOnlyOne || ++this.#wrongCount > MAX_WRONG) {
      this.#close(error);
      return;
    }
    this.#wrong ??= error;
    this.#onStray(isSecond);
  }

  /** An answer that is not the one due: an application acknowledgement after a commit, a second answer, or a wrong one. */
  #onUnmatched(ack: Ack, frame: Buffer, due: Delivery | undefined): void {
    if (this.#committed.size > 0 && this.#isOfCommitted(ack, frame, undefined)) return;
    if (this.#answerless.delete(ack.controlId)) this.#onUnexpected(ack);
    else if (due === undefined || ack.controlId === this.#lastAnsweredId)
      this.#onStray(this.#recent?.has(ack.controlId));
    else
      this.#onWrong(
        new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#options.node }),
        this.#recent?.has(ack.controlId) === true && !answers(ack, due.header),
      );
  }

  /** To a message that needed no answer. Many nodes answer all: where the sender asked for none, only a refusal is worth a word. */
  #onUnexpected(ack: Ack): void {
    if (!this.#unasked.delete(ack.controlId)) this.#owner.onStrayAnswer(this, false);
    else if (isNegative(ack.code)) this.#owner.onLostAnswer?.('unasked', 1);
  }

  /** Is it an answer to a message that was committed before, and not to `due`? Its sender has been told then. */
  #isOfCommitted(ack: Ack, frame: Buffer, due: Delivery | undefined): boolean {
    const verdict = this.#committed.take(ack, payloadOf(frame), frame, due);
    if (verdict === 'due') return false;
    // F90: it says that all is well, where silence has said so before.
    if (verdict === 'known') return true;
    if (verdict === 'second') this.#onStray(true);
    else {
      this.lastUsedAt = performance.now();
      if (verdict !== 'told') this.#owner.onLostAnswer?.(verdict, 1);
      this.#endIfDone();
    }
    return true;
  }

  /** F39: the first answer stands; a connection that says more than it was asked takes no further message. */
  #onStray(isSecond = false): void {
    this.#owner.onStrayAnswer(this, isSecond);
    this.#state = 'retiring';
    this.#endIfDone();
  }

  /** The first pending message's answer is due from now on. */
  #expect(): void {
    this.#dueSince = performance.now();
    const { ackMs, silenceMs = ackMs } = this.#options;
    const dueMs = this.#pending.at(0)?.silenceIsSuccess === true ? Math.min(silenceMs, ackMs) : ackMs;
    if (this.#ackTimer !== undefined && dueMs === this.#dueMs) this.#ackTimer.refresh();
    else {
      this.#dueMs = dueMs;
      this.#wakeIn(dueMs);
    }
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = setTimeout(() => this.#onAckTimer(), ms);
    this.#ackTimer.unref();
  }

  #onAckTimer(): void {
    if (this.#pending.length === 0 || this.#state === 'closed') return;
    // The event loop's clock may be coarser than this one, so a timer can be early; it must not be forgotten then.
    const leftMs = this.#dueSince + this.#dueMs - performance.now();
    if (leftMs > 1) {
      this.#wakeIn(leftMs);
      return;
    }
    const due = this.#pending.at(0);
    if (due?.silenceIsSuccess === true && !this.#isStuck && this.#wrong === undefined) {
      // F90: delivered is what the operating system has taken.
      if (this.#unwritten < this.#pending.length && this.#socket.writableLength === 0) this.#onSilence(due);
      else this.#wakeIn(this.#dueMs);
      return;
    }
    this.#close(
      this.#wrong ??
        new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#options.node, detail: this.#looksLike }),
    );
  }

  /** The node takes no bytes, for as long as it may take to answer. */
  get #isStuck(): boolean {
    return performance.now() - this.#dueSince > this.#options.ackMs;
  }

  /** F90: the node has said nothing of the first message, and that means success. An error may still come later. */
  #onSilence(due: Delivery): void {
    this.#pending.shift();
    this.lastUsedAt = performance.now();
    this.#committed.addSilent(due);
    if (this.#pending.length > 0) this.#expect();
    this.#owner.onSettled(this, 'none');
    due.unanswered();
    this.#endIfDone();
  }

  /** Answers come in order: one to a message further back says that the node has nothing to say of those before it. */
  #passSilent(ack: Ack): void {
    const written = this.#pending.length - this.#unwritten;
    let silent = 0;
    while (silent < written && this.#pending.at(silent)?.silenceIsSuccess === true) {
      const { header } = this.#pending.at(silent) as Delivery;
      if (answers(ack, header)) return;
      silent++;
    }
    const next = this.#pending.at(silent);
    if (silent === 0 || silent === written || next === undefined || !answers(ack, next.header)) return;
    for (const due of [...this.#pending].slice(0, silent)) this.#onSilence(due);
  }

  #onEnd(): void {
    if (this.#state === 'closed') return;
    this.#isEndedByNode = true;
    this.#isClosedInWatch = this.#watch !== undefined;
    this.#reader.end();
    if (this.pending === 0) this.#close(undefined);
    // F31: nothing on it had been written, so it says nothing of the node.
    else if (this.#unwritten === this.#pending.length && this.#silent.length === this.#silentCount)
      this.#close(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
    else this.#close(this.#wrong ?? this.#closedError());
  }

  #closedError(): GatewayError {
    const detail = this.#looksLike ?? (this.#error === undefined ? undefined : causeCode(this.#error));
    return new GatewayError('GW_ERR_NODE_CLOSED', { node: this.#options.node, detail });
  }

  /** Ends the connection; with `error`, what was written fails as that and what was not is safe to send elsewhere. */
  #close(error: GatewayError | undefined): void {
    if (this.#isClosed) return;
    this.#endBatch();
    if (this.#isClosed) return;
    this.#state = 'closed';
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#lingerTimer);
    this.#watch?.();
    this.#watch = undefined;
    clearTimeout(this.#unframedTimer);
    this.#writer.discard();
    this.#reader.stop();
    const inVain = this.#committed.clear();
    if (inVain > 0) this.#owner.onLostAnswer?.('closed', inVain);
    closeGracefully(this.#socket);
    this.#owner.onClosed(this, error);
    const pending = this.#pending.cut(0);
    const unwrittenFrom = pending.length - this.#unwritten;
    const silent = this.#silent.splice(0);
    pending.forEach((delivery, i) => {
      if (i >= unwrittenFrom)
        delivery.failed(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
      else delivery.failed(i === 0 && error !== undefined ? error : this.#closedError());
    });
    for (const delivery of silent)
      delivery.failed(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
  }
}

/** With a bound: the oldest goes. */
function keep(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= MAX_UNANSWERED) return;
  for (const oldest of ids) {
    ids.delete(oldest);
    break;
  }
}

/** F99: MLLP release 2 has blocks of one byte for what has been received (v2.9.1 appendix C.5). */
function release2Block(payload: Buffer): string | undefined {
  if (payload.length !== 1) return undefined;
  if (payload[0] === 0x06) return 'a commit block (06) of MLLP release 2';
  return payload[0] === 0x15 ? 'a negative commit block (15) of MLLP release 2' : undefined;
}
