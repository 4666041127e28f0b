// All pools of a config, and what an operator has added to them, set in them or taken out of them while the gateway
// runs. Promises that a reload of the file keeps that.
import type { CertificateStore } from '../certs/store.ts';
import type { GatewayConfig, NodeConfig, PoolConfig } from './config/config.ts';
import { PoolRoom, type PoolSurroundings, type PreparedPool } from './pool-room.ts';
import type { Dispatcher } from './relay/dispatcher.ts';
import type { HttpPool } from './relay/http-pool.ts';
import type { Log } from './telemetry/log.ts';

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

export class Pools {
  readonly dispatchers = new Map<string, Dispatcher>();
  readonly httpPools = new Map<string, HttpPool>();
  readonly #rooms = new Map<string, PoolRoom>();
  readonly #leaving = new Set<PoolRoom>();
  readonly #overrides = new Map<string, Overrides>();
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
    for (const pool of config.pools) this.#enter(new PoolRoom(pool, this.#surroundings));
  }

  get rooms(): ReadonlyMap<string, PoolRoom> {
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
  prepare(config: GatewayConfig): PreparedPool {
    const surroundings = this.#surroundingsOf(config);
    const commits: PreparedPool[] = [];
    const made: PoolRoom[] = [];
    const discard = (): void => {
      for (const one of commits) one.discard();
      for (const room of made) room.close();
    };
    try {
      for (const pool of config.pools.map((one) => this.#withOverrides(one))) {
        const room = this.#rooms.get(pool.name);
        if (room?.config.protocol === pool.protocol) commits.push(room.prepare(pool, surroundings));
        else made.push(new PoolRoom(pool, surroundings));
      }
    } catch (thrown) {
      discard();
      throw thrown;
    }
    const names = new Set(config.pools.map(({ name }) => name));
    return {
      discard,
      commit: () => {
        this.#surroundings = surroundings;
        for (const one of commits) one.commit();
        const gone = [...this.#rooms.values()].filter(({ name }) => !names.has(name));
        for (const room of gone) this.#forget(room);
        for (const room of made) {
          const old = this.#rooms.get(room.name);
          if (old !== undefined) this.#forget(old);
          this.#enter(room);
          if (this.#started) room.start();
        }
        for (const name of [...this.#overrides.keys()]) if (!names.has(name)) this.#overrides.delete(name);
      },
    };
  }

  /** Takes up a change of one pool's overrides. */
  refresh(pool: PoolConfig): void {
    const room = this.#rooms.get(pool.name);
    room?.prepare(this.#withOverrides(pool), this.#surroundings).commit();
  }

  close(): void {
    for (const room of [...this.#rooms.values(), ...this.#leaving]) room.close();
  }

  #enter(room: PoolRoom): void {
    this.#rooms.set(room.name, room);
    this.dispatchers.set(room.name, room.dispatcher);
    if (room.httpPool === undefined) this.httpPools.delete(room.name);
    else this.httpPools.set(room.name, room.httpPool);
  }

  /** Nothing new comes to it; what waits there goes its way first. Each wait in it has a limit, and so has this. */
  #forget(room: PoolRoom): void {
    this.#rooms.delete(room.name);
    this.dispatchers.delete(room.name);
    this.httpPools.delete(room.name);
    this.#leaving.add(room);
    const timer = setInterval(() => {
      if (room.isBusy) return;
      clearInterval(timer);
      this.#leaving.delete(room);
      room.leave();
      this.#log.info({ pool: room.name }, 'pool closed');
    }, LEAVING_POLL_MS);
    timer.unref();
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
      nodes: nodes.map((node) => ({ ...node, weight: weights.get(node.name) ?? node.weight })),
    };
  }

  #surroundingsOf({ listeners }: GatewayConfig): PoolSurroundings {
    const maxAnswerBytes = Math.max(MIN_ANSWER_BYTES, ...listeners.map(({ limits }) => limits.maxFrameBytes));
    return { store: this.#store, log: this.#log, maxAnswerBytes };
  }
}
