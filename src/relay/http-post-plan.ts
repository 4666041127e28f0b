// How messages are posted to nodes over HTTP: the route's rules on path and headers, compiled once, and what each message
// brings with it. A message that came by MLLP brings its sender's address.
import { randomUUID } from 'node:crypto';
import { sourceAddress } from '../../routing/message-view.ts';
import type { RouteConfig } from '../config/config.ts';
import { compileHeaderRules } from '../http/header-rules.ts';
import { compilePathRewrite } from '../http/path-rewrite.ts';
import { handOnTrace } from '../http/trace-fields.ts';
import type { HttpPostPlan } from '../upstream/delivery.ts';
import type { Message } from './message.ts';
import { handOn, type TraceSampler } from './trace-sampler.ts';

interface Compiled {
  readonly rewrite: ReturnType<typeof compilePathRewrite>;
  readonly rules: ReturnType<typeof compileHeaderRules>;
  readonly timeoutMs: number | undefined;
}

export class HttpPostPlans {
  readonly #routes: ReadonlyMap<RouteConfig, Compiled>;

  readonly #head: TraceSampler;

  constructor(routes: readonly RouteConfig[], head: TraceSampler) {
    this.#head = head;
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
  for(message: Message): HttpPostPlan {
    const { origin, route, trace } = message;
    const { http, peer, listener } = origin;
    const head = this.#head;
    const compiled = route && this.#routes.get(route);
    const path = http && (compiled?.rewrite?.(http.path) ?? http.path) + http.query;
    let requestId: string | undefined;
    return {
      path,
      charset: http?.charset?.label,
      timeoutMs: compiled?.timeoutMs,
      answerIsFramed: http === undefined,
      headers(node) {
        const clientAddress = sourceAddress(peer.address);
        const fields = http?.fields() ?? ['x-forwarded-for', clientAddress];
        const view = { header: message.header, listener, peer, http };
        const handed = handOn(head, trace, message.attempts.at(-1), view);
        if (handed !== undefined) handOnTrace(fields, handed);
        const variables = {
          clientAddress,
          tlsSubject: peer.tls?.subject,
          get requestId() {
            requestId ??= randomUUID();
            return requestId;
          },
          node,
        };
        return compiled?.rules?.(fields, variables) ?? fields;
      },
    };
  }
}
