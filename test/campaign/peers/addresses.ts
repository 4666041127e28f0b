// Addresses that only one campaign of this machine uses. Promises: a port stays free while nobody of the campaign listens there.
import { once } from 'node:events';
import net from 'node:net';

/**
 * An address of the loopback network that no other test listens on, so that the port of a node that is down is not given to
 * one of them, which would then be sent this campaign's messages. Linux answers on all of 127/8.
 */
export function ownAddress(): string {
  const { pid } = process;
  return `127.${1 + (pid % 250)}.${1 + ((pid >> 8) % 250)}.${2 + (campaigns++ % 250)}`;
}

/** Of this process. */
let campaigns = 0;

/** Nobody else listens on that address: the port stays free until the gateway takes it, and between two of its processes. */
export async function freePort(host: string): Promise<number> {
  const server = net.createServer().listen({ host, port: 0 });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
