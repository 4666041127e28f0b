// What can only be seen when the whole config is known: parts that collide, are missing, or are never used.
// Promises errors for a gateway that could not run, and warnings for one that would run and surprise.

import type { Condition, GatewayConfig, ListenerConfig, ValueTest } from '../config.ts';
import { sizeText } from '../formats.ts';
import type { Section } from '../read/section.ts';
import type { SourcePlace } from '../source/problem.ts';
import { type Entry, entryIn, type ReadContext, type Tree } from '../source/value.ts';
import { checkClientSource } from './client-source.ts';
import { checkClusterBinds } from './cluster-binds.ts';
import { checkFieldValues } from './field-values.ts';
import { checkHttp } from './http-reach.ts';
import { checkAddresses } from './node-addresses.ts';
import { checkSources } from './node-sources.ts';
import { checkWorkers } from './several-workers.ts';
import { checkSharedSenders } from './shared-senders.ts';
import { checkSpools } from './spools.ts';
import { checkTcp } from './tcp-reach.ts';

export function crossCheck(top: Section, config: GatewayConfig, reading: ReadContext): void {
  checkBinds(top.entries('listeners'), config.listeners, reading);
  checkAdminBind(top, config, reading);
  checkFrames(top.entries('listeners'), config, reading);
  checkPools(top, config, reading);
  checkAddresses(top, config, reading);
  checkSources(top, config, reading);
  checkClientSource(top, config, reading);
  checkRoutes(top, config, reading);
  checkFieldValues(top, config, reading);
  checkIdentities(top, config, reading);
  checkHttp(top, config, reading);
  checkTcp(top, config, reading);
  checkWorkers(top, config, reading);
  checkClusterBinds(top, config, reading);
  checkSharedSenders(top, config, reading);
  checkSpools(top, config, reading);
  if (top.tree('listeners') !== undefined && config.listeners.length === 0) {
    top.error('listeners', 'a gateway needs at least one listener');
  }
}

/** The place of `key` in a map; the map's own where it is not there. */
function placeIn(tree: Tree | undefined, key: string, fallback: SourcePlace): SourcePlace {
  const entry = entryIn(tree, key);
  return entry === undefined ? (tree?.place ?? fallback) : entry.value.place;
}

const WILDCARDS = ['0.0.0.0', '::'];

/** `::` takes IPv4 as well, so a wildcard collides with each address on its port that it covers. */
function collide(a: ListenerConfig['bind'], b: ListenerConfig['bind']): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host.toLowerCase() === b.host.toLowerCase()) return true;
  const covers = (wide: string, other: string): boolean => {
    return wide === '::' || (wide === '0.0.0.0' && (!other.includes(':') || WILDCARDS.includes(other)));
  };
  return covers(a.host, b.host) || covers(b.host, a.host);
}

function placesOf({ bind, binds }: ListenerConfig): readonly ListenerConfig['bind'][] {
  return binds ?? [bind];
}

function checkBinds(
  entries: readonly Entry[],
  listeners: readonly ListenerConfig[],
  { problems }: ReadContext,
): void {
  for (const [index, listener] of listeners.entries()) {
    const { name } = listener;
    const own = placesOf(listener);
    const other = listeners
      .slice(0, index)
      .find((earlier) => placesOf(earlier).some((one) => own.some((bind) => collide(one, bind))));
    const tree = entries[index]?.value;
    if (other === undefined || tree === undefined) continue;
    const place = placeIn(tree, 'bind', tree.place);
    problems.error(place, `listeners.${name}.bind`, `listener ${other.name} listens on this address already`);
  }
}

function checkAdminBind(top: Section, { admin, listeners }: GatewayConfig, { problems }: ReadContext): void {
  const other = admin && listeners.find((one) => placesOf(one).some((bind) => collide(bind, admin.bind)));
  if (other === undefined) return;
  const place = placeIn(top.tree('admin'), 'bind', top.at('admin'));
  problems.error(place, 'admin.bind', `listener ${other.name} listens on this address already`);
}

/** A frame that can never be in memory as a whole would hold up every listener until its timeout. */
function checkFrames(entries: readonly Entry[], config: GatewayConfig, { problems }: ReadContext): void {
  for (const [index, { name, limits }] of config.listeners.entries()) {
    const entry = entries[index];
    if (entry === undefined || !(limits.maxFrameBytes > config.maxBufferedBytes)) continue;
    const most = sizeText(config.maxBufferedBytes);
    problems.warn(
      entry.place,
      `listeners.${name}.limits.maxFrame`,
      `is larger than limits.maxBuffered (${most})`,
    );
  }
}

function checkPools(top: Section, { pools, routes }: GatewayConfig, { problems }: ReadContext): void {
  const used = new Set(routes.map(({ action }) => (action.kind === 'pool' ? action.pool : undefined)));
  const needed = routes.some(({ action }) => action.kind === 'pool' && action.pool !== '');
  if (pools.length === 0 && needed && (!top.has('pools') || top.tree('pools') !== undefined)) {
    top.error('pools', 'no pool is defined, so there is nowhere to route to');
  }
  for (const { key, place } of top.entries('pools')) {
    if (!used.has(key)) problems.warn(place, `pools.${key}`, 'no route uses this pool');
  }
}

function checkRoutes(top: Section, { routes }: GatewayConfig, { problems }: ReadContext): void {
  const tree = top.tree('routes');
  if (tree?.kind !== 'list') return;
  if (routes.length === 0) top.error('routes', 'a gateway needs at least one route');
  for (const [index, item] of tree.items.entries()) {
    const after = routes.length - index - 1;
    // The file is asked, not the result: conditions that were refused are missing there.
    if (item.kind !== 'map' || hasConditions(item) || after === 0) continue;
    const never = after === 1 ? 'the route after it is' : `the ${after} routes after it are`;
    problems.warn(item.place, `routes[${index}]`, `matches every message, so ${never} never reached`);
    return;
  }
}

function hasConditions(route: Tree): boolean {
  const when = valueIn(route, 'when');
  return when !== undefined && !(when.kind === 'map' && when.entries.length === 0);
}

function valueIn(tree: Tree | undefined, key: string): Tree | undefined {
  return entryIn(tree, key)?.value;
}

/** The file is asked, not the result: a client CA that was refused was meant to be there. */
function asksForCertificates({ value }: Entry): boolean {
  return valueIn(valueIn(value, 'tls'), 'clientCa') !== undefined;
}

/** What looks at a sender's certificate where no sender is asked for one. */
function checkIdentities(
  top: Section,
  { listeners, pools, routes }: GatewayConfig,
  reading: ReadContext,
): void {
  const { problems } = reading;
  const entries = top.entries('listeners');
  const some = entries.some(asksForCertificates);
  for (const [index, entry] of entries.entries()) {
    if (asksForCertificates(entry)) continue;
    const allow = valueIn(entry.value, 'allow');
    for (const [n, rule] of (listeners[index]?.allow ?? []).entries()) {
      const tree = allow?.kind === 'list' ? allow.items[n] : undefined;
      const who = some ? 'this listener asks for no client certificates' : NOBODY_ASKS;
      warnOfIdentities(rule, tree, `listeners.${entry.key}.allow[${n}]`, who, reading);
    }
  }
  if (some) return;
  const items = top.tree('routes');
  for (const [index, { when }] of routes.entries()) {
    const tree = items?.kind === 'list' ? valueIn(items.items[index], 'when') : undefined;
    warnOfIdentities(when, tree, `routes[${index}].when`, NOBODY_ASKS, reading);
  }
  for (const [index, entry] of top.entries('pools').entries()) {
    const by = valueIn(valueIn(entry.value, 'persistence'), 'by');
    for (const { kind } of pools[index]?.persistence?.by ?? []) {
      if (by === undefined || !kind.startsWith('tls.')) continue;
      problems.warn(
        by.place,
        `pools.${entry.key}.persistence.by`,
        `${NOBODY_ASKS}, so ${kind} is always empty`,
      );
    }
  }
}

const NOBODY_ASKS = 'no listener asks for client certificates';

function warnOfIdentities(
  conditions: readonly Condition[],
  tree: Tree | undefined,
  key: string,
  who: string,
  { problems }: ReadContext,
): void {
  for (const { subject, text, test } of conditions) {
    const entry = entryIn(tree, text);
    if (entry === undefined || !subject.kind.startsWith('tls.')) continue;
    const ever = holdsForNothing(test) ? 'always' : 'never';
    problems.warn(entry.place, `${key}.${text}`, `${who}, so this ${ever} holds`);
  }
}

/** Does the test hold where there is no certificate, and so no value? */
function holdsForNothing(test: ValueTest): boolean {
  if (test.kind === 'not') return !holdsForNothing(test.test);
  if (test.kind === 'any') return test.tests.some(holdsForNothing);
  return test.kind === 'exists' && !test.exists;
}
