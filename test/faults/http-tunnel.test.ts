// F56: how a tunnel ends: with either side, gently where that was gentle, and with the gateway.
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { RawScript } from '../helpers/raw-http-node.ts';
import { turns, until } from '../helpers/until.ts';
import { type HttpRoom, openHttpRoom, request } from './http-room.ts';

const ASKS = request('GET /ws HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket']);
const agree: RawScript = (connection) =>
  connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');

/** More than all buffers between the two ends hold. */
const SIZE = 64 * 1024 * 1024;

async function openTunnel(room: HttpRoom) {
  const client = await room.connect();
  void client.send(ASKS);
  await client.when(() => client.text.endsWith('\r\n\r\n'), 'the 101');
  return { client, node: await room.node.connection(room.node.connections.length - 1) };
}

describe('F56 a tunnel', () => {
  it('ends with its client, whose last bytes arrive', async () => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    void client.send('last');
    client.finish();
    await room.node.when(() => node.ended, 'the end at the node');
    expect(node.received.toString().endsWith('last')).toBe(true);
    void node.write('bye');
    node.end();
    await client.end();
    expect(client.text.endsWith('bye')).toBe(true);
    await until(() => room.gw.held.inFlight === 0);
    expect(room.gw.proxied.map(({ error, upgraded, status }) => [error, upgraded, status])).toEqual([
      [undefined, true, 101],
    ]);
  });

  it('ends with its node', async () => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    void node.write('last');
    node.end();
    await client.end();
    expect(client.text.endsWith('last')).toBe(true);
    client.finish();
    await until(() => room.gw.held.inFlight === 0);
  });

  it.each(['client', 'node'] as const)(
    'the %s ends its side and the other one never does: both are cut',
    async (side) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        await using room = await openHttpRoom({ script: agree });
        const { client, node } = await openTunnel(room);
        if (side === 'client') client.finish();
        else node.end();
        const other = side === 'client' ? node : client;
        await once(other.socket, 'end');
        vi.advanceTimersByTime(29_900);
        await turns(20);
        expect(room.gw.gateway.listeners[0]?.connections).toBe(1);
        vi.advanceTimersByTime(200);
        vi.useRealTimers();
        await until(() => room.gw.gateway.listeners[0]?.connections === 0 && room.gw.held.inFlight === 0);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it.each(['client', 'node'] as const)('a reset of the %s ends the other side', async (side) => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    if (side === 'client') client.reset();
    else node.reset();
    await (side === 'client'
      ? room.node.when(() => node.gone || node.ended, 'the end at the node')
      : until(() => client.gone || client.ended));
    await until(() => room.gw.held.inFlight === 0);
  });

  it('holds back what the other side does not read', async () => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    node.socket.pause();
    node.broken = 'no HTTP any more';
    void client.send(Buffer.alloc(SIZE));
    await turns(500);
    expect(client.socket.writableLength).toBeGreaterThan(SIZE / 2);
    node.socket.resume();
    await room.node.when(() => node.bytes > SIZE, 'all bytes', 15_000);
  });

  it('the last bytes of a node reach a client that reads slowly', async () => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    client.socket.pause();
    void node.write(Buffer.alloc(SIZE / 8));
    node.end();
    await turns(200);
    const before = client.received.length;
    client.socket.resume();
    await client.end();
    expect(client.received.length - before).toBeGreaterThan(SIZE / 16);
    expect(client.received.length).toBeGreaterThan(SIZE / 8);
    expect(client.ended).toBe(true);
  });

  it('is not ended by the deadlines of requests', async () => {
    await using room = await openHttpRoom({
      script: agree,
      pool: { timeouts: { ack: '50ms' } },
      listener: { limits: { writeTimeout: '100ms' }, http: { keepAlive: '100ms', bodyTimeout: '100ms' } },
    });
    const { client, node } = await openTunnel(room);
    // Longer than each of them.
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 1_500);
    await promise;
    void client.send('still here');
    await room.node.when(() => node.received.toString().endsWith('still here'), 'the bytes');
    expect(room.gw.proxied).toEqual([]);
  });

  it('is cut when the gateway stops, after the time for it', async () => {
    await using room = await openHttpRoom({ script: agree });
    const { client, node } = await openTunnel(room);
    const stopped = room.gw.gateway.stop();
    void client.send('during the drain');
    await room.node.when(() => node.received.toString().endsWith('during the drain'), 'the bytes');
    expect(await stopped).toBe(false);
    await until(() => (client.gone || client.ended) && (node.gone || node.ended));
  });
});
