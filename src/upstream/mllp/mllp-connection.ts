// One open connection to a node, from its first message to its end. Promises to take a message only where it has room, to end when it
// is used up and nothing more is to come on it, and that the messages it still has then fail (ack-tracker.ts has those).
import type { GatewayError } from '../../errors.ts';
import type { AckCode } from '../../hl7/ack.ts';
import { frame as framed } from '../../mllp/frame.ts';
import type { Transport, TransportOwner } from '../../mllp/transport.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../../platform/time.ts';
import type { Channel, Delivery } from '../delivery.ts';
import { afterLoopTime } from '../loop-time.ts';
import { clientKey } from '../per-client.ts';
import { type AckOptions, AckTracker } from './ack-tracker.ts';
import { WATCH_MS, type WatchedConnection } from './connection-reuse.ts';
import { NodeQuirks, type QuirkOptions } from './node-quirks.ts';

export interface ConnectionOptions extends AckOptions, QuirkOptions {
  /** How long it has been watched before it was handed over. */
  readonly settleMs?: number;
  /** Messages that may wait for their answers. */
  readonly pipelining: number;
  /** It carries the messages of this client alone. Undefined: those of all. */
  readonly client?: string | undefined;
}

/** Whom a connection belongs to. */
export interface ConnectionOwner {
  /** A message got its answer, or needed none: there is room. */
  onSettled(connection: MllpConnection, code: AckCode | 'none'): void;
  /** No message will be taken any more; `error`: why, if the node's doing. Called before its messages fail. */
  onClosed(connection: MllpConnection, error: GatewayError | undefined): void;
  /** It takes no more messages, has none, and is kept for answers that are owed (F89). */
  onLingering?(): void;
  /** F97: it was not closed, and takes messages again unless it is watched for longer or ended. */
  onKept?(connection: MllpConnection): void;
}

export class MllpConnection implements Channel, TransportOwner, WatchedConnection {
  /** About when the node accepted it, in monotonicMs() milliseconds. */
  readonly dialledAt: number;
  /** The node closed it, or it broke. */
  isEndedByNode = false;
  isClosedInWatch = false;
  readonly onRead: TransportOwner['onRead'];
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #quirks: NodeQuirks;
  readonly #acks: AckTracker;
  /** How long dialling took; reported with the first message only. */
  #connectMs: number;
  #carried = 0;
  #state: 'open' | 'retiring' | 'closed' = 'open';
  /** Watched for a close behind an answer (F97); ends that. */
  #watch: (() => void) | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(
    transport: Transport,
    connectMs: number,
    options: ConnectionOptions,
    owner: ConnectionOwner,
    quirks = new NodeQuirks(options),
  ) {
    this.#transport = transport;
    this.#connectMs = connectMs;
    this.dialledAt = monotonicMs() - (options.settleMs ?? 0);
    this.#options = options;
    this.#owner = owner;
    this.#quirks = quirks;
    this.#acks = new AckTracker(options, transport, quirks, {
      onSettled: (code) => {
        if (code !== 'none' && quirks.watchesClose && !this.#acks.isAnswerDue) this.watchClose(WATCH_MS);
        owner.onSettled(this, code);
      },
      onOver: () => this.#endIfDone(),
      onSpent: () => {
        if (this.#state === 'open') this.#state = 'retiring';
      },
      onBroken: (error) => this.#close(error),
    });
    this.onRead = this.#acks.onRead;
    transport.open(this);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Messages that are not over. */
  get pending(): number {
    return this.#acks.pending;
  }

  get answered(): number {
    return this.#acks.answered;
  }

  get answeredAt(): number {
    return this.#acks.answeredAt;
  }

  /** When it had to do with a message last, in monotonicMs() milliseconds. */
  get lastUsedAt(): number {
    return this.#acks.lastUsedAt;
  }

  get hasRoom(): boolean {
    if (this.#state !== 'open' || this.isWatched) return false;
    return this.pending < (this.#quirks.isOneAtATime ? 1 : this.#options.pipelining);
  }

  /** F97: it is watched for a close, and has room if there is none. */
  get isWatched(): boolean {
    return this.#watch !== undefined && this.#state === 'open' && this.#quirks.watchesClose;
  }

  /** F89: somebody waits for an application acknowledgement on it. */
  get isOwed(): boolean {
    return this.#acks.owedUntil !== undefined;
  }

  /** It is there for such answers alone. */
  get isLingering(): boolean {
    return this.#state === 'retiring' && this.pending === 0;
  }

  /** One more message of this turn of the event loop goes along with those before it. */
  get joinsTurn(): boolean {
    return this.#acks.joinsTurn && this.hasRoom;
  }

  get isBlocked(): boolean {
    return this.#transport.isBlocked;
  }

  takes(delivery: Delivery): boolean {
    const { client } = this.#options;
    if (client !== undefined && clientKey(delivery.clientAddress) !== client) return false;
    return this.hasRoom && !this.repeats(delivery) && !this.mayConfuse(delivery);
  }

  /** F88: another sender's message with this control id was committed on it. */
  mayConfuse(delivery: Delivery): boolean {
    return this.#acks.mayConfuse(delivery);
  }

  /** F39: a second answer to an earlier message could be credited to this one. */
  repeats(delivery: Delivery): boolean {
    return this.#acks.repeats(delivery);
  }

  send(delivery: Delivery): void {
    if (++this.#carried === this.#options.reuse) this.#state = 'retiring';
    this.#acks.sent(delivery);
    this.#transport.write(delivery.frame ?? framed(delivery.payload));
    delivery.assigned(this, this.#connectMs);
    this.#connectMs = 0;
  }

  onFlush(): void {
    this.#acks.onFlush();
  }

  onEnd(): void {
    this.onClosed(undefined);
  }

  onError(error: Error): void {
    this.onClosed(error);
  }

  onClosed(broken: Error | undefined): void {
    if (this.#state !== 'closed') {
      this.isEndedByNode = true;
      this.isClosedInWatch = this.#watch !== undefined;
    }
    this.#close(this.#acks.endOfStream(broken));
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
    if (!this.isOwed && this.#acks.isUnwanted) this.#close(undefined);
  }

  /** Ends it whatever may still come, if it has no messages. */
  abort(): void {
    if (this.pending === 0) this.#close(undefined);
  }

  /** Calls back when the node has closed its side too, or has been given up on; the connection must have ended. */
  whenGone(callback: () => void): void {
    this.#transport.whenClosed(callback);
  }

  /** F97: takes no message for so long, then tells the owner if the node has not closed it. */
  watchClose(ms: number): void {
    this.#watch?.();
    this.#watch = afterLoopTime(ms, () => {
      this.#watch = undefined;
      if (this.#state === 'open') this.#owner.onKept?.(this);
    });
  }

  /** Ends one that takes no more, when it has no message and no answer is owed on it (F89). */
  #endIfDone(): void {
    if (!this.isLingering) return;
    const until = this.#acks.owedUntil;
    if (until === undefined) {
      this.#close(undefined);
      return;
    }
    if (this.#lingerTimer === undefined) this.#owner.onLingering?.();
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = setTimeout(() => this.#endIfDone(), Math.max(1, until - monotonicMs()));
    this.#lingerTimer.unref();
  }

  /** With `error`, the first message fails of it if it was written. */
  #close(error: GatewayError | undefined): void {
    if (this.#state !== 'closed') this.#acks.endBatch();
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#lingerTimer);
    this.#watch?.();
    this.#watch = undefined;
    this.#acks.stop();
    this.#transport.discard();
    this.#transport.end();
    this.#owner.onClosed(this, error);
    this.#acks.fail(error);
  }
}
