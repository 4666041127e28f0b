// What speaks TLS, told without Node.js's own classes: asking for those loads all of its TLS, which plain MLLP never needs.
import type { Server, Socket } from 'node:net';
import type tls from 'node:tls';

export function isTlsSocket(socket: Socket): socket is tls.TLSSocket {
  return 'encrypted' in socket;
}

export function isTlsServer(server: Server): server is tls.Server {
  return 'setSecureContext' in server;
}
