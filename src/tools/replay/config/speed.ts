// Time that passes faster: every wait that a config states, divided by the same number, so that what comes first still
// comes first. Waits that are no choice of the config's (settle, TLS handshakes) stay as they are.
import type { GatewayConfig, ListenerConfig, PoolConfig, RouteConfig } from '../../../config/config.ts';

/** Nothing that takes time becomes nothing: 0 means never to some keys, at once to others. */
export function faster(ms: number, speed: number): number {
  return ms === 0 ? 0 : Math.max(1, Math.round(ms / speed));
}

export function fasterConfig(config: GatewayConfig, speed: number): GatewayConfig {
  if (speed === 1) return config;
  const ms = (duration: number): number => faster(duration, speed);
  return {
    ...config,
    listeners: config.listeners.map((listener) => fasterListener(listener, ms)),
    pools: config.pools.map((pool) => fasterPool(pool, ms)),
    routes: config.routes.map((route) => fasterRoute(route, ms)),
  };
}

type Faster = (ms: number) => number;

function fasterListener(listener: ListenerConfig, ms: Faster): ListenerConfig {
  const { limits, http } = listener;
  return {
    ...listener,
    limits: {
      ...limits,
      frameTimeoutMs: ms(limits.frameTimeoutMs),
      idleTimeoutMs: ms(limits.idleTimeoutMs),
      writeTimeoutMs: ms(limits.writeTimeoutMs),
    },
    http: {
      ...http,
      headersTimeoutMs: ms(http.headersTimeoutMs),
      bodyTimeoutMs: ms(http.bodyTimeoutMs),
      keepAliveMs: ms(http.keepAliveMs),
    },
  };
}

function fasterPool(pool: PoolConfig, ms: Faster): PoolConfig {
  const { persistence, connections, queue, timeouts, retry, health, ejection } = pool;
  return {
    ...pool,
    persistence: persistence && { ...persistence, idleMs: ms(persistence.idleMs) },
    connections: { ...connections, idleMs: ms(connections.idleMs) },
    queue: { ...queue, timeoutMs: ms(queue.timeoutMs) },
    timeouts: {
      connectMs: ms(timeouts.connectMs),
      ackMs: ms(timeouts.ackMs),
      applicationMs: ms(timeouts.applicationMs),
      silenceMs: ms(timeouts.silenceMs),
    },
    retry: { ...retry, budgetMs: ms(retry.budgetMs) },
    health: {
      ...health,
      intervalMs: ms(health.intervalMs),
      fastIntervalMs: ms(health.fastIntervalMs),
      timeoutMs: ms(health.timeoutMs),
    },
    ejection: {
      ...ejection,
      baseMs: ms(ejection.baseMs),
      maxMs: ms(ejection.maxMs),
      errors: ejection.errors && { ...ejection.errors, windowMs: ms(ejection.errors.windowMs) },
    },
    slowStartMs: ms(pool.slowStartMs),
  };
}

function fasterRoute(route: RouteConfig, ms: Faster): RouteConfig {
  const { http } = route;
  if (http?.timeoutMs === undefined) return route;
  return { ...route, http: { ...http, timeoutMs: ms(http.timeoutMs) } };
}
