// How fast a spool delivers: how many messages at once, and how long it waits behind a failure. Promises that a node that comes back
// gets one message first, and more with each that it takes.
import type { DurationRange } from '../../config/formats.ts';
import { random } from '../../platform/random.ts';

/** Whatever the nodes take: each is in memory. */
const MOST = 64;
/** No flood for any node, and room beside messages that a node takes long for. */
const FEW = 4;

export class DeliveryPace {
  #limit = FEW;

  /** Messages that may be under way. `room`: what the nodes that can be used take at once. */
  limit(room: number): number {
    return Math.max(1, Math.min(this.#limit, room, MOST));
  }

  onTaken(): void {
    if (this.#limit < MOST) this.#limit++;
  }

  /** A second has passed: one message alone may be one that a node never answers. */
  onSecond(): void {
    if (this.#limit < FEW) this.#limit++;
  }

  /** No node had it. */
  onNotSent(): void {
    this.#limit = 1;
  }
}

/** Behind failure number `failures`, from 1: twice the pause before it, less up to a quarter, so that not all come back at once. */
export function backoffMs({ minMs, maxMs }: DurationRange, failures: number): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (1 - random() / 4));
}
