// A lane keeps messages in order: those of one sender connection to one pool, or of one sticky key (`ordering: key`).
// A message goes when it is the first of its lane, or behind its predecessor on the same connection to a node.

/** What a lane needs to know of a message. */
export interface Laned {
  /** Grows in the order in which messages are added; one that is added again has the same as before. */
  readonly place: number;
  readonly phase: 'ready' | 'queued' | 'sent' | 'over';
}

export class OrderingLane<T extends Laned> {
  /** In order; the settled ones are taken out. */
  readonly exchanges: T[] = [];
  /** Whether messages may follow one another on a node's connection before the first is answered. */
  mayFollow: boolean;
  /**
   * Since when its first message has waited for a node, whichever message that was at the time; undefined: the last one
   * that had its turn was taken by a node. In performance.now() milliseconds.
   */
  stuckSince: number | undefined;
  #moving = false;
  #again = false;

  constructor(mayFollow: boolean) {
    this.mayFollow = mayFollow;
  }

  get isEmpty(): boolean {
    return this.exchanges.length === 0;
  }

  /** Behind all that were added before it; also where it comes back, and later ones are there. */
  add(exchange: T): void {
    let at = this.exchanges.length;
    while (at > 0 && (this.exchanges[at - 1] as T).place > exchange.place) at--;
    if (at === this.exchanges.length) this.exchanges.push(exchange);
    else this.exchanges.splice(at, 0, exchange);
  }

  remove(exchange: T): void {
    if (this.exchanges[0] === exchange) this.exchanges.shift();
    else {
      const at = this.exchanges.indexOf(exchange);
      if (at >= 0) this.exchanges.splice(at, 1);
    }
  }

  /**
   * Sends what can be sent. `place` is for the first message: any node will do. `follow` is for one behind `ahead`,
   * which is with a node: it may only take the same way, and says whether it could.
   */
  advance(place: (exchange: T) => void, follow: (exchange: T, ahead: T) => boolean): void {
    // What is sent can fail, be answered and end a lane's messages while this runs.
    this.#again = true;
    if (this.#moving) return;
    this.#moving = true;
    while (this.#again) {
      this.#again = false;
      this.#pass(place, follow);
    }
    this.#moving = false;
  }

  #pass(place: (exchange: T) => void, follow: (exchange: T, ahead: T) => boolean): void {
    for (let i = 0; i < this.exchanges.length; i++) {
      const exchange = this.exchanges[i] as T;
      if (exchange.phase === 'sent') continue;
      if (exchange.phase !== 'ready') return;
      const ahead = this.exchanges[i - 1];
      if (ahead === undefined) place(exchange);
      else if (!this.mayFollow || !follow(exchange, ahead)) return;
      if (this.exchanges[i] !== exchange) {
        this.#again = true;
        return;
      }
    }
  }
}
