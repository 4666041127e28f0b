// The writing side that the test peers share: bytes onto a socket, cut where a test wants them cut.
// Promises: never throws or rejects for a dead socket, since peers that vanish are what these tests are about.
import type net from 'node:net';
import { turns } from './until.ts';

/** Resolves once the kernel has the bytes or the socket is dead. */
export function writeAll(socket: net.Socket, bytes: Buffer): Promise<void> {
  if (!socket.writable || bytes.length === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('close', done);
      resolve();
    };
    socket.once('close', done);
    socket.write(bytes, done);
  });
}

/**
 * Writes `bytes` cut at `positions` so that a peer of this process that reads gets each piece by itself: no Nagle, the
 * piece handed to the kernel, then turns of the event loop. A peer in another process may still see two pieces as one.
 */
export async function writePieces(
  socket: net.Socket,
  bytes: Buffer,
  positions: readonly number[],
): Promise<void> {
  socket.setNoDelay(true);
  const cuts = [...new Set(positions)].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    await writeAll(socket, bytes.subarray(from, to));
    await turns();
    from = to;
  }
}

/** RST. `raw` is the TCP socket below a TLS one, or the socket itself: only a TCP socket can send it. */
export function resetSocket(socket: net.Socket, raw: net.Socket): void {
  if (socket === raw) {
    socket.resetAndDestroy();
    return;
  }
  // Not within a callback of the TLS layer: Node.js 26 crashes there, since the layer goes on with a handle that is gone.
  // The TLS socket closes with the one below it.
  setImmediate(() => raw.resetAndDestroy());
}
