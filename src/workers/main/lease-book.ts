// Places for connections to nodes, given to workers as they need them: for each node (or address, `connections.shared`) one limit for all
// processes together. Promises never more places out than the limit, and that a worker with messages gets one in its turn.
import { monotonicMs, setTimeout } from '../../platform/time.ts';
import { SharedLimit, type Sharer } from '../../upstream/shared-limit.ts';

/** How a worker is told. */
export interface Lessee {
  grant(key: string, places: number): void;
  recall(key: string, mayBeBusy: boolean): void;
  /** So many more would be granted. */
  expect(key: string, places: number): void;
}

/** A place is not taken back from messages sooner: each change of hands costs a connection. */
const TENURE_MS = 100;
/** How often workers are told what they may count on. */
const TELL_MS = 20;

interface Entry {
  readonly limit: SharedLimit;
  readonly leases: Map<Lessee, Lease>;
  /** What each was told to expect. */
  readonly told: Map<Lessee, number>;
}

export class LeaseBook {
  readonly #entries = new Map<string, Entry>();
  readonly #lessees = new Set<Lessee>();
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  add(lessee: Lessee): void {
    this.#lessees.add(lessee);
    for (const key of this.#entries.keys()) this.#note(key);
  }

  /** Its process has ended, and with it its connections. */
  remove(lessee: Lessee): void {
    this.#lessees.delete(lessee);
    for (const [key, { leases, told }] of this.#entries) {
      const lease = leases.get(lessee);
      leases.delete(lessee);
      told.delete(lessee);
      lease?.end();
      this.#note(key);
    }
  }

  /** Places that are out. */
  taken(key: string): number {
    return this.#entries.get(key)?.limit.taken ?? 0;
  }

  ask(lessee: Lessee, key: string, wanted: number, most: number): void {
    this.#leaseOf(lessee, key).ask(wanted, most);
  }

  giveUp(lessee: Lessee, key: string): void {
    this.#entries.get(key)?.leases.get(lessee)?.giveUp();
  }

  release(lessee: Lessee, key: string, places: number): void {
    this.#entries.get(key)?.leases.get(lessee)?.release(places);
    this.#note(key);
  }

  refuse(lessee: Lessee, key: string): void {
    this.#entries.get(key)?.leases.get(lessee)?.refused();
  }

  /** Places that it could give back now, by key. */
  spare(lessee: Lessee, spare: ReadonlyMap<string, number>): void {
    for (const [key, places] of spare) {
      const lease = this.#entries.get(key)?.leases.get(lessee);
      if (lease === undefined || lease.spare === places) continue;
      lease.spare = places;
      this.#note(key);
    }
  }

  #leaseOf(lessee: Lessee, key: string): Lease {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { limit: new SharedLimit(), leases: new Map(), told: new Map() };
      this.#entries.set(key, entry);
    }
    let lease = entry.leases.get(lessee);
    if (lease === undefined) {
      lease = new Lease(lessee, key, entry.limit, () => this.#note(key));
      entry.leases.set(lessee, lease);
    }
    return lease;
  }

  #note(key: string): void {
    this.#changed.add(key);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const one of this.#changed) this.#tell(one);
      this.#changed.clear();
    }, TELL_MS).unref();
  }

  /** What is not out, what others could spare, and in any case a fair share of all. */
  #tell(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const { limit, leases, told } = entry;
    for (const lessee of this.#lessees) {
      let free = limit.least - limit.taken;
      for (const [other, lease] of leases) if (other !== lessee) free += lease.spare;
      const fair = Math.floor(limit.least / this.#lessees.size) - (leases.get(lessee)?.held ?? 0);
      const places = Math.max(0, free, fair);
      if (told.get(lessee) === places) continue;
      told.set(lessee, places);
      lessee.expect(key, places);
    }
    if ([...leases.values()].some(({ isIdle }) => !isIdle)) return;
    // Everybody expects all of them.
    for (const lease of leases.values()) lease.end();
    this.#entries.delete(key);
  }
}

/** One worker's places at one limit. */
class Lease implements Sharer {
  maxConnections = Number.POSITIVE_INFINITY;
  /** As it has told. */
  spare = 0;
  readonly #lessee: Lessee;
  readonly #key: string;
  readonly #limit: SharedLimit;
  readonly #onChange: () => void;
  readonly #releases: (() => void)[] = [];
  #wanted = 0;
  /** Places that were asked back. */
  #recalled = 0;
  #grantedAt = Number.NEGATIVE_INFINITY;

  constructor(lessee: Lessee, key: string, limit: SharedLimit, onChange: () => void) {
    this.#lessee = lessee;
    this.#key = key;
    this.#limit = limit;
    this.#onChange = onChange;
    limit.join(this);
  }

  get held(): number {
    return this.#releases.length;
  }

  get inUse(): number {
    return this.held - this.#recalled;
  }

  get isIdle(): boolean {
    return this.held === 0 && this.#wanted === 0;
  }

  ask(wanted: number, most: number): void {
    this.#wanted = wanted;
    this.maxConnections = most;
    this.onPlace();
    if (this.#wanted > 0) this.#limit.ask(this);
  }

  giveUp(): void {
    this.#wanted = 0;
    this.#limit.giveUp(this);
  }

  release(places: number): void {
    for (let i = 0; i < places; i++) {
      this.#recalled = Math.max(0, this.#recalled - 1);
      this.#releases.pop()?.();
    }
  }

  refused(): void {
    this.#recalled = Math.max(0, this.#recalled - 1);
  }

  end(): void {
    this.giveUp();
    this.release(this.held);
    this.#limit.leave(this);
  }

  onPlace(): void {
    let places = 0;
    while (this.#wanted > 0 && this.#limit.freeFor(this) > 0) {
      this.#releases.push(this.#limit.take(this));
      this.#wanted--;
      places++;
    }
    if (places === 0) return;
    this.#grantedAt = monotonicMs();
    this.#lessee.grant(this.#key, places);
    this.#onChange();
    if (this.#wanted > 0) this.#limit.ask(this);
  }

  endOne(mayBeBusy: boolean): boolean {
    if (this.spare > 0) this.spare--;
    else if (!mayBeBusy || monotonicMs() - this.#grantedAt < TENURE_MS) return false;
    this.#recalled++;
    this.#lessee.recall(this.#key, mayBeBusy);
    return true;
  }
}
