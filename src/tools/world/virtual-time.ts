// The time of a simulated world: callbacks wait for their moment in one queue, and time goes on when nothing is left to do. Promises: the
// same callbacks in the same order for the same seed; what a callback leaves to promises and `process.nextTick` is done before the next
// one; a turn is as Node.js' event loop has it, first all that is due, then immediates.
import type { Prng } from './prng.ts';

/** What happens within so many milliseconds happens in one turn. */
const QUANTUM_MS = 0.05;
/** Node.js' own for times that are no number of milliseconds. */
const MIN_TIMER_MS = 1;
/** Callbacks that wait in Node.js' queue of immediates at once: each costs a turn of its own else. */
const AHEAD = 64;
/** A program that asks for another turn so often without any time going by asks for ever. */
const MAX_TURNS_AT_ONCE = 100_000;

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

export class VirtualTime {
  /** Since the world began. */
  nowMs = 0;
  /** What the machine's clock says of it; somebody may set it. */
  wallOffsetMs = 1_796_000_000_000;
  /** Callbacks called so far. */
  steps = 0;
  /** A callback has thrown, or something that it left behind. */
  onThrown: (thrown: unknown) => void = (thrown) => {
    throw thrown;
  };
  readonly #prng: Prng | undefined;
  readonly #heap: Entry[] = [];
  #order = 0;
  #due: Entry[] = [];
  #immediates: SimulatedImmediate[] = [];
  #thisTurns: SimulatedImmediate[] = [];
  #turnsAtOnce = 0;

  /** Without `prng` timers are on time; with it, they are late and early as Node.js has them. */
  constructor(prng: Prng | undefined) {
    this.#prng = prng;
  }

  /** At a moment, or in a turn behind this one. */
  at(atMs: number, callback: () => void): Entry {
    const earliest = Math.max(atMs, this.nowMs);
    const entry = {
      atMs: Math.ceil(earliest / QUANTUM_MS) * QUANTUM_MS,
      order: ++this.#order,
      callback,
      isCancelled: false,
    };
    push(this.#heap, entry);
    return entry;
  }

  after(ms: number, callback: () => void): Entry {
    return this.at(this.nowMs + ms, callback);
  }

  timer(callback: () => void, ms: number, repeats: boolean): SimulatedTimer {
    return new SimulatedTimer(this, this.#prng, callback, ms, repeats);
  }

  immediate(callback: () => void): SimulatedImmediate {
    const immediate = new SimulatedImmediate(callback);
    this.#immediates.push(immediate);
    return immediate;
  }

  /** Timers, deliveries and immediates that are still to come. */
  get pending(): number {
    return this.#heap.filter(({ isCancelled }) => !isCancelled).length + this.#immediates.length;
  }

  /** Until `isOver` says so, or `untilMs`, or nothing is left. */
  run(isOver: () => boolean, untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      let ended = false;
      const step = (): void => {
        if (ended) return;
        if (!this.#step(untilMs) || isOver()) {
          ended = true;
          resolve();
          return;
        }
        setImmediate(step);
      };
      for (let i = 0; i < AHEAD; i++) setImmediate(step);
    });
  }

  /** One callback. False: nothing is left before that time. */
  #step(untilMs: number): boolean {
    const callback = this.#next(untilMs);
    if (callback === undefined) return false;
    this.steps++;
    try {
      callback();
    } catch (thrown) {
      this.onThrown(thrown);
    }
    return true;
  }

  #next(untilMs: number): (() => void) | undefined {
    for (;;) {
      const due = this.#due.pop();
      if (due !== undefined) {
        if (due.isCancelled) continue;
        return due.callback;
      }
      const immediate = this.#thisTurns.pop();
      if (immediate !== undefined) {
        if (immediate.callback === undefined) continue;
        return immediate.callback;
      }
      if (!this.#beginTurn(untilMs)) return undefined;
    }
  }

  #beginTurn(untilMs: number): boolean {
    const heap = this.#heap;
    while (heap[0]?.isCancelled === true) pop(heap);
    const first = heap[0];
    const isBusy = this.#immediates.length > 0;
    if (first === undefined && !isBusy) return false;
    if (isBusy && ++this.#turnsAtOnce > MAX_TURNS_AT_ONCE)
      throw new Error('the gateway asks for one turn after the other, and time stands still');
    if (first !== undefined && (first.atMs <= this.nowMs || !isBusy)) {
      if (first.atMs > untilMs) {
        this.nowMs = untilMs;
        return false;
      }
      if (first.atMs > this.nowMs) {
        this.nowMs = first.atMs;
        this.#turnsAtOnce = 0;
      }
      while (heap[0] !== undefined && heap[0].atMs <= this.nowMs) this.#due.push(pop(heap) as Entry);
      this.#due.reverse();
    } else if (isBusy) this.nowMs += QUANTUM_MS / 1_000;
    this.#thisTurns = this.#immediates.reverse();
    this.#immediates = [];
    return true;
  }
}

/** Timers of Node.js are late by what the loop is busy, and early by less than a millisecond now and then. */
function asideOf(prng: Prng): number {
  return prng.chance(0.1) ? -0.4 : prng.next() * (prng.chance(0.02) ? 20 : 0.4);
}

/** In place of NodeJS.Timeout. */
export class SimulatedTimer {
  readonly #time: VirtualTime;
  readonly #prng: Prng | undefined;
  readonly #callback: () => void;
  readonly #ms: number;
  readonly #repeats: boolean;
  #entry: Entry | undefined;

  constructor(time: VirtualTime, prng: Prng | undefined, callback: () => void, ms: number, repeats: boolean) {
    this.#time = time;
    this.#prng = prng;
    this.#callback = callback;
    this.#ms = ms >= MIN_TIMER_MS ? Math.trunc(ms) : MIN_TIMER_MS;
    this.#repeats = repeats;
    this.#start();
  }

  #start(): void {
    const aside = this.#prng === undefined ? 0 : asideOf(this.#prng);
    this.#entry = this.#time.after(this.#ms + aside, () => {
      this.#entry = undefined;
      if (this.#repeats) this.#start();
      this.#callback();
    });
  }

  cancel(): void {
    if (this.#entry !== undefined) this.#entry.isCancelled = true;
    this.#entry = undefined;
  }

  refresh(): this {
    this.cancel();
    this.#start();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

export class SimulatedImmediate {
  callback: (() => void) | undefined;

  constructor(callback: () => void) {
    this.callback = callback;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** The earliest first, and of those the oldest: a binary heap. */
function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const other = heap[above] as Entry;
    if (isBefore(other, entry)) break;
    heap[at] = other;
    at = above;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    const left = heap[below];
    if (left === undefined) break;
    const right = heap[below + 1];
    const earlier = right !== undefined && isBefore(right, left) ? right : left;
    if (earlier === right) below++;
    if (isBefore(last, earlier)) break;
    heap[at] = earlier;
    at = below;
  }
  heap[at] = last;
  return first;
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
