// One message from receipt to reply: what is known of it, every attempt to bring it to a node with its times, and
// what came of it. Each step of the line writes here; logs and traces are made from it when it is over.

import type { Peer, RequestView } from '../../routing/message-view.ts';
import type { PoolConfig, RouteConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { Ack, AckCode } from '../hl7/ack.ts';
import type { Header } from '../hl7/header.ts';
import { type RemoteContext, TraceContext } from '../observe/traces/trace-context.ts';
import type { Channel, Delivery, HttpPostPlan, ReplyTarget } from '../upstream/delivery.ts';
import type { Node } from '../upstream/node.ts';
import type { OrderingLane } from './ordering-lane.ts';

/** What came of a message. A positive acknowledgement exists only in `answered`, made by a node. */
export type Outcome =
  | { readonly kind: 'answered'; readonly ack: Ack; readonly frame: Buffer; readonly node: string }
  /**
   * Of a batch that was split: every message of it has an outcome, and `frame` holds their answers. `code` is the first that
   * is not positive, or the first.
   */
  | { readonly kind: 'gathered'; readonly code: AckCode; readonly frame: Buffer }
  /** F42: written whole to a node of which no answer was to be expected. */
  | { readonly kind: 'unanswered'; readonly node: string }
  /** It can never be taken, or could not be now; `error.fault` says which. No node has it, unless `ambiguous`. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly ambiguous: boolean }
  /** Not sent, because the gateway closed the sender's connection at an earlier message. */
  | { readonly kind: 'abandoned' };

/** Times are performance.now() milliseconds. */
export interface Attempt {
  readonly node: string;
  /** Why this node: what the pool's choice went by. */
  readonly selectionReason: string;
  readonly startedAt: number;
  /** How long a connection had to be dialled for it; 0 where one was open. */
  connectMs: number;
  writtenAt: number | undefined;
  endedAt: number | undefined;
  error: GatewayError | undefined;
  /** Since when it waited before this attempt: for its turn, or for a node. Undefined: it did not. */
  readonly waitedSince: number | undefined;
  /** Of its span, where the node was told of it. */
  spanId: string | undefined;
  /** Of the node's HTTP response. */
  status: number | undefined;
}

/** One that begins now. */
export function newAttempt(node: string, selectionReason: string, waitedSince: number | undefined): Attempt {
  return {
    node,
    selectionReason,
    startedAt: performance.now(),
    connectMs: 0,
    writtenAt: undefined,
    endedAt: undefined,
    error: undefined,
    waitedSince,
    spanId: undefined,
    status: undefined,
  };
}

/** What of its request goes with a message to a node over HTTP. */
export interface HttpOrigin extends RequestView {
  /** The charset that the request declares: the name for TextDecoder, and as it was written. */
  readonly charset: { readonly decoder: string; readonly label: string } | undefined;
  readonly query: string;
  /** The trace that its client says it belongs to. */
  readonly trace: RemoteContext | undefined;
  /** Its end-to-end fields and those that say where it came from. */
  fields(): string[];
}

/** Where a message came from and its answer goes. */
export interface Origin {
  readonly listener: string;
  readonly peer: Peer;
  /** Undefined: it did not come over HTTP. */
  readonly http?: HttpOrigin | undefined;
  /** How its messages are framed, where it is in UTF-16 (F99). */
  readonly framing?: string | undefined;
  /**
   * By dispatcher: the messages of this sender connection that are not yet answered, in order. Weak: a connection outlives
   * pools. Messages of one connection have the same one, also those of a batch.
   */
  readonly lanes: WeakMap<object, OrderingLane<Message>>;
  settled(message: Message, outcome: Outcome): void;
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
  onAnswered(message: Message, ack: Ack, frame: Buffer): void;
  onUnanswered(message: Message): void;
  onFailed(message: Message, error: GatewayError): void;
  abandon(message: Message): void;
}

let lastSerial = 0;
let lastSequence = 0;

export class Message implements Delivery {
  /** Order of receipt, over all connections. */
  readonly serial = ++lastSerial;
  readonly receivedAt = performance.now();
  readonly frame: Buffer;
  readonly origin: Origin;
  /** Undefined: it came by itself. */
  readonly batch: BatchPlace | undefined;
  readonly trace: TraceContext;
  #header: Header | undefined;

  /** Its place in `Taken`. */
  isLinked = false;
  ahead: Message | undefined;
  behind: Message | undefined;
  /** Of the config that it was routed by: see `Rerouting`. */
  epoch = 0;
  /** In the order in which pools took messages first; 0: none has. Being routed anew does not change it. */
  sequence = 0;
  route: RouteConfig | undefined;
  pool: PoolConfig | undefined;
  stickyKey: string | undefined;
  expectsAnswer = true;
  silenceIsSuccess = false;
  postPlan: HttpPostPlan | undefined;
  /** Messages that it was split into; 0: it was not. */
  parts = 0;
  /** Of the first of them. */
  partTraces: readonly TraceContext[] | undefined;

  /** `ready`: waits for its turn in the lane; `queued`: for a node; `sent`: with a node; `over`: settled. */
  phase: 'ready' | 'queued' | 'sent' | 'over' = 'ready';
  carrier: Carrier | undefined;
  lane: OrderingLane<Message> | undefined;
  node: Node | undefined;
  channel: Channel | undefined;
  /** Nodes that have failed it since all of them were last allowed. */
  tried: Set<Node> | undefined;
  /** `onAmbiguous: same-node`: the only node that may have it, from its first ambiguous failure on. */
  boundTo: Node | undefined;
  /** Its sender was closed at an earlier message while it was with a node: it is not to be sent again. */
  unwanted = false;
  /** When its time began to run: see `Dispatcher.#begin`. */
  turnAt: number | undefined;
  /** From when `queue.timeout` counts: its turn, or its last ambiguous failure. */
  waitsSince = 0;
  queuedMs = 0;
  /** Whose queue it has been in last. */
  lastQueue: Carrier | undefined;
  /** It waits, and has since then, for its turn or for a node. */
  waitingSince: number | undefined;
  /** The last of its fields that decide its way was read. */
  parsedAt: number | undefined;
  /** It was read in the parse pool, and waited so long for a thread there. */
  parseWaitMs: number | undefined;
  readonly attempts: Attempt[] = [];
  outcome: Outcome | undefined;
  settledAt: number | undefined;
  /** What its sender is told: the code of the acknowledgement, `close`, `none` or `HTTP …`. */
  replyCode: string | undefined;
  /** F83: its sender was gone before the answer was written. */
  replyError: GatewayError | undefined;
  /** F80: why it was not to be sent any more. */
  abandonedFor: GatewayError | undefined;
  /** Its answer was handed to the sender's connection. */
  repliedAt: number | undefined;
  #heldBytes = 0;

  constructor(frame: Buffer, origin: Origin, batch?: BatchPlace) {
    this.frame = frame;
    this.origin = origin;
    this.batch = batch;
    // Each message of a batch has a trace of its own, linked to the batch's.
    this.trace = new TraceContext(batch === undefined ? origin.http?.trace : undefined, batch?.trace);
  }

  get header(): Header {
    if (this.#header === undefined) throw new GatewayError('GW_ERR_INTERNAL', { detail: 'header not read' });
    return this.#header;
  }

  set header(header: Header) {
    this.#header = header;
  }

  get hasHeader(): boolean {
    return this.#header !== undefined;
  }

  get replyTarget(): ReplyTarget | undefined {
    return this.origin.replyTarget;
  }

  /** How often it has been written to a node. */
  get writes(): number {
    let writes = 0;
    for (const attempt of this.attempts) if (attempt.writtenAt !== undefined) writes++;
    return writes;
  }

  /** A node may have it, and has not said so. */
  get isAmbiguous(): boolean {
    return this.attempts.some(({ error }) => error?.resend === 'unsafe');
  }

  /** A pool takes it. */
  takeSequence(): void {
    if (this.sequence === 0) this.sequence = ++lastSequence;
  }

  /** It is to be routed anew: no more is known of its way than when it came. What it met on it so far stays on record. */
  unroute(): void {
    this.#giveBack();
    this.phase = 'ready';
    this.route = undefined;
    this.pool = undefined;
    this.stickyKey = undefined;
    this.postPlan = undefined;
    this.lane = undefined;
    this.node = undefined;
    this.channel = undefined;
    this.tried = undefined;
  }

  settle(outcome: Outcome): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.outcome = outcome;
    this.settledAt = performance.now();
    this.#giveBack();
    this.origin.settled(this, outcome);
  }

  /** More bytes are held for it besides its frame, until it is over. */
  hold(bytes: number): void {
    if (this.phase === 'over') return;
    this.#heldBytes += bytes;
    this.origin.hold(bytes);
  }

  #giveBack(): void {
    if (this.#heldBytes > 0) this.origin.hold(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** There is something to tell its sender, who was not told: the reply is lost. */
  get hasReply(): boolean {
    if (this.outcome === undefined || this.outcome.kind === 'abandoned' || this.replyCode === 'close')
      return false;
    return this.replyCode !== 'none' || this.origin.http !== undefined;
  }

  /** Its sender's connection has ended. To be called before it is said what became of it, where that is known. */
  loseReply(): void {
    this.replyError ??= new GatewayError('GW_ERR_REPLY_UNDELIVERED');
  }

  /** Its sender is not told of what became of it, though it should be. */
  get lostReply(): GatewayError | undefined {
    return this.hasReply ? this.replyError : undefined;
  }

  /** Nothing more happens to it: its reply was handed to its sender's connection, or never will be. */
  endReply(isDelivered: boolean): void {
    if (!isDelivered && this.hasReply) this.loseReply();
  }

  /** Not to be sent any more, if it has not been. `reason`: where it is its sender's doing. */
  abandon(reason?: GatewayError): void {
    if (this.phase !== 'over') this.abandonedFor ??= reason;
    if (this.phase === 'sent') this.unwanted = true;
    else if (this.phase !== 'over') this.carrier?.abandon(this);
  }

  assigned(channel: Channel, connectMs: number): void {
    this.channel = channel;
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) attempt.connectMs = connectMs;
    this.carrier?.onAssigned(this);
  }

  written(): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) attempt.writtenAt = performance.now();
  }

  responded(status: number): void {
    const attempt = this.attempts.at(-1);
    if (attempt !== undefined) attempt.status = status;
  }

  answered(ack: Ack, frame: Buffer): void {
    this.#endAttempt(undefined);
    this.carrier?.onAnswered(this, ack, frame);
  }

  unanswered(): void {
    this.#endAttempt(undefined);
    this.carrier?.onUnanswered(this);
  }

  failed(error: GatewayError): void {
    this.#endAttempt(error);
    this.carrier?.onFailed(this, error);
  }

  #endAttempt(error: GatewayError | undefined): void {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) return;
    attempt.endedAt = performance.now();
    attempt.error = error;
  }
}
