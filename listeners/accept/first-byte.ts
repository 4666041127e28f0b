// Where connections to a TLS listener wait until they say something. Promises that one that is silent takes no place of
// a handshake, and waits no longer than the deadline; and that its first bytes are still to be read when it goes on.
import type net from 'node:net';
import { clearTimeout, setTimeout } from '../../src/platform/time.ts';

export interface FirstByteWatcher {
  /** The socket is as a server gives it out. */
  onFirstByte(socket: net.Socket): void;
  /** It said nothing in time, and is closed. */
  onSilence(socket: net.Socket): void;
}

export class FirstByte {
  readonly #deadlineMs: number;
  readonly #watcher: FirstByteWatcher;
  readonly #waiting = new Set<net.Socket>();

  constructor(deadlineMs: number, watcher: FirstByteWatcher) {
    this.#deadlineMs = deadlineMs;
    this.#watcher = watcher;
  }

  await(socket: net.Socket): void {
    if (socket.readableLength > 0) {
      this.#watcher.onFirstByte(socket);
      return;
    }
    this.#waiting.add(socket);
    const onReadable = (): void => {
      if (socket.readableLength === 0) return;
      leave();
      // A stream that was listened to for 'readable' flows to others once Node.js has seen, at the end of this tick, that
      // nobody listens any more.
      process.nextTick(() => {
        if (socket.destroyed) return;
        socket.off('error', ignore);
        this.#watcher.onFirstByte(socket);
      });
    };
    // F27: a balancer's probe connects and closes.
    const onEnd = (): void => {
      leave();
      socket.destroy();
    };
    const timer = setTimeout(() => {
      leave();
      this.#watcher.onSilence(socket);
      socket.destroy();
    }, this.#deadlineMs);
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('end', onEnd).off('close', leave);
    };
    socket.on('error', ignore);
    socket.on('readable', onReadable).on('end', onEnd).on('close', leave);
  }

  /** Ends every connection that waits. */
  destroy(): void {
    for (const socket of this.#waiting) socket.destroy();
  }
}

/** 'close' follows and says it all. */
function ignore(): void {}
