// A transport on a socket of Node.js, TCP or TLS: the only one who listens to it, reads it, writes it and ends it. Is a
// coalescing writer, and does not have one: a message's bytes pass no call more than they must.
import type { Socket } from 'node:net';
import { CoalescingWriter, closeGracefully } from './coalescing-writer.ts';
import type { Transport, TransportOwner } from './transport.ts';

const NOTHING = Buffer.alloc(0);

export class SocketTransport extends CoalescingWriter implements Transport {
  readonly #socket: Socket;
  #owner: TransportOwner | undefined;

  constructor(socket: Socket) {
    super(socket, () => this.#owner?.onFlush?.());
    this.#socket = socket;
  }

  get isBlocked(): boolean {
    return this.#socket.writableLength > 0;
  }

  open(owner: TransportOwner): void {
    const socket = this.#socket;
    this.#owner = owner;
    socket.on('data', owner.onRead);
    socket.on('end', () => owner.onEnd());
    socket.on('error', (error) => owner.onError?.(error));
    socket.on('close', () => owner.onClosed(socket.errored ?? undefined));
  }

  whenTaken(callback: () => void): void {
    this.#socket.write(NOTHING, callback);
  }

  whenClosed(callback: () => void): void {
    if (this.#socket.closed) setImmediate(callback);
    else this.#socket.once('close', callback);
  }

  end(): void {
    closeGracefully(this.#socket);
  }
}
