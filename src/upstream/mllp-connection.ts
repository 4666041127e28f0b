// One open connection to a node: writes messages and matches each answer to its message. Answers come in the order of
// the messages (MLLP R1) and MSA-2 must agree; else nothing is credited to anything.
import type { Socket } from 'node:net';
import { causeCode, GatewayError } from '../errors.ts';
import { type Ack, type AckCode, isApplicationAck, readAck } from '../hl7/ack.ts';
import { answers } from '../hl7/answers.ts';
import { payloadOf } from '../mllp/frame.ts';
import {
  type FrameFault,
  FrameReader,
  type FrameReaderLimits,
  type FrameSink,
} from '../mllp/frame-reader.ts';
import { endGently, TickWriter } from '../mllp/tick-writer.ts';
import { CommittedMessages } from './committed-messages.ts';
import type { Channel, Delivery } from './delivery.ts';
import { RecentIds } from './recent-ids.ts';

export interface ConnectionOptions {
  /** The node's name, for errors. */
  readonly node: string;
  readonly ackMs: number;
  /** F89: how long the connection is kept for an application acknowledgement that comes behind a commit; else not at all. */
  readonly applicationMs?: number;
  /** The same where one comes on error only. */
  readonly silenceMs?: number;
  /** Messages that may wait for their answers. */
  readonly pipelining: number;
  readonly answers: FrameReaderLimits;
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
}

/** `unclear`: it could be for more than one sender. `gone`: its sender is. `closed`: the connection ended before it came. */
export type LostAnswer = 'unclear' | 'gone' | 'closed';

/** F42: control ids of messages that needed no answer, to tell a node that answers all the same from one that is confused. */
const MAX_UNANSWERED = 256;
const NOTHING = Buffer.alloc(0);

export class MllpConnection implements Channel, FrameSink {
  /** How long dialling took; reported with the first message only. */
  #connectMs: number;
  lastUsedAt = performance.now();
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #writer: TickWriter;
  /** In the order in which they were sent; the first is the one whose answer is due. */
  readonly #pending: Delivery[] = [];
  /** Of `#pending`, the last ones whose bytes are not written yet. */
  #unwritten = 0;
  /** Gathered in this turn, no answer expected. */
  #silent: Delivery[] = [];
  /** Those, and the ones whose bytes the operating system has not taken yet. */
  #silentCount = 0;
  readonly #committed: CommittedMessages;
  readonly #answerless = new Set<string>();
  /** Undefined: ids may repeat. */
  readonly #recent: RecentIds | undefined;
  /** Control id of the message that was answered last; an empty MSA-2 on a fresh connection repeats nothing. */
  #lastAnswered: string | undefined;
  #state: 'open' | 'retiring' | 'closed' = 'open';
  #error: Error | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #dueSince = 0;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, connectMs: number, options: ConnectionOptions, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#connectMs = connectMs;
    this.#options = options;
    this.#owner = owner;
    this.#committed = new CommittedMessages(options.applicationMs ?? 0, options.silenceMs ?? 0);
    this.#recent = (options.repeatedIds ?? 'reuse') === 'reuse' ? undefined : new RecentIds();
    this.#reader = new FrameReader(this, options.answers);
    this.#writer = new TickWriter(socket, () => this.#onFlush());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error: Error) => {
      this.#error = error;
      this.#onEnd();
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onEnd());
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get pending(): number {
    return this.#pending.length + this.#silentCount;
  }

  get hasRoom(): boolean {
    return this.#state === 'open' && this.pending < this.#options.pipelining;
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
    if (this.#recent.wouldRepeat(header)) return true;
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
    this.#recent?.add(delivery.header);
    if (delivery.expectsAnswer) {
      if (this.#pending.push(delivery) === 1) this.#expect();
      this.#unwritten++;
    } else {
      this.#silent.push(delivery);
      this.#silentCount++;
    }
    this.#writer.write(delivery.frame);
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
    if (this.#silentCount === 0 && this.#pending.every(({ unwanted }) => unwanted === true))
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
    for (let i = pending.length - this.#unwritten; i < pending.length; i++) pending[i]?.written();
    this.#unwritten = 0;
    if (this.#silent.length > 0) this.#writeSilent();
  }

  /** Messages without an answer are delivered when the operating system has taken their bytes. */
  #writeSilent(): void {
    const silent = this.#silent;
    this.#silent = [];
    for (const delivery of silent) {
      delivery.written();
      this.#answerless.add(delivery.header.controlId);
      if (this.#answerless.size > MAX_UNANSWERED) {
        for (const oldest of this.#answerless) {
          this.#answerless.delete(oldest);
          break;
        }
      }
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

  #onData(chunk: Buffer): void {
    if (this.#state === 'closed') {
      // A late answer (F34): its message has been given up on.
      this.#owner.onStrayAnswer(this, false);
      return;
    }
    this.#reader.push(chunk);
  }

  onFrame(frame: Buffer): void {
    if (this.#state === 'closed') return;
    const ack = readAck(payloadOf(frame));
    const due = this.#pending[0];
    if (ack === undefined) {
      if (due === undefined) this.#onStray();
      else this.#close(new GatewayError('GW_ERR_ACK_INVALID', { node: this.#options.node }));
      return;
    }
    if (due === undefined || this.#pending.length === this.#unwritten || !answers(ack, due.header)) {
      this.#onUnmatched(ack, frame, due);
      return;
    }
    if (this.#owner.guardsIds === true && this.#recent?.mayAnswer(ack.controlId, due.header) === false) {
      this.#close(new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#options.node }));
      return;
    }
    // Mostly there are none, and a look-up costs the hash of a string that nobody has asked for yet: 0.4 µs.
    if (this.#committed.size > 0 && this.#isOfCommitted(ack, frame, due)) return;
    this.#pending.shift();
    this.#lastAnswered = ack.controlId;
    this.lastUsedAt = performance.now();
    if (!isApplicationAck(ack.code)) this.#committed.add(due, ack);
    if (this.#pending.length > 0) this.#expect();
    this.#owner.onSettled(this, ack.code);
    due.answered(ack, frame);
    this.#endIfDone();
  }

  onEmptyFrame(): void {
    if (this.#pending.length === 0) this.#onStray();
    else
      this.#close(
        new GatewayError('GW_ERR_ACK_INVALID', { node: this.#options.node, detail: 'an empty frame' }),
      );
  }

  onFault(code: FrameFault): void {
    // The stream ended inside an answer: `#onEnd` says so.
    if (code === 'GW_ERR_FRAME_TRUNCATED' || this.#state === 'closed') return;
    if (this.#pending.length === 0) this.#onStray();
    else this.#close(new GatewayError('GW_ERR_ACK_INVALID', { node: this.#options.node, detail: code }));
  }

  /** An answer that is not the one due: an application acknowledgement after a commit, a second answer, or a wrong one. */
  #onUnmatched(ack: Ack, frame: Buffer, due: Delivery | undefined): void {
    if (this.#committed.size > 0 && this.#isOfCommitted(ack, frame, undefined)) return;
    if (this.#answerless.delete(ack.controlId)) this.#owner.onStrayAnswer(this, false);
    else if (due === undefined || ack.controlId === this.#lastAnswered)
      this.#onStray(this.#recent?.has(ack.controlId));
    else this.#close(new GatewayError('GW_ERR_ACK_MISMATCH', { node: this.#options.node }));
  }

  /** Is it an answer to a message that was committed before, and not to `due`? Its sender has been told then. */
  #isOfCommitted(ack: Ack, frame: Buffer, due: Delivery | undefined): boolean {
    const verdict = this.#committed.take(ack, payloadOf(frame), frame, due);
    if (verdict === 'due') return false;
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
    if (this.#ackTimer === undefined) {
      this.#ackTimer = setTimeout(() => this.#onAckTimer(), this.#options.ackMs);
      this.#ackTimer.unref();
    } else this.#ackTimer.refresh();
  }

  #onAckTimer(): void {
    if (this.#pending.length === 0 || this.#state === 'closed') return;
    // The event loop's clock may be coarser than this one, so a timer can be early; it must not be forgotten then.
    const leftMs = this.#dueSince + this.#options.ackMs - performance.now();
    if (leftMs > 1) {
      this.#ackTimer = setTimeout(() => this.#onAckTimer(), leftMs);
      this.#ackTimer.unref();
      return;
    }
    this.#close(new GatewayError('GW_ERR_ACK_TIMEOUT', { node: this.#options.node }));
  }

  #onEnd(): void {
    if (this.#state === 'closed') return;
    this.#reader.end();
    if (this.pending === 0) this.#close(undefined);
    // F31: nothing on it had been written, so it says nothing of the node.
    else if (this.#unwritten === this.#pending.length && this.#silent.length === this.#silentCount)
      this.#close(new GatewayError('GW_ERR_NODE_STALE', { node: this.#options.node }));
    else this.#close(this.#closedError());
  }

  #closedError(): GatewayError {
    const detail = this.#error === undefined ? undefined : causeCode(this.#error);
    return new GatewayError('GW_ERR_NODE_CLOSED', { node: this.#options.node, detail });
  }

  /** Ends the connection; with `error`, what was written fails as that and what was not is safe to send elsewhere. */
  #close(error: GatewayError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#lingerTimer);
    this.#writer.discard();
    this.#reader.stop();
    const inVain = this.#committed.clear();
    if (inVain > 0) this.#owner.onLostAnswer?.('closed', inVain);
    endGently(this.#socket);
    this.#owner.onClosed(this, error);
    const pending = this.#pending.splice(0);
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
