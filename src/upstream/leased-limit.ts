// The connections that this process may have to a node, of those that all processes of the gateway may have together: places are asked
// for when a message needs one, kept for a moment when they come free, and given back when another process needs them. Promises never
// more connections than places that were granted.
import { setTimeout } from '../platform/time.ts';
import { type PlaceLimit, SharedLimit, type Sharer } from './shared-limit.ts';

/** Who gives places to processes. */
export interface LeaseOffice {
  /** So many of this process wait for a place; `most` of all processes together. */
  ask(key: string, wanted: number, most: number): void;
  /** Nobody waits any more. */
  giveUp(key: string): void;
  release(key: string, places: number): void;
  /** A place was asked back, and there is none to give. */
  refuse(key: string): void;
}

/** A connection that ends is often followed by another one: a place that is free is kept for so long. */
const KEPT_MS = 1_000;

export class LeasedLimit implements PlaceLimit {
  readonly key: string;
  readonly #office: LeaseOffice;
  readonly #inner: SharedLimit;
  #granted = 0;
  /** Places that were asked back, and that are given back when their connections have ended. */
  #owed = 0;
  /** Places that would be granted if they were asked for, as far as was told. */
  #expected = Number.POSITIVE_INFINITY;
  /** Places that were asked for and not granted yet, and the limit that was said with it. */
  #asked = 0;
  #askedWith = 0;
  #keptTimer: NodeJS.Timeout | undefined;

  constructor(key: string, office: LeaseOffice, onEmpty: () => void) {
    this.key = key;
    this.#office = office;
    this.#inner = new SharedLimit(
      () => {
        this.#release(this.#granted);
        this.#owed = 0;
        onEmpty();
      },
      () => this.#granted,
    );
  }

  /** Places that could be given back now, or soon. */
  get spare(): number {
    return Math.max(0, this.#granted - this.#inner.taken) + this.#inner.spare;
  }

  join(sharer: Sharer): void {
    this.#inner.join(sharer);
  }

  leave(sharer: Sharer): void {
    this.#inner.leave(sharer);
    this.#keep();
  }

  freeFor(sharer: Sharer): number {
    return this.#inner.freeFor(sharer);
  }

  expectedFor(sharer: Sharer): number {
    return this.#inner.freeFor(sharer) + this.#expected;
  }

  take(sharer: Sharer): () => void {
    const release = this.#inner.take(sharer);
    this.#asksNoMore();
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      if (this.#owed > 0) {
        // Before others of this process are told of a place that is not theirs.
        this.#owed--;
        this.#release(1);
      }
      release();
      this.#keep();
    };
  }

  ask(sharer: Sharer): void {
    this.#inner.ask(sharer);
    const { waiting, least } = this.#inner;
    // What was asked for before is granted in its turn.
    if (waiting <= this.#asked && least === this.#askedWith) return;
    this.#asked = waiting;
    this.#askedWith = least;
    this.#office.ask(this.key, waiting, least);
  }

  askAgain(): void {
    this.#inner.askAgain();
  }

  giveUp(sharer: Sharer): void {
    this.#inner.giveUp(sharer);
    this.#asksNoMore();
  }

  /** Places were granted. */
  grant(places: number): void {
    this.#granted += places;
    this.#asked = Math.max(0, this.#asked - places);
    this.#inner.offer();
    this.#keep();
  }

  expect(places: number): void {
    const before = this.#expected;
    this.#expected = places;
    // What waits for room is looked at again.
    if (places > before) this.#inner.offer();
  }

  /** Another process needs a place. `mayBeBusy`: one with messages is given back too, when they are answered. */
  recall(mayBeBusy: boolean): void {
    if (this.#granted > this.#inner.taken) this.#release(1);
    else if (this.#inner.endOne(mayBeBusy)) this.#owed++;
    else this.#office.refuse(this.key);
  }

  /** If nobody waits any more, no place is to be granted for them. */
  #asksNoMore(): void {
    if (this.#asked === 0 || this.#inner.waiting > 0) return;
    this.#asked = 0;
    this.#office.giveUp(this.key);
  }

  #release(places: number): void {
    if (places <= 0) return;
    this.#granted -= places;
    this.#office.release(this.key, places);
  }

  /** What stays free for a while is given back. */
  #keep(): void {
    if (this.#granted <= this.#inner.taken) return;
    this.#keptTimer ??= setTimeout(() => {
      this.#keptTimer = undefined;
      this.#release(this.#granted - this.#inner.taken);
    }, KEPT_MS).unref();
  }
}
