// Which sender has which node, shared with the other members by a bucket: hashes, as a sticky key may hold something of a patient.
// Promises that a message waits for none of it: what is bound is only noted, and what others have bound is looked up in memory.
import { createHmac } from 'node:crypto';
import type { SharedSenders } from '../../../routing/shared-senders.ts';
import type { StickTable } from '../../../routing/stick-table.ts';
import { monotonicMs, setImmediate } from '../../platform/time.ts';
import { type BucketEntry, type BucketWatcher, reasonOf, type SharedBucket } from './bucket.ts';

export interface SenderTable {
  readonly table: StickTable;
  /** What senders are known by: by anything else a key means another sender. */
  readonly by: string;
  readonly idleMs: number;
  /** Names of the nodes that there are. */
  readonly nodes: ReadonlySet<string>;
}

export interface SenderBookOptions {
  /** Of the hashes; the same for all members. */
  readonly hashKey: string;
  readonly member: string;
  /** The table of a pool, as it is now; undefined: it has none. */
  readonly tableOf: (pool: string) => SenderTable | undefined;
  readonly pools: () => Iterable<string>;
  readonly onFailed: (error: unknown) => void;
}

interface Place {
  readonly node: string;
  readonly revision: number;
  /** Revisions of another session may be of another bucket. */
  readonly session: number;
  /** By the clock of this process; what is long past is below 0. */
  readonly seenAt: number;
}

interface Put {
  readonly name: string;
  readonly node: string;
  /** It could not be written. Undefined: all is told when the bucket is back. */
  readonly again?: () => void;
}

/** Some MB. What is more is dropped and counted; tables are told as a whole when the bucket is back. */
const MAX_QUEUED = 50_000;
/** At a round trip of 1 ms, 64,000 a second. */
const AT_ONCE = 64;
/** As many as a table may have (`persistence.maxSenders`); the oldest goes first. */
const MAX_KNOWN = 1_000_000;
const A_TURN = 500;

export class SenderBook implements SharedSenders {
  readonly counts = { stored: 0, dropped: 0, failed: 0 };
  revision = 0;
  readonly #options: SenderBookOptions;
  #bucket: SharedBucket | undefined;
  #isCurrent = false;
  #isPumping = false;
  /** By bucket key. In the order in which they were heard of. */
  readonly #known = new Map<string, Place>();
  /** Bound here and not written: pool and key, to the node. Hashed when it is written. */
  readonly #queue = new Map<string, readonly [pool: string, key: string, node: string]>();
  /** Which of the senders here a bucket key is about. */
  readonly #own = new Map<string, readonly [pool: string, key: string]>();
  /** All that this member has, for a bucket that was away. */
  #backlog: Iterator<Put | undefined> | undefined;
  #session = 0;

  constructor(options: SenderBookOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#queue.size;
  }

  nodeOf(pool: string, key: string): string | undefined {
    if (this.#known.size === 0) return undefined;
    const table = this.#options.tableOf(pool);
    if (table === undefined) return undefined;
    const name = this.#nameOf(pool, table.by, key);
    const place = this.#known.get(name);
    if (place === undefined || monotonicMs() - place.seenAt >= table.idleMs) return undefined;
    if (!table.nodes.has(place.node)) return undefined;
    this.#remember(name, pool, key);
    return place.node;
  }

  bound(pool: string, key: string, node: string): void {
    const name = `${pool}\n${key}`;
    if (!this.#queue.has(name) && this.#queue.size >= MAX_QUEUED) {
      this.counts.dropped++;
      return;
    }
    this.#queue.set(name, [pool, key, node]);
    this.#pumpSoon();
  }

  /** Senders that go on are told again before the bucket forgets them. */
  refresh(): void {
    if (this.#isCurrent && this.#backlog === undefined) {
      this.#backlog = this.#all(false);
      this.#pumpSoon();
    }
  }

  begin(bucket: SharedBucket): BucketWatcher {
    this.end();
    this.#bucket = bucket;
    this.#session++;
    this.revision = 0;
    return {
      onEntry: (entry) => {
        if (this.#bucket === bucket) this.#take(entry);
      },
      onCurrent: () => {
        if (this.#bucket !== bucket) return;
        this.#isCurrent = true;
        // What the bucket has of others is newer than what is in the tables here; what it does not have is told.
        this.#backlog = this.#all(true);
        this.#pumpSoon();
      },
    };
  }

  end(): void {
    this.#bucket = undefined;
    this.#isCurrent = false;
    this.#backlog = undefined;
  }

  #take({ key: name, value, revision, ageMs }: BucketEntry): void {
    this.revision = Math.max(this.revision, revision);
    const place = value === undefined ? undefined : read(value);
    const before = this.#known.get(name);
    if (before?.session === this.#session && before.revision >= revision) return;
    if (place === undefined) {
      this.#known.delete(name);
      return;
    }
    this.#know(name, place.node, revision, Math.max(0, ageMs));
    const own = this.#own.get(name);
    if (own === undefined || place.by === this.#options.member) return;
    const [pool, key] = own;
    // Bound here meanwhile: that will be the newer one.
    if (this.#queue.has(`${pool}\n${key}`)) return;
    const table = this.#options.tableOf(pool);
    if (table?.nodes.has(place.node)) table.table.move(key, place.node);
  }

  #know(name: string, node: string, revision: number, ageMs: number): void {
    this.#known.delete(name);
    if (this.#known.size >= MAX_KNOWN) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(name, { node, revision, session: this.#session, seenAt: monotonicMs() - ageMs });
  }

  #pumpSoon(): void {
    if (this.#isPumping || this.#bucket === undefined || !this.#isCurrent) return;
    this.#isPumping = true;
    // Not in the turn in which the message goes out.
    setImmediate(() => void this.#pump());
  }

  async #pump(): Promise<void> {
    const bucket = this.#bucket;
    try {
      while (bucket !== undefined && this.#bucket === bucket && this.#isCurrent) {
        const batch = this.#next();
        if (batch === undefined) break;
        await Promise.all(batch.map((one) => this.#put(bucket, one)));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } catch (thrown) {
      this.counts.failed++;
      if (this.#bucket === bucket) this.#options.onFailed(thrown);
    } finally {
      this.#isPumping = false;
    }
    if (this.#bucket !== bucket) this.#pumpSoon();
  }

  /** Undefined: nothing is left. Empty: look again, in another turn. */
  #next(): readonly Put[] | undefined {
    const batch: Put[] = [];
    for (const [queued, [pool, key, node]] of this.#queue) {
      if (batch.length >= AT_ONCE) break;
      this.#queue.delete(queued);
      const table = this.#options.tableOf(pool);
      if (table === undefined) continue;
      const name = this.#nameOf(pool, table.by, key);
      this.#remember(name, pool, key);
      batch.push({ name, node, again: () => this.#queueAgain(queued, pool, key, node) });
    }
    if (batch.length > 0 || this.#backlog === undefined) return batch.length > 0 ? batch : undefined;
    for (let i = 0; i < A_TURN && batch.length < AT_ONCE; i++) {
      const { value, done } = this.#backlog.next();
      if (done === true) {
        this.#backlog = undefined;
        return batch.length > 0 ? batch : undefined;
      }
      if (value !== undefined) batch.push(value);
    }
    return batch;
  }

  async #put(bucket: SharedBucket, { name, node, again }: Put): Promise<void> {
    try {
      const session = this.#session;
      const revision = await bucket.put(name, JSON.stringify({ node, by: this.#options.member }));
      this.counts.stored++;
      const known = this.#known.get(name);
      if (session === this.#session && !(known?.session === session && known.revision >= revision))
        this.#know(name, node, revision, 0);
    } catch (thrown) {
      if (reasonOf(thrown) === 'too large') {
        this.counts.dropped++;
        return;
      }
      again?.();
      throw thrown;
    }
  }

  /** Unless it has been bound anew meanwhile. */
  #queueAgain(queued: string, pool: string, key: string, node: string): void {
    if (this.#queue.has(queued)) return;
    if (this.#queue.size >= MAX_QUEUED) this.counts.dropped++;
    else this.#queue.set(queued, [pool, key, node]);
  }

  #remember(name: string, pool: string, key: string): void {
    if (this.#own.has(name)) return;
    if (this.#own.size >= MAX_KNOWN) {
      const [oldest] = this.#own.keys();
      if (oldest !== undefined) this.#own.delete(oldest);
    }
    this.#own.set(name, [pool, key]);
  }

  /** What the bucket does not have of it, or will soon forget. `isNew`: it may be another bucket, and has to have all that is known. */
  *#all(isNew: boolean): Iterator<Put | undefined> {
    for (const pool of this.#options.pools()) {
      for (const { key, node } of this.#options.tableOf(pool)?.table.list() ?? []) {
        const table = this.#options.tableOf(pool);
        if (table === undefined) break;
        const name = this.#nameOf(pool, table.by, key);
        this.#remember(name, pool, key);
        const known = this.#known.get(name);
        const isThere = known?.session === this.#session;
        if (!isThere || (known.node === node && monotonicMs() - known.seenAt > table.idleMs / 3))
          yield { name, node };
        else {
          // Another member has bound it since.
          if (known.node !== node && table.nodes.has(known.node) && !this.#queue.has(`${pool}\n${key}`))
            table.table.move(key, known.node);
          yield undefined;
        }
      }
    }
    if (!isNew) return;
    for (const [name, { node, session }] of [...this.#known])
      yield session === this.#session ? undefined : { name, node };
  }

  #nameOf(pool: string, by: string, key: string): string {
    const hash = createHmac('sha256', this.#options.hashKey).update(`${pool}\n${by}\n${key}`).digest();
    return hash.subarray(0, 16).toString('base64url');
  }
}

/** Undefined: no member has written that. */
function read(text: string): { readonly node: string; readonly by: string } | undefined {
  if (text.length > 1024) return undefined;
  try {
    const { node, by } = JSON.parse(text) as { node?: unknown; by?: unknown };
    return typeof node === 'string' && typeof by === 'string' ? { node, by } : undefined;
  } catch {
    return undefined;
  }
}
