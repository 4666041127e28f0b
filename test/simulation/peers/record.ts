// What senders and nodes write down of a day, as the campaign's checks read it. Promises: no two entries of a world have one time.
import type { VirtualTime } from '../../../src/tools/world/virtual-time.ts';

type WithoutTime<T> = T extends { readonly t: number } ? Omit<T, 't'> : never;

/** One for all of a world, so that what happened first is first. */
export class Clock {
  readonly #time: VirtualTime;
  #last = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** In microseconds. */
  now(): number {
    this.#last = Math.max(this.#last + 1, Math.round(this.#time.nowMs * 1_000));
    return this.#last;
  }
}

export class Record<E extends { readonly t: number }> {
  readonly entries: E[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(entry: WithoutTime<E>): void {
    this.entries.push({ t: this.#clock.now(), ...entry } as unknown as E);
  }
}
