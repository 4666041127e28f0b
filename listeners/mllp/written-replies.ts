// F83: what becomes of the replies of one connection after they were handed to it: taken by the operating system, or lost
// with the connection. Promises that each message is reported once, and that a sender that has closed is not taken for told.
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { causeCode } from '../../src/errors.ts';
import type { Message } from '../../src/relay/message.ts';

/** After a sender has closed, what is written to it brings a reset: this long after. Longer than a round trip of most networks. */
const CONFIRM_MS = 25;
const NOTHING = Buffer.alloc(0);

export class WrittenReplies {
  readonly #socket: Socket;
  readonly #onOver: (message: Message, replied: boolean) => void;
  /** Gathered in this turn of the event loop. */
  #gathered: Message[] = [];
  /** Handed to the socket; one list for each write. */
  readonly #handed: Message[][] = [];
  /** Taken for a sender that has ended its side: it waits for them, or has closed. */
  readonly #unconfirmed: Message[] = [];

  constructor(socket: Socket, onOver: (message: Message, replied: boolean) => void) {
    this.#socket = socket;
    this.#onOver = onOver;
  }

  /** Its reply is given to the writer. */
  add(message: Message): void {
    this.#gathered.push(message);
  }

  /** That one needs no bytes. */
  skipLast(): void {
    const last = this.#gathered.pop();
    if (last !== undefined) this.#onOver(last, true);
  }

  onFlush(): void {
    this.#handed.push(this.#gathered);
    this.#gathered = [];
  }

  onWritten(error?: Error | null): void {
    const written = this.#handed.shift() ?? [];
    if (error != null) this.#report(written, false);
    else if (this.#socket.readableEnded) this.#unconfirmed.push(...written);
    else this.#report(written, true);
  }

  /** Calls back when it is known that the last replies have met nobody's reset; at once, if there is no doubt. */
  whenConfirmed(callback: () => void): void {
    const isSure = this.#handed.length === 0 && this.#unconfirmed.length === 0;
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
    for (const written of this.#handed.splice(0)) this.#report(written, false);
    this.#report(this.#gathered.splice(0), false);
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
