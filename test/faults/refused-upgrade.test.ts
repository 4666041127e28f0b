// F69: an upgrade that its node has refused is an ordinary response: a client that does not read the last of it is given up.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConnections, socketsAt } from '../helpers/open-sockets.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns, until } from '../helpers/until.ts';
import { openHttpRoom, request } from './http-room.ts';

const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']);
/** Less than what Node.js takes of a response before it says to wait. */
const PIECE = Buffer.alloc(32 * 1024, 'x');
/** Nearly what two kernels keep by default, so that few pieces are left to be written. */
const FIRST_BYTES = 3.5 * 1024 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** What the kernel has on its way from the gateway to its client. */
function underWay(port: number): number {
  let bytes = 0;
  for (const { localPort, remotePort, queues } of openConnections('self')) {
    if (localPort === port) bytes += queues[0];
    if (remotePort === port) bytes += queues[1];
  }
  return bytes;
}

describe.runIf(process.platform === 'linux').each(['plain', 'TLS'] as const)('over %s', (over) => {
  it('F69 a client that does not read the last of it is given up', { timeout: 400_000 }, async () => {
    await using room = await openHttpRoom({
      ...(over === 'TLS' ? { tls: folder } : {}),
      listener: { limits: { writeTimeout: '1s' } },
      script: async (node) => {
        await node.write(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${'x'.repeat(FIRST_BYTES)}`);
        // Until the gateway, and no kernel, has the last of it; and no more, lest the response be cut off for its length.
        for (let written = 0; written < MOST_BYTES; written += PIECE.length) {
          const before = underWay(room.gw.port());
          await node.write(PIECE);
          for (let tries = 0; underWay(room.gw.port()) === before && tries < 200; tries++) await turns(2);
          if (underWay(room.gw.port()) === before) break;
        }
        node.end();
      },
    });
    await using client = await room.connect();
    client.socket.pause();
    void client.send(ASKS);
    await until(() => room.gw.proxied.length === 1, { deadlineMs: 240_000, what: 'the end of the response' });
    await until(() => room.gw.gateway.listeners[0]?.connections === 0 && socketsAt(room.gw.port()) === 0, {
      deadlineMs: 60_000,
      what: 'no connection any more',
    });
    expect(room.gw.codes).toContain('GW_ERR_SENDER_NOT_READING');
  });
});
