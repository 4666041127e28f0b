// How messages are posted to nodes over HTTP: the route's rules on path and headers, compiled once, and what each message
// brings with it. A message that came by MLLP brings its sender's address.
import type { RouteConfig } from '../src/config/config.ts';
import type { Header } from '../src/hl7/header.ts';
import { compileHeaderRules, type HeaderVariables } from '../src/http/header-rules.ts';
import { compilePathRewrite } from '../src/http/path-rewrite.ts';
import { handOnTrace } from '../src/http/trace-fields.ts';
import type { RemoteContext, TraceContext } from '../src/observe/traces/trace-context.ts';
import { randomUUID } from '../src/platform/random.ts';
import type { HttpPostPlan } from '../src/upstream/delivery.ts';
import { type Peer, type RequestView, sourceAddress } from './message-view.ts';
import { handOn, type TraceSampler } from './trace-sampler.ts';

/** What of its request goes with a message to a node over HTTP. */
export interface HttpOrigin extends RequestView {
  /** The charset that the request declares: the name for TextDecoder, and as it was written. */
  readonly charset: { readonly decoder: string; readonly label: string } | undefined;
  readonly query: string;
  /** The trace that its client says it belongs to. */
  readonly trace: RemoteContext | undefined;
  /** Its end-to-end fields and those that say where it came from. */
  fields(): string[];
}

/** A message that is to be posted. */
export interface Posted {
  readonly origin: {
    readonly listener: string;
    readonly peer: Peer;
    readonly http?: HttpOrigin | undefined;
  };
  readonly header: Header;
  readonly route: RouteConfig | undefined;
  readonly trace: TraceContext;
  readonly lastAttempt: { spanId: string | undefined } | undefined;
}

/** A class: V8 keeps the accessors of an object literal, and the message with them, until the whole heap is collected. */
class PostVariables implements HeaderVariables {
  readonly clientAddress: string;
  readonly tlsSubject: string | undefined;
  /** Of the attempt that is made. */
  node = '';
  #requestId: string | undefined;

  constructor(clientAddress: string, tlsSubject: string | undefined) {
    this.clientAddress = clientAddress;
    this.tlsSubject = tlsSubject;
  }

  /** All attempts of a message have the same one. */
  get requestId(): string {
    this.#requestId ??= randomUUID();
    return this.#requestId;
  }
}

interface Compiled {
  readonly rewrite: ReturnType<typeof compilePathRewrite>;
  readonly rules: ReturnType<typeof compileHeaderRules>;
  readonly timeoutMs: number | undefined;
}

export class HttpPostPlans {
  readonly #routes: ReadonlyMap<RouteConfig, Compiled>;

  readonly #sampler: TraceSampler;

  constructor(routes: readonly RouteConfig[], sampler: TraceSampler) {
    this.#sampler = sampler;
    this.#routes = new Map(
      routes.map((route) => [
        route,
        {
          rewrite: compilePathRewrite(route.http?.rewrite),
          rules: route.http && compileHeaderRules(route.http.request),
          timeoutMs: route.http?.timeoutMs,
        },
      ]),
    );
  }

  /** Once its route is known. */
  for(message: Posted): HttpPostPlan {
    const { origin, route } = message;
    const { http, peer, listener } = origin;
    const sampler = this.#sampler;
    const compiled = route && this.#routes.get(route);
    const path = http && (compiled?.rewrite?.(http.path) ?? http.path) + http.query;
    let variables: PostVariables | undefined;
    return {
      path,
      charset: http?.charset?.label,
      timeoutMs: compiled?.timeoutMs,
      answerIsFramed: http === undefined,
      headers(node) {
        const clientAddress = sourceAddress(peer.address);
        const fields = http?.fields() ?? ['x-forwarded-for', clientAddress];
        const view = { header: message.header, listener, peer, http };
        const handed = handOn(sampler, message.trace, message.lastAttempt, view);
        if (handed !== undefined) handOnTrace(fields, handed);
        if (compiled?.rules === undefined) return fields;
        variables ??= new PostVariables(clientAddress, peer.tls?.subject);
        variables.node = node;
        return compiled.rules(fields, variables);
      },
    };
  }
}
