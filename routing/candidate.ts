// A node as choosing sees it, and what choosing keeps about each node of a pool.

export interface Candidate {
  readonly name: string;
  /** 0 or less: takes no sender that is not already bound to it. Fractions are fine (slow start, F45). */
  readonly weight: number;
  readonly backup: boolean;
  readonly inFlight: number;
  /** May be given a message now or once it has room. */
  readonly usable: boolean;
  /** May take one more message right now. */
  readonly hasRoom: boolean;
  /**
   * It has been given messages in this turn of the event loop, and takes one more at no cost to that message: together they
   * leave in one write.
   */
  readonly joinsTurn?: boolean;
  /** Keeps the senders that a table has bound to it, and takes no new ones. */
  readonly draining?: boolean;
  /** The next message that no sender binds should go there: it decides whether the node is back (F45). */
  readonly wantsTrial?: boolean;
}

export class Member<N extends Candidate = Candidate> {
  readonly node: N;
  /** Hash of the node's name, made once (see rendezvous.ts). */
  readonly high: number;
  readonly low: number;
  /** Turns it is owed by round-robin (see balance.ts). */
  credit = 0;

  constructor(node: N, high: number, low: number) {
    this.node = node;
    this.high = high;
    this.low = low;
  }
}
