// A bucket in memory, as NATS has it: one order of puts for all, each watcher told later, one entry at a time, when the test says so.
import {
  type BucketEntry,
  BucketError,
  type BucketWatcher,
  type SharedBucket,
} from '../../../src/state/shared/bucket.ts';

export class MemoryServer {
  revision = 0;
  generation = 0;
  readonly last = new Map<string, BucketEntry>();
  readonly links = new Set<Link>();

  wipe(): void {
    this.last.clear();
    this.revision = 0;
    this.generation++;
    for (const link of [...this.links]) link.cut();
  }

  write(key: string, value: string, previous: number | undefined): number {
    if (previous !== undefined && (this.last.get(key)?.revision ?? 0) !== previous)
      throw new BucketError('conflict');
    const entry = { key, value, revision: ++this.revision, ageMs: 0 };
    this.last.set(key, entry);
    for (const link of this.links) link.told.push(entry);
    return entry.revision;
  }
}

interface Put {
  run(): void;
  fail(): void;
}

/** One member's connection. */
export class Link implements SharedBucket {
  readonly identity: string;
  readonly told: BucketEntry[] = [];
  /** Sent, and not with the server yet. */
  readonly puts: Put[] = [];
  /** Done, and not answered yet. */
  readonly answers: (() => void)[] = [];
  readonly #server: MemoryServer;
  #watcher: BucketWatcher | undefined;

  constructor(server: MemoryServer) {
    this.#server = server;
    this.identity = String(server.generation);
  }

  put(key: string, value: string, previous?: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.puts.push({
        run: () => {
          try {
            const revision = this.#server.write(key, value, previous);
            this.answers.push(() => resolve(revision));
          } catch (thrown) {
            this.answers.push(() => reject(thrown));
          }
        },
        fail: () => reject(new BucketError('closed')),
      });
    });
  }

  /** Told at once what there is. */
  async watch(watcher: BucketWatcher): Promise<void> {
    const entries = [...this.#server.last.values()].sort((one, other) => one.revision - other.revision);
    this.#watcher = watcher;
    this.#server.links.add(this);
    for (const entry of entries) watcher.onEntry(entry);
    watcher.onCurrent();
  }

  async probe(): Promise<void> {}

  step(): boolean {
    const put = this.puts.shift();
    put?.run();
    const entry = this.told.shift();
    if (entry !== undefined) this.#watcher?.onEntry(entry);
    const answer = this.answers.shift();
    answer?.();
    return put !== undefined || entry !== undefined || answer !== undefined;
  }

  /** What was sent arrives or not; no answer does. */
  cut(arrive = 0): void {
    this.#server.links.delete(this);
    for (const [i, put] of this.puts.splice(0).entries()) {
      if (i < arrive && this.identity === String(this.#server.generation)) put.run();
      put.fail();
    }
    this.answers.length = 0;
    this.told.length = 0;
  }
}
