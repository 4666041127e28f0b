// Makes room for a message that no open connection of an upstream may take: ends one of them, so that another can be dialled.
// Promises: one at a time, no faster than every 10 ms, and the node has closed the old one before there is a new one.
import { monotonicMs, setTimeout } from '../../platform/time.ts';
import type { MllpConnection } from './mllp-connection.ts';

/**
 * Each leaves a port of this host in TIME_WAIT for a minute: 100 a second are 6,000 of the 28,000 that Linux has for one
 * node. That is also about as fast as it goes with `connections.settle` at its default.
 */
const PAUSE_MS = 10;

export class ConnectionReplacement {
  /** The old connection is closing, and still counts as the node sees it. */
  #leaving = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #again: () => void;

  /** `again`: look whether a dial or another replacement is called for. */
  constructor(again: () => void) {
    this.#again = again;
  }

  /** Connections that are not in the upstream's list any more and still open at the node. */
  get leaving(): number {
    return this.#leaving ? 1 : 0;
  }

  /** Ends one of these, if it is time for that, and says so; if not, `again` is called when it is. */
  replaceOne(connections: readonly MllpConnection[]): boolean {
    if (this.#leaving || this.#timer !== undefined) return false;
    const open = connections.filter(({ isOpen }) => isOpen);
    const [first, ...others] = open;
    if (first === undefined) return false;
    // F89: rather one on which no answer is owed.
    const least = others.reduce((best, one) => (loadOf(one) < loadOf(best) ? one : best), first);
    // One that takes no more and has work left makes room when that is done: other messages need the rest.
    if (least.pending > 0 && open.length < connections.length) return false;
    const waitMs = this.#lastAt + PAUSE_MS - monotonicMs();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#again();
      }, waitMs);
      return false;
    }
    this.#lastAt = monotonicMs();
    this.#leaving = least.pending === 0;
    least.retire();
    // F89: it goes later, and its place is free at once.
    if (least.isLingering) this.#leaving = false;
    if (this.#leaving)
      least.whenGone(() => {
        this.#leaving = false;
        this.#again();
      });
    return true;
  }
}

function loadOf({ pending, isOwed }: MllpConnection): number {
  return pending * 2 + (isOwed ? 1 : 0);
}
