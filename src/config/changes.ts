// What is different between two configs, in words for people; and what of a config that is taken up while the gateway runs
// has no effect before it starts anew.
import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from './config.ts';

type Value = (config: GatewayConfig) => unknown;

/** By their keys. */
const SETTINGS: readonly (readonly [key: string, Value])[] = [
  ['parsing', ({ parsing }) => parsing],
  ['telemetry.metrics', ({ metrics }) => metrics],
  ['telemetry.traces', ({ traces }) => traces],
  ['telemetry.controlIds', ({ identifiers }) => identifiers],
  ['admin', ({ admin }) => admin],
  ['audit', ({ audit }) => audit],
  ['telemetry.log.level', ({ log }) => log.level],
  ['telemetry.log.messages', ({ log }) => log.messages],
  ['shutdown.timeout', ({ shutdown }) => shutdown.timeoutMs],
  ['limits.maxBuffered', ({ maxBufferedBytes }) => maxBufferedBytes],
  ['certificates.watch', ({ watchCertificates }) => watchCertificates],
  ['reload.watch', ({ watchConfig }) => watchConfig],
  ['state.file', ({ state }) => state?.file],
  ['workers', ({ workers }) => workers],
  ['cluster', ({ cluster }) => cluster && { ...cluster, state: undefined }],
  ['cluster.state', ({ cluster }) => cluster?.state],
];

/** Each with why: what reads it is made once, before anything else. */
const AT_START: readonly (readonly [key: string, Value])[] = [
  // The log's form is chosen when its output is opened.
  ['telemetry.log.format', ({ log }) => log.format],
  // It is read before the first message, and what is in it then goes for the whole run.
  ['state.file', ({ state }) => state?.file],
  // Processes that end take their connections along.
  ['workers', ({ workers }) => workers],
  // keepalived goes by what was generated from it.
  ['cluster', ({ cluster }) => cluster && { ...cluster, state: undefined }],
  // Its code is loaded at the start. Other servers, credentials and certificates are taken up.
  ['cluster.state', ({ cluster: { state } = {} }) => state && [state.bucket, state.hashKey]],
];

/** By name, what is new, gone or not as it was. */
export function changesBetween(before: GatewayConfig, after: GatewayConfig): readonly string[] {
  const changes: string[] = [];
  for (const part of ['listeners', 'pools', 'routes'] as const) {
    const old = new Map<string, unknown>(before[part].map((one) => [one.name, one]));
    for (const one of after[part]) {
      const was = old.get(one.name);
      if (was === undefined) changes.push(`${part}.${one.name}: new`);
      else if (!isDeepStrictEqual(was, one)) changes.push(`${part}.${one.name}: changed`);
      old.delete(one.name);
    }
    for (const name of old.keys()) changes.push(`${part}.${name}: gone`);
  }
  const order = (config: GatewayConfig): string => config.routes.map(({ name }) => name).join('\n');
  if (changes.every((change) => !change.startsWith('routes')) && order(before) !== order(after))
    changes.push('routes: in another order');
  for (const [key, value] of SETTINGS) {
    const [was, is] = [value(before), value(after)];
    if (isDeepStrictEqual(was, is)) continue;
    changes.push(`${key}: ${was === undefined ? 'new' : is === undefined ? 'gone' : 'changed'}`);
  }
  return changes;
}

/** Keys in which the config in force differs from the one that the gateway was started with, and that wait for a start. */
export function waitingForStart(started: GatewayConfig, inForce: GatewayConfig): readonly string[] {
  const keys = AT_START.flatMap(([key, value]) =>
    isDeepStrictEqual(value(started), value(inForce)) ? [] : [key],
  );
  // A store that is open has its key. Another path is another store, which is opened at once.
  for (const { name, spool } of inForce.pools) {
    const was = started.pools.find((pool) => pool.name === name)?.spool;
    if (spool === undefined || was?.store.path !== spool.store.path) continue;
    if (was.store.keyFile !== spool.store.keyFile) keys.push(`pools.${name}.spool.store.key`);
  }
  return keys;
}

/** No message goes another way by the one than by the other: its route, its sticky key, its lane, how it is sent. */
export function isSameWay(one: GatewayConfig, other: GatewayConfig): boolean {
  return isDeepStrictEqual(one.routes, other.routes) && isDeepStrictEqual(waysOf(one), waysOf(other));
}

function waysOf({ pools }: GatewayConfig): unknown {
  const ways = pools.map(({ name, protocol, persistence, ordering, acknowledgement, charset }) => {
    // How many senders are remembered, and for how long, says nothing of where they go.
    const key = persistence && { by: persistence.by, mode: persistence.mode };
    return [name, { protocol, key, ordering, acknowledgement, charset }] as const;
  });
  return new Map(ways);
}
