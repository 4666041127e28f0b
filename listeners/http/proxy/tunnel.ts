// What begins when a node has switched protocols (RFC 9110 7.8): bytes both ways as they come, with back-pressure, until
// one side ends; the other then has a moment to say its last.
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from '../../../src/platform/time.ts';
import { carry } from '../../carry.ts';

/** A WebSocket's ends answer each other's close at once; this is for what is still to be read. As long as any last write. */
const LAST_WORDS_MS = 30_000;

/**
 * `head`: what the client has said behind its request, `nodeHead`: what the node has behind its answer.
 * F116: either side may be gone by now, or be found gone by what is written here. Then the other one is ended, and no more.
 */
export function tunnelTo(
  client: Socket,
  head: Buffer,
  node: Socket,
  nodeHead: Buffer,
  fields: readonly string[],
): void {
  for (const socket of [client, node]) {
    // An error is followed by 'close', and there is nobody to tell.
    socket.on('error', ignore);
    // The deadlines of requests end here: tunnels are silent for as long as their ends like.
    socket.setTimeout(0);
    // The client must get all that a node has said before its end, however slowly it reads.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
  }
  let start = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let i = 0; i < fields.length; i += 2) start += `${fields[i]}: ${fields[i + 1]}\r\n`;
  client.write(`${start}\r\n`, 'latin1');
  if (nodeHead.length > 0) client.write(nodeHead);
  if (head.length > 0) node.write(head);
  let timer: NodeJS.Timeout | undefined;
  // One side has ended: the other one has so long for its own end.
  const onEnd = (): void => {
    timer ??= setTimeout(() => {
      client.destroy();
      node.destroy();
    }, LAST_WORDS_MS);
  };
  let open = 2;
  const onClosed = (): void => {
    if (--open === 0) clearTimeout(timer);
    else onEnd();
  };
  const watcher = { onBytes: ignore, onEnd, onClosed, breakOff: (to: Socket) => to.destroy() };
  carry(client, node, watcher);
  carry(node, client, watcher);
}

function ignore(): void {}
