// How the bytes of messages that the whole gateway holds (`limits.maxBuffered`) are shared: between small messages and
// large ones, and between sources. Promises that small messages have room that no large one takes, that no source takes
// the room of all, and that of unfinished large messages at least one goes on to its end.
import { setImmediate } from '../../src/platform/time.ts';
import { type Growing, GrowthQueue } from './growth-queue.ts';

/** One read of a socket brings so much, so no message is stopped below it. */
export const SMALL_BYTES = 64 * 1024;

/** The largest message that is counted with the small ones: 64 of them fit into their own room, by default. */
const MAX_MEDIUM_BYTES = 1024 * 1024;

/** Of `limits.maxBuffered`: room that large messages never take. */
const SMALL_SHARE = 0.25;

/** So many idle sources are remembered before they are looked through. */
const MIN_SWEEP = 1024;

export class BufferBudget {
  /** Above this a message is a large one. Fixed, so that bytes are given back to where they were taken. */
  readonly mediumBytes: number;
  readonly growth: GrowthQueue;
  #maxBytes: number;
  readonly #sources = new Map<string, SourceBudget>();
  #sweepAt = MIN_SWEEP;
  /** Those with readers that wait for room. */
  readonly #waiting = new Set<SourceBudget>();
  #scheduled = false;
  /** Bytes that are there, of whatever kind. */
  heldBytes = 0;
  /** Of them: small messages, whole or not, and what is kept besides messages. */
  smallBytes = 0;
  /** Large messages that are whole, and what those that go on may grow to. */
  largeBytes = 0;
  /** What has come of large messages that wait to go on. */
  pausedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.mediumBytes = Math.min(MAX_MEDIUM_BYTES, Math.max(SMALL_BYTES, maxBytes / 256));
    this.growth = new GrowthQueue(this);
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** There may be room for those that wait. */
  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
    this.changed();
  }

  /** What large messages may take together. */
  get maxLargeBytes(): number {
    return this.#maxBytes * (1 - SMALL_SHARE);
  }

  /** What small messages may take together: more than their own room where large ones leave it. */
  get maxSmallBytes(): number {
    return Math.max(this.#maxBytes * SMALL_SHARE, this.#maxBytes - this.largeBytes - this.pausedBytes);
  }

  /** `key`: of who sends, as `sourceKey` makes it. */
  source(key: string): SourceBudget {
    let source = this.#sources.get(key);
    if (source === undefined) {
      if (this.#sources.size >= this.#sweepAt) this.#sweep();
      source = new SourceBudget(this);
      this.#sources.set(key, source);
    }
    return source;
  }

  /** Bytes were given back: those that wait are looked at again, once in a turn of the event loop. */
  changed(): void {
    if (this.#scheduled || (this.#waiting.size === 0 && this.growth.isEmpty)) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#wake();
      this.growth.advance();
    });
  }

  /** For sources: `waits` says whether one has readers that wait for room. */
  note(source: SourceBudget, waits: boolean): void {
    if (waits) this.#waiting.add(source);
    else this.#waiting.delete(source);
  }

  #wake(): void {
    for (const source of [...this.#waiting]) if (source.hasRoom) source.wake();
  }

  #sweep(): void {
    for (const [key, source] of this.#sources) if (source.isIdle) this.#sources.delete(key);
    // Where most are busy, they are not looked through at each new one.
    this.#sweepAt = Math.max(MIN_SWEEP, this.#sources.size * 2);
  }
}

/** What is held for one source: an address, or an IPv6 network. */
export class SourceBudget {
  readonly budget: BufferBudget;
  smallBytes = 0;
  largeBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(budget: BufferBudget) {
    this.budget = budget;
  }

  /**
   * May it begin another message? A source may hold as much as it leaves free for others (the dynamic threshold of shared
   * packet buffers, Choudhury and Hahne 1998): one alone has half, two have a third each, and there is always a rest.
   */
  get hasRoom(): boolean {
    const { maxSmallBytes, smallBytes } = this.budget;
    return this.smallBytes < maxSmallBytes - smallBytes;
  }

  get isIdle(): boolean {
    return this.smallBytes === 0 && this.largeBytes === 0 && this.#waiting.size === 0;
  }

  /** Adds a whole message, or what is kept besides; with a negative number of the same size, gives it back. */
  hold(bytes: number): void {
    this.budget.heldBytes += bytes;
    if (Math.abs(bytes) > this.budget.mediumBytes) this.countLarge(bytes);
    else this.countSmall(bytes);
  }

  countSmall(bytes: number): void {
    this.smallBytes += bytes;
    this.budget.smallBytes += bytes;
    if (bytes < 0) this.budget.changed();
  }

  countLarge(bytes: number): void {
    this.largeBytes += bytes;
    this.budget.largeBytes += bytes;
    if (bytes < 0) this.budget.changed();
  }

  /** Calls `wake` once when there may be room for another message. */
  onRoom(wake: () => void): void {
    this.#waiting.add(wake);
    this.budget.note(this, true);
  }

  forget(wake: () => void): void {
    if (this.#waiting.delete(wake) && this.#waiting.size === 0) this.budget.note(this, false);
  }

  /** For the budget. */
  wake(): void {
    const woken = [...this.#waiting];
    this.#waiting.clear();
    this.budget.note(this, false);
    for (const wake of woken) wake();
  }
}

/**
 * A message that has not come whole. Small ones grow as they come. A large one asks to go on, and is not to be read while
 * it `waits`.
 */
export class PartialMessage implements Growing {
  readonly source: SourceBudget;
  readonly wake: () => void;
  bytes = 0;
  /** What it may grow to. */
  maxBytes = 0;
  /** Counted as large; 0: it has not been let on. */
  claimBytes = 0;
  state: 'free' | 'waiting' | 'growing' | 'stalled' = 'free';

  /** `wake` is called when one that waits may go on. */
  constructor(source: SourceBudget, wake: () => void) {
    this.source = source;
    this.wake = wake;
  }

  get waits(): boolean {
    return this.state === 'waiting';
  }

  /** So much of it is there now, and no more than `maxBytes` will be. */
  grow(bytes: number, maxBytes: number): void {
    const more = bytes - this.bytes;
    if (more === 0) return;
    const { source } = this;
    const { budget } = source;
    this.bytes = bytes;
    this.maxBytes = Math.max(bytes, maxBytes);
    budget.heldBytes += more;
    switch (this.state) {
      case 'growing':
        this.claim(Math.max(this.claimBytes, bytes));
        break;
      case 'stalled':
        this.claim(bytes);
        if (bytes < maxBytes) budget.growth.ask(this);
        break;
      case 'waiting':
        // Read before it was told to wait.
        if (this.claimBytes > 0) this.claim(bytes);
        else budget.pausedBytes += more;
        break;
      default:
        source.countSmall(more);
        if (bytes < maxBytes && !this.#isFree()) {
          source.countSmall(-bytes);
          budget.pausedBytes += bytes;
          budget.growth.ask(this);
        }
    }
  }

  /** It is whole, or never will be: nothing of it is counted any more. */
  end(): void {
    if (this.bytes === 0) return;
    const { source, bytes } = this;
    const { budget } = source;
    if (this.state === 'free') source.countSmall(-bytes);
    else if (this.claimBytes === 0) budget.pausedBytes -= bytes;
    this.claim(0);
    budget.growth.leave(this);
    budget.heldBytes -= bytes;
    this.bytes = 0;
    this.state = 'free';
    budget.changed();
  }

  /** For the queue: how much is counted for it. */
  claim(bytes: number): void {
    if (bytes !== this.claimBytes) this.source.countLarge(bytes - this.claimBytes);
    this.claimBytes = bytes;
  }

  /** Without asking: in half of the small ones' room, so that the other half is left for those that come in one read. */
  #isFree(): boolean {
    if (this.bytes <= SMALL_BYTES) return true;
    const { budget, smallBytes } = this.source;
    return this.bytes < budget.mediumBytes && smallBytes < budget.maxSmallBytes / 2 - budget.smallBytes;
  }
}
