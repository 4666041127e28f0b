// A transport on a socket of Node.js, TCP or TLS: the only one who listens to it, reads it, writes it and ends it. Is a
// coalescing writer, and does not have one: a message's bytes pass no call more than they must.
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { causeCode } from '../errors.ts';
import { clearTimeout, setImmediate, setTimeout } from '../platform/time.ts';
import { CoalescingWriter } from './coalescing-writer.ts';
import { closeGracefully } from './graceful-close.ts';
import type { Transport, TransportOwner } from './transport.ts';
import { HandleWire } from './wire/handle-wire.ts';
import { belowOf } from './wire/node-handles.ts';
import { StreamWire } from './wire/stream-wire.ts';
import type { Sent, Wire } from './wire/wire.ts';

const NOTHING = Buffer.alloc(0);

export class SocketTransport extends CoalescingWriter implements Transport {
  readonly #socket: Socket;
  readonly #wire: Wire;
  #owner: TransportOwner | undefined;
  #onWritten: Sent | undefined;
  #idleMs = 0;
  #writeMs = 0;
  #writeTimer: NodeJS.Timeout | undefined;

  /** Nothing else may read or write the socket from now on. */
  constructor(socket: Socket, wire: Wire = HandleWire.take(socket) ?? new StreamWire(socket)) {
    super();
    this.#socket = socket;
    this.#wire = wire;
  }

  get hasEnded(): boolean {
    return this.#socket.readableEnded;
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed;
  }

  get isPaused(): boolean {
    return this.#wire.isPaused;
  }

  get needsDrain(): boolean {
    return this.#wire.isBackedUp;
  }

  get isBlocked(): boolean {
    return this.#wire.unsentBytes > 0;
  }

  open(owner: TransportOwner): void {
    const socket = this.#socket;
    this.#owner = owner;
    if (owner.onWritten !== undefined) this.#onWritten = (error) => owner.onWritten?.(error);
    this.#wire.open({
      onBytes: owner.onRead,
      onDrain: () => {
        this.#stopWriteTimer();
        owner.onDrain?.();
      },
    });
    socket.on('end', () => owner.onEnd());
    socket.on('timeout', () => {
      // A timer of the same turn may have had something written; its time runs anew when that goes out.
      if (!this.isGathering) owner.onIdle?.();
    });
    socket.on('error', (error) => owner.onError?.(error));
    socket.on('close', () => {
      this.#stopWriteTimer();
      owner.onClosed(socket.errored ?? undefined);
    });
  }

  pause(): void {
    this.#wire.pause();
  }

  resume(): void {
    this.#wire.resume();
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

  protected handOver(first: Buffer, more: readonly Buffer[] | undefined, bytes: number): void {
    const owner = this.#owner;
    owner?.onFlush?.();
    if (this.#wire.write(first, more, bytes, this.#onWritten)) this.#onWritten?.();
    owner?.onHanded?.();
    // F29: from here on the peer has to take what is written.
    if (this.#writeMs === 0 || this.#writeTimer !== undefined || !this.#wire.isBackedUp) return;
    this.#writeTimer = setTimeout(() => this.#owner?.onWriteTimeout?.(), this.#writeMs);
  }

  #stopWriteTimer(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
  }

  whenTaken(callback: () => void): void {
    this.#wire.whenSent(callback);
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
    const below = belowOf(this.#socket);
    const fd: unknown = below && Reflect.get(below, 'fd');
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
    closeGracefully(this.#socket, this.#wire);
  }

  destroy(): void {
    this.#stopWriteTimer();
    this.#socket.destroy();
  }
}
