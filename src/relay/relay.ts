// The line, in the order in which a message walks it: header → route → key → node → send → answer.
// Every exchange that is accepted is settled once: answered by a node, or failed with a named error. What takes long to
// read is read in the parse pool meanwhile; what comes behind it from the same sender waits for its turn.

import type { MessageView } from '../../routing/message-view.ts';
import type { Questions } from '../../routing/questions.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { RouteConfig } from '../config/config.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { type Piece, splitBatch } from '../hl7/batch.ts';
import { HEADER_ONLY, type MessageRead, UNREAD } from '../hl7/fields-read.ts';
import { type Header, isHeaderDeep, readHeader } from '../hl7/header.ts';
import type { Parsing } from '../hl7/parsing.ts';
import { payloadOf } from '../mllp/frame.ts';
import { type Admission, admit, allow, checkFramable, expectsAnswer } from './admission.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange, Origin } from './exchange.ts';
import { Postings } from './posting.ts';
import { SplitBatch } from './split-batch.ts';
import { type Turn, Turns } from './turns.ts';
import { WholeWork } from './whole-work.ts';

type Step = () => void;

export class Relay {
  #router: Router;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #parsing: Parsing;
  #postings: Postings;
  #questions: Questions;
  #hasHl7Routes: boolean;
  readonly #turns = new Turns();

  constructor(
    router: Router,
    dispatchers: ReadonlyMap<string, Dispatcher>,
    parsing: Parsing,
    questions: Questions,
  ) {
    this.#router = router;
    this.#dispatchers = dispatchers;
    this.#parsing = parsing;
    this.#questions = questions;
    this.#postings = new Postings(router.routes);
    this.#hasHl7Routes = router.routes.some(({ http }) => http?.hl7 === true);
  }

  /** Messages that come from now on go by other routes. */
  reconfigure(router: Router, questions: Questions): void {
    this.#router = router;
    this.#questions = questions;
    this.#postings = new Postings(router.routes);
    this.#hasHl7Routes = router.routes.some(({ http }) => http?.hl7 === true);
  }

  /** Messages that are being read in the parse pool, or wait behind such. */
  get reading(): number {
    return this.#turns.count;
  }

  /** The pool has no room for what this sender sends: it is not to be read until one of its messages is over. */
  holdsUp(origin: Origin): boolean {
    return this.#turns.count > 0 && this.#parsing.isFull && this.#turns.has(origin);
  }

  /** Some route says of its POSTs that they are messages. */
  get somePathIsHl7(): boolean {
    return this.#hasHl7Routes;
  }

  findRoute(view: MessageView): RouteConfig | undefined {
    return this.#router.decide(view)?.route;
  }

  /**
   * The route of a request that is no HL7 message.
   *
   * @throws GatewayError
   */
  routeOf(view: MessageView): RouteConfig {
    const route = this.findRoute(view);
    if (route === undefined) throw new GatewayError('GW_ERR_ROUTE_NONE');
    return route;
  }

  accept(exchange: Exchange, admission: Admission): void {
    const payload = payloadOf(exchange.frame);
    const isLarge = payload.length > this.#parsing.inlineLimitBytes;
    if (isLarge && (this.#parsing.readsHeaders || isHeaderDeep(payload))) {
      this.#readElsewhere(exchange, admission, payload);
      return;
    }
    try {
      exchange.header = readHeader(payload);
      // Whether it is a batch is seen at its end only.
      if (isLarge && mayBeSplit(exchange, admission)) throw UNREAD;
      const pieces = piecesOf(exchange, admission);
      if (pieces !== undefined) {
        this.#parsing.stats.inline++;
        this.#split(this.#turns.begin(exchange), pieces, admission);
        return;
      }
      const dispatcher = this.#decide(exchange, admission, isLarge ? HEADER_ONLY : undefined);
      const work = WholeWork.of(exchange, dispatcher);

      if (work !== undefined && isLarge) throw UNREAD;
      work?.doHere();
      this.#parsing.stats.inline++;
      if (this.#turns.count === 0) dispatcher.take(exchange);
      else this.#inTurn(exchange, () => take(dispatcher, exchange));
    } catch (thrown) {
      if (thrown === UNREAD) {
        this.#readElsewhere(exchange, admission, payload);
        return;
      }
      this.#parsing.stats.inline++;
      // Goes nowhere, so it can overtake nothing; its answer waits for those ahead of it.
      fail(exchange, thrown);
    }
  }

  #inTurn(exchange: Exchange, step: Step): void {
    if (!this.#turns.has(exchange.origin)) step();
    else this.#turns.end(this.#turns.begin(exchange), step);
  }

  #split(turn: Turn, pieces: readonly Piece[], admission: Admission): void {
    this.#turns.end(turn, () => this.#start(turn, pieces, admission));
  }

  /** What comes behind it waits until all of its messages are on their way, so that it overtakes none of them. */
  #start(turn: Turn, pieces: readonly Piece[], admission: Admission): void {
    const batch = new SplitBatch(
      turn.exchange,
      pieces,
      (part) => this.accept(part, admission),
      () => this.#turns.whenClear(batch, () => this.#turns.release(turn)),
    );
    turn.isHeld = true;
    batch.start();
  }

  /** Where it goes; or throws why it goes nowhere, or UNREAD. Nothing has been done with it then. */
  #decide(exchange: Exchange, admission: Admission, fields: MessageRead | undefined): Dispatcher {
    const { header } = exchange;
    const { listener, peer, http } = exchange.origin;
    admit(header, admission, fields);
    if (http?.charset !== undefined) header.overrideCharset(http.charset.decoder);
    const view = { header, listener, peer, http, fields };
    if (admission.allowance !== undefined) allow(view, admission.allowance, fields);
    const dispatcher = this.#route(exchange, view);
    const { persistence, acknowledgement, protocol } = dispatcher.config;
    if (protocol === 'http') exchange.posting = this.#postings.for(exchange);
    else if (http !== undefined) checkFramable(payloadOf(exchange.frame));
    if (persistence !== undefined) exchange.stickyKey = stickyKey(view, persistence.by);
    exchange.expectsAnswer = expectsAnswer(header, acknowledgement);
    return dispatcher;
  }

  #readElsewhere(exchange: Exchange, admission: Admission, payload: Buffer): void {
    this.#parsing.stats.offloaded++;
    const turn = this.#turns.begin(exchange);
    this.#readAndDecide(turn, admission, payload).then(
      (step) => this.#turns.end(turn, step),
      (thrown) => this.#turns.end(turn, () => fail(exchange, thrown)),
    );
  }

  async #readAndDecide(turn: Turn, admission: Admission, payload: Buffer): Promise<Step> {
    const { exchange } = turn;
    if (!exchange.hasHeader) await this.#readHeader(exchange, payload);
    if (mayBeSplit(exchange, admission)) {
      const job = this.#parsing.split(payload, exchange.origin.http?.charset?.decoder, admission.maxBatch);
      turn.cancel = job.cancel;
      const pieces = await job.result;
      if (pieces !== undefined) return () => this.#start(turn, pieces, admission);
    }
    const dispatcher = await this.#decideElsewhere(turn, admission, payload);
    await WholeWork.of(exchange, dispatcher)?.doElsewhere(this.#parsing, turn);
    return () => take(dispatcher, exchange);
  }

  async #decideElsewhere(turn: Turn, admission: Admission, payload: Buffer): Promise<Dispatcher> {
    const { exchange } = turn;
    const { header, origin } = exchange;
    const isOver = (): boolean => exchange.phase === 'over';
    try {
      return this.#decide(exchange, admission, HEADER_ONLY);
    } catch (thrown) {
      // For one that was abandoned meanwhile nobody is asked.
      if (thrown !== UNREAD || isOver()) throw thrown;
    }
    const charset = origin.http?.charset?.decoder ?? header.charset;
    for (;;) {
      const questions = this.#questions;
      const questionnaire = questions.of(admission);
      const job = this.#parsing.readFields(payload, charset, questionnaire.asked);
      turn.cancel = job.cancel;
      const output = await job.result;
      // Another config may have other questions, and a message is routed by one config alone.
      if (!questions.isSame(this.#questions) && !isOver()) continue;
      return this.#decide(exchange, admission, questionnaire.answered(output));
    }
  }

  async #readHeader(exchange: Exchange, payload: Buffer): Promise<void> {
    try {
      exchange.header = await this.#parsing.readHeader(payload);
    } catch (thrown) {
      // Where a worker failed there may be a header all the same, and the refusal is written by it.
      if (asGatewayError(thrown).fault === 'unavailable') exchange.header = readHeader(payload);
      throw thrown;
    }
  }

  #route(exchange: Exchange, view: MessageView & { readonly header: Header }): Dispatcher {
    const route = this.routeOf(view);
    exchange.route = route;
    const { action } = route;
    if (action.kind === 'reject') throw new GatewayError('GW_ERR_ROUTE_REJECTED', { detail: action.text });
    const dispatcher = this.#dispatchers.get(action.pool);
    if (dispatcher === undefined)
      throw new GatewayError('GW_ERR_INTERNAL', { detail: `no pool ${action.pool}` });
    return dispatcher;
  }
}

/** A message of a batch is none itself. */
function mayBeSplit(exchange: Exchange, admission: Admission): boolean {
  return admission.batch === 'split' && exchange.batch === undefined;
}

function piecesOf(exchange: Exchange, admission: Admission): readonly Piece[] | undefined {
  return mayBeSplit(exchange, admission) ? splitBatch(exchange.header, admission.maxBatch) : undefined;
}

function take(dispatcher: Dispatcher, exchange: Exchange): void {
  try {
    dispatcher.take(exchange);
  } catch (thrown) {
    fail(exchange, thrown);
  }
}

function fail(exchange: Exchange, thrown: unknown): void {
  exchange.settle({ kind: 'failed', error: asGatewayError(thrown), ambiguous: false });
}
