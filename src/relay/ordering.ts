// The order of messages: lanes (those of one sender connection to one pool, or of one sticky key), the reorder buffer for what is
// read in the parse pool meanwhile, and what a reload met on its way.
import type { PoolConfig } from '../config/config.ts';
import { setImmediate } from '../platform/time.ts';
import { Ring } from '../ring.ts';
import type { Carrier, Message, MessageLane, MessagePhase, Origin } from './message.ts';
import type { AttemptHistory } from './retry.ts';

/** What a lane needs to know of a message. */
export interface Laned {
  /** Grows in the order in which messages are added; one that is added again has the same as before. */
  readonly sequence: number;
  readonly phase: MessagePhase;
}

export class OrderingLane<T extends Laned> {
  /** In order; the settled ones are taken out. */
  readonly #messages = new Ring<T>();
  /** Whether messages may follow one another on a node's connection before the first is answered. */
  mayFollow: boolean;
  /**
   * Since when its first message has waited for a node, whichever message that was at the time; undefined: the last one
   * that had its turn was taken by a node. In monotonicMs() milliseconds.
   */
  stuckSince: number | undefined;
  #moving = false;
  #again = false;

  constructor(mayFollow: boolean) {
    this.mayFollow = mayFollow;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** It holds one message, and nothing is being done with it. */
  get isAlone(): boolean {
    return this.#messages.length === 1 && !this.#moving;
  }

  get messages(): readonly T[] {
    return [...this.#messages];
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Behind all that were added before it; also where it comes back, and later ones are there. */
  add(message: T): void {
    let at = this.#messages.length;
    while (at > 0 && (this.#messages.at(at - 1) as T).sequence > message.sequence) at--;
    if (at === this.#messages.length) this.#messages.push(message);
    else this.#messages.insert(at, message);
  }

  remove(message: T): void {
    this.#messages.remove(message);
  }

  /**
   * Sends what can be sent. `place` is for the first message: any node will do. `follow` is for one behind `ahead`,
   * which is with a node: it may only take the same way, and says whether it could.
   */
  advance(place: (message: T) => void, follow: (message: T, ahead: T) => boolean): void {
    // What is sent can fail, be answered and end a lane's messages while this runs.
    this.#again = true;
    if (this.#moving) return;
    this.#moving = true;
    while (this.#again) {
      this.#again = false;
      this.#pass(place, follow);
    }
    this.#moving = false;
  }

  #pass(place: (message: T) => void, follow: (message: T, ahead: T) => boolean): void {
    for (let i = 0; i < this.#messages.length; i++) {
      const message = this.#messages.at(i) as T;
      if (message.phase === 'sent') continue;
      if (message.phase !== 'ready') return;
      const ahead = this.#messages.at(i - 1);
      if (ahead === undefined) place(message);
      else if (!this.mayFollow || !follow(message, ahead)) return;
      if (this.#messages.at(i) !== message) {
        this.#again = true;
        return;
      }
    }
  }
}

/** The lanes of one pool. That of a sticky key lives while it holds messages, and one of a connection as long as that. */
export class OrderingLanes {
  /** Set by who wants to know: no message of this key is left. */
  onKeyLeft: ((key: string) => void) | undefined;
  /** For `ordering: key`. */
  readonly #byKey = new Map<string, MessageLane>();

  /** The one that it takes its place in. */
  of(message: Message, { ordering, connections }: PoolConfig): MessageLane {
    const { lanes, storedIn } = message.origin;
    // What comes from the store has its order there, and what is to be stored behind it must not wait for it.
    const key = ordering === 'key' && storedIn === undefined ? message.stickyKey : undefined;
    const mayFollow = key === undefined && connections.pipelining > 1;
    let lane = key === undefined ? lanes.get(this) : this.#byKey.get(key);
    if (lane === undefined) {
      lane = new OrderingLane<Message>(mayFollow);
      if (key === undefined) lanes.set(this, lane);
      else this.#byKey.set(key, lane);
    }
    // That of a connection may be older than the config.
    lane.mayFollow = mayFollow;
    return lane;
  }

  /** Messages of this key are not over. */
  hasKey(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** It has left its lane. */
  left({ lane, stickyKey }: Message): void {
    if (lane?.isEmpty !== true || stickyKey === undefined || this.#byKey.get(stickyKey) !== lane) return;
    this.#byKey.delete(stickyKey);
    this.onKeyLeft?.(stickyKey);
  }
}

/** One message's place in the order of its sender. Until its turn it can be abandoned here. */
export class ReorderSlot implements Carrier {
  readonly message: Message;
  /** Takes its reading out of the pool's queue. */
  cancel: (() => void) | undefined;
  /** What is to be done with it; undefined while it is read. */
  step: (() => void) | undefined;
  /** Set by its step: those behind it go on waiting until `release`. */
  isHeld = false;
  hasRun = false;
  isRunning = false;
  readonly #buffer: ReorderBuffer;

  constructor(message: Message, buffer: ReorderBuffer) {
    this.message = message;
    this.#buffer = buffer;
  }

  abandon(message: Message): void {
    this.cancel?.();
    this.isHeld = false;
    message.settle({ kind: 'abandoned' });
    // Those behind it are abandoned in this same turn of the event loop: none of them may be sent in its place.
    setImmediate(() => this.#buffer.end(this, () => {}));
  }

  onAssigned(): void {}
  onAnswered(): void {}
  onSettled(): void {}
  onFailed(): void {}
}

/**
 * Keeps a sender's messages in their order while some are read in the parse pool: whatever is done with a message waits until
 * all ahead of it of the same connection have been read. Readings themselves go side by side.
 */
export class ReorderBuffer {
  readonly #lines = new Map<Origin, ReorderSlot[]>();
  readonly #clear = new Map<Origin, () => void>();
  readonly #onLeft: (message: Message) => void;
  #count = 0;

  /** `onLeft`: a message does not wait here any more. */
  constructor(onLeft: (message: Message) => void = () => {}) {
    this.#onLeft = onLeft;
  }

  /** Messages that are read, or wait for those that are. */
  get count(): number {
    return this.#count;
  }

  has(origin: Origin): boolean {
    return this.#lines.has(origin);
  }

  /** Some sender of which this holds has messages here. */
  some(holds: (origin: Origin) => boolean): boolean {
    for (const origin of this.#lines.keys()) if (holds(origin)) return true;
    return false;
  }

  /**
   * The message takes its place, until `end` is called for it or it is abandoned. One that a pool has had before, and that is
   * routed again, takes it before those that none has had.
   */
  begin(message: Message): ReorderSlot {
    const slot = new ReorderSlot(message, this);
    message.heldBy(slot);
    this.#count++;
    const line = this.#lines.get(message.origin);
    if (line === undefined) this.#lines.set(message.origin, [slot]);
    else line.splice(placeIn(line, message), 0, slot);
    return slot;
  }

  /** It has been read: `step` is run when all ahead of it have been, unless the message is over by then. */
  end(slot: ReorderSlot, step: () => void): void {
    slot.step ??= step;
    this.#advance(slot);
  }

  /** What its step began is done. */
  release(slot: ReorderSlot): void {
    slot.isHeld = false;
    if (!slot.isRunning) this.#advance(slot);
  }

  /** Calls back once when nothing of this sender waits here: at once, if that is so. */
  whenClear(origin: Origin, callback: () => void): void {
    if (this.has(origin)) this.#clear.set(origin, callback);
    else callback();
  }

  #advance(slot: ReorderSlot): void {
    const { origin } = slot.message;
    const line = this.#lines.get(origin);
    if (line === undefined || line[0] !== slot) return;
    // A step can bring new messages of this sender: they find the line as it is, and go behind.
    for (let first = line[0]; first?.step !== undefined; first = line[0]) {
      run(first);
      if (first.isHeld) return;
      // It need not be the first any more: one that is routed again may have come before it.
      if (line[0] === first) line.shift();
      else line.splice(line.indexOf(first), 1);
      this.#count--;
      this.#onLeft(first.message);
    }
    // What was told on the way may have got here before.
    if (line.length > 0 || this.#lines.get(origin) !== line) return;
    this.#lines.delete(origin);
    const clear = this.#clear.get(origin);
    this.#clear.delete(origin);
    clear?.();
  }
}

function run(slot: ReorderSlot): void {
  if (slot.hasRun) return;
  slot.hasRun = true;
  if (slot.message.phase === 'over') return;
  slot.isRunning = true;
  slot.step?.();
  slot.isRunning = false;
}

function placeIn(line: readonly ReorderSlot[], { sequence }: Message): number {
  if (sequence === 0) return line.length;
  const at = line.findIndex(({ message }) => message.sequence === 0 || message.sequence > sequence);
  return at < 0 ? line.length : at;
}

/** Those of one sender's connection, or of one sticky key; and who waits until they are out of its way. */
interface Group {
  readonly members: Set<Message>;
  readonly waiting: Set<() => void>;
  readonly forget: () => void;
}

/**
 * Messages that a reload meets on their way, until each is over or has been routed again. Promises that what comes later of the
 * same sender, or with the same sticky key, waits for them: it may go another way now, and would overtake them there.
 */
export class ReloadGuard {
  readonly #groupsOf = new Map<Message, readonly Group[]>();
  readonly #bySender = new Map<Origin['lanes'], Group>();
  readonly #byKey = new Map<string, Group>();
  #epoch = 0;
  /** Undefined: those that there were at the start. */
  #listeners: ReadonlySet<string> | undefined;
  #routeAgain: (message: Message) => void = () => {};

  /** Which config a message was routed by: another number after each reload that may send it another way. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Some are on their way still. */
  get isActive(): boolean {
    return this.#groupsOf.size > 0;
  }

  /** Who routes a message that is handed back. */
  attach(routeAgain: (message: Message) => void): void {
    this.#routeAgain = routeAgain;
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
   * A message or a request was routed by a config that is not in force any more, and no node has it or may have it. What came by a
   * listener that is gone stays with the config that it came under: the one in force may have no word for it.
   */
  isOutdated(routed: AttemptHistory): boolean {
    return routed.epoch !== this.#epoch && !this.isGone(routed.listener) && !routed.isAmbiguous;
  }

  /** Its pool does not have it any more. */
  handBack(message: Message): void {
    this.#routeAgain(message);
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
