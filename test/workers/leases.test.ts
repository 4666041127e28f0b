// Places for connections over several processes, with the messages between them as slow as they like to be: never more connections than
// the limit, whatever happens in which order, and nobody with messages is left without.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LeasedLimit, type LeaseOffice } from '../../src/upstream/leased-limit.ts';
import type { Sharer } from '../../src/upstream/shared-limit.ts';
import { LeaseBook, type Lessee } from '../../src/workers/main/lease-book.ts';

const KEY = 'pool/a';

/** One worker with one upstream: as much of it as places are about. */
class Worker implements Lessee, LeaseOffice, Sharer {
  readonly maxConnections: number;
  /** Of connections that are open. */
  readonly releases: (() => void)[] = [];
  /** Connections that end when their messages are answered. */
  leaving = 0;
  spare = 0;
  limit: LeasedLimit;
  expected = Number.POSITIVE_INFINITY;
  #wants = 0;
  readonly #book: LeaseBook;
  readonly #post: (deliver: () => void) => void;
  isDead = false;

  get wants(): number {
    return this.#wants;
  }

  constructor(book: LeaseBook, max: number, post: (deliver: () => void) => void) {
    this.maxConnections = max;
    this.#book = book;
    this.#post = (deliver) => post(() => this.isDead || deliver());
    this.limit = new LeasedLimit(KEY, this, () => {});
    this.limit.join(this);
    book.add(this);
  }

  get inUse(): number {
    return this.releases.length - this.leaving;
  }

  get connections(): number {
    return this.releases.length;
  }

  want(): void {
    this.#wants++;
    this.#dial();
  }

  close(): void {
    if (this.leaving > 0) this.leaving--;
    this.releases.pop()?.();
  }

  die(): void {
    this.isDead = true;
    this.releases.length = 0;
    this.#book.remove(this);
  }

  #dial(): void {
    while (this.#wants > 0 && this.limit.freeFor(this) > 0) {
      this.#wants--;
      this.releases.push(this.limit.take(this));
    }
    if (this.#wants > 0) this.limit.ask(this);
  }

  onPlace(): void {
    this.#dial();
  }

  endOne(): boolean {
    if (this.inUse === 0) return false;
    this.leaving++;
    return true;
  }

  // What the book says, on its way to the worker.
  grant(_key: string, places: number): void {
    this.#post(() => this.limit.grant(places));
  }
  recall(_key: string, mayBeBusy: boolean): void {
    this.#post(() => this.limit.recall(mayBeBusy));
  }
  expect(_key: string, places: number): void {
    this.expected = places;
    this.#post(() => this.limit.expect(places));
  }

  // What the worker says, on its way to the book.
  ask(key: string, wanted: number, most: number): void {
    this.#post(() => this.#book.ask(this, key, wanted, most));
  }
  giveUp(key: string): void {
    this.#post(() => this.#book.giveUp(this, key));
  }
  release(key: string, places: number): void {
    this.#post(() => this.#book.release(this, key, places));
  }
  refuse(key: string): void {
    this.#post(() => this.#book.refuse(this, key));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(count: number, max: number) {
  const posted: (() => void)[] = [];
  const book = new LeaseBook();
  const workers = Array.from({ length: count }, () => new Worker(book, max, (one) => void posted.push(one)));
  /** All messages that there are, and those that come of them. */
  const deliver = (): void => {
    for (let next = posted.shift(); next !== undefined; next = posted.shift()) next();
  };
  return { book, workers, posted, deliver };
}

const open = (workers: readonly Worker[]): number => workers.reduce((sum, one) => sum + one.connections, 0);

describe('places of several workers', () => {
  test('never more connections than the limit, in whatever order things happen', () => {
    const step = fc.record({
      worker: fc.nat(2),
      what: fc.constantFrom('want', 'close', 'deliver', 'wait', 'die', 'spare'),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
        const { workers, posted, book } = setUp(3, max);
        for (const { worker, what } of steps) {
          const one = workers[worker] as Worker;
          if (what === 'deliver') posted.shift()?.();
          else if (what === 'wait') vi.advanceTimersByTime(250);
          else if (one.isDead) continue;
          else if (what === 'want') one.want();
          else if (what === 'close') one.close();
          else if (what === 'spare') book.spare(one, new Map([[KEY, one.limit.spare]]));
          else one.die();
          expect(open(workers)).toBeLessThanOrEqual(max);
          expect(book.taken(KEY)).toBeLessThanOrEqual(max);
        }
        // Whoever still wants one gets one: connections that are asked back end when their messages are answered.
        const alive = workers.filter(({ isDead }) => !isDead);
        const without = new Set(alive.filter(({ wants, connections }) => wants > 0 && connections === 0));
        for (let round = 0; round < 40 && without.size > 0; round++) {
          while (posted.length > 0) posted.shift()?.();
          for (const one of alive) {
            if (one.connections > 0) without.delete(one);
            while (one.leaving > 0) one.close();
          }
          expect(open(workers)).toBeLessThanOrEqual(max);
          vi.advanceTimersByTime(250);
        }
        expect(without.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('a worker without any gets one of those that another has, though all of those are busy', () => {
    const { workers, deliver } = setUp(2, 2);
    const [a, b] = workers as [Worker, Worker];
    a.want();
    a.want();
    deliver();
    expect([a.connections, b.connections]).toEqual([2, 0]);
    vi.advanceTimersByTime(150);
    b.want();
    deliver();
    // Its messages are answered, and it ends.
    expect(a.leaving).toBe(1);
    a.close();
    deliver();
    expect([a.connections, b.connections]).toEqual([1, 1]);
  });

  test('with one place for all, it goes from hand to hand, and stays a while with each', () => {
    const { workers, deliver } = setUp(2, 1);
    const [a, b] = workers as [Worker, Worker];
    a.want();
    deliver();
    b.want();
    deliver();
    expect(a.leaving).toBe(0);
    vi.advanceTimersByTime(400);
    deliver();
    expect(a.leaving).toBe(1);
    a.close();
    a.want();
    deliver();
    expect([a.connections, b.connections]).toEqual([0, 1]);
    vi.advanceTimersByTime(400);
    deliver();
    b.close();
    deliver();
    expect([a.connections, b.connections]).toEqual([1, 0]);
  });

  test('what one does not use is expected by the others, and a fair share in any case', () => {
    const { workers, deliver, book } = setUp(2, 8);
    const [a, b] = workers as [Worker, Worker];
    for (let i = 0; i < 7; i++) a.want();
    deliver();
    vi.advanceTimersByTime(50);
    deliver();
    expect([a.connections, b.expected]).toEqual([7, 4]);
    // Six of them have been idle.
    a.spare = 6;
    book.spare(a, new Map([[KEY, 6]]));
    vi.advanceTimersByTime(50);
    expect(b.expected).toBe(7);
  });

  test('the places of a worker that has died are there again', () => {
    const { workers, deliver, book } = setUp(2, 3);
    const [a, b] = workers as [Worker, Worker];
    for (let i = 0; i < 3; i++) a.want();
    deliver();
    b.want();
    b.want();
    deliver();
    a.die();
    deliver();
    expect(b.connections).toBe(2);
    expect(book.taken(KEY)).toBe(2);
  });

  test('what stays free for a while is given back', () => {
    const { workers, deliver, book } = setUp(1, 3);
    const [a] = workers as [Worker];
    a.want();
    deliver();
    a.close();
    expect(book.taken(KEY)).toBe(1);
    vi.advanceTimersByTime(1_100);
    deliver();
    expect(book.taken(KEY)).toBe(0);
  });
});
