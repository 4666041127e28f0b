// What bytes that are passed on unread cannot have: messages of other listeners, nodes that speak a protocol, and whatever asks for
// something in a message; cross-checks.ts calls it once the whole config is known. Promises errors: no sender would get an answer.

import { passesName } from '../build/each-port.ts';
import type { Condition, GatewayConfig, ListenerConfig, RouteConfig } from '../config.ts';
import { CONNECTION_WORDS, isOfConnection } from '../keys/subjects.ts';
import type { Section } from '../read/section.ts';
import { entryIn, type ReadContext, type Tree } from '../source/value.ts';

export function checkTcp(top: Section, config: GatewayConfig, reading: ReadContext): void {
  const { listeners, pools } = config;
  if (
    listeners.every(({ protocol }) => protocol !== 'tcp') &&
    pools.every(({ protocol }) => protocol !== 'tcp')
  )
    return;
  checkAllow(top, listeners, reading);
  checkRouteKeys(top, config, reading);
  checkWays(top, config, reading);
}

function routeTree(top: Section, index: number): Tree | undefined {
  const routes = top.tree('routes');
  return routes?.kind === 'list' ? routes.items[index] : undefined;
}

function unread(text: string): string {
  return `${text} is no part of a connection that is passed on: ${CONNECTION_WORDS.join(', ')} are`;
}

function checkAllow(top: Section, listeners: readonly ListenerConfig[], { problems }: ReadContext): void {
  for (const [index, entry] of top.entries('listeners').entries()) {
    const listener = listeners[index];
    if (listener?.protocol !== 'tcp') continue;
    const allow = entryIn(entry.value, 'allow')?.value;
    for (const [n, rule] of (listener.allow ?? []).entries()) {
      const tree = allow?.kind === 'list' ? allow.items[n] : undefined;
      for (const { subject, text } of rule) {
        const at = entryIn(tree, text);
        if (at !== undefined && !isOfConnection(subject))
          problems.error(at.place, `listeners.${entry.key}.allow[${n}].${text}`, unread(text));
      }
    }
  }
}

/** Of routes that lead to TCP nodes. */
function checkRouteKeys(top: Section, { routes, pools }: GatewayConfig, { problems }: ReadContext): void {
  for (const [index, { action, when }] of routes.entries()) {
    if (action.kind !== 'pool') continue;
    const pool = pools.find(({ name }) => name === action.pool);
    if (pool?.protocol !== 'tcp') continue;
    const tree = routeTree(top, index);
    for (const key of ['http', 'validate']) {
      const entry = entryIn(tree, key);
      const message = `is for messages and requests, and pool ${pool.name} is passed bytes as they come`;
      if (entry !== undefined) problems.error(entry.place, `routes[${index}].${key}`, message);
    }
    for (const { subject, text } of when) {
      const entry = entryIn(entryIn(tree, 'when')?.value, text);
      if (entry !== undefined && !isOfConnection(subject))
        problems.error(entry.place, `routes[${index}].when.${text}`, unread(text));
    }
  }
}

/** Every route that a listener's senders may come to leads to nodes that speak as they do. */
function checkWays(
  top: Section,
  { listeners, routes, pools }: GatewayConfig,
  { problems }: ReadContext,
): void {
  const told = new Set<number>();
  for (const { name, protocol, binds = [] } of listeners) {
    const names = [name, ...binds.map((one) => one.name)];
    let isTaken = false;
    for (const [index, route] of routes.entries()) {
      if (!mayTake(route, names, protocol === 'tcp')) continue;
      isTaken = true;
      const { action, when } = route;
      const pool = action.kind === 'pool' ? pools.find((one) => one.name === action.pool) : undefined;
      if (pool !== undefined && (pool.protocol === 'tcp') !== (protocol === 'tcp') && !told.has(index)) {
        told.add(index);
        const tree = routeTree(top, index);
        const place = entryIn(tree, 'to')?.value.place ?? tree?.place ?? top.at('routes');
        const message =
          protocol === 'tcp'
            ? `leads connections of listener ${name}, which are passed on unread, to pool ${pool.name}, whose nodes speak ${pool.protocol}: it needs tcp:// or tls:// nodes`
            : `leads what comes by listener ${name}, which speaks ${protocol}, to pool ${pool.name}, whose nodes are passed bytes as they come: it needs mllp:// or http:// nodes, or a condition on listener`;
        problems.error(place, `routes[${index}].to`, message);
      }
      if (when.every(({ subject }) => subject.kind === 'listener')) break;
    }
    if (!isTaken && protocol === 'tcp' && routes.length > 0)
      problems.warn(
        top.entries('listeners').find(({ key }) => key === name)?.place ?? top.at('listeners'),
        `listeners.${name}`,
        'no route takes its connections, so each is closed',
      );
  }
}

/** Some connection of the listener may go by the route, whatever comes over it. */
export function mayTake({ when }: RouteConfig, listener: readonly string[], isTcp: boolean): boolean {
  return when.every((condition) => mayHold(condition, listener, isTcp));
}

function mayHold({ subject, test }: Condition, listener: readonly string[], isTcp: boolean): boolean {
  if (subject.kind === 'listener') return listener.some((name) => passesName(test, name));
  return !isTcp || isOfConnection(subject);
}
