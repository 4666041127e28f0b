// A batch whose messages are routed one by one: hands them to the relay in order, and gathers what becomes of them.
// Promises one outcome for the batch: answered when every message has an answer, or failed as soon as one has none.

import type { HttpOrigin } from '../../routing/http-post-plan.ts';
import type { Peer } from '../../routing/message-view.ts';
import { type AckCode, readAck } from '../hl7/ack.ts';
import { gatherAnswers, type Piece, splitBatch } from '../hl7/batch.ts';
import { namesSender, readHeader } from '../hl7/header.ts';
import { FRAMING_BYTES, frame, payloadOf } from '../mllp/frame.ts';
import type { TraceContext } from '../observe/traces/trace-context.ts';
import { setImmediate, wallMs } from '../platform/time.ts';
import type { ReplyTarget } from '../upstream/delivery.ts';
import { type Carrier, Message, type Origin, type Outcome } from './message.ts';
import { type Admission, allowEnvelopes } from './route-resolver.ts';

/**
 * Messages of one batch under way at the same time: as many as a sender's connection may have (`maxPending`, by default).
 * More would be more copies in memory, and more messages with nodes when one fails.
 */
const WINDOW = 100;

/** The batch's trace names so many of its messages' (opentelemetry's limit on links); each of them names the batch's. */
const MAX_LINKED = 128;

/** A message of a batch is none itself. */
export function mayBeSplit(message: Message, admission: Admission): boolean {
  return admission.batch === 'split' && message.batch === undefined;
}

/** Undefined: it is not to be split. */
export function piecesToSplit(message: Message, admission: Admission): readonly Piece[] | undefined {
  return mayBeSplit(message, admission) ? splitBatch(message.header, admission.maxBatch) : undefined;
}

/** @throws GatewayError GW_ERR_SENDER_NOT_ALLOWED */
export function checkEnvelopes(
  { header, origin }: Message,
  pieces: readonly Piece[],
  { allowance }: Admission,
): void {
  if (allowance === undefined) return;
  const { listener, peer, http } = origin;
  const envelopes = pieces
    .filter(({ kind }) => kind === 'FHS' || kind === 'BHS')
    .map(({ bytes }) => readHeader(bytes))
    .filter(namesSender);
  allowEnvelopes({ header, listener, peer, http }, allowance, envelopes);
}

export class SplitBatch implements Origin, Carrier {
  readonly listener: string;
  readonly peer: Peer;
  readonly lanes: Origin['lanes'];
  readonly http: HttpOrigin | undefined;
  readonly #whole: Message;
  readonly #pieces: readonly Piece[];
  readonly #messages: readonly Buffer[];
  readonly #controlId: string;
  readonly #accept: (part: Message) => void;
  #onHandedOver: (() => void) | undefined;
  /** Under way, with its place in the batch. */
  readonly #live = new Map<Message, number>();
  readonly #answers: (Buffer | undefined)[];
  readonly #traces: TraceContext[] = [];
  readonly replyTarget: BatchReplyTarget | undefined;
  #next = 0;
  #settled = 0;
  /** A node has, or may have, one of its messages. */
  #reached = false;
  #code: AckCode | undefined;
  #filling = false;
  #over = false;

  /** `onHandedOver` is called once: `accept` has been called with the last of its messages, or is not to be called again. */
  constructor(
    whole: Message,
    pieces: readonly Piece[],
    accept: (part: Message) => void,
    onHandedOver: () => void,
  ) {
    const { listener, peer, lanes, http } = whole.origin;
    this.http = http;
    this.listener = listener;
    this.peer = peer;
    this.lanes = lanes;
    this.#whole = whole;
    this.#pieces = pieces;
    this.#messages = pieces.filter(({ kind }) => kind === 'message').map(({ bytes }) => bytes);
    this.#answers = this.#messages.map(() => undefined);
    this.#controlId = controlIdOf(whole, pieces);
    this.#accept = accept;
    this.#onHandedOver = onHandedOver;
    const { replyTarget } = whole.origin;
    this.replyTarget = replyTarget && new BatchReplyTarget(replyTarget);
    whole.becomesBatch(this, this.#messages.length, this.#traces);
  }

  start(): void {
    this.#fill();
  }

  settled(part: Message, outcome: Outcome): void {
    const place = this.#live.get(part);
    if (place === undefined) return;
    this.#live.delete(part);
    this.#settled++;
    this.hold(-(part.payload.length + FRAMING_BYTES));
    if (outcome.kind !== 'abandoned' && (part.writes > 0 || outcome.kind !== 'failed')) this.#reached = true;
    const reply = this.#whole.origin.partSettled(part, outcome);
    if (this.#over) return;
    if (reply === null) {
      this.#fail(outcome);
      return;
    }
    if (reply.length > 0) this.#keep(place, payloadOf(reply));
    if (this.#settled === this.#messages.length) this.#finish(outcome);
    else if (!this.#filling) this.#fill();
  }

  partSettled(): null {
    // A message of a batch is none itself: the relay splits nothing that has one MSH and no FHS or BHS.
    return null;
  }

  hold(bytes: number): void {
    this.#whole.origin.hold(bytes);
  }

  /** The connection ends at a message before it. */
  abandon(): void {
    if (this.#over) return;
    this.#end();
    this.#whole.settle({ kind: 'abandoned' });
    this.replyTarget?.close();
  }

  // Nothing brings the batch itself to a node.
  onAssigned(): void {}
  onAnswered(): void {}
  onSettled(): void {}
  onFailed(): void {}

  /** What is settled at once makes room at once: so many in a turn, that a large batch does not hold up other senders. */
  #fill(): void {
    this.#filling = true;
    for (let begun = 0; begun < WINDOW && !this.#over && this.#hasNext(); begun++) this.#begin();
    this.#filling = false;
    if (this.#next === this.#messages.length) this.#handedOver();
    if (!this.#over && this.#hasNext()) setImmediate(() => this.#filling || this.#over || this.#fill());
  }

  #handedOver(): void {
    this.#onHandedOver?.();
    this.#onHandedOver = undefined;
  }

  #hasNext(): boolean {
    return this.#next < this.#messages.length && this.#live.size < WINDOW;
  }

  #begin(): void {
    const place = this.#next++;
    const part = new Message(this.#messages[place] as Buffer, this, undefined, {
      serial: this.#whole.serial,
      trace: this.#whole.trace,
      controlId: this.#controlId,
      position: place + 1,
      size: this.#messages.length,
    });
    if (this.#traces.length < MAX_LINKED) this.#traces.push(part.trace);
    this.#live.set(part, place);
    this.hold(part.payload.length + FRAMING_BYTES);
    this.#accept(part);
  }

  #keep(place: number, answer: Buffer): void {
    this.#answers[place] = answer;
    this.hold(answer.length);
    const code = readAck(answer)?.code;
    if (code !== undefined && (this.#code === undefined || (isPositive(this.#code) && !isPositive(code))))
      this.#code = code;
  }

  #finish(last: Outcome): void {
    this.#end();
    const code = this.#code;
    if (code === undefined) {
      // No node was to answer any of them. A batch of no answers would say that all were accepted (v2.9.1 2.9.3.3).
      this.#whole.settle({ kind: 'unanswered', node: last.kind === 'unanswered' ? last.node : '' });
    } else {
      const answer = gatherAnswers(this.#pieces, this.#answers, new Date(wallMs()));
      this.#whole.settle({ kind: 'gathered', code, frame: frame(answer) });
    }
    this.replyTarget?.open();
  }

  /** No part of a batch is acknowledged where the sender must keep another part of it. */
  #fail(outcome: Outcome): void {
    const reached = this.#reached || [...this.#live.keys()].some(({ phase }) => phase === 'sent');
    this.#end();
    if (outcome.kind !== 'failed') this.#whole.settle({ kind: 'abandoned' });
    else
      this.#whole.settle({ kind: 'failed', error: outcome.error, ambiguous: outcome.ambiguous || reached });
    this.replyTarget?.close();
  }

  #end(): void {
    this.#over = true;
    // What is abandoned behind it is abandoned in this same turn of the event loop: nothing of it may be sent before.
    setImmediate(() => this.#handedOver());
    for (const part of [...this.#live.keys()]) part.abandon(this.#whole.abandonedFor);
    for (const answer of this.#answers) if (answer !== undefined) this.hold(-answer.length);
  }
}

function isPositive(code: AckCode): boolean {
  return code === 'AA' || code === 'CA';
}

/** FHS-11 or BHS-11: of the first that has one. */
function controlIdOf(whole: Message, pieces: readonly Piece[]): string {
  for (const { kind, bytes } of pieces) {
    const id = kind === 'FHS' || kind === 'BHS' ? readHeader(bytes).controlId : '';
    if (id !== '') return id;
  }
  return whole.header.controlId;
}

/** F43: an application acknowledgement must not come before the commit, which is in the answer to the whole batch. */
class BatchReplyTarget implements ReplyTarget {
  readonly #target: ReplyTarget;
  #held: Buffer[] | undefined = [];

  constructor(target: ReplyTarget) {
    this.#target = target;
  }

  get owner(): object {
    return this.#target.owner;
  }

  get isThere(): boolean {
    return this.#target.isThere;
  }

  expect(until: number): void {
    this.#target.expect(until);
  }

  tell(later: Buffer): boolean {
    if (this.#held === undefined) return this.#target.tell(later);
    this.#held.push(later);
    return this.isThere;
  }

  release(): void {
    this.#target.release();
  }

  /** The answer to the batch is out. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const later of held) this.#target.tell(later);
  }

  /** There is none: its sender sends all of it again. */
  close(): void {
    for (const _ of this.#held ?? []) this.#target.release();
    this.#held = undefined;
  }
}
