// A gateway whose pool has a spool, in memory: kept over restarts of the gateway, as a disk is.

import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import type { SpoolStore } from '../../src/spool/spool-store.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { simpleConfig, startGateway, type TestGateway } from '../helpers/gateway.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import type { Script } from '../helpers/node-connection.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';

/** The same kept messages; what is closed is this view of them. */
class Reopened implements SpoolStore {
  readonly #disk: MemoryStore;
  readonly put: SpoolStore['put'];
  readonly change: SpoolStore['change'];
  readonly heads: SpoolStore['heads'];
  readonly next: SpoolStore['next'];
  readonly keys: SpoolStore['keys'];
  readonly content: SpoolStore['content'];
  readonly list: SpoolStore['list'];
  readonly remember: SpoolStore['remember'];
  readonly recall: SpoolStore['recall'];

  constructor(disk: MemoryStore) {
    this.#disk = disk;
    this.put = (message) => disk.put(message);
    this.change = (id, change) => disk.change(id, change);
    this.heads = (pool, afterId, limit) => disk.heads(pool, afterId, limit);
    this.next = (pool, key, afterId) => disk.next(pool, key, afterId);
    this.keys = (pool) => disk.keys(pool);
    this.content = (id) => disk.content(id);
    this.list = (filter, afterId, limit) => disk.list(filter, afterId, limit);
    this.remember = (answer) => disk.remember(answer);
    this.recall = (pool, key) => disk.recall(pool, key);
  }

  get usage(): SpoolStore['usage'] {
    return this.#disk.usage;
  }

  async close(): Promise<void> {}
}

export interface SpoolRoomOptions {
  readonly spool?: Record<string, unknown>;
  readonly pool?: Record<string, unknown>;
  readonly listener?: Record<string, unknown>;
  readonly script?: Script;
  readonly maxBytes?: number;
  /** A path of a store that cannot be opened. */
  readonly cannotOpen?: string;
}

export class SpoolRoom implements AsyncDisposable {
  readonly disk: MemoryStore;
  readonly node: FaultyNode;
  gw: TestGateway;
  readonly #options: SpoolRoomOptions;
  readonly #senders: Sender[] = [];

  constructor(disk: MemoryStore, node: FaultyNode, gw: TestGateway, options: SpoolRoomOptions) {
    this.disk = disk;
    this.node = node;
    this.gw = gw;
    this.#options = options;
  }

  async sender(localAddress?: string): Promise<Sender> {
    const sender = await connectSender(this.gw.port(), localAddress === undefined ? {} : { localAddress });
    this.#senders.push(sender);
    return sender;
  }

  /** Another gateway on the same disk. */
  async restart(): Promise<void> {
    await this.gw.gateway.stop();
    this.gw = await gatewayOn(this.disk, this.node, this.#options);
  }

  /** Takes up another config; what is not given is as in the beginning. */
  async reload(options: SpoolRoomOptions): Promise<void> {
    const wanted = spoolConfig(this.node.url, { ...this.#options, ...options });
    const text = typeof wanted === 'string' ? wanted : simpleConfig(wanted);
    await this.gw.gateway.reload(parseConfig(text, { env: {} }).config);
  }

  async states(): Promise<string[]> {
    return (await this.disk.list({}, 0, 1000)).map(({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sender of this.#senders) await sender[Symbol.asyncDispose]();
    await this.gw.gateway.stop();
    await this.node.close();
  }
}

export async function openSpoolRoom(options: SpoolRoomOptions = {}): Promise<SpoolRoom> {
  const node = await startFaultyNode(options.script);
  const disk = new MemoryStore(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes });
  return new SpoolRoom(disk, node, await gatewayOn(disk, node, options), options);
}

/** Of one that node is taken to be: quick to be given up, and quick to be tried again. */
export function spoolConfig(
  url: string,
  { spool, pool, listener }: SpoolRoomOptions,
): Parameters<typeof startGateway>[0] {
  return {
    nodes: [url],
    listener: { onUnavailable: 'AE', ...listener },
    pool: {
      queue: { timeout: '50ms' },
      retry: { budget: '50ms' },
      timeouts: { connect: '1s', ack: '5s' },
      health: { interval: '50ms', fastInterval: '20ms', rise: 1 },
      spool: { store: { path: '/spool' }, deliver: { backoff: '20ms..50ms' }, ...spool },
      ...pool,
    },
  };
}

function gatewayOn(disk: MemoryStore, node: FaultyNode, options: SpoolRoomOptions): Promise<TestGateway> {
  return startGateway(spoolConfig(node.url, options), {
    openStore: async ({ path }) => {
      if (path === options.cannotOpen) throw new GatewayError('GW_ERR_SPOOL_STORE');
      return new Reopened(disk);
    },
  });
}
