// A wire on the streams of Node.js: it needs nothing but what those promise.
import type { Socket } from 'node:net';
import { isTlsSocket } from '../../tls-kinds.ts';
import type { Sent, Wire, WireUser } from './wire.ts';

/** Up to this many bytes copying into one buffer is cheaper than handing the socket a list. */
const COPY_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class StreamWire implements Wire {
  readonly #socket: Socket;
  /** Writes of which the socket has yet to tell. */
  #untold = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  open({ onBytes, onDrain }: WireUser): void {
    this.#socket.on('data', (bytes: Buffer) => onBytes(bytes, false));
    if (onDrain !== undefined) this.#socket.on('drain', onDrain);
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get isBackedUp(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  write(first: Buffer, more: readonly Buffer[] | undefined, bytes: number, sent: Sent | undefined): boolean {
    if (this.#socket.destroyed) {
      sent?.(new Error('destroyed'));
      return false;
    }
    if (more === undefined) return this.#write(first, sent);
    if (bytes <= COPY_BYTES) return this.#write(Buffer.concat([first, ...more], bytes), sent);
    this.#socket.cork();
    this.#socket.write(first);
    for (const part of more) this.#socket.write(part);
    if (sent !== undefined) this.whenSent(sent);
    this.#socket.uncork();
    return false;
  }

  whenSent(sent: Sent): void {
    this.#writeAndTell(NOTHING, sent);
  }

  /** A socket that has taken all at once need not tell so later: its callback costs a turn of Node.js' queue for each write. */
  #write(bytes: Buffer, sent: Sent | undefined): boolean {
    const socket = this.#socket;
    if (sent === undefined) {
      socket.write(bytes);
      return false;
    }
    if (this.#untold > 0 || socket.writableLength > 0 || isTlsSocket(socket)) {
      this.#writeAndTell(bytes, sent);
      return false;
    }
    socket.write(bytes);
    if (socket.writableLength === 0 && socket.errored === null && !socket.destroyed) return true;
    this.whenSent(sent);
    return false;
  }

  #writeAndTell(bytes: Buffer, sent: Sent): void {
    this.#untold++;
    this.#socket.write(bytes, (error) => {
      this.#untold--;
      sent(error);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(done: () => void): void {
    this.#socket.end(done);
  }
}
