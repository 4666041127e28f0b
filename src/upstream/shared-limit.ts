// F101: one limit for the connections of several pools to one address (`connections.shared`). Promises never more than the limit, and
// that each pool that has messages gets a connection in its turn: who has most gives one back, when its messages are answered.
import { addressKey } from '../addresses.ts';

/** One pool's connections to the address. */
export interface Sharer {
  readonly maxConnections: number;
  /** Connections that may have messages, and those on their way. */
  readonly inUse: number;
  /** Ends a connection without messages, or, if it may have some, when those are answered. False: there is none. */
  endOne(mayBeBusy: boolean): boolean;
  /** There may be a place for one more. */
  onPlace(): void;
}

/** Who waits while nobody can give back asks again: connections come to be idle without a word. */
const ASK_AGAIN_MS = 200;

export class SharedLimit {
  readonly #onEmpty: () => void;
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

  /** `onEmpty`: nobody shares it any more. */
  constructor(onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
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
    this.#offer();
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

  /** Takes a place; only where there is one. The result gives it back, and may be called again. */
  take(sharer: Sharer): () => void {
    this.giveUp(sharer);
    this.#count(sharer, 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count(sharer, -1);
      this.#offer();
      this.#endIfEmpty();
    };
  }

  /** Asks for a place, in its turn; `onPlace` tells when there is one. */
  ask(sharer: Sharer): void {
    this.#waiting.add(sharer);
    this.#askOthers();
    this.#timer ??= setInterval(() => this.#askOthers(), ASK_AGAIN_MS).unref();
  }

  /** It needs none any more. */
  giveUp(sharer: Sharer): void {
    this.#waiting.delete(sharer);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Where they say different things: the least. */
  get #limit(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { maxConnections } of this.#sharers) least = Math.min(least, maxConnections);
    return least;
  }

  #count(sharer: Sharer, by: 1 | -1): void {
    this.#taken += by;
    const taken = (this.#takenBy.get(sharer) ?? 0) + by;
    if (taken === 0) this.#takenBy.delete(sharer);
    else this.#takenBy.set(sharer, taken);
  }

  #offer(): void {
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
    others.sort((a, b) => b.inUse - a.inUse);
    for (const other of others) {
      const hasMore = other.inUse > one.inUse + 1 || one.inUse === 0;
      if ((hasMore || other.inUse > 1) && other.endOne(hasMore)) return;
    }
  }

  #endIfEmpty(): void {
    if (this.#sharers.size === 0 && this.#taken === 0) this.#onEmpty();
  }
}

/** By address. */
export class SharedLimits {
  readonly #limits = new Map<string, SharedLimit>();

  get size(): number {
    return this.#limits.size;
  }

  of(host: string, port: number): SharedLimit {
    const address = addressKey({ host, port });
    let limit = this.#limits.get(address);
    if (limit === undefined) {
      limit = new SharedLimit(() => this.#limits.delete(address));
      this.#limits.set(address, limit);
    }
    return limit;
  }
}
