// The way of a request that is no HL7 message: its route's pool, what binds it to a node, and how much of its body is
// kept so that it could be sent again.
import { remoteOf, type TraceSampler } from '../../../routing/trace-sampler.ts';
import { sourceKey } from '../../../src/addresses.ts';
import type { RouteConfig } from '../../../src/config/config.ts';
import { asGatewayError, GatewayError } from '../../../src/errors.ts';
import { TraceContext } from '../../../src/observe/traces/trace-context.ts';
import { ProxiedRequest } from '../../../src/relay/http-scheduler.ts';
import type { BufferBudget, SourceBudget } from '../../accept/buffer-budget.ts';
import type { ClientRequest } from '../client-request.ts';
import { refuse } from '../client-response.ts';
import type { ProxyRequest } from './proxy-request.ts';
import { ProxySession } from './proxy-session.ts';
import { RouteActions } from './route-actions.ts';
import { Translation } from './translation.ts';
import { readWholeBody } from './whole-body.ts';

/** Bodies up to this size are read before a node is chosen, and can be sent twice. A form or an API call fits. */
const MAX_REPLAY_BYTES = 64 * 1024;
const NO_BODY = Buffer.alloc(0);

export class ReverseProxy {
  /** Of each route that was used. */
  readonly #actions = new WeakMap<RouteConfig, RouteActions>();
  readonly #budget: BufferBudget;
  readonly #head: TraceSampler;

  constructor(budget: BufferBudget, head: TraceSampler) {
    this.#head = head;
    this.#budget = budget;
  }

  forward(proxied: ProxyRequest): void {
    const { request, target, listener } = proxied;
    const { peer, method, incoming } = request;
    const isTrusted = proxied.trusted.has(request.hop.address);
    const trace = new TraceContext(remoteOf(incoming.rawHeaders, isTrusted));
    const record = new ProxiedRequest(listener, peer, method, incoming.httpVersion, trace);
    record.routed(target);
    if (!request.hasBody) this.#start(proxied, record, NO_BODY);
    else if (this.#isReplayable(request)) {
      const limits = {
        maxBytes: MAX_REPLAY_BYTES,
        timeoutMs: proxied.bodyTimeoutMs,
        before: NO_BODY,
        behind: NO_BODY,
        source: this.#sourceOf(request),
      };
      readWholeBody(request.incoming, request.contentLength, limits, (body) => {
        if (body instanceof GatewayError) refuseUnsent(proxied, record, body);
        else this.#start(proxied, record, body);
      });
    } else this.#start(proxied, record, undefined);
  }

  /** One that waits for a 100 (Continue) has sent nothing yet; it is the node that says it. */
  #isReplayable(request: ClientRequest): boolean {
    const { contentLength } = request;
    if (contentLength === undefined || contentLength > MAX_REPLAY_BYTES) return false;
    return !request.expectsContinue && this.#sourceOf(request).hasRoom;
  }

  #sourceOf({ peer }: ClientRequest): SourceBudget {
    return this.#budget.source(sourceKey(peer.address));
  }

  /** The config may be another one since its body began to come. */
  #start(proxied: ProxyRequest, record: ProxiedRequest, body: Buffer | undefined): void {
    const held = body?.length ?? 0;
    const source = held === 0 ? undefined : this.#sourceOf(proxied.request);
    const over = (): void => {
      source?.hold(-held);
      proxied.over(record);
    };
    let session: ProxySession;
    try {
      session = new ProxySession({ ...proxied, over }, record, body, (known) =>
        this.#translate(proxied, record, known),
      );
    } catch (thrown) {
      refuseUnsent({ ...proxied, over }, record, asGatewayError(thrown));
      return;
    }
    session.start();
  }

  /** What it is to a node: as it was, unless a reload may send it another way. @throws GatewayError */
  #translate(proxied: ProxyRequest, record: ProxiedRequest, known: Translation | undefined): Translation {
    const decided = proxied.decideAgain(record);
    if (decided === undefined && known !== undefined) return known;
    const target = decided ?? proxied.target;
    record.routed(target);
    const { request, trusted } = proxied;
    return new Translation(request, record, target, this.#actionsOf(target.route), trusted, this.#head);
  }

  #actionsOf(route: RouteConfig): RouteActions {
    let actions = this.#actions.get(route);
    if (actions === undefined) {
      actions = new RouteActions(route);
      this.#actions.set(route, actions);
    }
    return actions;
  }
}

function refuseUnsent({ response, over }: ProxyRequest, record: ProxiedRequest, error: GatewayError): void {
  record.settle(error);
  refuse(response, error, true);
  over(record);
}
