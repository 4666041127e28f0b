// All pools of a config, and what an operator has added to them, set in them or taken out of them while the gateway
// runs. Promises that a reload of the file keeps that.
import { isDeepStrictEqual } from 'node:util';
import type { CertificateStore } from '../../certs/store.ts';
import type { GatewayConfig, NodeConfig, PoolConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import type { HttpScheduler } from '../relay/http-scheduler.ts';
import type { Message } from '../relay/message.ts';
import { ReloadGuard } from '../relay/ordering.ts';
import type { Dispatcher } from '../relay/pool-queue.ts';
import { MirthServers } from '../upstream/checks/mirth-servers.ts';
import { SharedLimits } from '../upstream/shared-limit.ts';
import { PoolRuntime, type PoolSurroundings, type PreparedPool } from './pool-runtime.ts';

/** Answers are messages too (a query's answer holds its result), so they may be as large as the largest frame taken. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;
/** How often a pool that is gone from the config is asked whether it has something to do still. */
const LEAVING_POLL_MS = 100;

/** Of one pool, by node name. */
export interface Overrides {
  readonly added: Map<string, NodeConfig>;
  readonly removed: Set<string>;
  readonly weights: Map<string, number>;
}

/** Another config, ready to be put in force. One of `commit` and `discard` is to be called. */
export interface PreparedPools extends Omit<PreparedPool, 'announce'> {
  /** `mayGet`: pools that are gone may get something still, from listeners that went with them. */
  announce(mayGet: () => boolean): void;
  /** Nodes were changed by an operator since: it is to be prepared anew. */
  readonly isStale: boolean;
}

export class Pools {
  /** Messages that a reload has met on their way. */
  readonly rerouting = new ReloadGuard();
  #dispatchers: ReadonlyMap<string, Dispatcher> = new Map();
  #httpPools: ReadonlyMap<string, HttpScheduler> = new Map();
  readonly #rooms = new Map<string, PoolRuntime>();
  readonly #leaving = new Set<PoolRuntime>();
  readonly #overrides = new Map<string, Overrides>();
  /** What checks of type mirth ask; outlives reloads, as the sessions in it do. */
  readonly servers = new MirthServers();
  /** F101: by address; outlive reloads, as connections do. */
  readonly sharedLimits = new SharedLimits();
  readonly #store: CertificateStore;
  readonly #log: Log;
  #surroundings: PoolSurroundings;
  #started = false;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor(
    config: GatewayConfig,
    { store, log }: { readonly store: CertificateStore; readonly log: Log },
  ) {
    this.#store = store;
    this.#log = log;
    this.#surroundings = this.#surroundingsOf(config);
    for (const pool of config.pools) this.#enter(new PoolRuntime(pool, this.#surroundings));
    this.#list();
  }

  /** By name, as it is now: a reload makes another map. */
  get dispatchers(): ReadonlyMap<string, Dispatcher> {
    return this.#dispatchers;
  }

  /** The same, of pools with HTTP nodes for what is proxied. */
  get httpPools(): ReadonlyMap<string, HttpScheduler> {
    return this.#httpPools;
  }

  /** Every message that a pool has taken and that is not over. */
  get taken(): readonly Message[] {
    return [...this.#rooms.values(), ...this.#leaving].flatMap(({ dispatcher }) => [...dispatcher.taken]);
  }

  get rooms(): ReadonlyMap<string, PoolRuntime> {
    return this.#rooms;
  }

  get isBusy(): boolean {
    return [...this.#rooms.values(), ...this.#leaving].some((room) => room.isBusy);
  }

  /** What was changed of a pool while the gateway runs. */
  overridesOf(pool: string): Overrides {
    let overrides = this.#overrides.get(pool);
    if (overrides === undefined) {
      overrides = { added: new Map(), removed: new Set(), weights: new Map() };
      this.#overrides.set(pool, overrides);
    }
    return overrides;
  }

  start(): void {
    this.#started = true;
    for (const room of this.#rooms.values()) room.start();
  }

  /**
   * Makes what another config needs; nothing is touched before `commit`.
   *
   * @throws GatewayError GW_ERR_TLS_FILE
   */
  prepare(config: GatewayConfig): PreparedPools {
    const surroundings = this.#surroundingsOf(config);
    const wanted = config.pools.map((one) => this.#withOverrides(one));
    const changed: PreparedPool[] = [];
    const made: PoolRuntime[] = [];
    const discard = (): void => {
      for (const one of changed) one.discard();
      for (const room of made) room.close();
    };
    try {
      for (const pool of wanted) {
        const room = this.#rooms.get(pool.name);
        if (room?.config.protocol === pool.protocol) changed.push(room.prepare(pool, surroundings));
        else made.push(new PoolRuntime(pool, surroundings));
      }
    } catch (thrown) {
      discard();
      throw thrown;
    }
    const gone: PoolRuntime[] = [];
    const isStale = (): boolean =>
      !isDeepStrictEqual(
        wanted,
        config.pools.map((one) => this.#withOverrides(one)),
      );
    return {
      get isStale() {
        return isStale();
      },
      discard,
      commit: () => {
        this.#surroundings = surroundings;
        for (const one of changed) one.commit();
        gone.push(...this.#enterAll(config, made));
        this.#forgetOverrides(config);
      },
      announce: (mayGet) => {
        for (const room of gone) this.#forget(room, mayGet);
        for (const room of made) if (this.#started) room.start();
        for (const one of changed) one.announce();
      },
    };
  }

  /** Takes up a change of one pool's overrides. */
  refresh(pool: PoolConfig): void {
    const prepared = this.#rooms.get(pool.name)?.prepare(this.#withOverrides(pool), this.#surroundings);
    prepared?.commit();
    prepared?.announce();
  }

  close(): void {
    for (const room of [...this.#rooms.values(), ...this.#leaving]) room.close();
  }

  /** Those that others take the place of, or that the config does not have, are gone. */
  #enterAll(config: GatewayConfig, made: readonly PoolRuntime[]): readonly PoolRuntime[] {
    const names = new Set(config.pools.map(({ name }) => name));
    const replaced = new Set(made.map(({ name }) => name));
    const gone = [...this.#rooms.values()].filter(({ name }) => !names.has(name) || replaced.has(name));
    for (const room of gone) {
      this.#rooms.delete(room.name);
      this.#leaving.add(room);
    }
    for (const room of made) this.#enter(room);
    this.#list();
    return gone;
  }

  #enter(room: PoolRuntime): void {
    room.register();
    this.#rooms.set(room.name, room);
  }

  #list(): void {
    const rooms = [...this.#rooms.values()];
    this.#dispatchers = new Map(rooms.map(({ name, dispatcher }) => [name, dispatcher]));
    this.#httpPools = new Map(
      rooms.flatMap(({ name, httpPool }) => (httpPool === undefined ? [] : [[name, httpPool] as const])),
    );
  }

  /**
   * What no node has touched goes another way. It lives until the last of what it has is over, and until nothing can come to it
   * any more: each wait in it has a limit, and so has this.
   */
  #forget(room: PoolRuntime, mayGet: () => boolean): void {
    room.retire();
    const timer = setInterval(() => {
      if (room.isBusy || mayGet()) return;
      clearInterval(timer);
      this.#leaving.delete(room);
      room.leave();
      this.#log.info({ pool: room.name }, 'pool closed');
    }, LEAVING_POLL_MS);
    timer.unref();
  }

  /** Of what the config does not have: what has the same name one day is something else. */
  #forgetOverrides({ pools }: GatewayConfig): void {
    for (const [name, { added, removed, weights }] of this.#overrides) {
      const pool = pools.find((one) => one.name === name);
      if (pool === undefined) {
        this.#overrides.delete(name);
        continue;
      }
      const inFile = new Set(pool.nodes.map((node) => node.name));
      for (const node of added.keys()) if (inFile.has(node)) added.delete(node);
      for (const node of removed) if (!inFile.has(node)) removed.delete(node);
      for (const node of weights.keys()) if (!inFile.has(node) && !added.has(node)) weights.delete(node);
      if (added.size === 0 && removed.size === inFile.size) {
        this.#log.warn({ pool: name }, 'nodes that were removed are there again: the config has no others');
        removed.clear();
      }
    }
  }

  #withOverrides(pool: PoolConfig): PoolConfig {
    const overrides = this.#overrides.get(pool.name);
    if (overrides === undefined) return pool;
    const { added, removed, weights } = overrides;
    const inFile = new Set(pool.nodes.map(({ name }) => name));
    const nodes = [
      ...pool.nodes.filter(({ name }) => !removed.has(name)),
      // The file has the last word on a node that it names itself.
      ...[...added.values()].filter(({ name }) => !inFile.has(name)),
    ];
    return {
      ...pool,
      // The file may have come to name none but what an operator took out: a pool without nodes helps nobody.
      nodes: (nodes.length === 0 ? pool.nodes : nodes).map((node) => ({
        ...node,
        weight: weights.get(node.name) ?? node.weight,
      })),
    };
  }

  #surroundingsOf({ listeners }: GatewayConfig): PoolSurroundings {
    const maxAnswerBytes = Math.max(MIN_ANSWER_BYTES, ...listeners.map(({ limits }) => limits.maxFrameBytes));
    const { rerouting, servers, sharedLimits } = this;
    return { store: this.#store, log: this.#log, rerouting, servers, sharedLimits, maxAnswerBytes };
  }
}
