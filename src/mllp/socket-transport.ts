// A transport on a socket of Node.js, TCP or TLS: the only one who listens to it, reads it, writes it and ends it. Is a
// coalescing writer, and does not have one: a message's bytes pass no call more than they must.
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { causeCode } from '../errors.ts';
import { CoalescingWriter, closeGracefully } from './coalescing-writer.ts';
import type { Transport, TransportOwner } from './transport.ts';

const NOTHING = Buffer.alloc(0);

export class SocketTransport extends CoalescingWriter implements Transport {
  readonly #socket: Socket;
  #owner: TransportOwner | undefined;
  #idleMs = 0;
  #writeMs = 0;
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    super(
      socket,
      () => this.#owner?.onFlush?.(),
      () => this.#onHanded(),
    );
    this.#socket = socket;
  }

  get hasEnded(): boolean {
    return this.#socket.readableEnded;
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get isBlocked(): boolean {
    return this.#socket.writableLength > 0;
  }

  open(owner: TransportOwner): void {
    const socket = this.#socket;
    this.#owner = owner;
    if (owner.onWritten !== undefined) this.tellWritten((error) => owner.onWritten?.(error));
    socket.on('data', owner.onRead);
    socket.on('end', () => owner.onEnd());
    socket.on('drain', () => {
      this.#stopWriteTimer();
      owner.onDrain?.();
    });
    socket.on('timeout', () => owner.onIdle?.());
    socket.on('error', (error) => owner.onError?.(error));
    socket.on('close', () => {
      this.#stopWriteTimer();
      owner.onClosed(socket.errored ?? undefined);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  setIdleTimeout(ms: number): void {
    if (ms === this.#idleMs) return;
    this.#idleMs = ms;
    this.#socket.setTimeout(ms);
  }

  restartIdleTime(): void {
    if (this.#idleMs > 0) this.#socket.setTimeout(this.#idleMs);
  }

  /** Of what is written from now on. */
  setWriteTimeout(ms: number): void {
    this.#writeMs = ms;
  }

  /** F29: from here on the peer has to take what is written. */
  #onHanded(): void {
    this.#owner?.onHanded?.();
    if (this.#writeMs === 0 || this.#writeTimer !== undefined || !this.#socket.writableNeedDrain) return;
    this.#writeTimer = setTimeout(() => this.#owner?.onWriteTimeout?.(), this.#writeMs);
  }

  #stopWriteTimer(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
  }

  whenTaken(callback: () => void): void {
    this.#socket.write(NOTHING, callback);
  }

  whenClosed(callback: () => void): void {
    if (this.#socket.closed) setImmediate(callback);
    else this.#socket.once('close', callback);
  }

  /**
   * The operating system refuses a connection that was reset, even a write of no bytes. Node.js asks nothing more of one whose
   * other side has ended, and its layer for TLS writes nothing for no bytes, so this goes by the descriptor.
   */
  wasReset(): boolean {
    const handle: unknown = Reflect.get(this.#socket, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    if (typeof fd !== 'number' || fd < 0) return false;
    try {
      writeSync(fd, NOTHING);
      return false;
    } catch (thrown) {
      return causeCode(thrown) !== 'EAGAIN';
    }
  }

  end(): void {
    // What is left to write has a limit of its own there.
    this.#writeMs = 0;
    this.#stopWriteTimer();
    closeGracefully(this.#socket);
  }

  destroy(): void {
    this.#stopWriteTimer();
    this.#socket.destroy();
  }
}
