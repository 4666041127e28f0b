// A client's wish to switch protocols, until a node has agreed or refused (F56). Promises that nothing of what the client
// says behind its request is read as HTTP, and that it goes to no node before one has agreed.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeLingering } from '../lingering-close.ts';

/** Few clients say anything before they are answered; those are a greeting. */
const MAX_EARLY_BYTES = 64 * 1024;

export class UpgradeOffer {
  /** For as long as no node has agreed. */
  readonly response: ServerResponse;
  readonly #socket: Socket;
  readonly #onTimeout: () => void;
  readonly #early: Buffer[];
  #earlyBytes = 0;

  /**
   * `head`: what came with the request's last packet. `onTimeout`: the socket's, until a node has agreed: a node's refusal is a
   * response like any other, and its client may not read it (F69).
   */
  constructor(incoming: IncomingMessage, socket: Socket, head: Buffer, onTimeout: () => void) {
    this.#socket = socket;
    this.#onTimeout = onTimeout;
    this.#early = [head];
    this.response = new ServerResponse(incoming);
    this.response.shouldKeepAlive = false;
    this.response.assignSocket(socket);
    this.response.once('finish', this.#onFinish);
    // Node.js has let go of the socket: it is told of nothing any more.
    socket.on('error', () => {});
    socket.on('drain', this.#onDrain);
    socket.on('data', this.#onData);
    socket.on('timeout', onTimeout);
  }

  /** A node has agreed: the socket is the caller's, with what has come on it so far. */
  accept(): Buffer {
    const socket = this.#socket;
    this.response.off('finish', this.#onFinish);
    this.response.detachSocket(socket);
    socket.off('drain', this.#onDrain).off('data', this.#onData).off('timeout', this.#onTimeout);
    socket.pause();
    return Buffer.concat(this.#early);
  }

  readonly #onDrain = (): void => {
    this.response.emit('drain');
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#socket.pause();
  };

  readonly #onFinish = (): void => closeLingering(this.#socket);
}
