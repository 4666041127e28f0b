// Keeps a sender's messages in their order while some are read in the parse pool: whatever is done with a message waits
// until all ahead of it of the same connection have been read. Readings themselves go side by side.
import type { Carrier, Exchange, Origin } from './exchange.ts';

/** One message's place in the order of its sender. Until its turn it can be abandoned here. */
export class Turn implements Carrier {
  readonly exchange: Exchange;
  /** Takes its reading out of the pool's queue. */
  cancel: (() => void) | undefined;
  /** What is to be done with it; undefined while it is read. */
  step: (() => void) | undefined;
  readonly #turns: Turns;

  constructor(exchange: Exchange, turns: Turns) {
    this.exchange = exchange;
    this.#turns = turns;
  }

  abandon(exchange: Exchange): void {
    this.cancel?.();
    exchange.settle({ kind: 'abandoned' });
    // Those behind it are abandoned in this same turn of the event loop: none of them may be sent in its place.
    setImmediate(() => this.#turns.end(this, () => {}));
  }

  onAssigned(): void {}
  onAnswered(): void {}
  onUnanswered(): void {}
  onFailed(): void {}
}

export class Turns {
  readonly #lines = new Map<Origin, Turn[]>();
  #count = 0;

  /** Messages that are read, or wait for those that are. */
  get count(): number {
    return this.#count;
  }

  has(origin: Origin): boolean {
    return this.#lines.has(origin);
  }

  /** The message takes its place, until `end` is called for it or it is abandoned. */
  begin(exchange: Exchange): Turn {
    const turn = new Turn(exchange, this);
    exchange.carrier = turn;
    this.#count++;
    const line = this.#lines.get(exchange.origin);
    if (line === undefined) this.#lines.set(exchange.origin, [turn]);
    else line.push(turn);
    return turn;
  }

  /** It has been read: `step` is run when all ahead of it have been, unless the message is over by then. */
  end(turn: Turn, step: () => void): void {
    turn.step ??= step;
    const { origin } = turn.exchange;
    const line = this.#lines.get(origin);
    if (line === undefined || line[0] !== turn) return;
    // A step can bring new messages of this sender: they find the line as it is, and go behind.
    for (let first = line[0]; first?.step !== undefined; first = line[0]) {
      if (first.exchange.phase !== 'over') first.step();
      line.shift();
      this.#count--;
    }
    if (line.length === 0) this.#lines.delete(origin);
  }
}
