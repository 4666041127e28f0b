// Remembers which node each sender was given. Bounded and expiring without timers; each operation takes constant time.
import type { EarlierSenders } from './earlier-senders.ts';

interface Entry {
  readonly key: string;
  node: string;
  usedAt: number;
  /** Used before this one, and after it. */
  older: Entry | undefined;
  newer: Entry | undefined;
}

export interface StickTableOptions {
  /** Beyond it, the sender that was silent for longest is forgotten. */
  readonly maxSenders: number;
  /** A sender silent for this long is forgotten. */
  readonly idleMs: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
  /** A sender has been given a node, or another one. */
  readonly onBound?: ((key: string, node: string) => void) | undefined;
  /** Who else may know the node of a sender that this table does not know. */
  readonly elsewhere?: ((key: string) => string | undefined) | undefined;
}

/**
 * A Map's own order would do for the least recently used, but its first key takes long to find after many deletions at
 * its front; so the entries are linked.
 */
export class StickTable {
  readonly #entries = new Map<string, Entry>();
  #maxSenders: number;
  #idleMs: number;
  readonly #now: () => number;
  readonly #onBound: ((key: string, node: string) => void) | undefined;
  readonly #elsewhere: ((key: string) => string | undefined) | undefined;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  /** Those of the process before, until each has come back. */
  #earlier: EarlierSenders | undefined;

  constructor({ maxSenders, idleMs, now, onBound, elsewhere }: StickTableOptions) {
    this.#onBound = onBound;
    this.#elsewhere = elsewhere;
    this.#maxSenders = maxSenders;
    this.#idleMs = idleMs;
    this.#now = now;
  }

  /** Goes by other limits; those that are too many by them are forgotten. */
  reconfigure({ maxSenders, idleMs }: Pick<StickTableOptions, 'maxSenders' | 'idleMs'>): void {
    this.#maxSenders = maxSenders;
    this.#idleMs = idleMs;
    while (this.#oldest !== undefined && this.#entries.size > maxSenders) this.#forget(this.#oldest);
  }

  /** Senders held, some of which may have expired and not been asked for since. */
  get size(): number {
    return this.#entries.size;
  }

  /** What an earlier process remembered holds for senders that this table does not know yet. */
  restore(earlier: EarlierSenders): void {
    this.#earlier = earlier;
  }

  get earlier(): EarlierSenders | undefined {
    return this.#earlier;
  }

  /** Every sender that has not expired, the one that was used last first. */
  list(): { readonly key: string; readonly node: string; readonly idleMs: number }[] {
    const now = this.#now();
    const list = [];
    for (let entry = this.#newest; entry !== undefined && !this.#hasExpired(entry, now); entry = entry.older)
      list.push({ key: entry.key, node: entry.node, idleMs: now - entry.usedAt });
    return list;
  }

  /** Senders that have been used within so many milliseconds. */
  *usedWithin(ms: number): Iterable<string> {
    const from = this.#now() - ms;
    for (let entry = this.#newest; entry !== undefined && entry.usedAt >= from; entry = entry.older)
      yield entry.key;
  }

  /** Name of the sender's node; counts as a sign of life. */
  get(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return this.#takeElsewhere(key) ?? this.#takeEarlier(key);
    const now = this.#now();
    if (this.#hasExpired(entry, now)) {
      this.#forget(entry);
      return this.#takeElsewhere(key);
    }
    this.#use(entry, now);
    return entry.node;
  }

  set(key: string, node: string): void {
    if (this.#put(key, node)) this.#onBound?.(key, node);
  }

  /** Somebody else has bound the sender since. No sign of life; nothing for a sender that is not here. */
  move(key: string, node: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.node = node;
  }

  /** Returns whether the sender has another node than before. */
  #put(key: string, node: string): boolean {
    const now = this.#now();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      const isSame = known.node === node;
      known.node = node;
      this.#use(known, now);
      return !isSame;
    }
    // Two for each that is added: expired ones go faster than new ones come, and no call takes longer than another.
    for (let i = 0; i < 2; i++) {
      if (this.#oldest !== undefined && this.#hasExpired(this.#oldest, now)) this.#forget(this.#oldest);
    }
    if (this.#oldest !== undefined && this.#entries.size >= this.#maxSenders) this.#forget(this.#oldest);
    const entry: Entry = { key, node, usedAt: now, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    return true;
  }

  #takeElsewhere(key: string): string | undefined {
    const node = this.#elsewhere?.(key);
    // Whoever knew it need not be told.
    if (node !== undefined) this.#put(key, node);
    return node;
  }

  #takeEarlier(key: string): string | undefined {
    if (this.#earlier === undefined) return undefined;
    const node = this.#earlier.take(key, this.#idleMs);
    if (this.#earlier.size === 0) this.#earlier = undefined;
    if (node !== undefined) this.set(key, node);
    return node;
  }

  #hasExpired(entry: Entry, now: number): boolean {
    return now - entry.usedAt >= this.#idleMs;
  }

  #use(entry: Entry, now: number): void {
    entry.usedAt = now;
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #forget(entry: Entry): void {
    this.#unlink(entry);
    this.#entries.delete(entry.key);
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
