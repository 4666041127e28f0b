// The spools of all pools, and the stores that they share by path. Promises that a pool's messages are stored from its first one on, that
// a store which cannot be opened ends a start or a reload and nothing else, and that a store is closed when nobody writes to it any more.
import type { GatewayConfig, PoolConfig, SpoolConfig, SpoolStoreConfig } from '../../config/config.ts';
import { asGatewayError } from '../../errors.ts';
import { delay } from '../../platform/time.ts';
import type { PoolQueue } from '../../relay/pool-queue.ts';
import type { Prepared, Reconfigurable } from '../../reload/reconfigurable.ts';
import type { SpoolStore } from '../spool-store.ts';
import { type DuplicateCounts, Duplicates } from './duplicates.ts';
import { SpooledPool, type SpooledPoolContext } from './spooled-pool.ts';
import type { StoredMessages } from './stored-message.ts';

export interface StoreLimits {
  readonly maxBytes: number;
  /** By pool. */
  readonly keepMs: Readonly<Record<string, number>>;
}

/** One whose limits a reload may change. */
export interface AdjustableStore extends SpoolStore {
  limit?(limits: StoreLimits): void;
}

/**
 * `takesOver`: another process is about to close it.
 *
 * @throws GatewayError where it cannot be opened
 */
export type OpenStore = (
  config: SpoolStoreConfig & StoreLimits,
  takesOver: boolean,
) => Promise<AdjustableStore>;

export interface SpoolsOptions extends Omit<SpooledPoolContext, 'messages'> {
  readonly open: OpenStore;
  /** Another process has the stores still, and closes them when it has drained (hot restart). */
  readonly takesOver: boolean;
  /** Of pools, as they are now. */
  queues(): ReadonlyMap<string, PoolQueue>;
  messagesBy(config: GatewayConfig): StoredMessages;
}

type Spooled = PoolConfig & { readonly spool: SpoolConfig };

/** How often it is looked whether a store that is to be closed is still needed, and whether another process has closed one. */
const POLL_MS = 50;
/** What a store that has failed is asked again after. */
const RETRY_MS = 1_000;

export class Spools implements Reconfigurable<GatewayConfig> {
  readonly #options: SpoolsOptions;
  readonly #context: SpooledPoolContext;
  readonly #pools = new Map<string, SpooledPool>();
  /** By the queue that has them: it outlives reloads, unless its pool gets nodes of another protocol. */
  #duplicates = new Map<PoolQueue, Duplicates>();
  /** By path. */
  readonly #stores = new Map<string, AdjustableStore>();
  /** Pools whose config has no such spool any more, until nothing of theirs is under way. */
  readonly #leaving = new Set<SpooledPool>();
  #messages: StoredMessages;
  #isClosed = false;

  constructor(config: GatewayConfig, options: SpoolsOptions) {
    this.#options = options;
    this.#messages = options.messagesBy(config);
    this.#context = { ...options, messages: () => this.#messages };
    for (const pool of config.pools) if (hasSpool(pool)) this.#enter(pool);
    this.#watchDuplicates(config);
  }

  /** By pool: what came again. */
  get duplicates(): ReadonlyMap<string, DuplicateCounts> {
    return new Map([...this.#duplicates].map(([{ config }, { counts }]) => [config.name, counts]));
  }

  /** By pool. */
  get pools(): ReadonlyMap<string, SpooledPool> {
    return this.#pools;
  }

  /** By path; those that are open. */
  get stores(): ReadonlyMap<string, SpoolStore> {
    return this.#stores;
  }

  storeOf({ config }: SpooledPool): SpoolStore | undefined {
    return this.#stores.get(config.store.path);
  }

  /** Something is on its way to a store, or from there to a node. */
  get isBusy(): boolean {
    return [...this.#pools.values(), ...this.#leaving].some(({ isBusy }) => isBusy);
  }

  /** Opens the stores. @throws GatewayError; where another process has them, they are waited for while messages wait too */
  async start(config: GatewayConfig): Promise<void> {
    const opened = this.#openAll(config.pools.filter(hasSpool));
    if (this.#options.takesOver) {
      void opened.catch(() => {});
      return;
    }
    try {
      await opened;
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  async prepare(config: GatewayConfig): Promise<Prepared> {
    const wanted = config.pools.filter(hasSpool);
    const made = new Map<string, AdjustableStore>();
    try {
      for (const { spool } of wanted) {
        const { path } = spool.store;
        if (!this.#stores.has(path) && !made.has(path))
          made.set(path, await this.#options.open(limited(spool.store, wanted), false));
      }
    } catch (thrown) {
      await closeAll(made.values());
      throw thrown;
    }
    let fresh: readonly SpooledPool[] = [];
    return {
      commit: () => {
        for (const [path, store] of made) this.#stores.set(path, store);
        fresh = this.#commit(config, wanted);
      },
      rollback: () => closeAll(made.values()),
      settle: async () => {
        // There may be other nodes.
        for (const pool of this.#pools.values()) pool.onUsable();
        await Promise.all(fresh.map((pool) => this.#openPool(pool)));
        await this.#closeUnused();
      },
    };
  }

  /** Nothing more is delivered; messages are stored as before. */
  stopDelivery(): void {
    for (const pool of this.#pools.values()) pool.stopDelivery();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pool of [...this.#pools.values(), ...this.#leaving]) pool.close();
    await closeAll(this.#stores.values());
    this.#stores.clear();
  }

  #enter(config: Spooled): SpooledPool | undefined {
    const queue = this.#options.queues().get(config.name);
    if (queue === undefined) return undefined;
    const pool = new SpooledPool(queue, config.spool, this.#context);
    queue.spool = pool;
    this.#pools.set(config.name, pool);
    return pool;
  }

  async #openAll(pools: readonly Spooled[]): Promise<void> {
    for (const { spool } of pools) {
      const { path } = spool.store;
      if (!this.#stores.has(path)) this.#stores.set(path, await this.#open(limited(spool.store, pools)));
    }
    await Promise.all([...this.#pools.values()].map((pool) => this.#openPool(pool)));
  }

  async #open(config: SpoolStoreConfig & StoreLimits): Promise<AdjustableStore> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await this.#options.open(config, this.#options.takesOver);
      } catch (thrown) {
        if (!this.#options.takesOver || this.#isClosed) throw thrown;
        const { code, detail } = asGatewayError(thrown);
        if (isFirst)
          this.#options.log.info(
            { path: config.path, code, detail },
            'spool: the other process has the store still',
          );
        await delay(POLL_MS);
      }
    }
  }

  async #openPool(pool: SpooledPool): Promise<void> {
    for (;;) {
      const store = this.storeOf(pool);
      if (store === undefined || this.#isClosed) return;
      try {
        await pool.open(store);
        return;
      } catch (thrown) {
        // Nobody waits for it at a hot restart but senders, whose messages are refused meanwhile.
        if (!this.#options.takesOver) throw thrown;
        await delay(RETRY_MS);
      }
    }
  }

  /** Returns the pools that are to be opened. */
  #commit(config: GatewayConfig, wanted: readonly Spooled[]): readonly SpooledPool[] {
    this.#messages = this.#options.messagesBy(config);
    const queues = this.#options.queues();
    const fresh: SpooledPool[] = [];
    this.#watchDuplicates(config);
    for (const [name, pool] of this.#pools) {
      const now = wanted.find((one) => one.name === name);
      if (now?.spool.store.path !== pool.config.store.path) this.#leave(pool);
    }
    for (const one of wanted) {
      const pool = this.#pools.get(one.name);
      const queue = queues.get(one.name);
      if (pool === undefined || queue === undefined) {
        const made = this.#enter(one);
        if (made !== undefined) fresh.push(made);
        continue;
      }
      pool.reconfigure(queue, one.spool);
      queue.spool = pool;
    }
    for (const { spool } of wanted) this.#stores.get(spool.store.path)?.limit?.(limited(spool.store, wanted));
    return fresh;
  }

  #watchDuplicates({ pools }: GatewayConfig): void {
    const queues = this.#options.queues();
    const before = this.#duplicates;
    this.#duplicates = new Map();
    for (const { name, duplicates } of pools) {
      const queue = queues.get(name);
      if (queue === undefined) continue;
      if (duplicates === undefined) {
        queue.duplicates = undefined;
        continue;
      }
      const storeOf = (): SpoolStore | undefined => {
        const pool = this.#pools.get(name);
        return pool && this.storeOf(pool);
      };
      const own = before.get(queue) ?? new Duplicates(queue, duplicates, storeOf);
      own.reconfigure(duplicates);
      queue.duplicates = own;
      this.#duplicates.set(queue, own);
    }
  }

  #leave(pool: SpooledPool): void {
    const { name, config } = pool;
    this.#pools.delete(name);
    this.#leaving.add(pool);
    pool.leaveQueue();
    pool.stopDelivery();
    const left = this.storeOf(pool)?.usage.pools.get(name);
    if (left !== undefined && left.waiting + left.dead > 0)
      this.#options.log.warn(
        { pool: name, path: config.store.path, waiting: left.waiting, dead: left.dead },
        'spool: messages stay in a store that this pool does not have any more; nothing delivers them',
      );
  }

  async #closeUnused(): Promise<void> {
    while ([...this.#leaving].some(({ isBusy }) => isBusy) && !this.#isClosed) await delay(POLL_MS);
    for (const pool of this.#leaving) pool.close();
    this.#leaving.clear();
    const used = new Set([...this.#pools.values()].map(({ config }) => config.store.path));
    for (const [path, store] of this.#stores) {
      if (used.has(path)) continue;
      this.#stores.delete(path);
      await store.close();
    }
  }
}

/** With how long each of its pools keeps what is delivered. */
function limited(store: SpoolStoreConfig, pools: readonly Spooled[]): SpoolStoreConfig & StoreLimits {
  const own = pools.filter(({ spool }) => spool.store.path === store.path);
  return { ...store, keepMs: Object.fromEntries(own.map(({ name, spool }) => [name, spool.keepMs])) };
}

function hasSpool(pool: PoolConfig): pool is Spooled {
  return pool.spool !== undefined;
}

async function closeAll(stores: Iterable<SpoolStore>): Promise<void> {
  await Promise.allSettled([...stores].map((store) => store.close()));
}
