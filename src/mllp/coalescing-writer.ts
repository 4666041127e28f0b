// Gathers what one turn of the event loop brings for a socket into one write: system calls, not parsing, are what a
// relayed message costs. Order is kept; nothing waits longer than the turn.
import type { Socket } from 'node:net';
import type { Wire } from './wire/wire.ts';

/** Those that have something to write, in the order in which they got it, each linked to the next: no list is made. */
let firstDirty: CoalescingWriter | undefined;
let lastDirty: CoalescingWriter | undefined;

function flushAll(): void {
  let writer = firstDirty;
  firstDirty = undefined;
  lastDirty = undefined;
  while (writer !== undefined) {
    const next: CoalescingWriter | undefined = writer.next;
    writer.next = undefined;
    writer.isDirty = false;
    writer.flush();
    writer = next;
  }
}

export abstract class CoalescingWriter {
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #bytes = 0;
  /** For `flushAll`. */
  isDirty = false;
  next: CoalescingWriter | undefined;

  /** Writes `first` and then `more`, `bytes` in all. */
  protected abstract handOver(first: Buffer, more: readonly Buffer[] | undefined, bytes: number): void;

  get pendingBytes(): number {
    return this.#bytes;
  }

  write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#first !== undefined) {
      this.#more ??= [];
      this.#more.push(bytes);
      return;
    }
    this.#first = bytes;
    if (this.isDirty) return;
    this.isDirty = true;
    if (lastDirty === undefined) {
      firstDirty = this;
      setImmediate(flushAll);
    } else lastDirty.next = this;
    lastDirty = this;
  }

  /** Writes now what has been gathered. */
  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const more = this.#more;
    const bytes = this.#bytes;
    this.discard();
    this.handOver(first, more, bytes);
  }

  /** Forgets what has not been written. */
  discard(): void {
    this.#first = undefined;
    this.#more = undefined;
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
export function closeGracefully(socket: Socket, wire?: Wire): void {
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
  (wire ?? socket).resume();
  (wire ?? socket).end(() => {
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
