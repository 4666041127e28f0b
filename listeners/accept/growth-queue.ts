// Which unfinished large messages go on being read. Each is let on only where what it may grow to fits, so what goes on
// comes to its end; sources take turns. Promises that one that stalls keeps others waiting for a moment only, and that
// those in the queue never wait for each other in a circle.
import { clearTimeout, monotonicMs, setTimeout } from '../../src/platform/time.ts';

/** What is held of all messages. */
export interface LargeTotals {
  readonly maxBytes: number;
  /** What large messages may take together. */
  readonly maxLargeBytes: number;
  /** Large messages that are whole, and what those that go on may grow to. */
  readonly largeBytes: number;
  /** What has come of those that were never let on. */
  pausedBytes: number;
  changed(): void;
}

/** Whose messages they are, and what is counted as large for it. */
interface Source {
  readonly largeBytes: number;
}

/** A large message that has not come whole. */
export interface Growing {
  readonly source: Source;
  readonly wake: () => void;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly claimBytes: number;
  state: 'free' | 'waiting' | 'growing' | 'stalled';
  claim(bytes: number): void;
}

/** Over so long those that go on are watched while others wait. */
const WATCH_MS = 500;
/** One that brings less in that time has stalled: it keeps its bytes, and room for more is given to others. */
const MIN_WATCHED_BYTES = 32 * 1024;

interface Watched {
  bytes: number;
  since: number;
}

export class GrowthQueue {
  readonly #budget: LargeTotals;
  /** By source, the source first whose turn it is. */
  readonly #waiting = new Map<Source, Growing[]>();
  readonly #growing = new Map<Growing, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(budget: LargeTotals) {
    this.#budget = budget;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** It may go on, now or when it is woken. One that was let on before stands in front of those that were not. */
  ask(message: Growing): void {
    const queue = this.#waiting.get(message.source);
    if (this.isEmpty && this.#fits(message)) {
      this.#letOn(message);
      return;
    }
    message.state = 'waiting';
    if (queue === undefined) this.#waiting.set(message.source, [message]);
    else if (message.claimBytes > 0) queue.unshift(message);
    else queue.push(message);
    this.#watch();
    this.#budget.changed();
  }

  /** It is over. */
  leave(message: Growing): void {
    this.#growing.delete(message);
    if (message.state === 'waiting') this.#remove(message);
  }

  /** Lets on whoever may go on. */
  advance(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#remove(next);
      // The next turn is another source's.
      const left = this.#waiting.get(next.source);
      if (left !== undefined) {
        this.#waiting.delete(next.source);
        this.#waiting.set(next.source, left);
      }
      this.#letOn(next);
      next.wake();
    }
  }

  #next(): Growing | undefined {
    for (const [first] of this.#waiting.values()) {
      if (first === undefined) continue;
      if (this.#fits(first)) return first;
      // It is the first in turn: what is given back is kept for it, or many small ones would keep out a large one for ever.
      if (this.#growing.size > 0 && this.#isWithinShare(first)) return undefined;
    }
    return this.#growing.size === 0 ? this.#lone() : undefined;
  }

  /**
   * Where nobody goes on, one does, also beyond the large messages' share. What stalls later in its turn must not keep
   * those before it from theirs: within `maxBuffered` the one that was let on last can always go on, and when it is over
   * the one before it can.
   */
  #lone(): Growing | undefined {
    const { largeBytes, maxBytes } = this.#budget;
    for (const queue of this.#waiting.values()) {
      for (const message of queue) {
        const fits = largeBytes - message.claimBytes + message.maxBytes <= maxBytes;
        const isFirst = largeBytes === message.claimBytes;
        if (isFirst || (fits && (message.claimBytes > 0 || this.#isWithinShare(message)))) return message;
      }
    }
    return undefined;
  }

  #fits(message: Growing): boolean {
    const { largeBytes, maxLargeBytes } = this.#budget;
    const freeBytes = maxLargeBytes - largeBytes + message.claimBytes;
    return message.maxBytes <= freeBytes && this.#isWithinShare(message);
  }

  /** As for small messages: a source may take as much as it leaves free, and each may take one. */
  #isWithinShare({ source, claimBytes, maxBytes }: Growing): boolean {
    const { largeBytes, maxLargeBytes } = this.#budget;
    const own = source.largeBytes - claimBytes;
    return own === 0 || own + maxBytes <= maxLargeBytes - (largeBytes - claimBytes);
  }

  #letOn(message: Growing): void {
    if (message.claimBytes === 0) this.#budget.pausedBytes -= message.bytes;
    message.claim(message.maxBytes);
    message.state = 'growing';
    this.#growing.set(message, { bytes: message.bytes, since: monotonicMs() });
  }

  #remove(message: Growing): void {
    const queue = this.#waiting.get(message.source);
    if (queue === undefined) return;
    const at = queue.indexOf(message);
    if (at >= 0) queue.splice(at, 1);
    if (queue.length === 0) this.#waiting.delete(message.source);
    if (this.isEmpty) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  #watch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.isEmpty) return;
      this.#stopStalled();
      this.#watch();
    }, WATCH_MS);
  }

  #stopStalled(): void {
    const now = monotonicMs();
    for (const [message, watched] of this.#growing) {
      if (now - watched.since < WATCH_MS / 2) continue;
      if (message.bytes - watched.bytes >= MIN_WATCHED_BYTES) {
        watched.bytes = message.bytes;
        watched.since = now;
        continue;
      }
      this.#growing.delete(message);
      message.state = 'stalled';
      message.claim(message.bytes);
    }
    this.#budget.changed();
  }
}
