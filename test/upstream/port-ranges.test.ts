// Ranges of ports, and nodes at the port that the sender came to, on real sockets. All of 127.0.0.0/8 is this machine on Linux, so that
// fixed ports meet nobody else's.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ackFor, FrameSplitter, frame, message, msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

const place = (): string => `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(2, 250)}`;

/** Answers, and keeps what came. */
async function nodeAt(host: string, port: number): Promise<{ seen: string[] } & AsyncDisposable> {
  const seen: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const frames = new FrameSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const payload of frames.push(chunk)) {
        seen.push(payload.toString('latin1'));
        socket.write(frame(ackFor(payload)));
      }
    });
  });
  await once(server.listen(port, host), 'listening');
  return {
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const text = (at: string, range: string, node: string): string => `
listeners: { in: { bind: "${at}:${range}", onUnavailable: AE } }
pools: { p: { nodes: { a: { url: "mllp://${node}" } }, health: { type: none }, queue: { timeout: 200ms }, retry: { budget: 200ms } } }
routes: [{ to: p }]`;

describe.runIf(process.platform === 'linux')('ranges of ports (Linux: all of 127.0.0.0/8)', () => {
  test('each sender comes to the node at its own port, and a reload keeps what is the same', async () => {
    const [at, to] = [place(), place()];
    await using first = await nodeAt(to, 7661);
    await using second = await nodeAt(to, 7662);
    await using gateway = await startGateway(text(at, '6661-6662', `${to}:+1000`));
    expect(gateway.gateway.listeners.map(({ name, address }) => [name, address])).toEqual([
      ['in-6661', `${at}:6661`],
      ['in-6662', `${at}:6662`],
    ]);
    await using one = await connectSender(6661, { host: at });
    await using other = await connectSender(6662, { host: at });
    expect(msaOf(await one.exchange(message()))?.code).toBe('AA');
    expect(msaOf(await other.exchange(message()))?.code).toBe('AA');
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
    expect(gateway.messages.map(({ origin }) => origin.listener)).toEqual(['in-6661', 'in-6662']);

    await using third = await nodeAt(to, 7663);
    const { config } = parseConfig(text(at, '6662-6663', `${to}:+1000`), { env: {} });
    const changes = await gateway.gateway.reload(config);
    expect(changes).toEqual(
      expect.arrayContaining(['listeners.in-6663: new', 'listeners.in-6661: gone', 'pools.p-6663: new']),
    );
    expect(changes.some((line) => line.includes('6662'))).toBe(false);
    // The same connection as before.
    expect(msaOf(await other.exchange(message()))?.code).toBe('AA');
    await using late = await connectSender(6663, { host: at });
    expect(msaOf(await late.exchange(message()))?.code).toBe('AA');
    expect([second.seen.length, third.seen.length]).toEqual([2, 1]);
    await until(() => gateway.gateway.listeners.every(({ name }) => name !== 'in-6661'));
  });

  test('a channel that is down takes no other with it', async () => {
    const [at, to] = [place(), place()];
    await using good = await nodeAt(to, 6661);
    await using _ = await startGateway(text(at, '6661-6662', to));
    await using one = await connectSender(6662, { host: at });
    await using other = await connectSender(6661, { host: at });
    expect(msaOf(await one.exchange(message()))?.code).not.toBe('AA');
    expect(msaOf(await other.exchange(message()))?.code).toBe('AA');
    expect(good.seen).toHaveLength(1);
  });

  test('bytes that are passed on go to the same port', async () => {
    const [at, to] = [place(), place()];
    const echo = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await once(echo.listen(6662, to), 'listening');
    await using _ = await startGateway(`
listeners: { in: { protocol: tcp, bind: "${at}:6661-6662" } }
pools: { p: { nodes: { a: { url: "tcp://${to}" } }, health: { type: none } } }
routes: [{ to: p }]`);
    const socket = net.connect(6662, at);
    socket.write('ping');
    expect(String(await once(socket, 'data'))).toBe('ping');
    socket.destroy();
    echo.close();
  });

  test('an interface', async () => {
    await using gateway = await startGateway(`
listeners: { in: { bind: "127.0.0.1%lo:0" } }
pools: { p: { nodes: { a: { url: "mllp://127.0.0.1:1" } }, health: { type: none } } }
routes: [{ to: p }]`);
    expect(
      gateway.gateway.listeners.map(({ name, address }) => [name, address.replace(/:\d+$/, '')]),
    ).toEqual([['in', '127.0.0.1']]);
  });
});
