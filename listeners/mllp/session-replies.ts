// The replying half of a sender's connection: what becomes of a message is told to its sender, in the order in which the messages
// came, then to those who watch. Promises that each message has one reply, or that it is known why it has none.
import type { Peer } from '../../routing/message-view.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import type { GatewayError } from '../../src/errors.ts';
import type { Utf16 } from '../../src/hl7/charset.ts';
import type { Header } from '../../src/hl7/header.ts';
import { FRAMING_BYTES, frame } from '../../src/mllp/frame.ts';
import type { Transport } from '../../src/mllp/transport.ts';
import type { Message, Origin, Outcome } from '../../src/relay/message.ts';
import { Ring } from '../../src/ring.ts';
import type { SourceBudget } from '../accept/buffer-budget.ts';
import { LaterAnswers } from './later-answers.ts';
import { negativeAckBytes, refusalOf, type Told } from './refusal.ts';
import { type QueuedReply, ReplyQueue } from './reply-queue.ts';
import { answerInUtf16 } from './utf16-answer.ts';
import { WrittenReplies } from './written-replies.ts';

/** Whose connection it is. */
export interface RepliesOwner {
  /** The connection will end at a reply that is owed: what comes behind could not be answered. */
  onLastOwed(): void;
  /** All replies that are known have been written; `isLast`: the connection ends with them. */
  onPaid(isLast: boolean): void;
  /** More messages wait for replies than frames have come. */
  onBatch(): void;
  /** No answer behind those of its messages is waited for any more. */
  onLaterOver(): void;
}

export interface ReplyWatcher {
  /** A message is over, with its outcome; `reply`: what its sender was told. */
  onMessage(message: Message): void;
  /** Nothing more happens to it: its answer has been handed to the connection (`replied`), or never will be. */
  onOver(message: Message, replied: boolean): void;
}

const NO_BYTES = Buffer.alloc(0);

export class SessionReplies implements Origin {
  readonly listener: string;
  readonly peer: Peer;
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly replyTarget: LaterAnswers;
  /** How refusals are told. */
  config: ListenerConfig;
  /** In which the sender's messages are framed, and so its replies (F99). */
  encoding: Utf16 | undefined;
  readonly #transport: Transport;
  readonly #source: SourceBudget;
  readonly #owner: RepliesOwner;
  readonly #watcher: ReplyWatcher;
  readonly #owed: ReplyQueue;
  readonly #written: WrittenReplies;
  /** Their replies are given to the transport, and those who watch have not been told of them yet. */
  readonly #unobserved = new Ring<Message>();

  constructor(
    transport: Transport,
    peer: Peer,
    config: ListenerConfig,
    source: SourceBudget,
    watcher: ReplyWatcher,
    owner: RepliesOwner,
  ) {
    this.listener = config.name;
    this.peer = peer;
    this.config = config;
    this.#transport = transport;
    this.#source = source;
    this.#owner = owner;
    this.#watcher = watcher;
    this.#written = new WrittenReplies(transport, (message, replied) => watcher.onOver(message, replied));
    this.#owed = new ReplyQueue((message, reply) => {
      if (reply === null || reply.length === 0) watcher.onOver(message, reply !== null);
      else this.#written.add(message);
    });
    this.replyTarget = new LaterAnswers(
      (bytes) => this.#tellLater(bytes),
      () => owner.onLaterOver(),
    );
  }

  get framing(): string | undefined {
    return this.encoding?.toUpperCase();
  }

  /** Messages that are not answered yet. */
  get count(): number {
    return this.#owed.count;
  }

  /** A message has come, and is held until it is settled. */
  expect(message: Message): void {
    this.#owed.expect(message);
    this.hold(message.payload.length + FRAMING_BYTES);
  }

  hold(bytes: number): void {
    this.#source.hold(bytes);
  }

  becameBatch(message: Message): void {
    this.#owed.weigh(message);
    this.#owner.onBatch();
  }

  settled(message: Message, outcome: Outcome): void {
    this.hold(-(message.payload.length + FRAMING_BYTES));
    // F83: said with what became of it.
    const isOwed = this.#owed.owes(message);
    if (outcome.kind !== 'abandoned' && !isOwed) message.loseReply();
    const reply = this.#replyTo(message, outcome);
    // An answer goes out first, and those who watch are told when it has.
    if (isOwed && outcome.kind === 'answered') this.#unobserved.push(message);
    else this.#watcher.onMessage(message);
    if (!isOwed) {
      this.#watcher.onOver(message, false);
      return;
    }
    this.#owed.settle(message, reply);
    if (reply === null) this.#owner.onLastOwed();
    let next = this.#owed.next();
    for (; next != null; next = this.#owed.next()) this.#transport.write(this.#inItsFraming(next));
    this.#owner.onPaid(next === null);
    if (this.#owed.owes(message)) this.#observe();
  }

  partSettled(message: Message, outcome: Outcome): Buffer | null {
    const reply = this.#replyTo(message, outcome);
    this.#watcher.onMessage(message);
    // It is in the answer to its batch that its own goes out.
    if (message.batch !== undefined) this.#watcher.onOver(message, true);
    return reply;
  }

  /** A reply that is known at once, to what never became a message. Nothing else can be due: the first reply is never known yet. */
  owe(reply: QueuedReply): void {
    this.#owed.add(reply);
    if (reply === null) this.#owner.onLastOwed();
    const due = this.#owed.next();
    if (due != null) this.#transport.write(this.#inItsFraming(due));
    this.#owner.onPaid(due === null);
  }

  /** A refusal of what never became a message; null: the end of the connection. */
  refusal(error: GatewayError, header: Header | undefined): QueuedReply {
    return framedRefusal(refusalOf(this.config, error, header), error, header);
  }

  /** Nobody is owed a reply any more; `reason`: where that is the sender's doing. */
  abandon(reason?: GatewayError): void {
    this.#owed.abandon(reason);
  }

  onFlush(): void {
    this.#written.onFlush();
  }

  onHanded(): void {
    this.#observe();
  }

  onWritten(error?: Error | null): void {
    // What became of a message is said before what became of its reply.
    this.#observe();
    this.#written.onWritten(error);
  }

  /** Calls back when it is known of all replies that were written whether the sender has them. */
  whenConfirmed(callback: () => void): void {
    this.#written.whenConfirmed(callback);
  }

  /** The connection is gone. */
  onClosed(isBroken: boolean): void {
    this.#observe();
    this.#written.onClosed(isBroken);
  }

  /** Those who watch hear of the messages whose replies have been handed over. */
  #observe(): void {
    for (let message = this.#unobserved.shift(); message !== undefined; message = this.#unobserved.shift())
      this.#watcher.onMessage(message);
  }

  #replyTo(message: Message, outcome: Outcome): QueuedReply {
    switch (outcome.kind) {
      case 'answered':
        message.replyWith(outcome.ack.code);
        return outcome.frame;
      case 'gathered':
      case 'stored':
        message.replyWith(outcome.code);
        return outcome.frame;
      case 'unanswered':
        message.replyWith('none');
        return NO_BYTES;
      case 'abandoned':
        message.replyWith('close');
        return null;
      case 'failed': {
        const header = message.hasHeader ? message.header : undefined;
        const told = refusalOf(this.config, outcome.error, header, message.route);
        message.replyWith(told);
        return framedRefusal(told, outcome.error, header);
      }
    }
  }

  /** Not before the answer to its own message, which may have to wait for those ahead of it. */
  #tellLater(bytes: Buffer): void {
    if (!this.#owed.addBehind(bytes)) this.#transport.write(this.#inItsFraming(bytes));
  }

  #inItsFraming(reply: Buffer): Buffer {
    return this.encoding === undefined ? reply : answerInUtf16(reply, this.encoding);
  }
}

function framedRefusal(told: Told, error: GatewayError, header: Header | undefined): QueuedReply {
  const payload = negativeAckBytes(told, error, header);
  return payload === null || payload.length === 0 ? payload : frame(payload);
}
