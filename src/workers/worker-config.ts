// What of a config one of several workers goes by. What is a limit of the whole gateway and is not handed out as it is needed
// is shared out evenly: all workers together never have more.
import { availableParallelism } from 'node:os';
import type { GatewayConfig, ListenerConfig, PoolConfig } from '../config/config.ts';

/** `index`: from 0. */
export function workerConfig(config: GatewayConfig, index: number, count: number): GatewayConfig {
  const share = (all: number): number => Math.floor(all / count) + (index < all % count ? 1 : 0);
  const atLeastOne = (all: number): number => Math.max(1, share(all));
  const { parsing } = config;
  const threads = parsing.workers === 'auto' ? Math.max(1, availableParallelism() - 1) : parsing.workers;
  return {
    ...config,
    workers: 1,
    listeners: config.listeners.map((one) => listenerConfig(one, atLeastOne)),
    pools: config.pools.map((one) => poolConfig(one, share, atLeastOne)),
    parsing: { ...parsing, workers: atLeastOne(threads), queue: atLeastOne(parsing.queue) },
    maxBufferedBytes: Math.floor(config.maxBufferedBytes / count),
    metrics: { prometheus: true, otlp: undefined },
    // The main process has these; of the admin API a worker has its part of what is kept for it.
    admin: config.admin && {
      ...config.admin,
      token: undefined,
      users: new Map(),
      tls: undefined,
      messages: Math.ceil(config.admin.messages / count),
    },
    audit: undefined,
    state: undefined,
    watchConfig: false,
  };
}

type Share = (all: number) => number;

/** The main process counts the connections. Of HTTP each worker does too, to tell the client (F103). */
function listenerConfig(listener: ListenerConfig, atLeastOne: Share): ListenerConfig {
  const { limits, protocol, tls } = listener;
  const maxConnections = protocol === 'http' ? atLeastOne(limits.maxConnections) : limits.maxConnections;
  return {
    ...listener,
    limits: { ...limits, maxConnections },
    tls: tls && { ...tls, maxHandshakes: atLeastOne(tls.maxHandshakes) },
  };
}

/** Connections over MLLP are leased; over HTTP and TCP each worker has its share. */
function poolConfig(pool: PoolConfig, share: Share, atLeastOne: Share): PoolConfig {
  const { connections, protocol, queue } = pool;
  const max = protocol !== 'mllp' ? atLeastOne(connections.max) : connections.max;
  return { ...pool, connections: { ...connections, max }, queue: { ...queue, max: share(queue.max) } };
}
