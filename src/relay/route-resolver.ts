// Says where a message goes: its route, its sticky key, the pool that is to take it. Promises that this is decided by one
// config alone, for a listener that is gone by the last one that had it, and that nothing is done with what goes nowhere.

import type { FieldQueries } from '../../routing/field-queries.ts';
import type { MessageView } from '../../routing/message-view.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey, streamKey } from '../../routing/sticky-key.ts';
import type { RouteConfig } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import { awaitedOf } from '../hl7/answers.ts';
import type { MessageRead } from '../hl7/field-query-plan.ts';
import { isFragment } from '../hl7/fragments.ts';
import type { Header } from '../hl7/header.ts';
import { payloadOf } from '../mllp/frame.ts';
import { type Admission, admit, allow, checkFramable } from './admission.ts';
import type { Dispatcher } from './dispatcher.ts';
import { HttpPostPlans } from './http-post-plan.ts';
import type { HttpScheduler } from './http-scheduler.ts';
import type { Message } from './message.ts';
import type { ReloadGuard } from './reload-guard.ts';
import { remoteIn, type TraceFields, type TraceSampler } from './trace-sampler.ts';

/** A config as far as it decides about ways, and the pools that it has, by name; neither map changes any more. */
export interface RoutingSnapshot {
  readonly router: Router;
  readonly questions: FieldQueries;
  readonly dispatchers: ReadonlyMap<string, Dispatcher>;
  /** Of pools with HTTP nodes, for requests. */
  readonly httpPools: ReadonlyMap<string, HttpScheduler>;
}

interface KnownWays extends RoutingSnapshot {
  readonly postPlans: HttpPostPlans;
  readonly hasHl7Routes: boolean;
}

export class RouteResolver {
  readonly #rerouting: ReloadGuard;
  readonly #head: TraceSampler;
  #ways: KnownWays;
  /** Of listeners that are gone: what came by them is not to be judged by a config that does not know them. */
  readonly #last = new WeakMap<Admission, KnownWays>();

  constructor(ways: RoutingSnapshot, rerouting: ReloadGuard, head: TraceSampler) {
    this.#rerouting = rerouting;
    this.#head = head;
    this.#ways = known(ways, head);
  }

  /** `gone`: of the listeners that the other config does not have. */
  reconfigure(ways: RoutingSnapshot, gone: Iterable<Admission>): void {
    for (const admission of gone) this.#last.set(admission, this.#ways);
    this.#ways = known(ways, this.#head);
  }

  /** What has to be known of a message. */
  questionsFor(admission: Admission): FieldQueries {
    return this.#waysOf(admission).questions;
  }

  somePathIsHl7(admission: Admission): boolean {
    return this.#waysOf(admission).hasHl7Routes;
  }

  /** No reload has come since it was found. */
  isInForce(route: RouteConfig, admission: Admission): boolean {
    return this.#waysOf(admission).router.routes.includes(route);
  }

  findRoute(view: MessageView, admission: Admission): RouteConfig | undefined {
    return this.#waysOf(admission).router.decide(view)?.route;
  }

  /** @throws GatewayError */
  routeOf(view: MessageView, admission: Admission): RouteConfig {
    const route = this.findRoute(view, admission);
    if (route === undefined) throw new GatewayError('GW_ERR_ROUTE_NONE');
    return route;
  }

  /** Where requests go by this route. @throws GatewayError */
  httpPoolOf(route: RouteConfig, admission: Admission): HttpScheduler {
    const pool = this.#waysOf(admission).httpPools.get(poolNameOf(route));
    if (pool === undefined) throw new GatewayError('GW_ERR_HTTP_NOT_HL7');
    return pool;
  }

  /** Where it goes; or throws why it goes nowhere, or UNREAD. Nothing has been done with it then. */
  decide(message: Message, admission: Admission, fields: MessageRead | undefined): Dispatcher {
    const { header } = message;
    const { listener, peer, http } = message.origin;
    if (this.#head.isOn) {
      if (message.sequence === 0) message.parsedAt = performance.now();
      if (this.#head.fields !== undefined && fields === undefined) adopt(message, this.#head.fields);
    }
    admit(header, admission, fields);
    if (http?.charset !== undefined) header.overrideCharset(http.charset.decoder);
    const view = { header, listener, peer, http, fields };
    if (admission.allowance !== undefined) allow(view, admission.allowance, fields);
    const route = this.routeOf(view, admission);
    message.route = route;
    const { dispatchers, postPlans } = this.#waysOf(admission);
    const dispatcher = dispatcherOf(route, dispatchers);
    const { persistence, acknowledgement, protocol } = dispatcher.config;
    if (protocol === 'http') message.postPlan = postPlans.for(message);
    else if (http !== undefined) checkFramable(payloadOf(message.frame));
    if (persistence !== undefined) message.stickyKey = stickyKey(view, persistence.by);
    // F81: fragments are one message, whatever the pool keeps together; of a numbered sequence its own key says as much.
    if (isFragment(header) || (message.stickyKey === undefined && header.isMsh && header.has(13)))
      message.stickyKey = streamOf(header);
    const awaited = awaitedOf(header, acknowledgement);
    message.expectsAnswer = awaited !== 'nothing';
    message.silenceIsSuccess = awaited === 'error';
    message.epoch = this.#rerouting.epoch;
    return dispatcher;
  }

  #waysOf(admission: Admission): KnownWays {
    return this.#last.get(admission) ?? this.#ways;
  }
}

function known(ways: RoutingSnapshot, head: TraceSampler): KnownWays {
  const { routes } = ways.router;
  return {
    ...ways,
    postPlans: new HttpPostPlans(routes, head),
    // Some route says of its POSTs that they are messages.
    hasHl7Routes: routes.some(({ http }) => http?.hl7 === true),
  };
}

function poolNameOf({ action }: RouteConfig): string {
  if (action.kind === 'reject') {
    const { text: detail, condition } = action;
    throw new GatewayError('GW_ERR_ROUTE_REJECTED', { detail, condition });
  }
  return action.pool;
}

function dispatcherOf(route: RouteConfig, dispatchers: RoutingSnapshot['dispatchers']): Dispatcher {
  const name = poolNameOf(route);
  const dispatcher = dispatchers.get(name);
  if (dispatcher === undefined) throw new GatewayError('GW_ERR_INTERNAL', { detail: `no pool ${name}` });
  return dispatcher;
}

/** Two applications, between which a sequence of messages goes (v2.9.1 2.10.1, 2.10.2). */
function streamOf(header: Header): string {
  return streamKey([3, 4, 5, 6].map((n) => header.text(n)));
}

function adopt({ header, origin, batch, trace }: Message, fields: TraceFields): void {
  if (origin.http !== undefined || batch !== undefined) return;
  const remote = remoteIn(header, fields);
  if (remote !== undefined) trace.adopt(remote);
}
