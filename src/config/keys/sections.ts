// Every table of keys, by where it is used. docs/configuration.md and schema/gateway.schema.json are made from this list
// (`npm run docs:config`).
import { ADMIN_KEYS, ADMIN_USER_KEYS, AUDIT_KEYS } from './admin.ts';
import { CLUSTER_KEYS, CLUSTER_STATE_KEYS, MEMBER_KEYS, NATS_KEYS, VIP_KEYS } from './cluster.ts';
import { DEFAULTS_KEYS } from './defaults.ts';
import { DISCOVER_KEYS } from './discover.ts';
import { isKey, type KeyTable } from './key.ts';
import { LISTENER_KEYS } from './listener.ts';
import { NODE_KEYS, PERSISTENCE_KEYS, POOL_KEYS } from './pool.ts';
import { REJECT_KEYS, ROUTE_HTTP_KEYS, ROUTE_KEYS, VALIDATE_KEYS } from './route.ts';
import { DUPLICATES_KEYS, SPOOL_KEYS, SPOOL_STORE_KEYS } from './spool.ts';
import { TRACES_KEYS } from './telemetry.ts';
import {
  ADMIN_TLS_KEYS,
  AUDIT_TLS_KEYS,
  CLUSTER_TLS_KEYS,
  HEALTH_TLS_KEYS,
  LISTENER_TLS_KEYS,
  NATS_TLS_KEYS,
  NODE_TLS_KEYS,
  P12_KEYS,
} from './tls.ts';
import { TOP_KEYS } from './top.ts';

/** By the key of a section, with NAME for each name that the user chose and [] for each list's index. */
export const CONFIG_SECTIONS: Readonly<Record<string, KeyTable>> = {
  '': TOP_KEYS,
  defaults: DEFAULTS_KEYS,
  'listeners.NAME': LISTENER_KEYS,
  'listeners.NAME.tls': LISTENER_TLS_KEYS,
  'listeners.NAME.tls.cert': P12_KEYS,
  'pools.NAME': POOL_KEYS,
  'pools.NAME.discover': DISCOVER_KEYS,
  'pools.NAME.persistence': PERSISTENCE_KEYS,
  'pools.NAME.duplicates': DUPLICATES_KEYS,
  'pools.NAME.spool': SPOOL_KEYS,
  'pools.NAME.spool.store': SPOOL_STORE_KEYS,
  'pools.NAME.health.tls': HEALTH_TLS_KEYS,
  'pools.NAME.health.tls.cert': P12_KEYS,
  'pools.NAME.nodes.NAME': NODE_KEYS,
  'pools.NAME.nodes.NAME.tls': NODE_TLS_KEYS,
  'pools.NAME.nodes.NAME.tls.cert': P12_KEYS,
  'routes[]': ROUTE_KEYS,
  'routes[].reject': REJECT_KEYS,
  'routes[].http': ROUTE_HTTP_KEYS,
  'routes[].validate': VALIDATE_KEYS,
  'telemetry.traces': TRACES_KEYS,
  admin: ADMIN_KEYS,
  'admin.users.NAME': ADMIN_USER_KEYS,
  'admin.tls': ADMIN_TLS_KEYS,
  'admin.tls.cert': P12_KEYS,
  audit: AUDIT_KEYS,
  'audit.syslog.tls': AUDIT_TLS_KEYS,
  'audit.syslog.tls.cert': P12_KEYS,
  cluster: CLUSTER_KEYS,
  'cluster.members.NAME': MEMBER_KEYS,
  'cluster.vips[]': VIP_KEYS,
  'cluster.tls': CLUSTER_TLS_KEYS,
  'cluster.tls.cert': P12_KEYS,
  'cluster.state': CLUSTER_STATE_KEYS,
  'cluster.state.nats': NATS_KEYS,
  'cluster.state.nats.tls': NATS_TLS_KEYS,
  'cluster.state.nats.tls.cert': P12_KEYS,
};

/** The names of keys whose values are secrets, wherever they stand. */
export const SECRET_KEYS: ReadonlySet<string> = new Set(Object.values(CONFIG_SECTIONS).flatMap(secretsIn));

/** Maps whose values are secrets as often as not: of users and of headers. */
export const HOLD_SECRETS: ReadonlySet<string> = new Set(['users', 'headers', 'set', 'add']);

function secretsIn(table: KeyTable): string[] {
  return Object.entries(table).flatMap(([name, part]) => {
    if (!isKey(part)) return secretsIn(part);
    return part.sensitive === true ? [name] : [];
  });
}
