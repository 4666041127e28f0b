// The way of a request that is no HL7 message: its route's pool, what binds it to a node, and how much of its body is
// kept so that it could be sent again.
import { stickyKey } from '../../../routing/sticky-key.ts';
import { remoteOf, type TraceSampler } from '../../../routing/trace-sampler.ts';
import { sourceKey } from '../../../src/addresses.ts';
import type { RouteConfig } from '../../../src/config/config.ts';
import { asGatewayError, GatewayError } from '../../../src/errors.ts';
import { TraceContext } from '../../../src/observe/traces/trace-context.ts';
import type { Binding, HttpScheduler } from '../../../src/relay/http-scheduler.ts';
import { ProxiedRequest } from '../../../src/relay/http-scheduler.ts';
import type { BufferBudget, SourceBudget } from '../../accept/buffer-budget.ts';
import type { ClientRequest } from '../client-request.ts';
import { refuse } from '../client-response.ts';
import type { ProxyRequest, RouteTarget } from './proxy-request.ts';
import { ProxySession } from './proxy-session.ts';
import { RouteActions } from './route-actions.ts';
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
    const { request, way, listener } = proxied;
    const { peer, method, incoming } = request;
    const isTrusted = proxied.trusted.has(request.hop.address);
    const trace = new TraceContext(remoteOf(incoming.rawHeaders, isTrusted));
    const record = new ProxiedRequest(listener, peer, method, incoming.httpVersion, trace);
    setWay(record, way);
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
        else this.#startBehind(proxied, record, body);
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
  #startBehind(proxied: ProxyRequest, record: ProxiedRequest, body: Buffer): void {
    let anew: (() => void) | undefined;
    try {
      anew = this.#reroute(proxied, record, body);
    } catch (thrown) {
      this.#sourceOf(proxied.request).hold(-body.length);
      refuseUnsent(proxied, record, asGatewayError(thrown));
      return;
    }
    if (anew === undefined) this.#start(proxied, record, body);
    else anew();
  }

  #reroute(
    proxied: ProxyRequest,
    record: ProxiedRequest,
    body: Buffer | undefined,
  ): (() => void) | undefined {
    const way = proxied.wayNow();
    if (way === proxied.way) return undefined;
    return () => {
      setWay(record, way);
      this.#start({ ...proxied, way }, record, body);
    };
  }

  #start(proxied: ProxyRequest, record: ProxiedRequest, body: Buffer | undefined): void {
    const { request, response, way, trusted, bodyTimeoutMs, writeTimeoutMs, tunnel, mustClose, over } =
      proxied;
    const { route, pool } = way;
    const { persistence } = pool.config;
    const held = body?.length ?? 0;
    const source = held === 0 ? undefined : this.#sourceOf(request);
    let forwarding: ProxySession;
    try {
      forwarding = new ProxySession({
        request,
        response,
        record,
        pool,
        actions: this.#actionsOf(route),
        binding: bindingOf(request, pool, record.listener),
        body,
        trusted,
        bodyTimeoutMs,
        writeTimeoutMs,
        head: this.#head,
        learns: persistence?.by.length === 1 ? cookieOf(persistence.by[0]) : undefined,
        tunnel,
        mustClose,
        reroute: () => this.#reroute(proxied, record, body),
        over: (settled) => {
          source?.hold(-held);
          over(settled);
        },
      });
    } catch (thrown) {
      source?.hold(-held);
      refuseUnsent(proxied, record, asGatewayError(thrown));
      return;
    }
    forwarding.start();
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

function setWay(record: ProxiedRequest, { route, pool }: RouteTarget): void {
  record.route = route;
  record.pool = pool.config;
}

function refuseUnsent({ response, over }: ProxyRequest, record: ProxiedRequest, error: GatewayError): void {
  record.settle(error);
  refuse(response, error, true);
  over(record);
}

function bindingOf(request: ClientRequest, { config }: HttpScheduler, listener: string): Binding {
  const { persistence } = config;
  if (persistence === undefined) return NOTHING_BINDS;
  const { cookie, by } = persistence;
  const token = cookie === undefined ? undefined : request.cookie(cookie);
  const view = { header: undefined, http: request, listener, peer: request.peer };
  return { token, key: by.length === 0 ? undefined : stickyKey(view, by) };
}

const NOTHING_BINDS: Binding = { token: undefined, key: undefined };

function cookieOf(
  subject: { readonly kind: string; readonly name?: string } | undefined,
): string | undefined {
  return subject?.kind === 'cookie' ? subject.name : undefined;
}
