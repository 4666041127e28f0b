// The line, in the order in which a message walks it: header → route → key → node → send → answer.
// Every exchange that is accepted is settled once: answered by a node, or failed with a named error.

import type { Allowance } from '../../routing/allowance.ts';
import type { MessageView } from '../../routing/message-view.ts';
import type { Router } from '../../routing/router.ts';
import { stickyKey } from '../../routing/sticky-key.ts';
import type { ListenerConfig } from '../config/config.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { findHeader, type Header, readHeader } from '../hl7/header.ts';
import { payloadOf } from '../mllp/frame.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange } from './exchange.ts';

/** What of a listener's config decides about a message. */
export interface Admission extends Pick<ListenerConfig, 'batch' | 'missingControlId'> {
  /** Undefined: every sender may send everything. */
  readonly allowance: Allowance | undefined;
}

export class Relay {
  readonly #router: Router;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;

  constructor(router: Router, dispatchers: ReadonlyMap<string, Dispatcher>) {
    this.#router = router;
    this.#dispatchers = dispatchers;
  }

  accept(exchange: Exchange, admission: Admission): void {
    try {
      const header = readHeader(payloadOf(exchange.frame));
      exchange.header = header;
      admit(header, admission);
      const view: MessageView = { header, listener: exchange.origin.listener, peer: exchange.origin.peer };
      if (admission.allowance !== undefined) allow(view, admission.allowance);
      const dispatcher = this.#route(exchange, view);
      const { persistence, acknowledgement } = dispatcher.config;
      if (persistence !== undefined) exchange.stickyKey = stickyKey(view, persistence.by);
      exchange.expectsAnswer = expectsAnswer(header, acknowledgement);
      dispatcher.take(exchange);
    } catch (thrown) {
      exchange.settle({ kind: 'failed', error: asGatewayError(thrown), ambiguous: false });
    }
  }

  #route(exchange: Exchange, view: MessageView): Dispatcher {
    const decision = this.#router.decide(view);
    if (decision === undefined) throw new GatewayError('GW_ERR_ROUTE_NONE');
    exchange.route = decision.route;
    const { action } = decision.route;
    if (action.kind === 'reject') throw new GatewayError('GW_ERR_ROUTE_REJECTED', { detail: action.text });
    const dispatcher = this.#dispatchers.get(action.pool);
    if (dispatcher === undefined)
      throw new GatewayError('GW_ERR_INTERNAL', { detail: `no pool ${action.pool}` });
    return dispatcher;
  }
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
function allow(view: MessageView, allowance: Allowance): void {
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
