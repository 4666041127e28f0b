// The discoveries of all pools that have one, as the config in force wants them. Promises that one which stays keeps what it has
// found.
import type { PoolConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import { Discovery } from './discovery.ts';
import type { FoundNode } from './found-nodes.ts';

export class Discoveries {
  readonly #log: Log;
  readonly #take: (pool: string, found: readonly FoundNode[]) => void;
  readonly #byPool = new Map<string, Discovery>();
  #isStarted = false;

  /** `take`: puts nodes of a pool in force. @throws GatewayError where that cannot be; then nothing has changed */
  constructor(log: Log, take: (pool: string, found: readonly FoundNode[]) => void) {
    this.#log = log;
    this.#take = take;
  }

  get byPool(): ReadonlyMap<string, Discovery> {
    return this.#byPool;
  }

  start(): void {
    this.#isStarted = true;
    for (const discovery of this.#byPool.values()) discovery.start();
  }

  stop(): void {
    for (const discovery of this.#byPool.values()) discovery.stop();
  }

  reconfigure(pools: readonly PoolConfig[]): void {
    const wanted = new Map(pools.flatMap(({ name, discover }) => (discover ? [[name, discover]] : [])));
    for (const [name, discovery] of this.#byPool) {
      const config = wanted.get(name);
      if (config !== undefined) discovery.reconfigure(config);
      else {
        discovery.stop();
        this.#byPool.delete(name);
      }
    }
    for (const [name, config] of wanted) {
      if (this.#byPool.has(name)) continue;
      const discovery = new Discovery(name, config, { take: (found) => this.#take(name, found) }, this.#log);
      this.#byPool.set(name, discovery);
      // So that the first message has nodes already.
      if (config.kind === 'file') discovery.readFile();
      if (this.#isStarted) discovery.start();
    }
  }
}
