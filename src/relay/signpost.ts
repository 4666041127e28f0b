// Says where a message goes: its route, its sticky key, the pool that is to take it. Promises that this is decided by one
// config alone, and that nothing is done with a message that goes nowhere.

import type { MessageView } from '../../routing/message-view.ts';
import type { Questions } from '../../routing/questions.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { RouteConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { MessageRead } from '../hl7/fields-read.ts';
import type { Header } from '../hl7/header.ts';
import { payloadOf } from '../mllp/frame.ts';
import { type Admission, admit, allow, checkFramable, expectsAnswer } from './admission.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange } from './exchange.ts';
import { Postings } from './posting.ts';
import type { Rerouting } from './rerouting.ts';
import { remoteIn, type TraceFields, type TraceHead } from './trace-head.ts';

export class Signpost {
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #rerouting: Rerouting;
  readonly #head: TraceHead;
  #router: Router;
  #questions: Questions;
  #postings: Postings;
  #hasHl7Routes: boolean;

  constructor(
    router: Router,
    questions: Questions,
    dispatchers: ReadonlyMap<string, Dispatcher>,
    rerouting: Rerouting,
    head: TraceHead,
  ) {
    this.#dispatchers = dispatchers;
    this.#rerouting = rerouting;
    this.#head = head;
    this.#router = router;
    this.#questions = questions;
    this.#postings = new Postings(router.routes, head);
    this.#hasHl7Routes = hasHl7Routes(router);
  }

  reconfigure(router: Router, questions: Questions): void {
    this.#router = router;
    this.#questions = questions;
    this.#postings = new Postings(router.routes, this.#head);
    this.#hasHl7Routes = hasHl7Routes(router);
  }

  /** What has to be known of a message. */
  get questions(): Questions {
    return this.#questions;
  }

  get somePathIsHl7(): boolean {
    return this.#hasHl7Routes;
  }

  /** It is of the config in force. */
  isInForce(route: RouteConfig): boolean {
    return this.#router.routes.includes(route);
  }

  findRoute(view: MessageView): RouteConfig | undefined {
    return this.#router.decide(view)?.route;
  }

  /** @throws GatewayError */
  routeOf(view: MessageView): RouteConfig {
    const route = this.findRoute(view);
    if (route === undefined) throw new GatewayError('GW_ERR_ROUTE_NONE');
    return route;
  }

  /** Where it goes; or throws why it goes nowhere, or UNREAD. Nothing has been done with it then. */
  decide(exchange: Exchange, admission: Admission, fields: MessageRead | undefined): Dispatcher {
    const { header } = exchange;
    const { listener, peer, http } = exchange.origin;
    if (this.#head.isOn) {
      if (exchange.place === 0) exchange.parsedAt = performance.now();
      if (this.#head.fields !== undefined && fields === undefined) adopt(exchange, this.#head.fields);
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
    exchange.epoch = this.#rerouting.epoch;
    return dispatcher;
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

/** Some route says of its POSTs that they are messages. */
function hasHl7Routes({ routes }: Router): boolean {
  return routes.some(({ http }) => http?.hl7 === true);
}

function adopt({ header, origin, batch, trace }: Exchange, fields: TraceFields): void {
  if (origin.http !== undefined || batch !== undefined) return;
  const remote = remoteIn(header, fields);
  if (remote !== undefined) trace.adopt(remote);
}
