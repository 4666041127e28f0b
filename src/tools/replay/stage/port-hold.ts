// Keeps a killed node's port refused but taken, so that no other listener of the process is given it meanwhile.
import { once } from 'node:events';
import net from 'node:net';

export interface PortHold {
  release(): Promise<void>;
}

/**
 * By an outgoing connection that is bound to the port: a bound port is not given out again, one without a listener refuses,
 * and SO_REUSEADDR (libuv sets it) still lets its owner listen there. Undefined: it could not be had.
 */
export async function holdPort(host: string, port: number): Promise<PortHold | undefined> {
  const anchor = net.createServer((socket) => socket.on('error', () => {}));
  anchor.listen(0, host);
  await once(anchor, 'listening');
  const address = anchor.address();
  if (address === null || typeof address === 'string') return undefined;
  const accepted = once(anchor, 'connection');
  accepted.catch(() => {});
  const socket = net.connect({ host, port: address.port, localAddress: host, localPort: port });
  try {
    await once(socket, 'connect');
  } catch {
    anchor.close();
    return undefined;
  }
  const [peer] = await accepted;
  return {
    release: async () => {
      const gone = once(anchor, 'close');
      anchor.close();
      socket.destroy();
      if (peer instanceof net.Socket) peer.destroy();
      await gone;
    },
  };
}
