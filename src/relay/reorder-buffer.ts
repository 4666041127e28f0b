// Keeps a sender's messages in their order while some are read in the parse pool: whatever is done with a message waits
// until all ahead of it of the same connection have been read. Readings themselves go side by side.
import type { Carrier, Message, Origin } from './message.ts';

/** One message's place in the order of its sender. Until its turn it can be abandoned here. */
export class ReorderSlot implements Carrier {
  readonly message: Message;
  /** Takes its reading out of the pool's queue. */
  cancel: (() => void) | undefined;
  /** What is to be done with it; undefined while it is read. */
  step: (() => void) | undefined;
  /** Set by its step: those behind it go on waiting until `release`. */
  isHeld = false;
  hasRun = false;
  isRunning = false;
  readonly #turns: ReorderBuffer;

  constructor(message: Message, turns: ReorderBuffer) {
    this.message = message;
    this.#turns = turns;
  }

  abandon(message: Message): void {
    this.cancel?.();
    this.isHeld = false;
    message.settle({ kind: 'abandoned' });
    // Those behind it are abandoned in this same turn of the event loop: none of them may be sent in its place.
    setImmediate(() => this.#turns.end(this, () => {}));
  }

  onAssigned(): void {}
  onAnswered(): void {}
  onUnanswered(): void {}
  onFailed(): void {}
}

export class ReorderBuffer {
  readonly #lines = new Map<Origin, ReorderSlot[]>();
  readonly #clear = new Map<Origin, () => void>();
  readonly #onLeft: (message: Message) => void;
  #count = 0;

  /** `onLeft`: a message does not wait here any more. */
  constructor(onLeft: (message: Message) => void = () => {}) {
    this.#onLeft = onLeft;
  }

  /** Messages that are read, or wait for those that are. */
  get count(): number {
    return this.#count;
  }

  has(origin: Origin): boolean {
    return this.#lines.has(origin);
  }

  /** Some sender of which this holds has messages here. */
  some(holds: (origin: Origin) => boolean): boolean {
    for (const origin of this.#lines.keys()) if (holds(origin)) return true;
    return false;
  }

  /**
   * The message takes its place, until `end` is called for it or it is abandoned. One that a pool has had before, and that is
   * routed anew, takes it before those that none has had.
   */
  begin(message: Message): ReorderSlot {
    const turn = new ReorderSlot(message, this);
    message.carrier = turn;
    this.#count++;
    const line = this.#lines.get(message.origin);
    if (line === undefined) this.#lines.set(message.origin, [turn]);
    else line.splice(placeIn(line, message), 0, turn);
    return turn;
  }

  /** It has been read: `step` is run when all ahead of it have been, unless the message is over by then. */
  end(turn: ReorderSlot, step: () => void): void {
    turn.step ??= step;
    this.#advance(turn);
  }

  /** What its step began is done. */
  release(turn: ReorderSlot): void {
    turn.isHeld = false;
    if (!turn.isRunning) this.#advance(turn);
  }

  /** Calls back once when nothing of this sender waits here: at once, if that is so. */
  whenClear(origin: Origin, callback: () => void): void {
    if (this.has(origin)) this.#clear.set(origin, callback);
    else callback();
  }

  #advance(turn: ReorderSlot): void {
    const { origin } = turn.message;
    const line = this.#lines.get(origin);
    if (line === undefined || line[0] !== turn) return;
    // A step can bring new messages of this sender: they find the line as it is, and go behind.
    for (let first = line[0]; first?.step !== undefined; first = line[0]) {
      run(first);
      if (first.isHeld) return;
      // It need not be the first any more: one that is routed anew may have come before it.
      if (line[0] === first) line.shift();
      else line.splice(line.indexOf(first), 1);
      this.#count--;
      this.#onLeft(first.message);
    }
    // What was told on the way may have got here before.
    if (line.length > 0 || this.#lines.get(origin) !== line) return;
    this.#lines.delete(origin);
    const clear = this.#clear.get(origin);
    this.#clear.delete(origin);
    clear?.();
  }
}

function run(turn: ReorderSlot): void {
  if (turn.hasRun) return;
  turn.hasRun = true;
  if (turn.message.phase === 'over') return;
  turn.isRunning = true;
  turn.step?.();
  turn.isRunning = false;
}

function placeIn(line: readonly ReorderSlot[], { sequence }: Message): number {
  if (sequence === 0) return line.length;
  const at = line.findIndex(({ message }) => message.sequence === 0 || message.sequence > sequence);
  return at < 0 ? line.length : at;
}
