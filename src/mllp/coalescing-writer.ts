// Gathers what one turn of the event loop brings for a socket into one write: system calls, not parsing, are what a
// relayed message costs. Order is kept; nothing waits longer than the turn.
import { onOtherPlatform } from '../platform/current.ts';
import { atTurnEnd } from '../turn.ts';

/** Those that have something to write, in the order in which they got it, each linked to the next: no list is made. */
let firstDirty: CoalescingWriter | undefined;
let lastDirty: CoalescingWriter | undefined;
onOtherPlatform(() => {
  firstDirty = undefined;
  lastDirty = undefined;
});

function flushAll(): void {
  let writer = firstDirty;
  firstDirty = undefined;
  lastDirty = undefined;
  while (writer !== undefined) {
    const next: CoalescingWriter | undefined = writer.next;
    writer.next = undefined;
    writer.isDirty = false;
    writer.flush();
    writer = next;
  }
}

export abstract class CoalescingWriter {
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #bytes = 0;
  /** For `flushAll`. */
  isDirty = false;
  next: CoalescingWriter | undefined;

  /** Writes `first` and then `more`, `bytes` in all. */
  protected abstract handOver(first: Buffer, more: readonly Buffer[] | undefined, bytes: number): void;

  /** Something is gathered, and goes out at the end of this turn. */
  protected get isGathering(): boolean {
    return this.#first !== undefined;
  }

  write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#first !== undefined) {
      this.#more ??= [];
      this.#more.push(bytes);
      return;
    }
    this.#first = bytes;
    if (this.isDirty) return;
    this.isDirty = true;
    if (lastDirty === undefined) {
      firstDirty = this;
      atTurnEnd(flushAll);
    } else lastDirty.next = this;
    lastDirty = this;
  }

  /** Writes now what has been gathered. */
  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const more = this.#more;
    const bytes = this.#bytes;
    this.discard();
    this.handOver(first, more, bytes);
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.#first = undefined;
    this.#more = undefined;
    this.#bytes = 0;
  }
}
