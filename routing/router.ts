// Finds a message's route: the first whose conditions all hold.
// Each field is read at most once for a message, however many conditions name it. Throws for no message.
import type { Condition, RouteConfig, Subject } from '../src/config/config.ts';
import { HEADER_ONLY } from '../src/hl7/field-query-plan.ts';
import { compileCondition, plainReader, type SubjectReader } from './condition.ts';
import { type MessageView, readSubject } from './message-view.ts';
import { firstMatch, indexRoutes, type RouteIndexNode } from './route-index.ts';

export type Decision = { readonly route: RouteConfig } | undefined;

/** How one route took a message; `failed` is the first condition that does not hold. */
export interface Explanation {
  readonly route: RouteConfig;
  readonly holds: boolean;
  readonly failed?: Condition;
}

interface CompiledRoute {
  /** Made once, handed out for each message. */
  readonly decision: { readonly route: RouteConfig };
  readonly conditions: readonly ((view: MessageView) => boolean)[];
}

/**
 * Longer values are read again for each condition rather than kept: what is kept stays until the next message, and
 * nobody compares a document with a string.
 */
const MAX_KEPT_LENGTH = 256;

export class Router {
  readonly routes: readonly RouteConfig[];
  readonly #routes: readonly CompiledRoute[];
  readonly #index: RouteIndexNode;
  /** Number of the message in hand; a reading made for another one is stale. */
  #message = 0;

  /** @throws GatewayError GW_ERR_CONFIG for a condition that cannot be compiled */
  constructor(routes: readonly RouteConfig[]) {
    this.routes = routes;
    const readers = new Map<string, SubjectReader>();
    const readerOf = (subject: Subject): SubjectReader => {
      if (subject.kind !== 'field') return plainReader(subject);
      const { text } = subject.path;
      const reader = readers.get(text) ?? this.#keepingReader(subject);
      readers.set(text, reader);
      return reader;
    };
    this.#routes = routes.map((route) => ({
      decision: { route },
      conditions: route.when.map((condition) => compileCondition(condition, readerOf)),
    }));
    this.#index = indexRoutes(
      routes.map(({ when }) => when),
      readerOf,
    );
  }

  /** The first route that matches; undefined if none does. */
  decide(view: MessageView): Decision {
    this.#message++;
    // Where only the header has been read, no field may be asked for that a route ahead does not need.
    if (view.fields === HEADER_ONLY)
      return this.#routes.find(({ conditions }) => holds(conditions, view))?.decision;
    return this.#routes[firstMatch(this.#index, view, this.#matches, this.#routes.length)]?.decision;
  }

  readonly #matches = (route: number, view: MessageView): boolean =>
    holds((this.#routes[route] as CompiledRoute).conditions, view);

  /** What becomes of a message at each route, in order, also after the first that holds. */
  explain(view: MessageView): readonly Explanation[] {
    this.#message++;
    return this.#routes.map(({ decision: { route }, conditions }) => {
      const failed = route.when[firstFailed(conditions, view)];
      return failed === undefined ? { route, holds: true } : { route, holds: false, failed };
    });
  }

  #keepingReader(subject: Subject): SubjectReader {
    let readFor = -1;
    let value: string | undefined;
    return (view) => {
      if (readFor === this.#message) return value;
      const fresh = readSubject(view, subject);
      const short = fresh === undefined || fresh.length <= MAX_KEPT_LENGTH;
      readFor = short ? this.#message : -1;
      value = short ? fresh : undefined;
      return fresh;
    };
  }
}

function holds(conditions: CompiledRoute['conditions'], view: MessageView): boolean {
  return firstFailed(conditions, view) < 0;
}

/** Index of the first condition that does not hold, or -1. */
function firstFailed(conditions: CompiledRoute['conditions'], view: MessageView): number {
  for (let i = 0; i < conditions.length; i++) if (conditions[i]?.(view) === false) return i;
  return -1;
}
