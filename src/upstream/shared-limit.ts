// F101: one limit for the connections of several pools to one address (`connections.shared`). Promises never more than the limit, and
// that each pool that has messages gets a connection in its turn: who has most gives one back, when its messages are answered.
import { addressKey } from '../addresses.ts';
import { clearInterval, setInterval } from '../platform/time.ts';

/** One pool's connections to the address. */
export interface Sharer {
  readonly maxConnections: number;
  /** Connections that may have messages, and those on their way. */
  readonly inUse: number;
  /** Of those, the ones that have had no message for a while. */
  readonly spare?: number;
  /** Ends a connection without messages, or, if it may have some, when those are answered. False: there is none. */
  endOne(mayBeBusy: boolean): boolean;
  /** There may be a place for one more. */
  onPlace(): void;
}

/** Who waits while nobody can give back asks again: connections come to be idle without a word. */
const ASK_AGAIN_MS = 200;

/** Who gives out places for connections. */
export type PlaceLimit = Pick<
  SharedLimit,
  'join' | 'leave' | 'freeFor' | 'expectedFor' | 'take' | 'ask' | 'askAgain' | 'giveUp'
>;

export class SharedLimit {
  readonly #onEmpty: () => void;
  readonly #most: () => number;
  readonly #sharers = new Set<Sharer>();
  /** Connections that are open or on their way, also of those that have left. */
  #taken = 0;
  /** Connections of them that end as soon as they can, or have ended and are not closed by the node yet, are those beyond `inUse`. */
  readonly #takenBy = new Map<Sharer, number>();
  /** In the order in which they asked. */
  readonly #waiting = new Set<Sharer>();
  /** It is told of a place that is its own. */
  #turn: Sharer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  /** `onEmpty`: nobody shares it any more. `most`: places that there are, whatever sharers say. */
  constructor(onEmpty: () => void = () => {}, most: () => number = () => Number.POSITIVE_INFINITY) {
    this.#onEmpty = onEmpty;
    this.#most = most;
  }

  /** Who waits for a place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** What the sharers say; where they say different things, the least. */
  get least(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { maxConnections } of this.#sharers) least = Math.min(least, maxConnections);
    return least;
  }

  /** Connections that have had no message for a while. */
  get spare(): number {
    let spare = 0;
    for (const sharer of this.#sharers) spare += sharer.spare ?? 0;
    return spare;
  }

  /** Connections that are open or on their way. */
  get taken(): number {
    return this.#taken;
  }

  join(sharer: Sharer): void {
    this.#sharers.add(sharer);
  }

  /** It opens no more; what it has counts for as long as it is there. */
  leave(sharer: Sharer): void {
    this.#sharers.delete(sharer);
    this.giveUp(sharer);
    this.offer();
    this.#endIfEmpty();
  }

  /** Places that it may take now: those that nobody waits for who asked before. */
  freeFor(sharer: Sharer): number {
    let before = 0;
    if (sharer !== this.#turn) {
      if (this.#turn !== undefined) before++;
      for (const one of this.#waiting) {
        if (one === sharer) break;
        before++;
      }
    }
    return Math.max(0, this.#limit - this.#taken - before);
  }

  /** Places that it may count on, if not at once. */
  expectedFor(sharer: Sharer): number {
    return this.freeFor(sharer);
  }

  /** Takes a place; only where there is one. The result gives it back, and may be called again. */
  take(sharer: Sharer): () => void {
    this.giveUp(sharer);
    this.#count(sharer, 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count(sharer, -1);
      this.offer();
      this.#endIfEmpty();
    };
  }

  /** Asks for a place, in its turn; `onPlace` tells when there is one. */
  ask(sharer: Sharer): void {
    this.#waiting.add(sharer);
    this.#askOthers();
    this.#timer ??= setInterval(() => this.#askOthers(), ASK_AGAIN_MS).unref();
  }

  /** Somebody may give back a place now that could not when it was asked. */
  askAgain(): void {
    if (this.#waiting.size > 0) this.#askOthers();
  }

  /** It needs none any more. */
  giveUp(sharer: Sharer): void {
    this.#waiting.delete(sharer);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends a connection of whoever has most, when its messages are answered or, unless `mayBeBusy`, if it has none. */
  endOne(mayBeBusy: boolean): boolean {
    const sharers = [...this.#sharers].sort((a, b) => b.inUse - a.inUse);
    return sharers.some((one) => one.inUse > 0 && one.endOne(mayBeBusy));
  }

  get #limit(): number {
    return Math.min(this.#most(), this.least);
  }

  #count(sharer: Sharer, by: 1 | -1): void {
    this.#taken += by;
    const taken = (this.#takenBy.get(sharer) ?? 0) + by;
    if (taken === 0) this.#takenBy.delete(sharer);
    else this.#takenBy.set(sharer, taken);
  }

  /** There may be places: those who wait are told, then all. */
  offer(): void {
    for (const one of [...this.#waiting]) {
      if (this.#taken >= this.#limit) return;
      this.giveUp(one);
      this.#turn = one;
      one.onPlace();
      this.#turn = undefined;
    }
    if (this.#taken < this.#limit) for (const one of [...this.#sharers]) one.onPlace();
  }

  /** For each that waits beyond the places that come free anyway, one of another's connections. */
  #askOthers(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    let coming = Math.max(0, this.#limit - this.#taken);
    for (const [sharer, taken] of this.#takenBy) coming += Math.max(0, taken - sharer.inUse);
    for (const one of [...this.#waiting]) if (coming-- <= 0) this.#askOthersFor(one);
    this.#isAsking = false;
  }

  #askOthersFor(one: Sharer): void {
    const others = [...this.#sharers].filter((other) => other !== one && other.inUse > 0);
    // Of those that have as many, one that does not need all of them.
    others.sort((a, b) => b.inUse - a.inUse || (b.spare ?? 0) - (a.spare ?? 0));
    for (const other of others) {
      const hasMore = other.inUse > one.inUse + 1 || one.inUse === 0;
      if ((hasMore || other.inUse > 1) && other.endOne(hasMore)) return;
    }
  }

  #endIfEmpty(): void {
    if (this.#sharers.size === 0 && this.#taken === 0) this.#onEmpty();
  }
}

/** A limit that holds for several processes, by its key. `onEmpty`: nobody in this one shares it any more. */
export type CreateLease = (key: string, onEmpty: () => void) => PlaceLimit;

/** By address; where the limits hold for several processes, by node as well. */
export class SharedLimits {
  readonly #limits = new Map<string, PlaceLimit>();
  readonly #createLease: CreateLease | undefined;

  /** `createLease`: other processes have connections to the same nodes. */
  constructor(createLease?: CreateLease) {
    this.#createLease = createLease;
  }

  get size(): number {
    return this.#limits.size;
  }

  of(host: string, port: number): PlaceLimit {
    return this.#at(addressKey({ host, port }));
  }

  /** Of one node's connections; undefined where this process is the only one. */
  ofNode(pool: string, node: string): PlaceLimit | undefined {
    return this.#createLease === undefined ? undefined : this.#at(`${pool}/${node}`);
  }

  #at(key: string): PlaceLimit {
    let limit = this.#limits.get(key);
    if (limit === undefined) {
      const onEmpty = (): void => void this.#limits.delete(key);
      limit = this.#createLease?.(key, onEmpty) ?? new SharedLimit(onEmpty);
      this.#limits.set(key, limit);
    }
    return limit;
  }
}
