// The end of a connection without a reset, and whether there was one.
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from '../platform/time.ts';
import { belowOf } from './wire/node-handles.ts';
import type { Wire } from './wire/wire.ts';

/** How long a peer has to take what is written to it when the connection ends. */
const LAST_WRITE_MS = 30_000;
/** How long it then has to close its side too, before the socket is destroyed. */
const LINGER_MS = 2_000;

/** By what a connection is read on and ended: its socket, or the wire that reads and writes in its place. */
type Ends = Pick<Wire, 'resume' | 'end'> | Pick<Socket, 'resume' | 'end'>;

/**
 * Ends a connection without a reset: sends FIN behind what was written, reads on and throws away (unread bytes make a
 * reset, which is an alert in a Mirth node's log), and destroys the socket when the peer has closed too or time is up.
 */
export function closeGracefully(socket: Socket, ends: Ends = socket): void {
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
  ends.resume();
  ends.end(() => {
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
  const below = belowOf(socket);
  if (below === undefined) return false;
  const ask: unknown = Reflect.get(below, 'getpeername');
  return typeof ask === 'function' && Reflect.apply(ask, below, [{}]) !== 0;
}
