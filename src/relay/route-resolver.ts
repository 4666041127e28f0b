// Says whether a message is taken at all, by what its listener's config says, and where it goes: its route, its sticky key, the pool
// that is to take it. Promises that this is decided by one config alone, for a listener that is gone by the last one that had it; that
// nothing is done with what goes nowhere; and that nothing is searched here of a message that a worker has read.
import type { FieldQueries } from '../../routing/field-queries.ts';
import { HttpPostPlans } from '../../routing/http-post-plan.ts';
import type { MessageView } from '../../routing/message-view.ts';
import type { Router } from '../../routing/router.ts';
import type { SenderPolicy } from '../../routing/sender-policy.ts';
import { stickyKey, streamKey } from '../../routing/sticky-key.ts';
import { remoteIn, type TraceFields, type TraceSampler } from '../../routing/trace-sampler.ts';
import {
  type ListenerConfig,
  type PersistenceConfig,
  poolAtListener,
  type RouteConfig,
} from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import { awaitedOf } from '../hl7/answers.ts';
import type { MessageRead } from '../hl7/field-query-plan.ts';
import { isFragment } from '../hl7/fragments.ts';
import { findHeader, type Header, readHeader, sendingEnvelopes } from '../hl7/header.ts';
import { holdsFrameEnd, START_BLOCK } from '../mllp/frame.ts';
import type { HttpScheduler } from './http-scheduler.ts';
import type { Message } from './message.ts';
import type { RouteTarget } from './node-scheduler.ts';
import type { ReloadGuard } from './ordering.ts';
import type { PoolQueue } from './pool-queue.ts';
import type { AttemptHistory } from './retry.ts';
import type { TcpScheduler } from './tcp-scheduler.ts';

/** A config as far as it decides about routing, and the pools that it has, by name; neither map changes any more. */
export interface RoutingSnapshot {
  readonly router: Router;
  readonly questions: FieldQueries;
  readonly queues: ReadonlyMap<string, PoolQueue>;
  /** Of pools with HTTP nodes, for requests. */
  readonly httpPools: ReadonlyMap<string, HttpScheduler>;
  /** Of pools with TCP nodes, for connections. */
  readonly tcpPools: ReadonlyMap<string, TcpScheduler>;
}

interface KnownRouting extends RoutingSnapshot {
  readonly postPlans: HttpPostPlans;
  readonly hasHl7Routes: boolean;
}

export class RouteResolver {
  readonly #reloadGuard: ReloadGuard;
  readonly #sampler: TraceSampler;
  #routing: KnownRouting;
  /** Of listeners that are gone: what came by them is not to be judged by a config that does not know them. */
  #last: WeakMap<Admission, KnownRouting> | undefined;

  constructor(routing: RoutingSnapshot, reloadGuard: ReloadGuard, sampler: TraceSampler) {
    this.#reloadGuard = reloadGuard;
    this.#sampler = sampler;
    this.#routing = known(routing, sampler);
  }

  /** `gone`: of the listeners that the other config does not have. */
  reconfigure(routing: RoutingSnapshot, gone: Iterable<Admission>): void {
    for (const admission of gone) {
      this.#last ??= new WeakMap();
      this.#last.set(admission, this.#routing);
    }
    this.#routing = known(routing, this.#sampler);
  }

  /** What has to be known of a message. */
  questionsFor(admission: Admission): FieldQueries {
    return this.#routingOf(admission).questions;
  }

  somePathIsHl7(admission: Admission): boolean {
    return this.#routingOf(admission).hasHl7Routes;
  }

  findRoute(view: MessageView, admission: Admission): RouteConfig | undefined {
    return this.#routingOf(admission).router.decide(view)?.route;
  }

  /** A reload may send elsewhere what no node has or may have. */
  isOutdated(routed: AttemptHistory): boolean {
    return this.#reloadGuard.isOutdated(routed);
  }

  /** Where a request goes, if its sender may send it. @throws GatewayError */
  decideRequest(view: MessageView, admission: Admission): RouteTarget<HttpScheduler> {
    const missing = (): GatewayError => new GatewayError('GW_ERR_HTTP_NOT_HL7');
    return this.#decide(view, admission, this.#routingOf(admission).httpPools, missing);
  }

  /** Where a connection goes that is passed on as it is, if its sender may. @throws GatewayError */
  decideConnection(view: MessageView, admission: Admission): RouteTarget<TcpScheduler> {
    const missing = (name: string): GatewayError =>
      new GatewayError('GW_ERR_INTERNAL', { detail: `no TCP pool ${name}` });
    return this.#decide(view, admission, this.#routingOf(admission).tcpPools, missing);
  }

  /** Where it goes; or throws why it goes nowhere, or UNREAD. Nothing has been done with it then. */
  decide(message: Message, admission: Admission, fields: MessageRead | undefined): PoolQueue {
    const { header } = message;
    const { listener, peer, http } = message.origin;
    if (this.#sampler.isOn) {
      if (message.sequence === 0) message.parsed();
      if (this.#sampler.fields !== undefined && fields === undefined) adopt(message, this.#sampler.fields);
    }
    admit(header, admission, fields);
    if (http?.charset !== undefined) header.overrideCharset(http.charset.decoder);
    const view = { header, listener, peer, http, fields };
    if (admission.allowance !== undefined) allow(view, admission.allowance, fields);
    const route = this.#routeOf(view, admission);
    message.matchedRoute(route);
    const { queues, postPlans } = this.#routingOf(admission);
    const queue = queueOf(route, listener, queues);
    const { persistence, acknowledgement, protocol } = queue.config;
    if (protocol !== 'http' && http !== undefined) checkFramable(message.payload);
    const key = keyFor(view, persistence);
    const postPlan = protocol === 'http' ? postPlans.for(message) : undefined;
    message.routed(postPlan, key, awaitedOf(header, acknowledgement), this.#reloadGuard.epoch);
    return queue;
  }

  #decide<S>(
    view: MessageView,
    admission: Admission,
    pools: ReadonlyMap<string, S>,
    missing: (pool: string) => GatewayError,
  ): RouteTarget<S> {
    if (admission.allowance?.permits(view) === false) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
    const route = this.#routeOf(view, admission);
    const name = poolNameOf(route, view.listener);
    const pool = pools.get(name);
    if (pool === undefined) throw missing(name);
    return { route, pool, epoch: this.#reloadGuard.epoch };
  }

  #routeOf(view: MessageView, admission: Admission): RouteConfig {
    const route = this.findRoute(view, admission);
    if (route === undefined) throw new GatewayError('GW_ERR_ROUTE_NONE');
    return route;
  }

  #routingOf(admission: Admission): KnownRouting {
    return this.#last?.get(admission) ?? this.#routing;
  }
}

function known(routing: RoutingSnapshot, sampler: TraceSampler): KnownRouting {
  const { routes } = routing.router;
  return {
    ...routing,
    postPlans: new HttpPostPlans(routes, sampler),
    // Some route says of its POSTs that they are messages.
    hasHl7Routes: routes.some(({ http }) => http?.hl7 === true),
  };
}

function poolNameOf({ action }: RouteConfig, listener: string): string {
  if (action.kind === 'reject') {
    const { text: detail, condition } = action;
    throw new GatewayError('GW_ERR_ROUTE_REJECTED', { detail, condition });
  }
  return poolAtListener(action, listener);
}

function queueOf(route: RouteConfig, listener: string, queues: RoutingSnapshot['queues']): PoolQueue {
  const name = poolNameOf(route, listener);
  const queue = queues.get(name);
  if (queue === undefined) throw new GatewayError('GW_ERR_INTERNAL', { detail: `no pool ${name}` });
  return queue;
}

/** What its sender is recognised by, and what is to stay together. */
export function keyFor(
  view: MessageView & { readonly header: Header },
  persistence: PersistenceConfig | undefined,
): string | undefined {
  const { header } = view;
  const key = persistence && stickyKey(view, persistence.by);
  // F81: fragments are one message, whatever the pool keeps together; of a numbered sequence its own key says as much.
  if (isFragment(header) || (key === undefined && header.isMsh && header.has(13))) return streamOf(header);
  return key;
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

/** What of a listener's config decides about a message. */
export interface Admission extends Pick<ListenerConfig, 'batch' | 'missingControlId' | 'utf16'> {
  /** Messages that a batch may have to be split. */
  readonly maxBatch: number;
  /** Undefined: every sender may send everything. */
  readonly allowance: SenderPolicy | undefined;
}

/** A body may hold what would end an MLLP frame, and begin another message behind it (F10, F12). */
function checkFramable(payload: Buffer): void {
  if (payload.includes(START_BLOCK)) throw new GatewayError('GW_ERR_FRAME_START_BLOCK');
  if (holdsFrameEnd(payload)) throw new GatewayError('GW_ERR_FRAME_END_BYTE');
}

/** `fields`: where the message is not to be searched here. */
export function admit(header: Header, admission: Admission, fields: MessageRead | undefined): void {
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

/**
 * Every message of the frame, and not only the one that it is routed by (F24), and every envelope (F122): each could name
 * another sender.
 */
export function allow(
  view: MessageView & { readonly header: Header },
  allowance: SenderPolicy,
  fields: MessageRead | undefined,
): void {
  let permitted: boolean;
  if (fields === undefined) {
    const { bytes, end } = view.header;
    permitted = allowance.permits(view);
    for (let at = findHeader(bytes, end - 1); permitted && at >= 0; at = findHeader(bytes, at))
      permitted = allowance.permits({ ...view, header: readHeader(bytes.subarray(at)) });
    permitted &&= allEnvelopes(sendingEnvelopes(view.header), view, allowance);
  } else {
    permitted = fields.ofEach.every((one) => allowance.permits({ ...view, fields: one }));
    if (permitted && fields.refusal !== undefined) throw new GatewayError(fields.refusal);
  }
  if (!permitted) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

/** F122: the envelopes of a batch that is split are in none of its messages. */
export function allowEnvelopes(
  view: MessageView,
  allowance: SenderPolicy,
  envelopes: Iterable<Header>,
): void {
  if (!allEnvelopes(envelopes, view, allowance)) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

function allEnvelopes(envelopes: Iterable<Header>, view: MessageView, allowance: SenderPolicy): boolean {
  for (const envelope of envelopes)
    if (!allowance.permits({ ...view, envelope, fields: undefined })) return false;
  return true;
}
