// What a proxied request is to a node, and what the node's responses are to its client: path, headers, cookies.
// Made once for each request; which node it goes to may change.

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
import type { ClientRequest } from '../client-request.ts';
import { givenCookie, type RouteActions, type Trailers } from './route-actions.ts';

export interface TranslationOptions {
  readonly request: ClientRequest;
  readonly pool: HttpScheduler;
  readonly actions: RouteActions;
  readonly binding: Binding;
  readonly trusted: AddressRanges;
  readonly record: ProxiedRequest;
  readonly head: TraceSampler;
  /** Name of the cookie whose value a node gives, and which leads back to it. */
  readonly learns: string | undefined;
}

/** Is itself what header rules may fill in; most routes have none, and nothing is made for them. */
export class Translation implements HeaderVariables {
  readonly #options: TranslationOptions;
  readonly #path: string;
  readonly #change: PathChange | undefined;
  /** Of the node's response. */
  #head: HeaderFields = [];
  /** The name of the node that it is with. */
  node = '';

  /** @throws GatewayError where the rewritten path is none */
  constructor(options: TranslationOptions) {
    const { request, actions } = options;
    this.#options = options;
    this.#path = actions.path(request);
    this.#change = actions.change(request, this.#path);
  }

  get clientAddress(): string {
    return this.#options.request.peer.address;
  }

  get tlsSubject(): string | undefined {
    return this.#options.request.peer.tls?.subject;
  }

  get requestId(): string {
    return this.#options.request.id;
  }

  /** The path with its query. */
  get target(): string {
    return this.#path + this.#options.request.target.query;
  }

  /** `length`: of the body; undefined where there is none, or its end is not known. */
  toNode({ node }: NodeChoice, length: number | undefined, waits: boolean, switches: boolean): string[] {
    const { request, actions, trusted, pool, record, head } = this.#options;
    this.node = node.name;
    const { listener, trace, attempts, peer } = record;
    const handed = handOn(head, trace, attempts.at(-1), { header: undefined, http: request, listener, peer });
    const fields = actions.toNode(request, trusted, this, pool.config.persistence?.cookie, handed);
    if (request.hasBody && length !== undefined) fields.push('content-length', String(length));
    const announced = request.hasBody && length === undefined ? actions.announced(request) : undefined;
    if (announced !== undefined) fields.push('trailer', announced);
    if (waits) fields.push('expect', '100-continue');
    if (switches) fields.push('upgrade', request.header('upgrade') ?? '');
    return fields;
  }

  /** What goes behind the request's body, which has come whole; nothing behind one with a length (RFC 9112 7.1.2). */
  trailersToNode(): string[] {
    const { request, actions } = this.#options;
    return request.hasBody && request.contentLength === undefined ? actions.trailersToNode(request) : [];
  }

  toClient(fields: HeaderFields, { node, upstream }: NodeChoice): string[] {
    const { request, actions, pool, binding } = this.#options;
    this.#head = fields;
    const name = pool.config.persistence?.cookie;
    const token = name === undefined ? undefined : pool.tokenOf(node);
    const isNew = token !== undefined && token !== binding.token;
    return actions.toClient(fields, request, {
      change: this.#change,
      authority: upstream.authority,
      variables: this,
      cookie: name !== undefined && isNew ? { name, token } : undefined,
    });
  }

  trailersToClient(fields: HeaderFields): Trailers | undefined {
    return this.#options.actions.trailersToClient(fields, this.#head);
  }

  /** Those of the node's 101; undefined where it switches to something else than was asked for (RFC 9110 7.8). */
  toTunnel(fields: HeaderFields, place: NodeChoice): string[] | undefined {
    const upgrade = fieldValue(fields, 'upgrade');
    const asked = this.#options.request.header('upgrade');
    if (upgrade === undefined || upgrade.toLowerCase() !== asked?.toLowerCase()) return undefined;
    return [...this.toClient(fields, place), 'connection', 'upgrade', 'upgrade', upgrade];
  }

  /** Keeps the node for whom it has given a cookie. */
  learn(fields: HeaderFields, { node }: NodeChoice): void {
    const { learns, pool } = this.#options;
    const given = learns === undefined ? undefined : givenCookie(fields, learns);
    if (given !== undefined) pool.pool.learn(given, node);
  }
}
