// F68, F115: a client that asks for an upgrade says more than is kept for it before its node has answered, so that it is not
// read any more; and then it goes away. Nothing in its stream says so, and what is written to it over TLS may never come back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenSocket, openConnections, socketsAt } from '../helpers/open-sockets.ts';
import type { RawClient } from '../helpers/raw-http-client.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { openHttpRoom, request } from './http-room.ts';

const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']);
/** Far more than is kept of it, and less than the kernel takes. */
const EARLY_BYTES = 300_000;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** Resolves when the kernel has its FIN. */
const finish = (client: RawClient): Promise<void> =>
  new Promise((resolve) => {
    client.socket.end(() => resolve());
  });

/** More was said than is kept: the gateway's stream and the kernel have the rest, and none of it moves any more. */
async function stillness(port: number, client: RawClient): Promise<void> {
  let [last, rounds, queues] = ['', 0, [] as OpenSocket[]];
  await until(
    () => {
      // The kernel's tables are dear to read.
      if (rounds % 10 === 0) queues = openConnections('self').filter(({ localPort }) => localPort === port);
      const now = JSON.stringify([queues, client.socket.writableLength]);
      rounds = now === last ? rounds + 1 : 0;
      last = now;
      return rounds > 50;
    },
    { deadlineMs: 30_000, what: 'a client whose bytes nobody takes' },
  );
}

describe.runIf(process.platform === 'linux').each(['plain', 'TLS'] as const)('over %s', (over) => {
  it.each([
    ['resets', async (client: RawClient) => client.reset()],
    [
      'ends its side and resets',
      async (client: RawClient) => {
        await finish(client);
        client.reset();
      },
    ],
  ])(
    'F68 F115 a client that %s is let go, and so is its node',
    {
      timeout: 120_000,
    },
    async (_, leave) => {
      await using room = await openHttpRoom({
        ...(over === 'TLS' ? { tls: folder } : {}),
        pool: { timeouts: { ack: '10m' } },
        node: { onSocket: (socket) => void socket.on('end', () => socket.end()) },
        script: () => {},
      });
      await using client = await room.connect();
      await client.send(ASKS);
      await room.node.arrived(1);
      void client.send('e'.repeat(EARLY_BYTES));
      await stillness(room.gw.port(), client);
      await leave(client);
      await until(() => room.gw.held.inFlight === 0 && socketsAt(room.gw.port()) === 0, {
        deadlineMs: 60_000,
        what: 'neither request nor connection any more',
      });
      await room.node.when(
        () => room.node.connections.every(({ gone }) => gone),
        'the end at the node',
        30_000,
      );
      expect(room.gw.codes).toEqual(['GW_ERR_HTTP_CUT']);
    },
  );
});
