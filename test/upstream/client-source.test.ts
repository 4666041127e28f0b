// `source: client`, on the addresses of 127.0.0.0/8, which are all this machine's: what a node sees as the source of each connection, by
// every protocol. Between machines of their own: test/e2e/client-source.long.test.ts.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { clientSourceTrouble } from '../../src/platform/client-source.ts';
import { type HttpRoom, openHttpRoom, request } from '../faults/http-room.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { lineHeader } from '../helpers/proxy-header.ts';
import { connectSender } from '../helpers/sender.ts';
import { value } from '../helpers/strict-http.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';
import { reload } from '../reload/room.ts';

const why = clientSourceTrouble();
const CLIENTS = ['127.0.4.1', '127.0.4.2', '127.0.4.3'] as const;

describe.skipIf(why !== undefined)(`source: client${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  test.each(['mllp', 'mllps'])('%s: each sender has its own address at the node', async (scheme) => {
    using folder = createTlsFolder();
    const { certPem: cert, keyPem: key } = folder.pems.good;
    await using node = await startFaultyNode(answers.aa(), scheme === 'mllp' ? {} : { tls: { cert, key } });
    const url = { url: `${scheme}://127.0.0.1:${node.port}` };
    await using gateway = await startGateway({
      nodes: [scheme === 'mllp' ? url : ({ ...url, tls: { ca: folder.caFile } } as { url: string })],
      pool: { source: 'client', health: { type: 'none' } },
    });
    for (const localAddress of [...CLIENTS, ...CLIENTS]) {
      await using sender = await connectSender(gateway.port(), { localAddress });
      expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
      expect(node.messages.at(-1)?.socket.remoteAddress).toBe(localAddress);
    }
    // Those who come again find their connections there.
    expect(node.connections.total).toBe(CLIENTS.length);
  });

  test('the address that the PROXY protocol says', async () => {
    await using node = await startFaultyNode();
    await using gateway = await startGateway({
      nodes: [`mllp://127.0.0.1:${node.port}`],
      listener: { proxyProtocol: true, trustedProxies: ['127.0.0.1'] },
      pool: { source: 'client', health: { type: 'none' } },
    });
    await using sender = await connectSender(gateway.port());
    await sender.write(lineHeader({ source: '127.0.4.9', port: 4711 }));
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    expect(node.messages[0]?.socket.remoteAddress).toBe('127.0.4.9');
  });

  test.each(['http', 'https'])(
    '%s: no connection has requests of two clients, and there are no more than max',
    async (scheme) => {
      using folder = createTlsFolder();
      const { certPem: cert, keyPem: key } = folder.pems.good;
      let most = 0;
      await using room: HttpRoom = await openHttpRoom({
        listener: { trustedProxies: ['127.0.0.1'] },
        pool: { source: 'client', connections: { max: 2 } },
        ...(scheme === 'https' && { nodeKeys: { tls: { ca: folder.caFile } } }),
        node: scheme === 'https' ? { tls: { cert, key } } : {},
        script: (connection, { target }) => {
          const [node] = room.gw.gateway.httpPools.get('pool')?.pool.nodes ?? [];
          most = Math.max(most, node?.openConnections ?? 0);
          return connection.answer(target);
        },
      });
      const ask = async (client: string, n: number): Promise<void> => {
        await using raw = await room.connect();
        const body = 'x'.repeat(n * 1000);
        const lines = [`X-Forwarded-For: ${client}`, `Content-Length: ${body.length}`];
        expect((await raw.ask(request(`POST /${client} HTTP/1.1`, lines, body))).status).toBe(200);
      };
      await Promise.all(Array.from({ length: 30 }, (_, i) => ask(CLIENTS[i % 3] as string, i)));
      await ask(CLIENTS[0], 1);
      expect(room.node.requests).toHaveLength(31);
      for (const { socket, requests } of room.node.connections)
        for (const { target } of requests) expect(target).toBe(`/${socket.remoteAddress}`);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(2);
      expect(room.gw.held.inFlight).toBe(0);
    },
  );

  test('HTTP: upgrades, and messages that are posted', async () => {
    await using room = await openHttpRoom({
      listener: { trustedProxies: ['127.0.0.1'] },
      pool: { source: 'client' },
      script: (connection, asked) =>
        value(asked, 'upgrade') === undefined
          ? connection.answer('ok')
          : connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    });
    await using client = await room.connect();
    const lines = ['X-Forwarded-For: 127.0.4.5', 'Connection: Upgrade', 'Upgrade: x'];
    void client.send(request('GET /ws HTTP/1.1', lines));
    await room.node.arrived(1);
    expect(room.node.connections[0]?.socket.remoteAddress).toBe('127.0.4.5');
  });

  test('protocol: tcp', async () => {
    const from: (string | undefined)[] = [];
    const server = net.createServer((socket) => {
      from.push(socket.remoteAddress);
      socket.on('error', () => {}).pipe(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      await using gateway = await startGateway(`
listeners: { in: { protocol: tcp, bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "tcp://127.0.0.1:${(server.address() as AddressInfo).port}" } }, source: client, health: { type: none } } }
routes: [{ to: p }]`);
      for (const localAddress of CLIENTS) {
        const socket = net.connect({ port: gateway.port(), host: '127.0.0.1', localAddress });
        socket.write('ping');
        expect(String(await once(socket, 'data'))).toBe('ping');
        socket.destroy();
      }
      expect(from).toEqual(CLIENTS);
    } finally {
      server.close();
    }
  });

  test('checks come from this machine, and a node may have an address of its own', async () => {
    using folder = createTlsFolder();
    const file = folder.write('probe.hl7', message({ controlId: 'PROBE' }));
    const seen = [new Set<string>(), new Set<string>()] as const;
    const noting = (from: Set<string>) =>
      answers.by(({ socket, controlId }) => {
        from.add(`${controlId} ${socket.remoteAddress}`);
        return answers.aa();
      });
    await using a = await startFaultyNode(noting(seen[0]));
    await using b = await startFaultyNode(noting(seen[1]));
    await using gateway = await startGateway({
      nodes: [
        { url: `mllp://127.0.0.1:${a.port}` },
        { url: `mllp://127.0.0.1:${b.port}`, source: '127.0.0.8' } as { url: string },
      ],
      pool: {
        source: 'client',
        balance: 'round-robin',
        health: { type: 'mllp', message: file, interval: '100ms' },
      },
    });
    await until(() => seen.every(({ size }) => size > 0));
    await using sender = await connectSender(gateway.port(), { localAddress: '127.0.4.1' });
    for (let i = 0; i < 4; i++)
      expect(msaOf(await sender.exchange(message({ controlId: 'SENT' })))?.code).toBe('AA');
    expect([...seen[0]].filter((line) => /SENT/.test(line))).toEqual(['SENT 127.0.4.1']);
    expect([...seen[1]].filter((line) => /SENT/.test(line))).toEqual(['SENT 127.0.0.8']);
    expect(
      [...seen[0]].filter((line) => !/SENT/.test(line)).every((line) => line.endsWith(' 127.0.0.1')),
    ).toBe(true);
    expect(
      [...seen[1]].filter((line) => !/SENT/.test(line)).every((line) => line.endsWith(' 127.0.0.8')),
    ).toBe(true);
  });

  test('a node of another family alone: the sender is told, the node is up', async () => {
    await using node = await startFaultyNode();
    await using gateway = await startGateway({
      nodes: [`mllp://[::1]:${node.port}`],
      pool: { source: 'client', health: { type: 'none', fall: 1 }, queue: { timeout: '200ms' } },
    });
    await using sender = await connectSender(gateway.port());
    await expect(sender.exchange(message())).rejects.toThrow(/the connection has ended/);
    expect(node.messages).toHaveLength(0);
    expect([...gateway.gateway.queues.values()][0]?.pool.nodes[0]?.state).toBe('up');
  });

  test('a reload takes it up, and what is under way is answered by the connection that it is on', async () => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ controlId }) => (controlId === 'HELD' ? answers.after(hold) : answers.aa())),
    );
    const config = (source: string) => `
listeners: { in: { bind: "127.0.0.1:0" } }
pools: { p: { nodes: { a: { url: "mllp://127.0.0.1:${node.port}" } }, ${source} health: { type: none } } }
routes: [{ to: p }]`;
    await using gateway = await startGateway(config(''));
    await using held = await connectSender(gateway.port(), { localAddress: '127.0.4.1' });
    const answer = held.exchange(message({ controlId: 'HELD' }));
    await node.received(1);
    await reload(gateway, config('source: client,'));
    await using sender = await connectSender(gateway.port(), { localAddress: '127.0.4.2' });
    expect(msaOf(await sender.exchange(message()))?.code).toBe('AA');
    expect(node.messages.at(-1)?.socket.remoteAddress).toBe('127.0.4.2');
    hold.open();
    expect(msaOf(await answer)).toMatchObject({ code: 'AA', controlId: 'HELD' });
  });
});
