// F83: what becomes of the replies of one connection after they were handed to it: taken by the operating system, or lost
// with the connection. Promises that each message is reported once, and that a sender that has closed is not taken for told.
import type { Transport } from '../../src/mllp/transport.ts';
import { clearTimeout, setTimeout } from '../../src/platform/time.ts';
import type { Message } from '../../src/relay/message.ts';
import { Ring } from '../../src/ring.ts';

/** After a sender has closed, what is written to it brings a reset: this long after. Longer than a round trip of most networks. */
const CONFIRM_MS = 25;

export class WrittenReplies {
  readonly #transport: Transport;
  readonly #onOver: (message: Message, replied: boolean) => void;
  /** Those given to the writer and not reported yet, and how many of them each write had that is under way. */
  readonly #replies = new Ring<Message>();
  readonly #writes = new Ring<number>();
  /** The last of them, which no write has had yet. */
  #gathered = 0;
  /** Taken for a sender that has ended its side: it waits for them, or has closed. */
  readonly #unconfirmed: Message[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, onOver: (message: Message, replied: boolean) => void) {
    this.#transport = transport;
    this.#onOver = onOver;
  }

  /** Its reply is given to the writer. */
  add(message: Message): void {
    this.#replies.push(message);
    this.#gathered++;
  }

  onFlush(): void {
    this.#writes.push(this.#gathered);
    this.#gathered = 0;
  }

  onWritten(error?: Error | null): void {
    for (let count = this.#writes.shift() ?? 0; count > 0; count--) {
      const message = this.#replies.shift();
      if (message === undefined) return;
      if (error != null) this.#onOver(message, false);
      else if (this.#transport.hasEnded) this.#unconfirmed.push(message);
      else this.#onOver(message, true);
    }
  }

  /** Calls back when it is known that the last replies have met nobody's reset; at once, if there is no doubt. */
  whenConfirmed(callback: () => void): void {
    const isSure = this.#writes.length === 0 && this.#unconfirmed.length === 0;
    if (!this.#transport.hasEnded || isSure || this.#transport.isDestroyed) {
      callback();
      return;
    }
    this.#timer = setTimeout(() => {
      if (this.#transport.isDestroyed) return;
      this.#report(this.#unconfirmed.splice(0), !this.#transport.wasReset());
      callback();
    }, CONFIRM_MS);
  }

  /** The connection is gone. */
  onClosed(isBroken: boolean): void {
    clearTimeout(this.#timer);
    this.#report(this.#unconfirmed.splice(0), !isBroken);
    this.#report(this.#replies.cut(0), false);
    this.#writes.cut(0);
    this.#gathered = 0;
  }

  #report(messages: readonly Message[], replied: boolean): void {
    for (const message of messages) this.#onOver(message, replied);
  }
}
