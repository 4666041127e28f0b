// The line, in the order in which a message walks it: header → route → key → node → send → answer.
// Every message that is accepted is settled once: answered by a node, or failed with a named error. What takes long to
// read is read in the parse pool meanwhile; what comes behind it from the same sender waits for its turn.

import { asGatewayError } from '../errors.ts';
import { type Piece, splitBatch } from '../hl7/batch.ts';
import { HEADER_ONLY, UNREAD } from '../hl7/field-query-plan.ts';
import { isHeaderDeep, namesSender, readHeader } from '../hl7/header.ts';
import type { Parsing } from '../hl7/parsing.ts';
import { payloadOf } from '../mllp/frame.ts';
import { type Admission, allowEnvelopes } from './admission.ts';
import { BodyStage } from './body-stage.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Message, Origin } from './message.ts';
import { mayBeSplit, type ParseResult, ParseStage } from './parse-stage.ts';
import type { ReloadGuard } from './reload-guard.ts';
import { ReorderBuffer, type ReorderSlot } from './reorder-buffer.ts';
import { RouteResolver, type RoutingSnapshot } from './route-resolver.ts';
import { SplitBatch } from './split-batch.ts';
import { NO_TRACES, type TraceSampler } from './trace-sampler.ts';

type Step = () => void;

/** Of a message that is routed anew: its listener has admitted it. */
const ADMITTED: Admission = {
  batch: 'whole',
  maxBatch: 0,
  missingControlId: 'forward',
  utf16: 'forward',
  allowance: undefined,
};

/** What of a reload is to be known. */
export interface RoutingChange {
  readonly ways: RoutingSnapshot;
  /** Names of the listeners that there are now. */
  readonly listeners: ReadonlySet<string>;
  /** Of those that are gone: what they have still goes by the config that they had. */
  readonly gone: Iterable<Admission>;
  /**
   * Where messages may go another way than before: all that pools have. They are routed anew when they are next looked at,
   * unless a node has or may have them.
   */
  readonly taken: Iterable<Message> | undefined;
}

export class Relay {
  readonly #signpost: RouteResolver;
  readonly #parsing: Parsing;
  readonly #reading: ParseStage;
  readonly #turns: ReorderBuffer;
  readonly #rerouting: ReloadGuard;
  readonly #head: TraceSampler;

  constructor(
    ways: RoutingSnapshot,
    rerouting: ReloadGuard,
    parsing: Parsing,
    head: TraceSampler = NO_TRACES,
  ) {
    this.#head = head;
    this.#parsing = parsing;
    this.#rerouting = rerouting;
    this.#signpost = new RouteResolver(ways, rerouting, head);
    this.#reading = new ParseStage(this.#signpost, parsing);
    this.#turns = new ReorderBuffer((message) => {
      if (message.phase === 'over') rerouting.release(message);
    });
    rerouting.attach((message) => this.#routeAnew(message));
  }

  /** Messages that come from now on go by other routes. */
  reconfigure({ ways, listeners, gone, taken }: RoutingChange): void {
    this.#signpost.reconfigure(ways, gone);
    this.#rerouting.reload(listeners, taken);
  }

  /** Messages that are being read in the parse pool, or wait behind such or for others to be out of their way. */
  get reading(): number {
    return this.#turns.count;
  }

  /** The same of listeners that are gone: they go by an earlier config, to pools that may be gone too. */
  get isReadingOld(): boolean {
    return this.#turns.some(({ listener }) => this.#rerouting.isGone(listener));
  }

  /** The pool has no room for what this sender sends: it is not to be read until one of its messages is over. */
  holdsUp(origin: Origin): boolean {
    return this.#turns.count > 0 && this.#parsing.isFull && this.#turns.has(origin);
  }

  /** For requests that are no HL7 messages. */
  get signpost(): RouteResolver {
    return this.#signpost;
  }

  accept(message: Message, admission: Admission): void {
    const payload = payloadOf(message.frame);
    const isLarge = payload.length > this.#parsing.inlineLimitBytes;
    if (isLarge && (this.#parsing.readsHeaders || isHeaderDeep(payload))) {
      this.#readElsewhere(message, admission, payload);
      return;
    }
    try {
      message.header = readHeader(payload);
      // Whether it is a batch is seen at its end only.
      if (isLarge && mayBeSplit(message, admission)) throw UNREAD;
      const pieces = piecesOf(message, admission);
      if (pieces !== undefined) {
        this.#parsing.stats.inline++;
        this.#split(this.#turns.begin(message), pieces, admission);
        return;
      }
      const dispatcher = this.#decideHere(message, admission, isLarge);
      this.#parsing.stats.inline++;
      if (this.#turns.count === 0 && !this.#rerouting.isActive) dispatcher.take(message);
      else this.#inTurn(message, dispatcher);
    } catch (thrown) {
      if (thrown === UNREAD) {
        this.#readElsewhere(message, admission, payload);
        return;
      }
      this.#parsing.stats.inline++;
      // Goes nowhere, so it can overtake nothing; its answer waits for those ahead of it.
      fail(message, thrown);
    }
  }

  /** All on the event loop; throws UNREAD of a message that is too large for that. */
  #decideHere(message: Message, admission: Admission, isLarge: boolean): Dispatcher {
    const dispatcher = this.#signpost.decide(message, admission, isLarge ? HEADER_ONLY : undefined);
    const work = BodyStage.of(message, dispatcher);
    if (work !== undefined && isLarge) throw UNREAD;
    work?.doHere();
    return dispatcher;
  }

  #inTurn(message: Message, dispatcher: Dispatcher): void {
    if (!this.#turns.has(message.origin) && !this.#isBlocked(message, dispatcher)) take(dispatcher, message);
    else {
      const turn = this.#turns.begin(message);
      this.#turns.end(turn, () => this.#hand(turn, dispatcher));
    }
  }

  #isBlocked(message: Message, { config }: Dispatcher): boolean {
    return this.#rerouting.blocks(message, config.ordering === 'key');
  }

  /** Its turn has come, and it is known where it goes; unless another config has come meanwhile. */
  #hand(turn: ReorderSlot, dispatcher: Dispatcher): void {
    const { message } = turn;
    if (this.#rerouting.isOutdated(message)) this.#decideAnew(turn);
    else if (this.#isBlocked(message, dispatcher)) {
      message.waitingSince ??= performance.now();
      turn.isHeld = true;
      const again = (): void => this.#resume(turn, () => this.#hand(turn, dispatcher));
      this.#rerouting.wait(message, dispatcher.config.ordering === 'key', again);
    } else take(dispatcher, message);
  }

  /** A turn that was held goes on. */
  #resume(turn: ReorderSlot, step: Step): void {
    if (turn.message.phase === 'over') return;
    turn.isHeld = false;
    step();
    if (!turn.isHeld) this.#turns.release(turn);
  }

  /** A pool had it, and no node; it goes by the config that is in force now. */
  #routeAnew(message: Message): void {
    const turn = this.#turns.begin(message);
    this.#turns.end(turn, () => this.#decideAnew(turn));
  }

  #decideAnew(turn: ReorderSlot): void {
    const { message } = turn;
    const payload = payloadOf(message.frame);
    message.unroute();
    try {
      const isLarge = payload.length > this.#parsing.inlineLimitBytes;
      const dispatcher = this.#decideHere(message, ADMITTED, isLarge);
      this.#hand(turn, dispatcher);
    } catch (thrown) {
      if (thrown !== UNREAD) {
        fail(message, thrown);
        return;
      }
      turn.isHeld = true;
      this.#reading.read(turn, ADMITTED, payload).then(
        (found) => this.#resume(turn, () => this.#goOn(turn, found, ADMITTED)),
        (failed) => this.#resume(turn, () => fail(message, failed)),
      );
    }
  }

  #goOn(turn: ReorderSlot, found: ParseResult, admission: Admission): void {
    if ('pieces' in found) this.#start(turn, found.pieces, admission);
    else this.#hand(turn, found.dispatcher);
  }

  #split(turn: ReorderSlot, pieces: readonly Piece[], admission: Admission): void {
    this.#turns.end(turn, () => this.#start(turn, pieces, admission));
  }

  /** What comes behind it waits until all of its messages are on their way, so that it overtakes none of them. */
  #start(turn: ReorderSlot, pieces: readonly Piece[], admission: Admission): void {
    if (this.#head.isOn) turn.message.parsedAt = performance.now();
    try {
      checkEnvelopes(turn.message, pieces, admission);
    } catch (thrown) {
      fail(turn.message, thrown);
      return;
    }
    const batch = new SplitBatch(
      turn.message,
      pieces,
      (part) => this.accept(part, admission),
      () => this.#turns.whenClear(batch, () => this.#turns.release(turn)),
    );
    turn.isHeld = true;
    batch.start();
  }

  #readElsewhere(message: Message, admission: Admission, payload: Buffer): void {
    this.#parsing.stats.offloaded++;
    const turn = this.#turns.begin(message);
    this.#reading.read(turn, admission, payload).then(
      (found) => this.#turns.end(turn, () => this.#goOn(turn, found, admission)),
      (thrown) => this.#turns.end(turn, () => fail(message, thrown)),
    );
  }
}

/** @throws GatewayError GW_ERR_SENDER_NOT_ALLOWED */
function checkEnvelopes(
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

function piecesOf(message: Message, admission: Admission): readonly Piece[] | undefined {
  return mayBeSplit(message, admission) ? splitBatch(message.header, admission.maxBatch) : undefined;
}

function take(dispatcher: Dispatcher, message: Message): void {
  try {
    dispatcher.take(message);
  } catch (thrown) {
    fail(message, thrown);
  }
}

function fail(message: Message, thrown: unknown): void {
  message.settle({ kind: 'failed', error: asGatewayError(thrown), ambiguous: false });
}
