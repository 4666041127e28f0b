// The server of a port whose senders may close their side and still wait for what is owed to them (F25), plain or over TLS.
import type net from 'node:net';
import tls from 'node:tls';
import type { ServerTls } from '../../certs/server-tls.ts';
import { platform } from '../../src/platform/current.ts';

/** `serve`: each connection, once its handshake is done. */
export function createHalfOpenServer(
  secure: ServerTls | undefined,
  serve: (socket: net.Socket) => void,
): net.Server {
  if (secure === undefined) return platform.createServer({ allowHalfOpen: true }, serve);
  // Half-open only from here on: a connection that ends inside its handshake has nothing to wait for.
  const server = tls.createServer(secure.options, (socket) => {
    socket.allowHalfOpen = true;
    serve(socket);
  });
  secure.attach(server);
  return server;
}
