// Wires all rooms: listeners to the relay, the relay to pools of nodes, everything to the log. Nothing else does.
import { setTimeout } from 'node:timers/promises';
import type { Certificate } from '../certs/certificate.ts';
import { NodeTls } from '../certs/node-tls.ts';
import { ServerTls } from '../certs/server-tls.ts';
import { CertificateStore } from '../certs/store.ts';
import { BufferBudget } from '../listeners/buffer-budget.ts';
import { ReverseProxy } from '../listeners/http/reverse-proxy.ts';
import { HttpListener, type HttpListenerWatcher } from '../listeners/http-listener.ts';
import type { Listener } from '../listeners/listener.ts';
import { MllpListener } from '../listeners/mllp-listener.ts';
import { Pool } from '../routing/pool.ts';
import { Router } from '../routing/router.ts';
import type { GatewayConfig, NodeConfig, PoolConfig } from './config/config.ts';
import { logExchange, logFault, logProxied } from './message-log.ts';
import { Dispatcher } from './relay/dispatcher.ts';
import type { Exchange } from './relay/exchange.ts';
import { HttpPool } from './relay/http-pool.ts';
import type { Proxied } from './relay/proxied.ts';
import { Relay } from './relay/relay.ts';
import type { Log } from './telemetry/log.ts';
import { HealthCheck } from './upstream/health-check.ts';
import { HttpUpstream } from './upstream/http-upstream.ts';
import { MllpUpstream, type UpstreamOwner } from './upstream/mllp-upstream.ts';
import { Node, type NodeWatcher, type Upstream } from './upstream/node.ts';

export interface GatewayOptions {
  /** Called when a message is over, after its sender was answered. */
  readonly onExchange?: (exchange: Exchange) => void;
  /** The same for a proxied request. */
  readonly onProxied?: (record: Proxied) => void;
}

/** Answers are messages too (a query's answer holds its result), so they may be as large as the largest frame taken. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;
/** A shutdown may take this much longer than it must. */
const IDLE_POLL_MS = 10;

export class Gateway {
  readonly config: GatewayConfig;
  readonly listeners: readonly Listener[];
  readonly dispatchers: ReadonlyMap<string, Dispatcher>;
  /** Of pools with HTTP nodes, for what is proxied to them. */
  readonly httpPools: ReadonlyMap<string, HttpPool>;
  readonly #log: Log;
  readonly #checks: HealthCheck[] = [];
  readonly #store: CertificateStore;
  readonly #budget: BufferBudget;
  #stopped = false;

  /** @throws GatewayError GW_ERR_TLS_FILE where certificate files are not usable */
  constructor(config: GatewayConfig, log: Log, options: GatewayOptions = {}) {
    this.config = config;
    this.#log = log;
    this.#store = new CertificateStore({
      onLoaded: (where) => log.info({ where }, 'certificates loaded'),
      onKept: (where, { code, detail }) =>
        log.error({ where, code, detail }, 'the old certificates stay in use'),
      onExpiry: ({ file, subject }, days) =>
        log.warn(
          { file, subject, days },
          days < 0 ? 'a certificate has expired' : 'a certificate is about to expire',
        ),
    });
    this.#budget = new BufferBudget(config.maxBufferedBytes);
    const dispatchers = new Map<string, Dispatcher>();
    const httpPools = new Map<string, HttpPool>();
    this.dispatchers = dispatchers;
    this.httpPools = httpPools;
    for (const pool of config.pools) this.#createPool(pool, dispatchers, httpPools);
    const relay = new Relay(new Router(config.routes), this.dispatchers);
    const proxy = new ReverseProxy(httpPools, config.routes, this.#budget);
    const watcher: HttpListenerWatcher = {
      onExchange: (exchange, reply) => {
        if (config.log.messages) logExchange(log, exchange, reply);
        options.onExchange?.(exchange);
      },
      onProxied: (record) => {
        if (config.log.messages) logProxied(log, record);
        options.onProxied?.(record);
      },
      onFault: (listener, error, peer, header) => logFault(log, listener, error, peer, header),
    };
    this.listeners = config.listeners.map((listener) => {
      const tls = listener.tls && new ServerTls(listener.tls);
      if (tls !== undefined) this.#store.add(`listeners.${listener.name}`, tls);
      return listener.protocol === 'http'
        ? new HttpListener(listener, tls, relay, proxy, this.#budget, watcher)
        : new MllpListener(listener, tls, relay, this.#budget, watcher);
    });
  }

  /** Every certificate in use, of listeners, nodes and the authorities that they trust. */
  get certificates(): readonly Certificate[] {
    return this.#store.certificates;
  }

  /**
   * Takes up the certificate files as they are now, each listener's and node's for itself; one that is not usable keeps
   * what it has, and the log says why. No connection is touched. Returns whether all were taken.
   */
  reloadCertificates(): boolean {
    return this.#store.reload();
  }

  /** Bytes of messages held for their answers. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /**
   * Opens every listener, or none.
   *
   * @throws GatewayError GW_ERR_LISTEN
   */
  async start(): Promise<void> {
    try {
      for (const listener of this.listeners) {
        await listener.start();
        this.#log.info({ listener: listener.name, address: listener.address }, 'listening');
      }
    } catch (error) {
      this.#stopNow();
      throw error;
    }
    for (const check of this.#checks) check.start();
    this.#store.start({ watchFiles: this.config.watchCertificates });
  }

  /**
   * Takes no new connection, answers what has come, ends each connection at a message boundary, then those to the nodes.
   * After `shutdown.timeout` what is left is ended as it is. Resolves to whether nothing had to be cut.
   */
  async stop(): Promise<boolean> {
    const { timeoutMs } = this.config.shutdown;
    this.#log.info({ timeoutMs }, 'draining');
    const timer = new AbortController();
    const late = setTimeout(timeoutMs, false, { signal: timer.signal });
    late.catch(() => {});
    const drained = Promise.all(this.listeners.map((listener) => listener.drain()));
    // Messages whose senders are gone are with their nodes still (F26).
    const clean = await Promise.race([drained.then(() => this.#idle()).then(() => true), late]);
    timer.abort();
    this.#stopNow();
    this.#log.info({ clean }, 'stopped');
    return clean;
  }

  /** Resolves when no message waits and none is with a node. */
  async #idle(): Promise<void> {
    const isBusy = ({ queued, pool }: Dispatcher): boolean =>
      queued > 0 || pool.nodes.some((node) => node.inFlight > 0);
    while (!this.#stopped && [...this.dispatchers.values()].some(isBusy)) await setTimeout(IDLE_POLL_MS);
  }

  #stopNow(): void {
    this.#stopped = true;
    this.#store.stop();
    for (const check of this.#checks) check.stop();
    for (const listener of this.listeners) listener.stop();
    for (const { pool } of this.dispatchers.values()) for (const node of pool.nodes) node.close();
  }

  #createPool(
    pool: PoolConfig,
    dispatchers: Map<string, Dispatcher>,
    httpPools: Map<string, HttpPool>,
  ): void {
    const watcher: NodeWatcher = {
      onRoom: (node) => {
        dispatchers.get(pool.name)?.onRoom(node);
        httpPools.get(pool.name)?.onRoom(node);
      },
      onUsable: (node) => {
        dispatchers.get(pool.name)?.onUsable(node);
        httpPools.get(pool.name)?.onUsable();
      },
      onState: (node, state, reason) =>
        this.#log[state === 'up' ? 'info' : 'warn'](
          { pool: pool.name, node: node.name, reason },
          `node ${state}`,
        ),
      onStrayAnswer: (node) =>
        this.#log.warn(
          { pool: pool.name, node: node.name },
          'an answer that belongs to no message was dropped',
        ),
    };
    const upstreams = new Map<Node, HttpUpstream>();
    const nodes = pool.nodes.map((config) => this.#createNode(pool, config, watcher, upstreams));
    const choosing = new Pool(pool, nodes);
    dispatchers.set(pool.name, new Dispatcher(pool, choosing));
    if (pool.protocol === 'http') httpPools.set(pool.name, new HttpPool(pool, choosing, upstreams));
  }

  #createNode(
    pool: PoolConfig,
    config: NodeConfig,
    watcher: NodeWatcher,
    upstreams: Map<Node, HttpUpstream>,
  ): Node {
    const { health, connections, timeouts } = pool;
    const { name, host, port, weight, backup } = config;
    const common = {
      node: name,
      host,
      port,
      maxConnections: connections.max,
      idleMs: connections.idleMs,
      connectMs: timeouts.connectMs,
      ackMs: timeouts.ackMs,
    };
    const tls = config.tls && new NodeTls(config.tls, host);
    if (tls !== undefined) this.#store.add(`pools.${pool.name}.nodes.${name}`, tls);
    if (config.tls?.insecure === true) {
      this.#log.warn(
        { pool: pool.name, node: name },
        'insecure: the certificate of this node is not checked',
      );
    }
    const maxFrameBytes = Math.max(
      MIN_ANSWER_BYTES,
      ...this.config.listeners.map(({ limits }) => limits.maxFrameBytes),
    );
    const overHttp = (owner: UpstreamOwner): HttpUpstream => {
      const { path } = config;
      const { contentType } = pool;
      http = new HttpUpstream({ ...common, tls, path, contentType, maxAnswerBytes: maxFrameBytes }, owner);
      return http;
    };
    const overMllp = (owner: UpstreamOwner): Upstream =>
      new MllpUpstream(
        {
          ...common,
          tls,
          pipelining: connections.pipelining,
          settleMs: connections.settleMs,
          // F38: a node's banner or stray line before an answer is skipped; more than this is no MLLP node.
          answers: { maxFrameBytes, maxJunkBytes: 4096, strayEndByte: 'content', missingCr: 'refuse' },
        },
        owner,
      );
    let http: HttpUpstream | undefined;
    const node = new Node(
      {
        name,
        pool: pool.name,
        weight,
        backup,
        fall: health.fall,
        rise: health.rise,
        retryMs: health.type === 'none' ? health.intervalMs : undefined,
      },
      watcher,
      pool.protocol === 'http' ? overHttp : overMllp,
    );
    if (http !== undefined) upstreams.set(node, http);
    if (health.type !== 'none') {
      const { intervalMs, timeoutMs } = health;
      const options = { host, port, tls: health.type === 'tls' ? tls : undefined, intervalMs, timeoutMs };
      this.#checks.push(new HealthCheck(node, options));
    }
    return node;
  }
}
