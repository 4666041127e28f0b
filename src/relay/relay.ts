// The line, in the order in which a message walks it: header → route → key → node → send → answer.
// Every exchange that is accepted is settled once: answered by a node, or failed with a named error. What takes long to
// read is read in the parse pool meanwhile; what comes behind it from the same sender waits for its turn.

import type { Allowance } from '../../routing/allowance.ts';
import type { MessageView } from '../../routing/message-view.ts';
import type { Questions } from '../../routing/questions.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { ListenerConfig, RouteConfig } from '../config/config.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { type Piece, splitBatch } from '../hl7/batch.ts';
import { HEADER_ONLY, type MessageRead, UNREAD } from '../hl7/fields-read.ts';
import { findHeader, type Header, isHeaderDeep, readHeader } from '../hl7/header.ts';
import type { Parsing } from '../hl7/parsing.ts';
import { requireValid } from '../hl7/whole/validation.ts';
import { holdsFrameEnd, payloadOf, START_BLOCK } from '../mllp/frame.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange, Origin } from './exchange.ts';
import { Postings } from './posting.ts';
import { SplitBatch } from './split-batch.ts';
import { NO_TRACES, remoteIn, type TraceFields, type TraceHead } from './trace-head.ts';
import { type Turn, Turns } from './turns.ts';

/** What of a listener's config decides about a message. */
export interface Admission extends Pick<ListenerConfig, 'batch' | 'missingControlId' | 'utf16'> {
  /** Messages that a batch may have to be split. */
  readonly maxBatch: number;
  /** Undefined: every sender may send everything. */
  readonly allowance: Allowance | undefined;
}

type Step = () => void;

export class Relay {
  #router: Router;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #parsing: Parsing;
  #postings: Postings;
  #questions: Questions;
  #hasHl7Routes: boolean;
  readonly #turns = new Turns();
  readonly #head: TraceHead;

  constructor(
    router: Router,
    dispatchers: ReadonlyMap<string, Dispatcher>,
    parsing: Parsing,
    questions: Questions,
    head: TraceHead = NO_TRACES,
  ) {
    this.#router = router;
    this.#head = head;
    this.#dispatchers = dispatchers;
    this.#parsing = parsing;
    this.#questions = questions;
    this.#postings = new Postings(router.routes, head);
    this.#hasHl7Routes = router.routes.some(({ http }) => http?.hl7 === true);
  }

  /** Messages that come from now on go by other routes. */
  reconfigure(router: Router, questions: Questions): void {
    this.#router = router;
    this.#questions = questions;
    this.#postings = new Postings(router.routes, this.#head);
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
      const pieces = piecesOf(exchange.header, admission);
      if (pieces !== undefined) {
        this.#parsing.stats.inline++;
        this.#inTurn(exchange, () => this.#split(exchange, pieces, admission));
        return;
      }
      const dispatcher = this.#decide(exchange, admission, isLarge ? HEADER_ONLY : undefined);
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

  #split(exchange: Exchange, pieces: readonly Piece[], admission: Admission): void {
    if (this.#head.isOn) exchange.parsedAt = performance.now();
    new SplitBatch(exchange, pieces, (part) => this.accept(part, admission)).start();
  }

  /** Where it goes; or throws why it goes nowhere, or UNREAD. Nothing has been done with it then. */
  #decide(exchange: Exchange, admission: Admission, fields: MessageRead | undefined): Dispatcher {
    const { header } = exchange;
    const { listener, peer, http } = exchange.origin;
    if (this.#head.isOn) {
      exchange.parsedAt = performance.now();
      if (this.#head.fields !== undefined && fields === undefined) this.#adopt(exchange, this.#head.fields);
    }
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

  #adopt({ header, origin, batch, trace }: Exchange, fields: TraceFields): void {
    if (origin.http !== undefined || batch !== undefined) return;
    const remote = remoteIn(header, fields);
    if (remote !== undefined) trace.adopt(remote);
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
    if (!exchange.hasHeader) {
      await this.#readHeader(exchange, payload);
      const pieces = piecesOf(exchange.header, admission);
      if (pieces !== undefined) return () => this.#split(exchange, pieces, admission);
      try {
        const dispatcher = this.#decide(exchange, admission, HEADER_ONLY);
        return () => take(dispatcher, exchange);
      } catch (thrown) {
        // For one that was abandoned meanwhile nobody is asked.
        if (thrown !== UNREAD || exchange.phase === 'over') throw thrown;
      }
    }
    const { header, origin } = exchange;
    const questionnaire = this.#questions.of(admission);
    const charset = origin.http?.charset?.decoder ?? header.charset;
    const job = this.#parsing.readFields(payload, charset, questionnaire.asked);
    turn.cancel = job.cancel;
    const dispatcher = this.#decide(exchange, admission, questionnaire.answered(await job.result));
    return () => take(dispatcher, exchange);
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
    const { action, validate } = route;
    if (action.kind === 'reject') throw new GatewayError('GW_ERR_ROUTE_REJECTED', { detail: action.text });
    if (validate !== undefined) requireValid(view.header, validate.rules);
    const dispatcher = this.#dispatchers.get(action.pool);
    if (dispatcher === undefined)
      throw new GatewayError('GW_ERR_INTERNAL', { detail: `no pool ${action.pool}` });
    return dispatcher;
  }
}

function piecesOf(header: Header, { batch, maxBatch }: Admission): readonly Piece[] | undefined {
  return batch === 'split' ? splitBatch(header, maxBatch) : undefined;
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

/** A body may hold what would end an MLLP frame, and begin another message behind it (F10, F12). */
function checkFramable(payload: Buffer): void {
  if (payload.includes(START_BLOCK)) throw new GatewayError('GW_ERR_FRAME_START_BLOCK');
  if (holdsFrameEnd(payload)) throw new GatewayError('GW_ERR_FRAME_END_BYTE');
}

/** `fields`: where the message is not to be searched here. */
function admit(header: Header, admission: Admission, fields: MessageRead | undefined): void {
  if (admission.batch === 'refuse' && (header.batch || hasFurtherHeader(header, fields))) {
    throw new GatewayError('GW_ERR_HEADER_BATCH');
  }
  if (admission.utf16 === 'refuse' && header.utf16 !== undefined)
    throw new GatewayError('GW_ERR_HEADER_UTF16');
  // A batch of nothing but its own header has no MSH-10; FHS-10 and BHS-10 are comments.
  if (admission.missingControlId === 'refuse' && !header.batch && !header.has(10)) {
    throw new GatewayError('GW_ERR_HEADER_CONTROL_ID');
  }
}

function hasFurtherHeader({ bytes, end }: Header, fields: MessageRead | undefined): boolean {
  return fields === undefined ? findHeader(bytes, end - 1) >= 0 : fields.hasFurtherHeader;
}

/** Every message of the frame, and not only the one that it is routed by (F24): each could name another sender. */
function allow(
  view: MessageView & { readonly header: Header },
  allowance: Allowance,
  fields: MessageRead | undefined,
): void {
  let permitted: boolean;
  if (fields === undefined) {
    const { bytes, end } = view.header;
    permitted = allowance.permits(view);
    for (let at = findHeader(bytes, end - 1); permitted && at >= 0; at = findHeader(bytes, at))
      permitted = allowance.permits({ ...view, header: readHeader(bytes.subarray(at)) });
  } else {
    permitted = fields.ofEach.every((one) => allowance.permits({ ...view, fields: one }));
    if (permitted && fields.refusal !== undefined) throw new GatewayError(fields.refusal);
  }
  if (!permitted) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

/** HL7 v2.9.1 2.9.2 and table 0155: only NE in MSH-15, and NE or nothing in MSH-16, asks for no answer at all. */
function expectsAnswer(header: Header, mode: 'always' | 'by-header' | 'never'): boolean {
  if (mode !== 'by-header') return mode === 'always';
  return header.text(15) !== 'NE' || (header.has(16) && header.text(16) !== 'NE');
}
