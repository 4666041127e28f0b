// What begins when a node has switched protocols (RFC 9110 7.8): bytes both ways as they come, with back-pressure, until
// one side ends; the other then has a moment to say its last.
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { spend } from './spent-buffers.ts';

/** A WebSocket's ends answer each other's close at once; this is for what is still to be read. As long as any last write. */
const LAST_WORDS_MS = 30_000;
/** A dozen are needed. */
const MAX_LISTENERS = 20;

/** `head`: what the client has said behind its request, `nodeHead`: what the node has behind its answer. */
export function tunnelTo(
  client: Socket,
  head: Buffer,
  node: Socket,
  nodeHead: Buffer,
  fields: readonly string[],
): void {
  let start = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let i = 0; i < fields.length; i += 2) start += `${fields[i]}: ${fields[i + 1]}\r\n`;
  client.write(`${start}\r\n`, 'latin1');
  if (nodeHead.length > 0) client.write(nodeHead);
  if (head.length > 0) node.write(head);
  // The deadlines of requests end here: tunnels are silent for as long as their ends like.
  client.setTimeout(0);
  node.setTimeout(0);
  // The client must get all that a node has said before its end, however slowly it reads.
  client.allowHalfOpen = true;
  node.allowHalfOpen = true;
  client.setNoDelay(true);
  node.setNoDelay(true);
  // Two pipelines, and who watches either end: no leak, which Node.js would warn of.
  client.setMaxListeners(MAX_LISTENERS);
  node.setMaxListeners(MAX_LISTENERS);
  let timer: NodeJS.Timeout | undefined;
  const onEnd = (): void => {
    timer ??= setTimeout(onClose, LAST_WORDS_MS);
  };
  const onClose = (): void => {
    clearTimeout(timer);
    client.destroy();
    node.destroy();
  };
  client.once('end', onEnd);
  node.once('end', onEnd);
  client.on('data', onData);
  node.on('data', onData);
  // An error of one side ends the other; there is nobody to tell.
  pipeline(client, node, () => {});
  pipeline(node, client, () => {});
  let open = 2;
  const onOneClosed = (): void => {
    if (--open === 0) clearTimeout(timer);
    else onEnd();
  };
  client.once('close', onOneClosed);
  node.once('close', onOneClosed);
}

function onData(chunk: Buffer): void {
  spend(chunk.length);
}
