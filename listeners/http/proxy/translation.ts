// What a proxied request is to a node by its route and pool, and what the node's responses are to its client: path, headers,
// cookies, what binds it to a node. Which node it goes to may change; where a reload sends it another way, it gets another one.
import { stickyKey } from '../../../routing/sticky-key.ts';
import { handOn, type TraceSampler } from '../../../routing/trace-sampler.ts';
import type { AddressRanges } from '../../../src/addresses.ts';
import { fieldValue, type HeaderFields } from '../../../src/http/fields.ts';
import type { HeaderVariables } from '../../../src/http/header-rules.ts';
import type { PathChange } from '../../../src/http/path-rewrite.ts';
import type {
  Binding,
  HttpScheduler,
  NodeChoice,
  ProxiedRequest,
} from '../../../src/relay/http-scheduler.ts';
import type { RouteTarget } from '../../../src/relay/node-scheduler.ts';
import type { ClientRequest } from '../client-request.ts';
import { givenCookie, type RouteActions, type Trailers } from './route-actions.ts';

/** Is itself what header rules may fill in; most routes have none, and nothing is made for them. */
export class Translation implements HeaderVariables {
  readonly pool: HttpScheduler;
  readonly binding: Binding;
  readonly timeoutMs: number | undefined;
  readonly #request: ClientRequest;
  readonly #record: ProxiedRequest;
  readonly #actions: RouteActions;
  readonly #trusted: AddressRanges;
  readonly #sampler: TraceSampler;
  /** Name of the cookie whose value a node gives, and which leads back to it. */
  readonly #learns: string | undefined;
  readonly #path: string;
  readonly #change: PathChange | undefined;
  /** Of the node's response. */
  #head: HeaderFields = [];
  /** The name of the node that it is with. */
  node = '';

  /** @throws GatewayError where the rewritten path is none */
  constructor(
    request: ClientRequest,
    record: ProxiedRequest,
    { pool }: RouteTarget<HttpScheduler>,
    actions: RouteActions,
    trusted: AddressRanges,
    sampler: TraceSampler,
  ) {
    const by = pool.config.persistence?.by;
    this.pool = pool;
    this.binding = bindingOf(request, pool, record.listener);
    this.timeoutMs = actions.timeoutMs;
    this.#request = request;
    this.#record = record;
    this.#actions = actions;
    this.#trusted = trusted;
    this.#sampler = sampler;
    this.#learns = by?.length === 1 ? cookieOf(by[0]) : undefined;
    this.#path = actions.path(request);
    this.#change = actions.change(request, this.#path);
  }

  get clientAddress(): string {
    return this.#request.peer.address;
  }

  get tlsSubject(): string | undefined {
    return this.#request.peer.tls?.subject;
  }

  get requestId(): string {
    return this.#request.id;
  }

  /** The path with its query. */
  get target(): string {
    return this.#path + this.#request.target.query;
  }

  /** `length`: of the body; undefined where there is none, or its end is not known. */
  toNode({ node }: NodeChoice, length: number | undefined, waits: boolean, switches: boolean): string[] {
    const request = this.#request;
    const actions = this.#actions;
    this.node = node.name;
    const { listener, trace, attempts, peer } = this.#record;
    const view = { header: undefined, http: request, listener, peer };
    const handed = handOn(this.#sampler, trace, attempts.at(-1), view);
    const fields = actions.toNode(request, this.#trusted, this, this.pool.config.persistence?.cookie, handed);
    if (request.hasBody && length !== undefined) fields.push('content-length', String(length));
    const announced = request.hasBody && length === undefined ? actions.announced(request) : undefined;
    if (announced !== undefined) fields.push('trailer', announced);
    if (waits) fields.push('expect', '100-continue');
    if (switches) fields.push('upgrade', request.header('upgrade') ?? '');
    return fields;
  }

  /** What goes behind the request's body, which has come whole; nothing behind one with a length (RFC 9112 7.1.2). */
  trailersToNode(): string[] {
    const { hasBody, contentLength } = this.#request;
    return hasBody && contentLength === undefined ? this.#actions.trailersToNode(this.#request) : [];
  }

  toClient(fields: HeaderFields, { node, upstream }: NodeChoice): string[] {
    this.#head = fields;
    const name = this.pool.config.persistence?.cookie;
    const token = name === undefined ? undefined : this.pool.tokenOf(node);
    const isNew = token !== undefined && token !== this.binding.token;
    return this.#actions.toClient(fields, this.#request, {
      change: this.#change,
      authority: upstream.authority,
      variables: this,
      cookie: name !== undefined && isNew ? { name, token } : undefined,
    });
  }

  trailersToClient(fields: HeaderFields): Trailers | undefined {
    return this.#actions.trailersToClient(fields, this.#head);
  }

  /** Those of the node's 101; undefined where it switches to something else than was asked for (RFC 9110 7.8). */
  toTunnel(fields: HeaderFields, place: NodeChoice): string[] | undefined {
    const upgrade = fieldValue(fields, 'upgrade');
    const asked = this.#request.header('upgrade');
    if (upgrade === undefined || upgrade.toLowerCase() !== asked?.toLowerCase()) return undefined;
    return [...this.toClient(fields, place), 'connection', 'upgrade', 'upgrade', upgrade];
  }

  /** Keeps the node for whom it has given a cookie. */
  learn(fields: HeaderFields, { node }: NodeChoice): void {
    const given = this.#learns === undefined ? undefined : givenCookie(fields, this.#learns);
    if (given !== undefined) this.pool.pool.learn(given, node);
  }
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
