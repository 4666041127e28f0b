// Finds the nodes of one pool again and again: a name by the time to live of its answers, a file when it changes. Promises that
// what was found last stays where nothing is found: a look-up that fails and an answer without anything take no node out.
import { isDeepStrictEqual } from 'node:util';
import { FileWatch } from '../../certs/file-watch.ts';
import type { DiscoverConfig } from '../config/config.ts';
import type { Log } from '../observe/log/log.ts';
import { clearTimeout, monotonicMs, setTimeout } from '../platform/time.ts';
import type { FoundNode } from './found-nodes.ts';
import { type Lookup, lookUp, lookupTrouble, readNodesFile } from './node-sources.ts';

export interface DiscoveryOwner {
  /** @throws GatewayError where a node cannot be made of it; then nothing has changed */
  take(found: readonly FoundNode[]): void;
}

export interface DiscoveryCounts {
  readonly found: number;
  readonly failed: number;
  readonly empty: number;
}

export class Discovery {
  readonly pool: string;
  #config: DiscoverConfig;
  readonly #owner: DiscoveryOwner;
  readonly #log: Log;
  #found: readonly FoundNode[] = [];
  #timer: NodeJS.Timeout | undefined;
  #watch: FileWatch | undefined;
  #isRunning = false;
  /** What was said last, so that it is said once. */
  #said = '';
  #failures = 0;
  #counts = { found: 0, failed: 0, empty: 0 };
  #answeredAt: number | undefined;

  constructor(pool: string, config: DiscoverConfig, owner: DiscoveryOwner, log: Log) {
    this.pool = pool;
    this.#config = config;
    this.#owner = owner;
    this.#log = log;
  }

  get config(): DiscoverConfig {
    return this.#config;
  }

  get found(): readonly FoundNode[] {
    return this.#found;
  }

  get counts(): DiscoveryCounts {
    return this.#counts;
  }

  /** Since the last answer with nodes in it; undefined: there was none, or a file has them, which is read when it changes. */
  get ageMs(): number | undefined {
    const isOfFile = this.#config.kind === 'file';
    return isOfFile || this.#answeredAt === undefined ? undefined : monotonicMs() - this.#answeredAt;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    if (this.#config.kind === 'file') {
      this.#watch = new FileWatch(() => [this.#config.name], { onChange: () => this.readFile() });
      this.#watch.start();
      this.readFile();
    } else void this.look();
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    this.#watch?.stop();
    this.#watch = undefined;
  }

  /** Goes by another config from now on. What was found stays until the new one has found something. */
  reconfigure(config: DiscoverConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#config = config;
    if (!this.#isRunning) return;
    this.stop();
    this.start();
  }

  readFile(): void {
    try {
      this.#take(readNodesFile(this.#config));
    } catch (thrown) {
      this.#fail(lookupTrouble(thrown));
    }
  }

  /** One look-up, and when the next is due. */
  async look(): Promise<void> {
    const config = this.#config;
    let nextMs: number;
    try {
      const answer = await lookUp(config, this.#found);
      // Another config may have come meanwhile, or the end.
      if (config !== this.#config || !this.#isRunning) return;
      this.#failures = 0;
      nextMs = this.#take(answer) ? answer.ttlMs : config.minTtlMs;
    } catch (thrown) {
      if (config !== this.#config || !this.#isRunning) return;
      this.#fail(lookupTrouble(thrown));
      nextMs = config.minTtlMs * 2 ** Math.min(10, this.#failures - 1);
    }
    this.#timer = setTimeout(
      () => void this.look(),
      Math.min(config.maxTtlMs, Math.max(config.minTtlMs, nextMs)),
    );
    this.#timer.unref();
  }

  /** Whether there was something in it. */
  #take({ found, leftOut }: Lookup): boolean {
    const { pool } = this;
    const discover = this.#source;
    if (found.length === 0) {
      this.#counts = { ...this.#counts, empty: this.#counts.empty + 1 };
      if (this.#isNews('empty'))
        this.#log.warn(
          { pool, discover, kept: this.#found.length },
          'discovery: the answer has no nodes; those that are known stay',
        );
      return false;
    }
    const before = this.#found;
    if (!isDeepStrictEqual(before, found)) {
      this.#found = found;
      try {
        this.#owner.take(found);
      } catch (thrown) {
        this.#found = before;
        this.#fail(lookupTrouble(thrown));
        return true;
      }
      const added = namesBeyond(found, before);
      const removed = namesBeyond(before, found);
      this.#log.info(
        { pool, discover, nodes: found.length, added, removed },
        'discovery: nodes have changed',
      );
    } else if (this.#said !== '' && this.#said !== TOO_MANY)
      this.#log.info({ pool, discover, nodes: found.length }, 'discovery: it works again');
    this.#counts = { ...this.#counts, found: this.#counts.found + 1 };
    this.#answeredAt = monotonicMs();
    if (leftOut === 0) this.#said = '';
    else if (this.#isNews(TOO_MANY))
      this.#log.warn(
        { pool, discover, nodes: found.length, beyond: leftOut },
        'discovery: there are more nodes than discover.max',
      );
    return true;
  }

  #fail(reason: string): void {
    this.#failures++;
    this.#counts = { ...this.#counts, failed: this.#counts.failed + 1 };
    if (this.#isNews(reason))
      this.#log.warn(
        { pool: this.pool, discover: this.#source, reason, kept: this.#found.length },
        'discovery: it failed; the nodes that are known stay',
      );
  }

  get #source(): string {
    return `${this.#config.kind} ${this.#config.name}`;
  }

  #isNews(what: string): boolean {
    if (this.#said === what) return false;
    this.#said = what;
    return true;
  }
}

const TOO_MANY = 'too many';

function namesBeyond(nodes: readonly FoundNode[], others: readonly FoundNode[]): readonly string[] {
  const known = new Set(others.map(({ name }) => name));
  return nodes.map(({ name }) => name).filter((name) => !known.has(name));
}
