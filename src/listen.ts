// Opens a server's port. Promises that it may be done again after the port was closed, and after it failed; and what is
// wrong in one line.
import type { Server } from 'node:net';
import { listenError } from './listen-error.ts';

/** Returns the port that it is. `what`: in words that an address can follow. @throws GatewayError GW_ERR_LISTEN */
export function listen(server: Server, what: string, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      server.off('listening', onListening);
      reject(listenError(what, host, port, cause));
    };
    const onListening = (): void => {
      server.off('error', onError);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    };
    server.once('error', onError).once('listening', onListening);
    server.listen({ host, port });
  });
}
