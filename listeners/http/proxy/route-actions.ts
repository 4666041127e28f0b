// What a route does to requests and responses, compiled once for each route: path, headers, and how a response of the
// node becomes one for the client.

import type { AddressRanges } from '../../../src/addresses.ts';
import type { RouteConfig } from '../../../src/config/config.ts';
import { persistenceCookie, setCookieValue, stripCookie } from '../../../src/http/cookie.ts';
import {
  endToEnd,
  fieldValue,
  type HeaderFields,
  isHopByHop,
  namedByConnection,
  plainName,
} from '../../../src/http/fields.ts';
import { addForwarding, isForwarding } from '../../../src/http/forwarded.ts';
import { compileHeaderRules, type HeaderVariables, ruledNames } from '../../../src/http/header-rules.ts';
import {
  compilePathRewrite,
  outsideCookie,
  outsideLocation,
  type PathChange,
  type Places,
  pathChange,
} from '../../../src/http/path-rewrite.ts';
import { handOnTrace } from '../../../src/http/trace-fields.ts';
import { announced, mayTrail, trailersOf } from '../../../src/http/trailers.ts';
import type { HandedOn } from '../../../src/observe/traces/trace-context.ts';
import type { ClientRequest } from '../client-request.ts';

export type Trailers = Record<string, string | string[]>;

const NO_NAMES: ReadonlySet<string> = new Set();

export interface ToClient {
  readonly change: PathChange | undefined;
  /** `host:port` of the node. */
  readonly authority: string;
  readonly variables: HeaderVariables;
  /** Set where the client is to be bound to the node. */
  readonly cookie: { readonly name: string; readonly token: string } | undefined;
}

export class RouteActions {
  readonly timeoutMs: number | undefined;
  readonly #rewrite: ReturnType<typeof compilePathRewrite>;
  readonly #request: ReturnType<typeof compileHeaderRules>;
  readonly #response: ReturnType<typeof compileHeaderRules>;
  /** Names that a rule has a say on: behind a body they would go past it. */
  readonly #ruledInRequest: ReadonlySet<string>;
  readonly #ruledInResponse: ReadonlySet<string>;

  constructor({ http }: RouteConfig) {
    this.timeoutMs = http?.timeoutMs;
    this.#rewrite = compilePathRewrite(http?.rewrite);
    this.#request = http && compileHeaderRules(http.request);
    this.#response = http && compileHeaderRules(http.response);
    this.#ruledInRequest = http === undefined ? NO_NAMES : ruledNames(http.request);
    this.#ruledInResponse = http === undefined ? NO_NAMES : ruledNames(http.response);
  }

  /** The path for the node, without its query. */
  path(request: ClientRequest): string {
    return this.#rewrite?.(request.path) ?? request.path;
  }

  change(request: ClientRequest, path: string): PathChange | undefined {
    return pathChange(request.path, path);
  }

  /** The fields for a node, without those that frame the body. `cookie`: name of the gateway's own. */
  toNode(
    request: ClientRequest,
    trusted: AddressRanges,
    variables: HeaderVariables,
    cookie: string | undefined,
    handed: HandedOn | undefined,
  ): HeaderFields {
    const raw = request.incoming.rawHeaders;
    const fields = endToEnd(raw, isReplaced);
    if (request.isV2) joinCookies(fields);
    if (cookie !== undefined) stripCookie(fields, cookie);
    addForwarding(fields, request.hop, raw, trusted);
    fields.push('host', request.hostText.text);
    if (handed !== undefined) handOnTrace(fields, handed);
    return this.#request?.(fields, variables) ?? fields;
  }

  /** What goes behind the request's body, which has come whole. */
  trailersToNode({ incoming }: ClientRequest): HeaderFields {
    const { rawTrailers } = incoming;
    if (rawTrailers.length === 0) return [];
    return trailersOf(rawTrailers, this.#keptFromTrailing(incoming.rawHeaders));
  }

  /** RFC 9110 6.6.2: the value of Trailer. */
  announced(request: ClientRequest): string | undefined {
    const value = request.header('trailer');
    return value && announced(value, this.#keptFromTrailing(request.incoming.rawHeaders));
  }

  #keptFromTrailing(head: readonly string[]): (name: string) => boolean {
    const named = namedByConnection(head);
    return (name) => this.#ruledInRequest.has(plainName(name)) || named?.has(name) === true;
  }

  /** The fields for the client. */
  toClient(from: HeaderFields, request: ClientRequest, more: ToClient): HeaderFields {
    const fields = withoutHop(from);
    this.#putRight(fields, request, more);
    const { cookie } = more;
    if (cookie !== undefined)
      fields.push('set-cookie', persistenceCookie(cookie.name, cookie.token, request.secure));
    return this.#response?.(fields, more.variables) ?? fields;
  }

  /** Undefined: nothing goes behind the body. `head`: the node's fields before it. */
  trailersToClient(from: HeaderFields, head: HeaderFields): Trailers | undefined {
    if (from.length === 0) return undefined;
    let out: Trailers | undefined;
    const named = connectionNames(fieldValue(head, 'connection'));
    for (let i = 0; i < from.length; i += 2) {
      const name = from[i] as string;
      if (this.#ruledInResponse.has(plainName(name)) || named?.has(name) === true || !mayTrail(name))
        continue;
      out ??= Object.create(null) as Trailers;
      const before = out[name];
      const value = from[i + 1] as string;
      out[name] = before === undefined ? value : [before, value].flat();
    }
    return out;
  }

  #putRight(fields: HeaderFields, request: ClientRequest, { change, authority }: ToClient): void {
    let places: Places | undefined;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i];
      if (name !== 'location' && name !== 'content-location' && name !== 'set-cookie') continue;
      places ??= {
        origin: `${request.hop.proto}://${request.hostText.text}`,
        inside: [authority, authority.replace(/:(80|443)$/, ''), request.hostText.text.toLowerCase()],
      };
      const value = fields[i + 1] as string;
      fields[i + 1] =
        name === 'set-cookie'
          ? outsideCookie(value, change, places, request.host)
          : outsideLocation(value, change, places);
    }
  }
}

/** What of a node's fields goes on; all of an interim response's. */
export function withoutHop(from: HeaderFields): HeaderFields {
  const fields: HeaderFields = [];
  const named = connectionNames(fieldValue(from, 'connection'));
  for (let i = 0; i < from.length; i += 2) {
    const name = from[i] as string;
    if (!isHopByHop(name) && named?.has(name) !== true) fields.push(name, from[i + 1] as string);
  }
  return fields;
}

/** What the gateway says itself: where a message ends, for whom, from whom, and what it expects. */
function isReplaced(name: string): boolean {
  return REPLACED.has(name) || isForwarding(name);
}

/** `trailer`: it is said anew where there will be any. */
const REPLACED: ReadonlySet<string> = new Set(['content-length', 'expect', 'host', 'trailer']);

/** RFC 9113 8.2.3: HTTP/2 may split the Cookie field, HTTP/1 may not. */
function joinCookies(fields: HeaderFields): void {
  let first = -1;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'cookie') continue;
    if (first < 0) first = i;
    else {
      fields[first + 1] += `; ${fields[i + 1]}`;
      fields.splice(i, 2);
      i -= 2;
    }
  }
}

function connectionNames(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  const text = value.toLowerCase();
  if (text === 'close' || text === 'keep-alive' || text === 'upgrade') return undefined;
  const names = new Set(text.split(',').map((part) => part.trim()));
  for (const kept of ['content-length', 'content-type', 'set-cookie', 'location']) names.delete(kept);
  return names;
}

/** The value that a node gives the cookie `name` in its response. */
export function givenCookie(from: HeaderFields, name: string): string | undefined {
  for (let i = 0; i < from.length; i += 2) {
    if (from[i] !== 'set-cookie') continue;
    const value = setCookieValue(from[i + 1] as string, name);
    // It is kept for long, and as a part of the head's text would keep that.
    if (value !== undefined) return Buffer.from(value, 'latin1').toString('latin1');
  }
  return undefined;
}
