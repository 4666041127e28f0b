// F83: what becomes of the replies of one connection after they were handed to it: taken by the operating system, or lost
// with the connection. Promises that each message is reported once, and that a sender that has closed is not taken for told.
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { causeCode } from '../../src/errors.ts';
import type { Message } from '../../src/relay/message.ts';
import { Ring } from '../../src/ring.ts';

/** After a sender has closed, what is written to it brings a reset: this long after. Longer than a round trip of most networks. */
const CONFIRM_MS = 25;
const NOTHING = Buffer.alloc(0);

export class WrittenReplies {
  readonly #socket: Socket;
  readonly #onOver: (message: Message, replied: boolean) => void;
  /** Those given to the writer and not reported yet, and how many of them each write had that is under way. */
  readonly #replies = new Ring<Message>();
  readonly #writes = new Ring<number>();
  /** The last of them, which no write has had yet. */
  #gathered = 0;
  /** Taken for a sender that has ended its side: it waits for them, or has closed. */
  readonly #unconfirmed: Message[] = [];

  constructor(socket: Socket, onOver: (message: Message, replied: boolean) => void) {
    this.#socket = socket;
    this.#onOver = onOver;
  }

  /** Its reply is given to the writer. */
  add(message: Message): void {
    this.#replies.push(message);
    this.#gathered++;
  }

  /** That one needs no bytes. */
  skipLast(): void {
    if (this.#gathered === 0) return;
    this.#gathered--;
    const last = this.#replies.pop();
    if (last !== undefined) this.#onOver(last, true);
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
      else if (this.#socket.readableEnded) this.#unconfirmed.push(message);
      else this.#onOver(message, true);
    }
  }

  /** Calls back when it is known that the last replies have met nobody's reset; at once, if there is no doubt. */
  whenConfirmed(callback: () => void): void {
    const isSure = this.#writes.length === 0 && this.#unconfirmed.length === 0;
    if (!this.#socket.readableEnded || isSure || this.#socket.destroyed) {
      callback();
      return;
    }
    const timer = setTimeout(() => {
      if (this.#socket.destroyed) return;
      this.#report(this.#unconfirmed.splice(0), !wasReset(this.#socket));
      callback();
    }, CONFIRM_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** The connection is gone. */
  onClosed(): void {
    const isBroken = this.#socket.errored != null;
    this.#report(this.#unconfirmed.splice(0), !isBroken);
    this.#report(this.#replies.cut(0), false);
    this.#writes.cut(0);
    this.#gathered = 0;
  }

  #report(messages: readonly Message[], replied: boolean): void {
    for (const message of messages) this.#onOver(message, replied);
  }
}

/**
 * The operating system refuses a connection that was reset, even a write of no bytes. Node.js asks nothing more of one whose
 * other side has ended, and its layer for TLS writes nothing for no bytes, so this goes by the descriptor.
 */
function wasReset(socket: Socket): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) return false;
  try {
    writeSync(fd, NOTHING);
    return false;
  } catch (thrown) {
    return causeCode(thrown) !== 'EAGAIN';
  }
}
