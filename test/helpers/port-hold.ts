// Keeps a port refused but taken: between `refuse()` and `listen()` no other test may be given the same port by port 0.
// Promises: connections to the port get RST (refused) while it is held, and it can be listened on before the release.
import { once } from 'node:events';
import net from 'node:net';

/**
 * Holds the port with an outgoing connection that is bound to it: a bound port is not given out again, a port without a
 * listener refuses, and SO_REUSEADDR (libuv sets it) still lets its owner listen there.
 */
export async function holdPort(
  host: string,
  port: number,
  /** Gives the port up; called just before it is taken, so that no other process gets it in between. */
  giveUp: () => void = () => undefined,
): Promise<{ release(): Promise<void> }> {
  const anchor = net.createServer((socket) => socket.on('error', () => undefined));
  anchor.listen(0, host);
  await once(anchor, 'listening');
  const accepted = once(anchor, 'connection');
  giveUp();
  const socket = net.connect({
    host,
    port: (anchor.address() as net.AddressInfo).port,
    localAddress: host,
    localPort: port,
  });
  await once(socket, 'connect');
  const [peer] = (await accepted) as [net.Socket];
  return {
    release: async () => {
      const gone = once(anchor, 'close');
      anchor.close();
      socket.destroy();
      peer.destroy();
      await gone;
    },
  };
}
