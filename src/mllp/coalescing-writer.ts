// Gathers what one turn of the event loop brings for a socket into one write: system calls, not parsing, are what a
// relayed message costs. Order is kept; nothing waits longer than the turn.
import type { Socket } from 'node:net';

/** Up to this many bytes copying into one buffer is cheaper than handing the socket a list. */
const COPY_BYTES = 64 * 1024;

let dirty: CoalescingWriter[] = [];

function flushAll(): void {
  const writers = dirty;
  dirty = [];
  for (const writer of writers) writer.flush();
}

export class CoalescingWriter {
  readonly #socket: Socket;
  readonly #onFlush: (() => void) | undefined;
  readonly #onWritten: ((error?: Error | null) => void) | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  /**
   * `onFlush` is called just before bytes are handed to the socket: from then on they may reach the peer. `onWritten` is called
   * once for each of these times, in their order: the operating system has taken the bytes, or never will.
   */
  constructor(socket: Socket, onFlush?: () => void, onWritten?: (error?: Error | null) => void) {
    this.#socket = socket;
    this.#onFlush = onFlush;
    this.#onWritten = onWritten;
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#parts.push(bytes) > 1) return;
    if (dirty.push(this) === 1) setImmediate(flushAll);
  }

  /** Writes now what has been gathered. */
  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const bytes = this.#bytes;
    this.#parts = [];
    this.#bytes = 0;
    this.#onFlush?.();
    const socket = this.#socket;
    if (socket.destroyed) {
      this.#onWritten?.(new Error('destroyed'));
      return;
    }
    if (parts.length === 1) socket.write(parts[0] as Buffer, this.#onWritten);
    else if (bytes <= COPY_BYTES) socket.write(Buffer.concat(parts, bytes), this.#onWritten);
    else {
      const last = parts.pop() as Buffer;
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.write(last, this.#onWritten);
      socket.uncork();
    }
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** How long a peer has to take what is written to it when the connection ends. */
const LAST_WRITE_MS = 30_000;
/** How long it then has to close its side too, before the socket is destroyed. */
const LINGER_MS = 2_000;

/**
 * Ends a connection without a reset: sends FIN behind what was written, reads on and throws away (unread bytes make a
 * reset, which is an alert in a Mirth node's log), and destroys the socket when the peer has closed too or time is up.
 */
export function closeGracefully(socket: Socket): void {
  if (socket.destroyed) return;
  if (isReset(socket)) {
    socket.destroy();
    return;
  }
  let timer = setTimeout(() => socket.destroy(), LAST_WRITE_MS);
  timer.unref();
  const destroyIfDone = (): void => {
    if (socket.readableEnded && socket.writableFinished) socket.destroy();
  };
  socket.setTimeout(0);
  socket.once('end', destroyIfDone);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end(() => {
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    destroyIfDone();
  });
}

/**
 * Whether a connection whose peer has ended its side is reset. Nothing tells so: nobody reads it any more. And Node.js 26
 * tells of a reset as an end where a TLS socket may be half-open, and what is then written neither fails nor comes back:
 * the descriptor would be kept for LAST_WRITE_MS. The operating system has forgotten the peer of such a socket; the
 * socket itself remembers it, so the handle below it is asked.
 */
export function isReset(socket: Socket): boolean {
  return socket.readableEnded && hasNoPeer(socket);
}

/** The same of a socket that another reads, as an HTTP/2 session does: its stream never ends. */
export function hasNoPeer(socket: Socket): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return false;
  const ask: unknown = Reflect.get(handle, 'getpeername');
  return typeof ask === 'function' && Reflect.apply(ask, handle, [{}]) !== 0;
}
