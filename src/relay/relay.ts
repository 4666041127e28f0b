// The line, in the order in which a message walks it: header → route → key → node → send → answer.
// Every exchange that is accepted is settled once: answered by a node, or failed with a named error.

import type { Allowance } from '../../routing/allowance.ts';
import type { MessageView } from '../../routing/message-view.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { ListenerConfig, RouteConfig } from '../config/config.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { findHeader, type Header, readHeader } from '../hl7/header.ts';
import { holdsFrameEnd, payloadOf, START_BLOCK } from '../mllp/frame.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange } from './exchange.ts';
import { Postings } from './posting.ts';

/** What of a listener's config decides about a message. */
export interface Admission extends Pick<ListenerConfig, 'batch' | 'missingControlId'> {
  /** Undefined: every sender may send everything. */
  readonly allowance: Allowance | undefined;
}

export class Relay {
  readonly #router: Router;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #postings: Postings;

  constructor(router: Router, dispatchers: ReadonlyMap<string, Dispatcher>) {
    this.#router = router;
    this.#dispatchers = dispatchers;
    this.#postings = new Postings(router.routes);
  }

  get routes(): readonly RouteConfig[] {
    return this.#router.routes;
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
    try {
      const header = readHeader(payloadOf(exchange.frame));
      exchange.header = header;
      admit(header, admission);
      const { listener, peer, http } = exchange.origin;
      if (http?.charset !== undefined) header.overrideCharset(http.charset.decoder);
      const view = { header, listener, peer, http };
      if (admission.allowance !== undefined) allow(view, admission.allowance);
      const dispatcher = this.#route(exchange, view);
      const { persistence, acknowledgement, protocol } = dispatcher.config;
      if (protocol === 'http') exchange.posting = this.#postings.for(exchange);
      else if (http !== undefined) checkFramable(payloadOf(exchange.frame));
      if (persistence !== undefined) exchange.stickyKey = stickyKey(view, persistence.by);
      exchange.expectsAnswer = expectsAnswer(header, acknowledgement);
      dispatcher.take(exchange);
    } catch (thrown) {
      exchange.settle({ kind: 'failed', error: asGatewayError(thrown), ambiguous: false });
    }
  }

  #route(exchange: Exchange, view: MessageView): Dispatcher {
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

/** A body may hold what would end an MLLP frame, and begin another message behind it (F10, F12). */
function checkFramable(payload: Buffer): void {
  if (payload.includes(START_BLOCK)) throw new GatewayError('GW_ERR_FRAME_START_BLOCK');
  if (holdsFrameEnd(payload)) throw new GatewayError('GW_ERR_FRAME_END_BYTE');
}

function admit(header: Header, admission: Admission): void {
  if (admission.batch === 'refuse' && (header.batch || findHeader(header.bytes, header.end - 1) >= 0)) {
    throw new GatewayError('GW_ERR_HEADER_BATCH');
  }
  // A batch of nothing but its own header has no MSH-10; FHS-10 and BHS-10 are comments.
  if (admission.missingControlId === 'refuse' && !header.batch && !header.has(10)) {
    throw new GatewayError('GW_ERR_HEADER_CONTROL_ID');
  }
}

/** Every message of the frame, and not only the one that it is routed by (F24): each could name another sender. */
function allow(view: MessageView & { readonly header: Header }, allowance: Allowance): void {
  const { bytes, end } = view.header;
  let permitted = allowance.permits(view);
  for (let at = findHeader(bytes, end - 1); permitted && at >= 0; at = findHeader(bytes, at))
    permitted = allowance.permits({ ...view, header: readHeader(bytes.subarray(at)) });
  if (!permitted) throw new GatewayError('GW_ERR_SENDER_NOT_ALLOWED');
}

/** HL7 v2.9.1 2.9.2 and table 0155: only NE in MSH-15, and NE or nothing in MSH-16, asks for no answer at all. */
function expectsAnswer(header: Header, mode: 'always' | 'by-header' | 'never'): boolean {
  if (mode !== 'by-header') return mode === 'always';
  return header.text(15) !== 'NE' || (header.has(16) && header.text(16) !== 'NE');
}
