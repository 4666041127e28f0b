// Messages that a reload meets on their way, until each is over or has been routed anew. Promises that what comes later
// of the same sender, or with the same sticky key, waits for them: it may go another way now, and would overtake them there.
import type { Message, Origin } from './message.ts';

/** Those of one sender's connection, or of one sticky key; and who waits until they are out of its way. */
interface Group {
  readonly members: Set<Message>;
  readonly waiting: Set<() => void>;
  readonly forget: () => void;
}

export class ReloadGuard {
  readonly #groupsOf = new Map<Message, readonly Group[]>();
  readonly #bySender = new Map<Origin['lanes'], Group>();
  readonly #byKey = new Map<string, Group>();
  #epoch = 0;
  /** Undefined: those that there were at the start. */
  #listeners: ReadonlySet<string> | undefined;
  #routeAnew: (message: Message) => void = () => {};

  /** Which config a message was routed by: another number after each reload that may send it another way. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Some are on their way still. */
  get isActive(): boolean {
    return this.#groupsOf.size > 0;
  }

  /** Who routes a message that is handed back. */
  attach(routeAnew: (message: Message) => void): void {
    this.#routeAnew = routeAnew;
  }

  /** Routes or pools have changed; `taken`: every message that a pool has now. Without it, nothing goes another way. */
  reload(listeners: ReadonlySet<string>, taken: Iterable<Message> | undefined): void {
    this.#listeners = listeners;
    if (taken === undefined) return;
    this.#epoch++;
    for (const message of taken) {
      if (this.#groupsOf.has(message)) continue;
      const { origin, stickyKey } = message;
      const groups = [groupIn(this.#bySender, origin.lanes)];
      if (stickyKey !== undefined) groups.push(groupIn(this.#byKey, stickyKey));
      for (const { members } of groups) members.add(message);
      this.#groupsOf.set(message, groups);
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
  isOutdated(message: Message): boolean {
    return message.epoch !== this.#epoch && !this.isGone(message.origin.listener) && !message.isAmbiguous;
  }

  /** Its pool does not have it any more. */
  handBack(message: Message): void {
    this.#routeAnew(message);
  }

  /** It is over, or a pool has taken it by the config in force. */
  release(message: Message): void {
    const groups = this.#groupsOf.get(message);
    if (groups === undefined) return;
    this.#groupsOf.delete(message);
    for (const { members, forget } of groups) {
      members.delete(message);
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
  blocks(message: Message, byKey: boolean): boolean {
    return this.isActive && this.#inWayOf(message, byKey) !== undefined;
  }

  /** Calls back once, when to look again; only where something is in its way. */
  wait(message: Message, byKey: boolean, wake: () => void): void {
    this.#inWayOf(message, byKey)?.waiting.add(wake);
  }

  #inWayOf(message: Message, byKey: boolean): Group | undefined {
    const { origin, stickyKey } = message;
    const ofSender = this.#bySender.get(origin.lanes);
    if (ofSender !== undefined && holdsEarlier(ofSender, message)) return ofSender;
    const ofKey = byKey && stickyKey !== undefined ? this.#byKey.get(stickyKey) : undefined;
    return ofKey !== undefined && holdsEarlier(ofKey, message) ? ofKey : undefined;
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
function holdsEarlier({ members }: Group, { sequence }: Message): boolean {
  if (sequence === 0) return members.size > 0;
  for (const member of members) if (member.sequence < sequence) return true;
  return false;
}
