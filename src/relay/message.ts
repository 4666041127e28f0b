// One message from receipt to reply: what is known of it, every attempt to bring it to a node with its times, and
// what came of it. Its methods are its transitions, and nothing else writes its fields; logs and traces are made from it when it is
// over.

import type { HttpOrigin } from '../../routing/http-post-plan.ts';
import { type Peer, sourceAddress } from '../../routing/message-view.ts';
import type { PoolConfig, RouteConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Ack, AckCode } from '../hl7/ack.ts';
import type { Header } from '../hl7/header.ts';
import type { FrameMemory } from '../mllp/frame-memory.ts';
import { type RemoteContext, TraceContext } from '../observe/traces/trace-context.ts';
import { onOtherPlatform } from '../platform/current.ts';
import { turnTime } from '../turn.ts';
import type { Channel, Delivery, HttpPostPlan, ReplyTarget } from '../upstream/delivery.ts';
import type { Node } from '../upstream/node.ts';
import { AttemptHistory } from './retry.ts';
import type { WaitPlace } from './wait-queue.ts';

/**
 * What came of a message. A positive acknowledgement exists only in `answered`, made by a node, and in `stored`, where it is on
 * the disk.
 */
export type Outcome =
  | { readonly kind: 'answered'; readonly ack: Ack; readonly frame: Buffer; readonly node: string }
  /**
   * Of a batch that was split: every message of it has an outcome, and `frame` holds their answers. `code` is the first that
   * is not positive, or the first.
   */
  | { readonly kind: 'gathered'; readonly code: AckCode; readonly frame: Buffer }
  /** F42: written whole to a node of which no answer was to be expected. */
  | { readonly kind: 'unanswered'; readonly node: string }
  /** The pool's spool has it. `frame`: what its sender is told of that; empty where it is to be told nothing. */
  | { readonly kind: 'stored'; readonly code: 'AA' | 'CA' | 'none'; readonly frame: Buffer }
  /** It can never be taken, or could not be now; `error.fault` says which. No node has it, unless `ambiguous`. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly ambiguous: boolean }
  /** Not sent, because the gateway closed the sender's connection at an earlier message. */
  | { readonly kind: 'abandoned' };

/** Where a message came from and its answer goes. */
export interface Origin {
  readonly listener: string;
  readonly peer: Peer;
  /** Undefined: it did not come over HTTP. */
  readonly http?: HttpOrigin | undefined;
  /** How its messages are framed, where it is in UTF-16 (F99). */
  readonly framing?: string | undefined;
  /**
   * By queue: the messages of this sender connection that are not yet answered, in order. Weak: a connection outlives
   * pools. Messages of one connection have the same one, also those of a batch.
   */
  readonly lanes: WeakMap<object, MessageLane>;
  settled(message: Message, outcome: Outcome): void;
  /** It was stored: its delivery goes on in that trace. */
  readonly storedIn?: RemoteContext | undefined;
  /** It is to be split, into as many messages as its `parts` says. */
  becameBatch?(message: Message): void;
  /** For answers that come behind those of its messages (F43). Undefined: there is no way to say more. */
  readonly replyTarget?: ReplyTarget | undefined;
  /**
   * One message of a batch is over: what its sender is to be told of it, framed, in the answer to the batch. Empty: nothing;
   * null: the connection is to end.
   */
  partSettled(part: Message, outcome: Outcome): Buffer | null;
  /** Bytes that are held for this sender besides the frames that came from it; given back with a negative number. */
  hold(bytes: number): void;
}

/** Messages that keep their order, as `OrderingLane` has them. */
export interface MessageLane {
  readonly size: number;
  readonly isEmpty: boolean;
  readonly isAlone: boolean;
  mayFollow: boolean;
  stuckSince: number | undefined;
  add(message: Message): void;
  remove(message: Message): void;
  advance(place: (message: Message) => void, follow: (message: Message, ahead: Message) => boolean): void;
}

/** Which batch a message came in. */
export interface BatchPlace {
  /** That of the batch's own message. */
  readonly serial: number;
  readonly trace: TraceContext;
  /** FHS-11, else BHS-11, one character for each byte; of a frame without them the first MSH-10. */
  readonly controlId: string;
  /** From 1. */
  readonly position: number;
  readonly size: number;
}

/** Who brings a message to a node. */
export interface Carrier {
  onAssigned(message: Message): void;
  /** A node has answered it, or is not going to: it is about to be settled. */
  onAnswered(message: Message): void;
  /** Its sender has been told. */
  onSettled(message: Message): void;
  onFailed(message: Message, error: GatewayError): void;
  abandon(message: Message): void;
}

const RELEASED = Buffer.alloc(0);

let lastSerial = 0;
let lastSequence = 0;
onOtherPlatform(() => {
  lastSerial = 0;
  lastSequence = 0;
});

/** `ready`: waits for its turn in the lane; `queued`: for a node; `sent`: with a node; `over`: settled. */
export type MessagePhase = 'ready' | 'queued' | 'sent' | 'over';

/** What only the methods of `Message` write. */
type Own = { -readonly [Key in keyof Message]: Message[Key] };

/** No accessor: V8 calls into its runtime for a private one. */
const own = (message: Message): Own => message;

export class Message extends AttemptHistory implements Delivery {
  /** Order of receipt, over all connections. */
  readonly serial = ++lastSerial;
  /** The message as it came, without framing. */
  readonly payload: Buffer;
  /** The same with its MLLP framing, as a view of the same memory; undefined: it had none. */
  readonly frame: Buffer | undefined;
  readonly origin: Origin;
  /** Undefined: it came by itself. */
  readonly batch: BatchPlace | undefined;
  #trace: TraceContext | undefined;
  #header: Header | undefined;

  /** Its place in the `InFlightList`, which alone writes these. */
  isLinked = false;
  ahead: Message | undefined;
  behind: Message | undefined;
  /** Its place in a `WaitQueue`, which alone writes this. */
  waitPlace: WaitPlace<Message> | undefined;

  /** In the order in which pools took messages first; 0: none has. Being routed again does not change it. */
  readonly sequence: number = 0;
  readonly route: RouteConfig | undefined;
  readonly pool: PoolConfig | undefined;
  readonly stickyKey: string | undefined;
  readonly expectsAnswer: boolean = true;
  readonly silenceIsSuccess: boolean = false;
  readonly postPlan: HttpPostPlan | undefined;
  /** Messages that it was split into; 0: it was not. */
  readonly parts: number = 0;
  /** Of the first of them. */
  readonly partTraces: readonly TraceContext[] | undefined;

  readonly phase: MessagePhase = 'ready';
  readonly carrier: Carrier | undefined;
  readonly lane: MessageLane | undefined;
  readonly node: Node | undefined;
  readonly channel: Channel | undefined;
  /** Nodes that have failed it since all of them were last allowed. */
  #tried: Set<Node> | undefined;
  /** `onAmbiguous: same-node`: the only node that may have it, from its first ambiguous failure on. */
  readonly boundTo: Node | undefined;
  /** Its sender was closed at an earlier message while it was with a node: it is not to be sent again. */
  readonly unwanted: boolean = false;
  /** When its time began to run: see `PoolQueue`. */
  readonly turnAt: number | undefined;
  /** From when `queue.timeout` counts: its turn, or its last ambiguous failure. */
  readonly waitsSince: number = 0;
  /** Whose queue it has been in last. */
  readonly lastQueue: Carrier | undefined;
  /** The last of its fields that decide its way was read. */
  readonly parsedAt: number | undefined;
  /** It was read in the parse pool, and waited so long for a thread there. */
  readonly parseWaitMs: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly settledAt: number | undefined;
  /** What its sender is told: the code of the acknowledgement, `close`, `none` or `HTTP …`. */
  readonly replyCode: string | undefined;
  /** F83: its sender was gone before the answer was written. */
  readonly replyError: GatewayError | undefined;
  /** F80: why it was not to be sent any more. */
  readonly abandonedFor: GatewayError | undefined;
  /** Its answer was handed to the sender's connection. */
  readonly repliedAt: number | undefined;
  /** Told of its outcome before its sender is; set by one who waits for it. */
  whenOver: ((outcome: Outcome) => void) | undefined;
  #heldBytes = 0;

  constructor(payload: Buffer, origin: Origin, frame?: Buffer, batch?: BatchPlace) {
    super();
    this.payload = payload;
    this.origin = origin;
    this.frame = frame;
    this.batch = batch;
  }

  get trace(): TraceContext {
    // Each message of a batch has a trace of its own, linked to the batch's.
    this.#trace ??= new TraceContext(
      this.batch === undefined ? (this.origin.http?.trace ?? this.origin.storedIn) : undefined,
      this.batch?.trace,
    );
    return this.#trace;
  }

  get header(): Header {
    if (this.#header === undefined) throw new GatewayError('GW_ERR_INTERNAL', { detail: 'header not read' });
    return this.#header;
  }

  get hasHeader(): boolean {
    return this.#header !== undefined;
  }

  get listener(): string {
    return this.origin.listener;
  }

  get clientAddress(): string {
    return sourceAddress(this.origin.peer.address);
  }

  get replyTarget(): ReplyTarget | undefined {
    return this.origin.replyTarget;
  }

  get tried(): ReadonlySet<Node> | undefined {
    return this.#tried;
  }

  // Parsing and routing.

  set header(header: Header) {
    this.#header = header;
  }

  /** Its reading in the parse pool begins, or has waited so much longer for a thread. */
  waitedForThread(ms: number): void {
    own(this).parseWaitMs = (this.parseWaitMs ?? 0) + ms;
  }

  /** All that its way goes by has been read. */
  parsed(): void {
    own(this).parsedAt = turnTime();
  }

  /** Its route is found; it may reject it. */
  matchedRoute(route: RouteConfig): void {
    own(this).route = route;
  }

  /** It is known where it goes; `awaited`: what a node will say of it. */
  routed(
    postPlan: HttpPostPlan | undefined,
    stickyKey: string | undefined,
    awaited: 'answer' | 'error' | 'nothing',
    epoch: number,
  ): void {
    own(this).postPlan = postPlan;
    own(this).stickyKey = stickyKey;
    own(this).expectsAnswer = awaited !== 'nothing';
    own(this).silenceIsSuccess = awaited === 'error';
    own(this).epoch = epoch;
  }

  /** Another body is posted in its place, in UTF-8. */
  postsInUtf8(body: Buffer): void {
    if (this.postPlan === undefined) return;
    own(this).postPlan = { ...this.postPlan, body, charset: 'utf-8' };
  }

  /** It is split into `parts` messages, and is not sent itself. */
  becomesBatch(carrier: Carrier, parts: number, traces: readonly TraceContext[]): void {
    own(this).carrier = carrier;
    own(this).parts = parts;
    own(this).partTraces = traces;
    this.origin.becameBatch?.(this);
  }

  /** It is to be routed again: no more is known of its way than when it came. What it met on it so far stays on record. */
  unroute(): void {
    this.#giveBack();
    own(this).phase = 'ready';
    own(this).route = undefined;
    own(this).pool = undefined;
    own(this).stickyKey = undefined;
    own(this).postPlan = undefined;
    own(this).lane = undefined;
    own(this).node = undefined;
    own(this).channel = undefined;
    this.#tried = undefined;
  }

  // Order and queue.

  /** Until it has its turn, it can be abandoned there. */
  heldBy(carrier: Carrier): void {
    own(this).carrier = carrier;
  }

  /** A pool takes it. */
  takeSequence(): void {
    if (this.sequence === 0) own(this).sequence = ++lastSequence;
  }

  /** A pool has taken it, into this lane. */
  taken(carrier: Carrier, pool: PoolConfig, lane: MessageLane): void {
    this.takeSequence();
    own(this).pool = pool;
    own(this).carrier = carrier;
    own(this).lane = lane;
  }

  /** First in its lane: its time runs from `since`. */
  hasItsTurn(since: number): void {
    own(this).turnAt = since;
    own(this).waitsSince = since;
  }

  /** A node may have it: from now on it waits for another try. */
  wasAmbiguous(now: number): void {
    own(this).waitsSince = now;
  }

  /** Waits in this pool's queue. */
  queuedBy(queue: Carrier): void {
    this.#require('ready');
    own(this).phase = 'queued';
    own(this).lastQueue = queue;
    this.waits();
  }

  /** Out of its queue again. */
  released(): void {
    this.#require('queued');
    own(this).phase = 'ready';
  }

  /** Its pool does not have it any more: it is being stored, or waits for what one like it is told. */
  takenOver(carrier: Carrier): void {
    own(this).phase = 'ready';
    own(this).carrier = carrier;
  }

  /** It was stored when this node might have it: no other one may. */
  storedFor(node: Node): void {
    own(this).boundTo = node;
  }

  // Attempts.

  /** It is handed to this node. */
  sentTo(node: Node, selectionReason: string): void {
    this.#require('ready');
    own(this).phase = 'sent';
    own(this).node = node;
    this.beginAttempt(node.name, selectionReason);
  }

  assigned(channel: Channel, connectMs: number): void {
    own(this).channel = channel;
    const { lastAttempt } = this;
    if (lastAttempt !== undefined) lastAttempt.connectMs = connectMs;
    this.carrier?.onAssigned(this);
  }

  answered(ack: Ack, frame: Buffer): void {
    this.endAttempt(undefined);
    this.carrier?.onAnswered(this);
    const outcome: Outcome = { kind: 'answered', ack, frame, node: this.node?.name ?? '' };
    // As `settle` does, at one call less for each message.
    if (!this.#isOver(outcome)) this.origin.settled(this, outcome);
    this.carrier?.onSettled(this);
  }

  unanswered(): void {
    this.endAttempt(undefined);
    this.carrier?.onAnswered(this);
    this.settle({ kind: 'unanswered', node: this.node?.name ?? '' });
    this.carrier?.onSettled(this);
  }

  failed(error: GatewayError): void {
    this.endAttempt(error);
    this.carrier?.onFailed(this, error);
  }

  /** It may be sent again: to `boundTo` alone, once a node may have it; not to `exclude` for now. */
  resent(boundTo: Node | undefined, exclude: Node | undefined): void {
    own(this).phase = 'ready';
    own(this).channel = undefined;
    if (boundTo !== undefined) own(this).boundTo = boundTo;
    if (exclude !== undefined) {
      this.#tried ??= new Set();
      this.#tried.add(exclude);
    }
  }

  /** All nodes may be asked again. True: some were not. */
  allowAll(): boolean {
    const some = this.#tried !== undefined;
    this.#tried = undefined;
    return some;
  }

  /** A node is gone, and another one is at its address: it is the same for what is bound to it. */
  succeed(old: Node, successor: Node): void {
    if (this.boundTo === old) own(this).boundTo = successor;
    if (this.#tried?.has(old) === true) this.#tried.add(successor);
  }

  // End and reply.

  settle(outcome: Outcome): void {
    if (!this.#isOver(outcome)) this.origin.settled(this, outcome);
  }

  /** True: it was over before. */
  #isOver(outcome: Outcome): boolean {
    if (this.phase === 'over') return true;
    own(this).phase = 'over';
    own(this).outcome = outcome;
    own(this).settledAt = turnTime();
    this.whenOver?.(outcome);
    this.#giveBack();
    return false;
  }

  /** Not to be sent any more, if it has not been. `reason`: where it is its sender's doing. */
  abandon(reason?: GatewayError): void {
    if (this.phase === 'over') return;
    own(this).abandonedFor ??= reason;
    if (this.phase === 'sent') own(this).unwanted = true;
    else this.carrier?.abandon(this);
  }

  /** What its sender is told. */
  replyWith(code: string): void {
    own(this).replyCode = code;
  }

  /** The reply has been handed to the sender's connection. */
  replied(): void {
    own(this).repliedAt = turnTime();
  }

  /** There is something to tell its sender, who was not told: the reply is lost. */
  get hasReply(): boolean {
    if (this.outcome === undefined || this.outcome.kind === 'abandoned' || this.replyCode === 'close')
      return false;
    return this.replyCode !== 'none' || this.origin.http !== undefined;
  }

  /** Its sender's connection has ended. To be called before it is said what became of it, where that is known. */
  loseReply(): void {
    own(this).replyError ??= new GatewayError('GW_ERR_REPLY_UNDELIVERED');
  }

  /** Its sender is not told of what became of it, though it should be. */
  get lostReply(): GatewayError | undefined {
    return this.hasReply ? this.replyError : undefined;
  }

  /** Nothing more happens to it: its reply was handed to its sender's connection, or never will be. */
  endReply(isDelivered: boolean): void {
    if (!isDelivered && this.hasReply) this.loseReply();
  }

  /**
   * Gives back the memory that it came in, if nobody can be reading that any more: one node has had it, has answered it, and
   * has been sent every byte. Of all others V8 lets go when it finds nothing that reads it.
   */
  giveBackMemory(memory: FrameMemory): void {
    const { buffer } = this.payload;
    if (
      !(buffer instanceof SharedArrayBuffer) ||
      this.frame === undefined ||
      this.outcome?.kind !== 'answered'
    )
      return;
    if (this.attemptCount !== 1 || this.batch !== undefined || this.channel?.isBlocked !== false) return;
    this.#header?.detach();
    own(this).payload = RELEASED;
    own(this).frame = undefined;
    memory.giveBack(buffer);
  }

  /** More bytes are held for it besides its own, until it is over. */
  hold(bytes: number): void {
    if (this.phase === 'over') return;
    this.#heldBytes += bytes;
    this.origin.hold(bytes);
  }

  #giveBack(): void {
    if (this.#heldBytes > 0) this.origin.hold(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  #require(phase: MessagePhase): void {
    if (this.phase !== phase)
      throw new GatewayError('GW_ERR_INTERNAL', { detail: `a message is ${this.phase}, not ${phase}` });
  }
}
