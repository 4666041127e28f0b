// One sender's connection, from its first frame to its end: hands each message to the relay, has it replied to, and refuses
// what is none. Reads no faster than replies go out, and owes no reply when it ends itself.
import type { Peer } from '../../routing/message-view.ts';
import { sourceKey } from '../../src/addresses.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import type { Utf16 } from '../../src/hl7/charset.ts';
import type { Header } from '../../src/hl7/header.ts';
import { classifyBytes, payloadOf } from '../../src/mllp/frame.ts';
import type { FrameFault } from '../../src/mllp/frame-reader.ts';
import type { Transport, TransportOwner } from '../../src/mllp/transport.ts';
import { wallMs } from '../../src/platform/time.ts';
import { Message } from '../../src/relay/message.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import type { Admission } from '../../src/relay/route-resolver.ts';
import type { BufferBudget } from '../accept/buffer-budget.ts';
import type { ConnectedSender } from '../listener.ts';
import { type FrameOwner, FrameReceiver } from './frame-receiver.ts';
import { headerToAnswer } from './refusal.ts';
import { type RepliesOwner, type ReplyWatcher, SessionReplies } from './session-replies.ts';

export interface SessionWatcher extends ReplyWatcher {
  /** Something that never became a message, or ended the connection. */
  onFault(error: GatewayError, peer: Peer, header: Header | undefined): void;
  /** Its messages are framed in this, and not in single bytes. */
  onFraming(peer: Peer, framing: string): void;
  onClosed(session: MllpSession): void;
}

const NO_BYTES = Buffer.alloc(0);
/** An application acknowledgement is milliseconds behind its commit; a sender that sends on waits for nothing more than its next answer. */
const TALKS_ON_MS = 2_000;

export class MllpSession implements TransportOwner, FrameOwner, RepliesOwner, ConnectedSender {
  readonly peer: Peer;
  readonly since = wallMs();
  messages = 0;
  emptyFrames = 0;
  readonly onRead: TransportOwner['onRead'];
  #config: ListenerConfig;
  #admission: Admission;
  readonly #relay: Pipeline;
  readonly #watcher: SessionWatcher;
  readonly #transport: Transport;
  readonly #receiver: FrameReceiver;
  readonly #replies: SessionReplies;
  /** F89: before it ends, it waits for the answers that come behind those of its messages. */
  #waitsForLater = false;
  #isClosed = false;
  /** The idle time was over while a message was not answered: it begins anew with the answer, written or not. */
  #wasIdle = false;

  constructor(
    transport: Transport,
    peer: Peer,
    config: ListenerConfig,
    admission: Admission,
    relay: Pipeline,
    budget: BufferBudget,
    watcher: SessionWatcher,
  ) {
    const source = budget.source(sourceKey(peer.address));
    this.peer = peer;
    this.#config = config;
    this.#admission = admission;
    this.#relay = relay;
    this.#watcher = watcher;
    this.#transport = transport;
    this.#receiver = new FrameReceiver(transport, config, source, this);
    this.#replies = new SessionReplies(transport, peer, config, source, watcher, this);
    this.onRead = this.#receiver.onRead;
    this.#setTimeouts(config);
    transport.open(this);
  }

  /** Messages that are not answered yet. */
  get pending(): number {
    return this.#replies.count;
  }

  /** Bytes that belong to no frame. */
  get skippedBytes(): number {
    return this.#receiver.skippedBytes;
  }

  /** What has not come yet is judged by another config, and cut into frames by it. */
  reconfigure(config: ListenerConfig, admission: Admission): void {
    this.#config = config;
    this.#admission = admission;
    this.#replies.config = config;
    this.#setTimeouts(config);
    // More of its messages may wait for their answers than before.
    this.#receiver.reconfigure(config);
  }

  #setTimeouts({ limits }: ListenerConfig): void {
    this.#transport.setIdleTimeout(limits.idleTimeoutMs);
    this.#transport.setWriteTimeout(limits.writeTimeoutMs);
  }

  // Messages come in.

  onFrame(bytes: Buffer): void {
    if (!this.#receiver.isReading) return;
    this.messages++;
    // It is counted as a whole from here on.
    this.#receiver.handOver();
    const message = new Message(payloadOf(bytes), this.#replies, bytes);
    this.#replies.expect(message);
    this.#relay.accept(message, this.#admission);
    if (message.outcome !== undefined) this.#reportStrays(message);
    this.#receiver.frameTaken();
  }

  onEmptyFrame(): void {
    // F15: Mirth does not answer these either.
    this.emptyFrames++;
  }

  onFault(code: FrameFault, bytes: Buffer, sample = NO_BYTES): void {
    const isWhole = code === 'GW_ERR_FRAME_START_BLOCK' || code === 'GW_ERR_FRAME_END_BYTE';
    const header = headerToAnswer(bytes, isWhole);
    const error = this.#report(code, looksLike(sample), header);
    // Nobody waits for an answer to half a message (F8, F9).
    if (code === 'GW_ERR_FRAME_CUT_OFF' || code === 'GW_ERR_FRAME_TRUNCATED') return;
    // F16: the sender learns why, where there is a header to answer; then the connection ends.
    const isAnswerable = isWhole || code === 'GW_ERR_FRAME_TOO_LARGE';
    const refusal = isAnswerable ? this.#replies.refusal(error, header) : null;
    if (refusal !== null) this.#replies.owe(refusal);
    if (refusal === null || !isWhole) this.#replies.owe(null);
    this.#receiver.waitIfFull();
  }

  /** F6: strange bytes before a frame, and no HL7 in it: another protocol, whose bytes happened to make a frame. */
  #reportStrays({ outcome }: Message): void {
    const { sample } = this.#receiver;
    if (sample.length > 0 && outcome?.kind === 'failed' && outcome.error.code === 'GW_ERR_HEADER_MSH')
      this.#report('GW_ERR_FRAME_NO_START', looksLike(sample));
  }

  #report(code: ErrorCode, detail?: string, header?: Header): GatewayError {
    const error = new GatewayError(code, { detail });
    this.#watcher.onFault(error, this.peer, header);
    return error;
  }

  onUtf16(encoding: Utf16): void {
    this.#replies.encoding = encoding;
    this.#watcher.onFraming(this.peer, encoding.toUpperCase());
  }

  // It reads no faster than replies go out.

  get isFull(): boolean {
    return (
      this.#replies.count >= this.#config.limits.maxPending ||
      this.#transport.needsDrain ||
      this.#relay.holdsUp(this.#replies)
    );
  }

  onBatch(): void {
    this.#receiver.pauseIfFull();
  }

  onFlush(): void {
    this.#replies.onFlush();
  }

  onHanded(): void {
    this.#replies.onHanded();
    if (this.#transport.needsDrain) this.#receiver.pause();
  }

  onWritten(error?: Error | null): void {
    this.#replies.onWritten(error);
  }

  onDrain(): void {
    this.#receiver.resume();
  }

  onPaid(isLast: boolean): void {
    if (this.#wasIdle) {
      this.#wasIdle = false;
      this.#transport.restartIdleTime();
    }
    if (isLast) {
      this.#end();
      return;
    }
    this.#receiver.resume();
    this.#endIfDone();
  }

  // It ends: because the sender has said all, the gateway stops, a reply is its end, or nothing goes on any more.

  /** F25: the sender has said all, and still gets its answers. */
  onEnd(): void {
    // The receiver calls this when it has looked at what has been read.
    if (this.#receiver.isBehind) return;
    // One that has all its answers, and says that this is all, does not wait for more.
    this.#waitsForLater = this.#replies.count > 0;
    this.#stopReading('cut-off');
    this.#endIfDone();
  }

  /** Answers every message that has come whole, waits for the end of one that has begun, then ends the connection. */
  drain(): void {
    this.#waitsForLater = true;
    this.#receiver.drain();
    this.#endIfDone();
  }

  onDrained(): void {
    this.#stopReading('cut-off');
  }

  onLastOwed(): void {
    this.#stopReading('dropped');
  }

  onIdle(): void {
    if (this.#isClosed || this.#receiver.unfinished) return;
    if (this.#replies.count > 0) {
      this.#wasIdle = true;
      return;
    }
    if (this.#replies.replyTarget.isOwed) {
      this.#replies.replyTarget.watch();
      return;
    }
    this.#report('GW_ERR_SENDER_IDLE');
    this.#end();
  }

  /** Its next message is for another connection, and it waits for an answer to that: what is owed here has little time left. */
  onDiscarded(): void {
    this.#replies.replyTarget.hurry(TALKS_ON_MS);
  }

  onLaterOver(): void {
    this.#endIfDone();
    if (this.#receiver.isReading) this.#transport.restartIdleTime();
  }

  onWriteTimeout(): void {
    if (this.#isClosed) return;
    this.#report('GW_ERR_SENDER_NOT_READING');
    this.destroy();
  }

  /** From here on it only answers. */
  #stopReading(openFrame: 'cut-off' | 'dropped'): void {
    if (!this.#receiver.isReading) return;
    this.#receiver.stop(openFrame);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#receiver.isReading || this.#isClosed || this.#replies.count > 0) return;
    if (this.#waitsForLater && this.#replies.replyTarget.isOwed) this.#replies.replyTarget.watch();
    else this.#end();
  }

  /** Nothing is owed any more. */
  #end(): void {
    if (this.#isClosed) return;
    this.#release();
    this.#transport.flush();
    this.#replies.whenConfirmed(() => this.#transport.end());
  }

  /** Ends the connection whatever is owed. */
  destroy(): void {
    this.#release();
    this.#transport.destroy();
    this.#replies.abandon();
  }

  /**
   * F26: the sender is gone. What a node has, or what was sent whole before an orderly end, is still delivered; what was owed
   * is owed to nobody. F80: of what it has sent before a reset, it will send again what nobody has answered.
   */
  onClosed(broken: Error | undefined): void {
    this.#stopReading('cut-off');
    if (!this.#isClosed) {
      const error = this.#report('GW_ERR_SENDER_RESET');
      this.#release();
      if (!this.#transport.hasEnded) this.#replies.abandon(error);
    }
    this.#replies.onClosed(broken !== undefined);
    const { discarded } = this.#receiver;
    if (discarded > 0)
      this.#report('GW_ERR_SENDER_DISCARDED', discarded === 1 ? '1 message' : `${discarded} messages`);
    this.#watcher.onClosed(this);
  }

  #release(): void {
    this.#isClosed = true;
    this.#replies.replyTarget.end();
    this.#receiver.release();
  }
}

function looksLike(sample: Buffer): string | undefined {
  return sample.length === 0 ? undefined : `it looks like ${classifyBytes(sample)}`;
}
