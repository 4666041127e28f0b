// All pools of a config, with what operators have changed in them. A pool that a reload takes out lives until the last of
// what it has is over.
import { isDeepStrictEqual } from 'node:util';
import type { CertificateStore } from '../../certs/store.ts';
import type { SharedSenders } from '../../routing/shared-senders.ts';
import type { GatewayConfig, PoolConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import { clearInterval, setInterval } from '../platform/time.ts';
import type { HttpScheduler } from '../relay/http-scheduler.ts';
import type { Message } from '../relay/message.ts';
import { ReloadGuard } from '../relay/ordering.ts';
import type { PoolQueue } from '../relay/pool-queue.ts';
import type { TcpScheduler } from '../relay/tcp-scheduler.ts';
import type { Prepared, Reconfigurable } from '../reload/reconfigurable.ts';
import { MirthServers } from '../upstream/checks/mirth-servers.ts';
import type { NodeSharing } from '../upstream/node-sharing.ts';
import { SharedLimits } from '../upstream/shared-limit.ts';
import { Discoveries } from './discoveries.ts';
import type { Discovery } from './discovery.ts';
import type { FoundNode } from './found-nodes.ts';
import { Overrides } from './overrides.ts';
import type { PoolContext } from './pool-node.ts';
import { PoolRuntime } from './pool-runtime.ts';

/** Answers are messages too (a query's answer holds its result), so they may be as large as the largest frame taken. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;
/** How often a pool that is gone from the config is asked whether it has something to do still. */
const LEAVING_POLL_MS = 100;

export interface PoolsOptions {
  readonly store: CertificateStore;
  readonly log: Log;
  /** Called when a reload has committed: gives a function that says whether pools that are gone may still get messages. */
  readonly whileOldMessages?: () => () => boolean;
  /** What of the nodes other processes have. */
  readonly sharing?: NodeSharing | undefined;
}

export class Pools implements Reconfigurable<GatewayConfig> {
  /** Messages that a reload has met on their way. */
  readonly rerouting = new ReloadGuard();
  #queues: ReadonlyMap<string, PoolQueue> = new Map();
  #httpPools: ReadonlyMap<string, HttpScheduler> = new Map();
  #tcpPools: ReadonlyMap<string, TcpScheduler> = new Map();
  readonly #runtimes = new Map<string, PoolRuntime>();
  readonly #leaving = new Set<PoolRuntime>();
  /** What was changed while the gateway runs. */
  readonly overrides: Overrides;
  /** What checks of type mirth ask; outlives reloads, as the sessions in it do. */
  readonly servers = new MirthServers();
  /** F101: by address; outlive reloads, as connections do. */
  readonly sharedLimits: SharedLimits;
  readonly #store: CertificateStore;
  readonly #log: Log;
  readonly #whileOldMessages: () => () => boolean;
  readonly #sharing: NodeSharing | undefined;
  #context: PoolContext;
  /** As the config in force has them. */
  #inConfig: readonly PoolConfig[];
  readonly #discoveries: Discoveries;
  /** Other nodes have been discovered. */
  onDiscovered = (): void => {};
  #started = false;
  #shared: SharedSenders | undefined;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(
    config: GatewayConfig,
    { store, log, whileOldMessages = () => () => false, sharing }: PoolsOptions,
  ) {
    this.#store = store;
    this.#log = log;
    this.#whileOldMessages = whileOldMessages;
    this.#sharing = sharing;
    this.sharedLimits = new SharedLimits(sharing?.createLease);
    this.overrides = new Overrides(log);
    this.#context = this.#contextOf(config);
    this.#inConfig = config.pools;
    this.#discoveries = new Discoveries(log, (pool, found) => this.#take(pool, found));
    this.#discover();
    for (const pool of config.pools)
      this.#enter(new PoolRuntime(this.overrides.applyTo(pool), this.#context));
    this.#list();
  }

  /** By name, as it is now: a reload makes another map. */
  get queues(): ReadonlyMap<string, PoolQueue> {
    return this.#queues;
  }

  /** The same, of pools with HTTP nodes for what is proxied. */
  get httpPools(): ReadonlyMap<string, HttpScheduler> {
    return this.#httpPools;
  }

  /** The same, of pools with TCP nodes. */
  get tcpPools(): ReadonlyMap<string, TcpScheduler> {
    return this.#tcpPools;
  }

  /** Every message that a pool has taken and that is not over. */
  get taken(): readonly Message[] {
    return [...this.#runtimes.values(), ...this.#leaving].flatMap(({ queue }) => [...queue.taken]);
  }

  get runtimes(): ReadonlyMap<string, PoolRuntime> {
    return this.#runtimes;
  }

  get isBusy(): boolean {
    return [...this.#runtimes.values(), ...this.#leaving].some((runtime) => runtime.isBusy);
  }

  start(): void {
    this.#started = true;
    for (const runtime of this.#runtimes.values()) runtime.start();
    this.#discoveries.start();
  }

  /** By the pool's name. */
  get discoveries(): ReadonlyMap<string, Discovery> {
    return this.#discoveries.byPool;
  }

  /** @throws GatewayError GW_ERR_TLS_FILE */
  prepare(config: GatewayConfig): Prepared {
    const context = this.#contextOf(config);
    const wanted = config.pools.map((one) => this.overrides.applyTo(one));
    const changed: Prepared[] = [];
    const made: PoolRuntime[] = [];
    const rollback = (): void => {
      for (const one of changed) void one.rollback();
      for (const runtime of made) runtime.close();
    };
    try {
      for (const pool of wanted) {
        const runtime = this.#runtimes.get(pool.name);
        if (runtime?.config.protocol === pool.protocol) changed.push(runtime.prepare(pool, context));
        else made.push(new PoolRuntime(pool, context));
      }
    } catch (thrown) {
      rollback();
      throw thrown;
    }
    // An operator may change nodes while other parts are prepared.
    const isStale = (): boolean =>
      !isDeepStrictEqual(
        wanted,
        config.pools.map((one) => this.overrides.applyTo(one)),
      );
    let gone: readonly PoolRuntime[] = [];
    return {
      get isStale() {
        return isStale();
      },
      rollback,
      commit: () => {
        this.#context = context;
        this.#inConfig = config.pools;
        for (const one of changed) one.commit();
        gone = this.#enterAll(config, made);
        this.overrides.forgetGone(config.pools);
      },
      settle: () => {
        const mayGet = this.#whileOldMessages();
        for (const runtime of gone) this.#forget(runtime, mayGet);
        for (const runtime of made) if (this.#started) runtime.start();
        for (const one of changed) void one.settle?.();
        this.#discover();
      },
    };
  }

  /** Of these pools and of those that come. */
  shareSenders(shared: SharedSenders): void {
    this.#shared = shared;
    for (const runtime of this.#runtimes.values()) runtime.shareSenders(shared);
  }

  /** Takes up a change of one pool's overrides. */
  refresh(pool: PoolConfig): void {
    const prepared = this.#runtimes.get(pool.name)?.prepare(this.overrides.applyTo(pool), this.#context);
    prepared?.commit();
    void prepared?.settle?.();
  }

  close(): void {
    this.#discoveries.stop();
    for (const runtime of [...this.#runtimes.values(), ...this.#leaving]) runtime.close();
  }

  /** A process that carries messages for another is told what that one finds. */
  #discover(): void {
    if (this.#sharing?.judge === undefined) this.#discoveries.reconfigure(this.#inConfig);
  }

  #take(name: string, found: readonly FoundNode[]): void {
    const overrides = this.overrides.of(name);
    const before = overrides.found;
    overrides.found = found;
    const pool = this.#inConfig.find((one) => one.name === name);
    try {
      if (pool !== undefined) this.refresh(pool);
    } catch (thrown) {
      overrides.found = before;
      throw thrown;
    }
    this.onDiscovered();
  }

  /** Those that others take the place of, or that the config does not have, are gone. */
  #enterAll(config: GatewayConfig, made: readonly PoolRuntime[]): readonly PoolRuntime[] {
    const names = new Set(config.pools.map(({ name }) => name));
    const replaced = new Set(made.map(({ name }) => name));
    const gone = [...this.#runtimes.values()].filter(({ name }) => !names.has(name) || replaced.has(name));
    for (const runtime of gone) {
      this.#runtimes.delete(runtime.name);
      this.#leaving.add(runtime);
    }
    for (const runtime of made) this.#enter(runtime);
    this.#list();
    return gone;
  }

  #enter(runtime: PoolRuntime): void {
    runtime.register();
    if (this.#shared !== undefined) runtime.shareSenders(this.#shared);
    this.#runtimes.set(runtime.name, runtime);
  }

  #list(): void {
    const runtimes = [...this.#runtimes.values()];
    this.#queues = new Map(runtimes.map(({ name, queue }) => [name, queue]));
    this.#httpPools = new Map(
      runtimes.flatMap(({ name, httpPool }) => (httpPool === undefined ? [] : [[name, httpPool] as const])),
    );
    this.#tcpPools = new Map(
      runtimes.flatMap(({ name, tcpPool }) => (tcpPool === undefined ? [] : [[name, tcpPool] as const])),
    );
  }

  /**
   * What no node has touched goes another way. It lives until the last of what it has is over, and until nothing can come to it
   * any more: each wait in it has a limit, and so has this.
   */
  #forget(runtime: PoolRuntime, mayGet: () => boolean): void {
    runtime.retire();
    const timer = setInterval(() => {
      if (runtime.isBusy || mayGet()) return;
      clearInterval(timer);
      this.#leaving.delete(runtime);
      runtime.leave();
      this.#log.info({ pool: runtime.name }, 'pool closed');
    }, LEAVING_POLL_MS);
    timer.unref();
  }

  #contextOf({ listeners, shutdown }: GatewayConfig): PoolContext {
    const maxAnswerBytes = Math.max(MIN_ANSWER_BYTES, ...listeners.map(({ limits }) => limits.maxFrameBytes));
    const { rerouting, servers, sharedLimits } = this;
    const sharing = this.#sharing;
    return {
      store: this.#store,
      log: this.#log,
      rerouting,
      servers,
      sharedLimits,
      maxAnswerBytes,
      sharing,
      leaveMs: shutdown.timeoutMs,
    };
  }
}
