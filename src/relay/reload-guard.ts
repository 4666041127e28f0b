// Messages that a reload meets on their way, until each is over or has been routed anew. Promises that what comes later
// of the same sender, or with the same sticky key, waits for them: it may go another way now, and would overtake them there.
import type { Exchange, Origin } from './exchange.ts';

/** Those of one sender's connection, or of one sticky key; and who waits until they are out of its way. */
interface Group {
  readonly members: Set<Exchange>;
  readonly waiting: Set<() => void>;
  readonly forget: () => void;
}

export class ReloadGuard {
  readonly #groupsOf = new Map<Exchange, readonly Group[]>();
  readonly #bySender = new Map<Origin['lanes'], Group>();
  readonly #byKey = new Map<string, Group>();
  #epoch = 0;
  /** Undefined: those that there were at the start. */
  #listeners: ReadonlySet<string> | undefined;
  #routeAnew: (exchange: Exchange) => void = () => {};

  /** Which config a message was routed by: another number after each reload that may send it another way. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Some are on their way still. */
  get isActive(): boolean {
    return this.#groupsOf.size > 0;
  }

  /** Who routes a message that is handed back. */
  attach(routeAnew: (exchange: Exchange) => void): void {
    this.#routeAnew = routeAnew;
  }

  /** Routes or pools have changed; `taken`: every message that a pool has now. Without it, nothing goes another way. */
  reload(listeners: ReadonlySet<string>, taken: Iterable<Exchange> | undefined): void {
    this.#listeners = listeners;
    if (taken === undefined) return;
    this.#epoch++;
    for (const exchange of taken) {
      if (this.#groupsOf.has(exchange)) continue;
      const { origin, stickyKey } = exchange;
      const groups = [groupIn(this.#bySender, origin.lanes)];
      if (stickyKey !== undefined) groups.push(groupIn(this.#byKey, stickyKey));
      for (const { members } of groups) members.add(exchange);
      this.#groupsOf.set(exchange, groups);
    }
  }

  /** The config has none of that name any more; its connections are about to end. */
  isGone(listener: string): boolean {
    return this.#listeners?.has(listener) === false;
  }

  /**
   * It was routed by a config that is not in force any more, and no node has it or may have it. What came by a listener that
   * is gone stays with the config that it came under: the one in force may have no word for it.
   */
  isOutdated(exchange: Exchange): boolean {
    return exchange.epoch !== this.#epoch && !this.isGone(exchange.origin.listener) && !exchange.isAmbiguous;
  }

  /** Its pool does not have it any more. */
  handBack(exchange: Exchange): void {
    this.#routeAnew(exchange);
  }

  /** It is over, or a pool has taken it by the config in force. */
  release(exchange: Exchange): void {
    const groups = this.#groupsOf.get(exchange);
    if (groups === undefined) return;
    this.#groupsOf.delete(exchange);
    for (const { members, forget } of groups) {
      members.delete(exchange);
      if (members.size === 0) forget();
    }
    // Each looks for itself whether anything else is in its way.
    for (const { waiting } of groups) {
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    }
  }

  /** Something is in its way; `byKey`: also with the same sticky key. */
  blocks(exchange: Exchange, byKey: boolean): boolean {
    return this.isActive && this.#inWayOf(exchange, byKey) !== undefined;
  }

  /** Calls back once, when to look again; only where something is in its way. */
  wait(exchange: Exchange, byKey: boolean, wake: () => void): void {
    this.#inWayOf(exchange, byKey)?.waiting.add(wake);
  }

  #inWayOf(exchange: Exchange, byKey: boolean): Group | undefined {
    const { origin, stickyKey } = exchange;
    const ofSender = this.#bySender.get(origin.lanes);
    if (ofSender !== undefined && holdsEarlier(ofSender, exchange)) return ofSender;
    const ofKey = byKey && stickyKey !== undefined ? this.#byKey.get(stickyKey) : undefined;
    return ofKey !== undefined && holdsEarlier(ofKey, exchange) ? ofKey : undefined;
  }
}

function groupIn<Key>(groups: Map<Key, Group>, key: Key): Group {
  let group = groups.get(key);
  if (group === undefined) {
    const made: Group = {
      members: new Set(),
      waiting: new Set(),
      forget: () => {
        if (groups.get(key) === made) groups.delete(key);
      },
    };
    groups.set(key, made);
    group = made;
  }
  return group;
}

/** One that no pool has had yet is behind all of them. */
function holdsEarlier({ members }: Group, { place }: Exchange): boolean {
  if (place === 0) return members.size > 0;
  for (const member of members) if (member.place < place) return true;
  return false;
}
