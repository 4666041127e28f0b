// One sender's connection: cuts frames, hands each to the relay, and writes the answers in the order in which the
// messages came. Reads no faster than answers go out, and owes no answer when it ends itself.
import type { Socket } from 'node:net';
import type { Peer } from '../../routing/message-view.ts';
import { sourceKey } from '../../src/addresses.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/errors.ts';
import type { Utf16 } from '../../src/hl7/charset.ts';
import { type Header, readHeader } from '../../src/hl7/header.ts';
import { CoalescingWriter, closeGracefully } from '../../src/mllp/coalescing-writer.ts';
import { classifyBytes, FRAMING_BYTES, frame, isFramedAsUtf16, payloadOf } from '../../src/mllp/frame.ts';
import {
  type FrameFault,
  FrameReader,
  type FrameReaderLimits,
  type FrameSink,
} from '../../src/mllp/frame-reader.ts';
import { Utf16Detector } from '../../src/mllp/utf16-detector.ts';
import { Utf16FrameReader } from '../../src/mllp/utf16-frame-reader.ts';
import { Message, type Origin, type Outcome } from '../../src/relay/message.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import type { Admission } from '../../src/relay/route-resolver.ts';
import { Ring } from '../../src/ring.ts';
import { type BufferBudget, PartialMessage, type SourceBudget } from '../accept/buffer-budget.ts';
import { FrameClock } from './frame-clock.ts';
import { LaterAnswers } from './later-answers.ts';
import { negativeAckBytes, refusalOf, type Told } from './refusal.ts';
import { ReplyQueue } from './reply-queue.ts';
import { answerInUtf16 } from './utf16-answer.ts';
import { WrittenReplies } from './written-replies.ts';

export interface SessionWatcher {
  /** A message is over, with its outcome; `reply`: what its sender was told. */
  onMessage(message: Message): void;
  /** Nothing more happens to it: its answer has been handed to the connection (`replied`), or never will be. */
  onOver(message: Message, replied: boolean): void;
  /** Something that never became a message, or ended the connection. */
  onFault(error: GatewayError, peer: Peer, header: Header | undefined): void;
  /** Its messages are framed in this, and not in single bytes. */
  onFraming(peer: Peer, framing: string): void;
  onClosed(session: MllpSession): void;
}

const NO_BYTES = Buffer.alloc(0);
const NUL = Buffer.of(0);
const FRAME_END = Buffer.of(0x1c, 0x0d);

/**
 * Of a frame that is larger than this, so much is read in one turn of the event loop. Node.js would read 2 MiB, in which
 * nobody else is served; the kernel's buffer keeps the sender busy meanwhile.
 */
const TURN_BYTES = 64 * 1024;

export class MllpSession implements FrameSink, Origin {
  readonly listener: string;
  readonly peer: Peer;
  readonly since = Date.now();
  messages = 0;
  emptyFrames = 0;
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly replyTarget: LaterAnswers;
  #config: ListenerConfig;
  readonly #relay: Pipeline;
  #admission: Admission;
  readonly #source: SourceBudget;
  readonly #watcher: SessionWatcher;
  readonly #socket: Socket;
  #reader: FrameReader | Utf16FrameReader;
  /** F99: until it is known how the first message is framed. */
  #detector: Utf16Detector | undefined;
  /** In which its messages are framed, and so its answers. */
  #utf16: Utf16 | undefined;
  readonly #writer: CoalescingWriter;
  readonly #owed: ReplyQueue;
  readonly #replies: WrittenReplies;
  /** Their replies are given to the writer, and those who watch have not been told of them yet. */
  readonly #unobserved = new Ring<Message>();
  readonly #wake = (): void => this.#resume();
  /** `ending`: reads no more, still answers. */
  #state: 'open' | 'ending' | 'closed' = 'open';
  /** The sender has said that this is all. */
  #hasEnded = false;
  #draining = false;
  /** F89: before it ends, it waits for the answers that come behind those of its messages. */
  #waitsForLater = false;
  #paused = false;
  /** Of the frame that is being read. */
  readonly #part: PartialMessage;
  #partOf = -1;
  /**
   * Read from the socket and not looked at yet: one read, of 64 KiB at most, can bring more messages than may wait for
   * their answers. Not in the budget: nothing but an answer would make room, and these wait for none yet.
   */
  #rest: Buffer = NO_BYTES;
  /** Of a large frame, in this turn of the event loop. */
  #turnBytes = 0;
  /** Whole messages that came too late to be taken. */
  #discarded = 0;
  /** F17: from a frame's first byte to its last. */
  readonly #clock = new FrameClock(() => this.#onFrameTimeout());
  #timedFrame = -1;
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(
    socket: Socket,
    peer: Peer,
    config: ListenerConfig,
    admission: Admission,
    relay: Pipeline,
    budget: BufferBudget,
    watcher: SessionWatcher,
  ) {
    this.listener = config.name;
    this.peer = peer;
    this.#config = config;
    this.#admission = admission;
    this.#relay = relay;
    this.#source = budget.source(sourceKey(peer.address));
    this.#part = new PartialMessage(this.#source, this.#wake);
    this.#watcher = watcher;
    this.#socket = socket;
    this.#replies = new WrittenReplies(socket, (message, replied) => watcher.onOver(message, replied));
    this.#owed = new ReplyQueue((message, replied) => {
      if (replied) this.#replies.add(message);
      else watcher.onOver(message, false);
    });
    this.replyTarget = new LaterAnswers(
      (bytes) => this.#tellLater(bytes),
      () => this.#onLaterOver(),
    );
    this.#reader = new FrameReader(this, limitsOf(config));
    // With `accept` the `1C` of UTF-16 may end a frame.
    if (config.framing.missingCr === 'refuse') this.#detector = new Utf16Detector();
    this.#writer = new CoalescingWriter(
      socket,
      () => this.#replies.onFlush(),
      (error) => {
        // What became of a message is said before what became of its reply.
        this.#observe();
        this.#replies.onWritten(error);
      },
      () => this.#onHanded(),
    );
    socket.on('data', this.#onData);
    socket.on('end', () => {
      this.#hasEnded = true;
      this.#onSenderDone();
    });
    socket.on('drain', () => this.#onDrain());
    // 'close' follows and says it all.
    socket.on('error', () => {});
    socket.on('close', () => this.#onGone());
    socket.on('timeout', () => this.#onIdle());
    if (config.limits.idleTimeoutMs > 0) socket.setTimeout(config.limits.idleTimeoutMs);
  }

  /** Messages that are not answered yet. */
  get pending(): number {
    return this.#owed.count;
  }

  /** Bytes that belong to no frame. */
  get skippedBytes(): number {
    return this.#reader.skipped;
  }

  /** What has not come yet is judged by another config, and cut into frames by it. */
  reconfigure(config: ListenerConfig, admission: Admission): void {
    if (config.limits.idleTimeoutMs !== this.#config.limits.idleTimeoutMs)
      this.#socket.setTimeout(config.limits.idleTimeoutMs);
    this.#config = config;
    this.#admission = admission;
    this.#reader.reconfigure(limitsOf(config));
    // More of its messages may wait for their answers than before.
    this.#resume();
  }

  /** Answers every message that has come whole, waits for the end of one that has begun, then ends the connection. */
  drain(): void {
    this.#draining = true;
    this.#waitsForLater = true;
    if (!this.#reader.inside) this.#stopReading();
    this.#finishIfDone();
  }

  /** Ends the connection whatever is owed. */
  destroy(): void {
    this.#release();
    this.#socket.destroy();
    this.#owed.abandon();
  }

  onFrame(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    this.messages++;
    // It is counted as a whole from here on.
    this.#part.end();
    const message = new Message(payloadOf(bytes), this, bytes);
    this.#owed.expect(message);
    this.#source.hold(bytes.length);
    this.#relay.accept(message, this.#admission);
    if (this.#draining) this.#stopReading();
    if (this.#mustPause()) this.#reader.wait();
  }

  becameBatch(message: Message): void {
    this.#owed.weigh(message);
    if (this.#mustPause()) this.#pause();
  }

  onEmptyFrame(): void {
    // F15: Mirth does not answer these either.
    this.emptyFrames++;
  }

  onFault(code: FrameFault, bytes: Buffer, sample?: Buffer): void {
    const header = headerIn(bytes, code === 'GW_ERR_FRAME_START_BLOCK' || code === 'GW_ERR_FRAME_END_BYTE');
    const detail =
      sample === undefined || sample.length === 0 ? undefined : `it looks like ${classifyBytes(sample)}`;
    const error = new GatewayError(code, { detail });
    this.#watcher.onFault(error, this.peer, header);
    switch (code) {
      case 'GW_ERR_FRAME_CUT_OFF':
      case 'GW_ERR_FRAME_TRUNCATED':
        // Nobody waits for an answer to half a message (F8, F9).
        return;
      case 'GW_ERR_FRAME_START_BLOCK':
      case 'GW_ERR_FRAME_END_BYTE':
        this.#owe(this.#refusal(error, header));
        return;
      case 'GW_ERR_FRAME_TOO_LARGE':
        // F16: the sender learns why, where there is a header to answer; then the connection ends.
        this.#owe(this.#refusal(error, header) ?? NO_BYTES);
        this.#owe(null);
        return;
      default:
        this.#owe(null);
    }
  }

  /** For what never became a message. */
  #refusal(error: GatewayError, header: Header | undefined): Buffer | null {
    return framed(negativeAckBytes(refusalOf(this.#config, error, header), error, header));
  }

  settled(message: Message, outcome: Outcome): void {
    this.#source.hold(-(message.payload.length + FRAMING_BYTES));
    // F83: said with what became of it.
    const isOwed = this.#owed.owes(message);
    if (outcome.kind !== 'abandoned' && !isOwed) message.loseReply();
    const bytes = this.#replyTo(message, outcome);
    // An answer goes out first, and those who watch are told when it has.
    if (isOwed && outcome.kind === 'answered') this.#unobserved.push(message);
    else {
      this.#watcher.onMessage(message);
      this.#reportStrays(outcome);
    }
    if (!isOwed) {
      this.#watcher.onOver(message, false);
      return;
    }
    this.#owed.settle(message, bytes);
    if (bytes === null) this.#endReading();
    // As `#pay` does, at one call less for each message.
    let reply = this.#owed.next();
    for (; reply !== undefined && reply !== null; reply = this.#owed.next()) {
      if (reply.length === 0) this.#replies.skipLast();
      else this.#writer.write(this.#inItsFraming(reply));
    }
    this.#paid(reply);
    if (this.#owed.owes(message)) this.#observe();
  }

  partSettled(message: Message, outcome: Outcome): Buffer | null {
    const bytes = this.#replyTo(message, outcome);
    this.#watcher.onMessage(message);
    // It is in the answer to its batch that its own goes out.
    if (message.batch !== undefined) this.#watcher.onOver(message, true);
    return bytes;
  }

  #replyTo(message: Message, outcome: Outcome): Buffer | null {
    if (outcome.kind === 'answered') {
      message.replyWith(outcome.ack.code);
      return outcome.frame;
    }
    const header = message.hasHeader ? message.header : undefined;
    const refusal =
      outcome.kind === 'failed' ? refusalOf(this.#config, outcome.error, header, message.route) : 'close';
    const bytes = replyTo(message, outcome, refusal);
    message.replyWith(replyName(outcome, bytes, refusal));
    return bytes;
  }

  /** Metrics, log and traces hear of the messages whose replies have been handed to the socket. */
  #observe(): void {
    for (let message = this.#unobserved.shift(); message !== undefined; message = this.#unobserved.shift())
      this.#watcher.onMessage(message);
  }

  hold(bytes: number): void {
    this.#source.hold(bytes);
  }

  /** F6: strange bytes before a frame, and no HL7 in it: another protocol, whose bytes happened to make a frame. */
  #reportStrays(outcome: Outcome): void {
    const { sample } = this.#reader;
    if (sample.length === 0 || outcome.kind !== 'failed' || outcome.error.code !== 'GW_ERR_HEADER_MSH')
      return;
    const detail = `it looks like ${classifyBytes(sample)}`;
    this.#watcher.onFault(new GatewayError('GW_ERR_FRAME_NO_START', { detail }), this.peer, undefined);
  }

  #inItsFraming(reply: Buffer): Buffer {
    return this.#utf16 === undefined ? reply : answerInUtf16(reply, this.#utf16);
  }

  get framing(): string | undefined {
    return this.#utf16?.toUpperCase();
  }

  /** Not before the answer to its own message, which may have to wait for those ahead of it. */
  #tellLater(bytes: Buffer): void {
    if (!this.#owed.addBehind(bytes)) this.#writer.write(this.#inItsFraming(bytes));
  }

  #onLaterOver(): void {
    this.#finishIfDone();
    const { idleTimeoutMs } = this.#config.limits;
    if (this.#state === 'open' && idleTimeoutMs > 0) this.#socket.setTimeout(idleTimeoutMs);
  }

  /** An answer that is known at once, to what never became a message. */
  #owe(bytes: Buffer | null): void {
    this.#owed.add(bytes);
    if (bytes === null) this.#endReading();
    this.#pay();
    if (this.#mustPause()) this.#reader.wait();
  }

  /** The connection will end at an answer that is owed: what comes behind could not be answered, so it is not taken. */
  #endReading(): void {
    this.#reader.stop();
    this.#stopReading();
  }

  /** Writes the answers that are known, up to the first that is not. */
  #pay(): void {
    let reply = this.#owed.next();
    for (; reply !== undefined && reply !== null; reply = this.#owed.next()) {
      if (reply.length === 0) this.#replies.skipLast();
      else this.#writer.write(this.#inItsFraming(reply));
    }
    this.#paid(reply);
  }

  /** `last`: null where the connection ends with it. */
  #paid(last: null | undefined): void {
    if (last === null) {
      this.#end();
      return;
    }
    if (this.#paused) this.#resume();
    this.#finishIfDone();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state !== 'open') {
      this.#discard(chunk);
      return;
    }
    let rest = this.#detector === undefined ? chunk : this.#detectUtf16(chunk, this.#detector);
    do {
      const read = this.#reader.push(rest);
      rest = read === rest.length ? NO_BYTES : rest.subarray(read);
      this.#account();
    } while (rest.length > 0 && !this.#mustPause());
    this.#rest = rest;
    if (this.#part.bytes > TURN_BYTES) this.#yield(chunk.length);
    this.#watchFrame();
    if (this.#draining && !this.#reader.inside) this.#stopReading();
    if (this.#mustPause()) this.#pause();
  };

  /**
   * F99: looks for the end of a first message in UTF-16 framing, which the reader has kept as one that does not end.
   * Returns what is to be read: more than the chunk, where that is another reader's.
   */
  #detectUtf16(chunk: Buffer, detector: Utf16Detector): Buffer {
    const reader = this.#reader;
    if (reader instanceof Utf16FrameReader || reader.hasEnded) {
      this.#detector = undefined;
      return chunk;
    }
    const found = detector.push(chunk);
    if (found === undefined) return chunk;
    this.#detector = undefined;
    if (found === 'plain') return chunk;
    const rest = chunk.subarray(reader.push(chunk.subarray(0, found.to)));
    if (reader.hasEnded || !reader.inside) return rest;
    this.#utf16 = found.encoding;
    this.#watcher.onFraming(this.peer, found.encoding.toUpperCase());
    const held = reader.takeHeld();
    this.#reader = new Utf16FrameReader(this, limitsOf(this.#config), found.encoding);
    // The reader held it from the `0B` on.
    return Buffer.concat(found.encoding === 'utf-16be' ? [NUL, held, rest] : [held, rest]);
  }

  /** F29: what comes behind the end that the gateway has decided on is not taken; how much that was is said when it is over. */
  #discard(chunk: Buffer): void {
    for (let at = chunk.indexOf(FRAME_END); at >= 0; at = chunk.indexOf(FRAME_END, at + 2)) this.#discarded++;
  }

  /** F48: within a large frame the others have their turn. */
  #yield(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes < TURN_BYTES || this.#socket.isPaused()) return;
    this.#socket.pause();
    setImmediate(() => {
      this.#turnBytes = 0;
      if (!this.#paused) this.#socket.resume();
    });
  }

  /** F17: one time for each frame, however the bytes trickle. */
  #watchFrame(): void {
    if (!this.#reader.unfinished || this.#state !== 'open') {
      this.#clock.stop();
      return;
    }
    if (this.#clock.isSet && this.#timedFrame === this.#reader.started) return;
    this.#timedFrame = this.#reader.started;
    this.#clock.start(this.#config.limits.frameTimeoutMs);
  }

  #onFrameTimeout(): void {
    const { inside, sample, head } = this.#reader;
    const seen = isFramedAsUtf16(head) ? head : sample;
    this.onFault(inside ? 'GW_ERR_FRAME_TIMEOUT' : 'GW_ERR_FRAME_NO_START', NO_BYTES, seen);
  }

  #account(): void {
    const { heldBytes, started } = this.#reader;
    if (heldBytes === 0 || started !== this.#partOf) this.#part.end();
    this.#partOf = started;
    if (heldBytes > 0) this.#part.grow(heldBytes, this.#config.limits.maxFrameBytes + FRAMING_BYTES);
  }

  #mustPause(): boolean {
    return (
      this.#owed.count >= this.#config.limits.maxPending ||
      this.#lacksRoom() ||
      this.#socket.writableNeedDrain ||
      this.#relay.holdsUp(this)
    );
  }

  /** F79: a frame that has begun goes on, unless it is a large one that has to wait. */
  #lacksRoom(): boolean {
    return this.#reader.inside ? this.#part.waits : !this.#source.hasRoom;
  }

  #pause(): void {
    if (this.#paused || this.#state !== 'open') return;
    this.#paused = true;
    this.#socket.pause();
    this.#clock.pause();
    this.#awaitRoom();
  }

  /** A frame that waits is woken anyway. */
  #awaitRoom(): void {
    if (!this.#reader.inside && !this.#source.hasRoom) this.#source.onRoom(this.#wake);
  }

  #resume(): void {
    if (!this.#paused || this.#state !== 'open') return;
    if (this.#mustPause()) {
      this.#awaitRoom();
      return;
    }
    this.#paused = false;
    if (this.#rest.length > 0) this.#onData(this.#rest);
    if (this.#paused) return;
    this.#clock.resume();
    this.#socket.resume();
    if (this.#socket.readableEnded) this.#onSenderDone();
  }

  #onHanded(): void {
    this.#observe();
    // F29: from here on the sender has to take what is written.
    if (this.#writeTimer !== undefined || !this.#socket.writableNeedDrain || this.#state === 'closed') return;
    this.#pause();
    this.#writeTimer = setTimeout(() => {
      this.#watcher.onFault(new GatewayError('GW_ERR_SENDER_NOT_READING'), this.peer, undefined);
      this.destroy();
    }, this.#config.limits.writeTimeoutMs);
  }

  #onDrain(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    this.#resume();
  }

  /** F25: the sender has said all, and still gets its answers. */
  #onSenderDone(): void {
    // What has been read is not all looked at yet; `#resume` comes back here.
    if (this.#rest.length > 0) return;
    // One that has all its answers, and says that this is all, does not wait for more.
    this.#waitsForLater = this.#owed.count > 0;
    this.#stopReading();
    this.#finishIfDone();
  }

  #onIdle(): void {
    if (this.#owed.count > 0 || this.#reader.unfinished) return;
    if (this.replyTarget.isOwed) {
      this.replyTarget.watch();
      return;
    }
    this.#watcher.onFault(new GatewayError('GW_ERR_SENDER_IDLE'), this.peer, undefined);
    this.#end();
  }

  #stopReading(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#reader.end();
    this.#reader.stop();
    this.#discard(this.#rest);
    this.#rest = NO_BYTES;
    this.#account();
    this.#watchFrame();
    // What still comes is read and thrown away: unread bytes would turn the end of the connection into a reset.
    this.#paused = false;
    this.#socket.resume();
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#state !== 'ending' || this.#owed.count > 0) return;
    if (this.#waitsForLater && this.replyTarget.isOwed) this.replyTarget.watch();
    else this.#end();
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#release();
    this.#writer.flush();
    this.#replies.whenConfirmed(() => closeGracefully(this.#socket));
  }

  /**
   * F26: the sender is gone. What a node has, or what was sent whole before an orderly end, is still delivered; what was owed
   * is owed to nobody. F80: of what it has sent before a reset, it will send again what nobody has answered.
   */
  #onGone(): void {
    const isReset = !this.#hasEnded;
    this.#stopReading();
    if (this.#state !== 'closed') {
      const error = new GatewayError('GW_ERR_SENDER_RESET');
      this.#watcher.onFault(error, this.peer, undefined);
      this.#release();
      if (isReset) this.#owed.abandon(error);
    }
    this.#observe();
    this.#replies.onClosed();
    if (this.#discarded > 0) {
      const detail = this.#discarded === 1 ? '1 message' : `${this.#discarded} messages`;
      this.#watcher.onFault(new GatewayError('GW_ERR_SENDER_DISCARDED', { detail }), this.peer, undefined);
    }
    this.#watcher.onClosed(this);
  }

  #release(): void {
    this.#state = 'closed';
    this.replyTarget.end();
    this.#clock.stop();
    clearTimeout(this.#writeTimer);
    this.#source.forget(this.#wake);
    this.#reader.stop();
    this.#rest = NO_BYTES;
    this.#account();
  }
}

function framed(payload: Buffer | null): Buffer | null {
  if (payload === null) return null;
  return payload.length === 0 ? NO_BYTES : frame(payload);
}

/** `whole`: the frame has ended, so its header has; else one whose end has not come is none: MSH-10 may be cut short. */
function headerIn(bytes: Buffer, whole: boolean): Header | undefined {
  if (bytes.length < 4) return undefined;
  try {
    const header = readHeader(bytes.subarray(1));
    return whole || header.end < header.bytes.length ? header : undefined;
  } catch {
    return undefined;
  }
}

/** What a sender is told of a message; `refusal`: where no node has answered it. */
function replyTo(message: Message, outcome: Outcome, refusal: Told): Buffer | null {
  switch (outcome.kind) {
    case 'answered':
    case 'gathered':
      return outcome.frame;
    case 'unanswered':
      return NO_BYTES;
    case 'abandoned':
      return null;
    case 'failed':
      return framed(negativeAckBytes(refusal, outcome.error, message.hasHeader ? message.header : undefined));
  }
}

/** The same in one word: the code of the acknowledgement, `close` or `none`. */
function replyName(outcome: Outcome, bytes: Buffer | null, refusal: Told): string {
  if (outcome.kind === 'answered') return outcome.ack.code;
  if (outcome.kind === 'gathered') return outcome.code;
  if (outcome.kind === 'unanswered') return 'none';
  return bytes === null ? 'close' : refusal;
}

function limitsOf({ limits, framing }: ListenerConfig): FrameReaderLimits {
  return { ...limits, ...framing };
}
