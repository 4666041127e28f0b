// A peer's connection to the gateway, with or without TLS. Promises: it can be reset in either case; an error of it is told once.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { SERVER_NAME } from '../wire/tls.ts';
import type { TlsStart } from './orders.ts';

export interface Link {
  /** What is read and written. */
  readonly socket: net.Socket;
  /** Ends it with a RST: a TLS socket cannot do this itself. */
  reset(): void;
}

export function connectTo(
  {
    host,
    port,
    tls: files,
  }: { readonly host: string; readonly port: number; readonly tls: TlsStart | undefined },
  onReady: () => void,
): Link {
  const raw = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
  if (files === undefined) {
    raw.once('connect', onReady);
    return { socket: raw, reset: () => raw.resetAndDestroy() };
  }
  const socket = tls.connect({
    socket: raw,
    ca: readFileSync(files.cert),
    servername: SERVER_NAME,
    // HTTP/2 has a client of its own.
    ALPNProtocols: ['http/1.1'],
  });
  socket.allowHalfOpen = true;
  // The TLS socket is told of it as well.
  raw.on('error', (error) => socket.destroy(error));
  socket.once('secureConnect', onReady);
  const reset = (): void => {
    raw.resetAndDestroy();
    socket.destroy();
  };
  return { socket, reset };
}
