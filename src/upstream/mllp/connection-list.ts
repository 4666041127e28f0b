// The connections of an upstream that are not closed. Promises to know which of them is the best one for a message, and which can be
// spared.
import { monotonicMs } from '../../platform/time.ts';
import type { Delivery } from '../delivery.ts';
import type { MllpConnection } from './mllp-connection.ts';

/** F101: a connection that has been idle for so long is given to others that share the limit. */
const SPARE_MS = 1_000;

export class ConnectionList implements Iterable<MllpConnection> {
  readonly #all: MllpConnection[] = [];
  /** The best one for the last message. */
  #last: MllpConnection | undefined;

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Those that take messages. */
  get open(): number {
    let open = 0;
    for (const connection of this.#all) if (connection.isOpen) open++;
    return open;
  }

  /** Those that may have messages. F89: kept for answers alone, they leave their places to others. */
  get working(): number {
    let working = 0;
    for (const connection of this.#all) if (!connection.isLingering) working++;
    return working;
  }

  get haveRoom(): boolean {
    return this.#all.some(({ hasRoom }) => hasRoom);
  }

  /** F97: they have room in a moment, or are closed. */
  get watched(): MllpConnection[] {
    return this.#all.filter(({ isWatched }) => isWatched);
  }

  /** A node that has answered on one of them is there and serves. */
  get haveAnswered(): boolean {
    return this.#all.some(({ isOpen, answered }) => isOpen && answered > 0);
  }

  /** Over these, as they are now: they may close on the way. */
  [Symbol.iterator](): Iterator<MllpConnection> {
    return [...this.#all][Symbol.iterator]();
  }

  add(connection: MllpConnection): void {
    this.#all.push(connection);
  }

  remove(connection: MllpConnection): void {
    const at = this.#all.indexOf(connection);
    if (at >= 0) this.#all.splice(at, 1);
    if (this.#last === connection) this.#last = undefined;
  }

  /** One more message of this turn of the event loop goes along with those before it. */
  get joinsTurn(): boolean {
    return this.#last?.joinsTurn === true;
  }

  /**
   * The one for the message: that of the message before it, if it leaves in one write with that; else of those that take it the
   * one with the fewest others.
   */
  best(delivery: Delivery): MllpConnection | undefined {
    const last = this.#last;
    if (last?.joinsTurn === true && last.takes(delivery)) return last;
    this.#last = this.#leastPending(delivery);
    return this.#last;
  }

  #leastPending(delivery: Delivery): MllpConnection | undefined {
    let best: MllpConnection | undefined;
    for (const connection of this.#all) {
      if (best !== undefined && connection.pending >= best.pending) continue;
      if (!connection.takes(delivery)) continue;
      if (connection.pending === 0) return connection;
      best = connection;
    }
    return best;
  }

  /** F88: one that takes the message only if no other one will. */
  lastResort(delivery: Delivery): MllpConnection | undefined {
    return this.#all.find((connection) => connection.hasRoom && !connection.repeats(delivery));
  }

  /** One of them will take the message, now or when it has room. Undefined: any message. */
  serves(delivery: Delivery | undefined): boolean {
    return this.#all.some((one) => one.isOpen && (delivery === undefined || !one.repeats(delivery)));
  }

  /** Those that can be ended for others that share the limit. */
  get spare(): number {
    const before = monotonicMs() - SPARE_MS;
    let spare = 0;
    for (const one of this.#all) if (one.isOpen && isIdle(one, before)) spare++;
    return spare;
  }

  /** F101: ends the one with the fewest messages for others that share the limit. False: there is none to spare. */
  endOne(mayBeBusy: boolean): boolean {
    const before = monotonicMs() - SPARE_MS;
    let least: MllpConnection | undefined;
    for (const one of this.#all) {
      if (!one.isOpen || !(mayBeBusy || isIdle(one, before))) continue;
      if (least === undefined || one.pending < least.pending) least = one;
    }
    least?.retire();
    return least !== undefined;
  }

  /** Ends those that have had no message for so long. */
  endIdle(idleMs: number): void {
    const before = monotonicMs() - idleMs;
    for (const connection of this) if (isIdle(connection, before)) connection.retire();
  }

  /** F89: of those kept for answers alone, no more than `max` stay. */
  endLingering(max: number): void {
    const lingering = this.#all.filter(({ isLingering }) => isLingering);
    for (const oldest of lingering.slice(0, Math.max(0, lingering.length - max))) oldest.abort();
  }
}

function isIdle({ pending, isOwed, lastUsedAt }: MllpConnection, before: number): boolean {
  return pending === 0 && lastUsedAt < before && !isOwed;
}
