// F116: either side is gone when a tunnel begins. The node's 101 and the end of a side reach the gateway in one turn of its
// event loop, in either order: that tunnel ends, and nothing else. An error that nobody caught fails the run by itself.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socketsAt } from '../helpers/open-sockets.ts';
import type { RawClient } from '../helpers/raw-http-client.ts';
import type { RawConnection } from '../helpers/raw-http-node.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { GET, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);
beforeAll(() => {
  process.on('uncaughtExceptionMonitor', onUncaught);
  folder = createTlsFolder();
});
afterAll(() => {
  process.off('uncaughtExceptionMonitor', onUncaught);
  folder[Symbol.dispose]();
});

const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket'], 'early');
const AGREES = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const TIMES = 10;

type Step = (client: RawClient, node: RawConnection) => unknown;
const agree: Step = (_, node) => node.write(AGREES);
const greet: Step = (_, node) => node.write(`${AGREES}hello`);
const CASES: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  ['the client resets behind the 101', [agree, (client) => client.reset()]],
  ['the client resets before the 101', [(client) => client.reset(), agree]],
  ['the client resets behind the 101 and a greeting', [greet, (client) => client.reset()]],
  ['the client ends behind the 101', [agree, (client) => client.socket.destroy()]],
  ['the client ends its side before the 101', [(client) => client.finish(), greet]],
  ['the node resets behind its 101', [agree, (_, node) => node.reset()]],
  ['the node ends behind its 101', [greet, (_, node) => node.end()]],
  ['both reset', [agree, (client) => client.reset(), (_, node) => node.reset()]],
];

describe.each(['plain', 'TLS'] as const)('over %s', (over) => {
  it.each(CASES)('F116 %s', { timeout: 120_000 }, async (_, steps) => {
    let current: RawClient | undefined;
    await using room = await openHttpRoom({
      ...(over === 'TLS' ? { tls: folder } : {}),
      // As a WebSocket server ends when its client has.
      node: { onSocket: (socket) => void socket.on('end', () => socket.end()) },
      script: (node, { target }) => {
        if (target !== '/ws') void node.answer('ok');
        else for (const step of steps) if (current !== undefined) void step(current, node);
      },
    });
    for (let i = 0; i < TIMES; i++) {
      const arrived = room.node.requests.length;
      await using client = await room.connect();
      current = client;
      void client.send(ASKS);
      await room.node.arrived(arrived + 1);
      await until(() => client.gone || client.ended, { deadlineMs: 10_000 });
    }
    await until(() => socketsAt(room.gw.port()) === 0 && room.gw.held.inFlight === 0, { deadlineMs: 30_000 });
    await using after = await room.connect();
    expect((await after.ask(GET)).status).toBe(200);
    expect([room.gw.codes.filter((code) => code === 'GW_ERR_INTERNAL'), uncaught]).toEqual([[], []]);
  });
});
