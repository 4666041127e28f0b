// The end of an HTTP/1 connection whose client may still be sending: closed as it is, what lies unread becomes a reset,
// which can take the last response from the client (RFC 9112 9.6). Promises that nothing that still comes is looked at.
import { Socket } from 'node:net';
import { closeGracefully } from '../../src/mllp/graceful-close.ts';
import { setImmediate } from '../../src/platform/time.ts';

const deaf = new WeakSet<Socket>();
const closing = new WeakSet<Socket>();
const NOTHING = Buffer.alloc(0);

/** What comes from now on is thrown away, and no request is made of it. */
export function stopParsing(socket: Socket): void {
  if (deaf.has(socket)) return;
  deaf.add(socket);
  // Takes the parser off; to listen takes the socket's handle from it.
  socket.removeAllListeners('data');
  socket.on('data', ignore);
  // To the stream a read may be under way that the parser has stopped; nothing ends it, so that the next one can begin.
  socket.push(NOTHING);
  socket.resume();
}

export function isDeaf(socket: Socket): boolean {
  return deaf.has(socket);
}

/** FIN behind what was written, and an end within seconds. */
export function closeLingering(socket: Socket): void {
  stopParsing(socket);
  if (closing.has(socket)) return;
  closing.add(socket);
  closeGracefully(socket);
}

/** The same behind the response that is under way, which has told the client so. */
export function lingerBehind(socket: Socket): void {
  // What Node.js calls when a connection's last response is written.
  socket.destroySoon = () => closeLingering(socket);
}

/** Ends it so that what was written cannot pass for whole, as it would behind an orderly end, of TLS as well (F66). */
export function resetConnection(socket: Socket): void {
  // The TCP connection below TLS is known to Node.js under a name without documentation.
  const below: unknown = Reflect.get(socket, '_parent');
  if (!(below instanceof Socket)) resetUnlessEnding(socket, socket);
  // Within a callback of the TLS layer this would take away the handle that it goes on with.
  else setImmediate(() => resetUnlessEnding(below, socket));
}

/**
 * F115. While a FIN is under way libuv refuses the reset, and Node.js then forgets the handle without closing it: the
 * descriptor is lost, and 'close' never comes. Everything was written by then, so that an orderly end is right.
 */
function resetUnlessEnding(tcp: Socket, { writableEnded, writableFinished, writableLength }: Socket): void {
  if (writableEnded && !writableFinished && writableLength === 0) tcp.destroy();
  else tcp.resetAndDestroy();
}

function ignore(): void {}
