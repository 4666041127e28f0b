// `protocol: tcp`: which node a connection goes to, what it waits for, and what ends it: dials that fail, limits, balance, persistence,
// drain, idle times, a reload and a shutdown.
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { startGateway } from '../../helpers/gateway.ts';
import { lineHeader } from '../../helpers/proxy-header.ts';
import { createTlsFolder } from '../../helpers/tls-folder.ts';
import { turns, until } from '../../helpers/until.ts';
import { configOf, reload } from '../../reload/room.ts';
import { openTcpRoom, type Peer, startTcpNode, type TcpRoom } from './tcp-room.ts';

/** Nobody listens there. */
async function deadUrl(): Promise<string> {
  const node = await startTcpNode();
  const { url } = node;
  await node[Symbol.asyncDispose]();
  return url;
}

function nodeOf({ gw }: TcpRoom, name: string) {
  const node = gw.gateway.pools.runtimes.get('pool')?.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

/** A connection that its node has. */
async function connected(room: TcpRoom, from?: string): Promise<Peer> {
  const open = room.gw.held.inFlight;
  const sender = room.connect(from === undefined ? {} : { from });
  await until(() => room.gw.held.inFlight > open);
  return sender;
}

describe('protocol tcp: a node', () => {
  it('that refuses is followed by the next, and the sender notices nothing', async () => {
    await using node = await startTcpNode({ onConnection: (peer) => peer.write('hello') });
    await using room = await openTcpRoom({
      nodes: [await deadUrl(), node.url],
      pool: { balance: 'round-robin' },
    });
    const senders = [room.connect(), room.connect()];
    for (const sender of senders) {
      await sender.got(5);
      sender.socket.resetAndDestroy();
    }
    await until(() => room.over.length === 2);
    expect(room.over.every(({ node: name }) => name === 'b')).toBe(true);
    const tried = room.over.flatMap(({ attempts }) =>
      attempts.map(({ node: name, error }) => [name, error?.code]),
    );
    expect(tried).toContainEqual(['a', 'GW_ERR_NODE_CONNECT']);
  });

  it('that refuses is asked again within queue.timeout, and is there by then', async () => {
    const url = await deadUrl();
    await using room = await openTcpRoom({
      nodes: [url],
      pool: { health: { type: 'none' }, queue: { timeout: '30s' } },
    });
    const sender = room.connect();
    await until(
      () => nodeOf(room, 'a').status.failures.GW_ERR_NODE_CONNECT ?? nodeOf(room, 'a').status.failures,
    );
    const late = net.createServer((socket) => socket.end('late'));
    await new Promise<void>((resolve) => late.listen(Number(new URL(url).port), '127.0.0.1', resolve));
    await sender.got(4);
    sender.socket.end();
    await sender.saw('gone');
    late.close();
    expect(sender.text).toBe('late');
  });

  it('that never comes: the connection is closed after queue.timeout, with the reason', async () => {
    await using room = await openTcpRoom({ nodes: [await deadUrl()], pool: { queue: { timeout: '50ms' } } });
    const sender = room.connect();
    sender.write('anybody there?');
    await sender.saw('gone');
    expect(await room.line()).toMatchObject({
      level: 'warn',
      code: 'GW_ERR_NODE_CONNECT',
      cause: 'ECONNREFUSED',
      endedBy: 'gateway',
      bytesToNode: 0,
    });
    expect(room.gw.held.inFlight).toBe(0);
  });

  it('with connections.max of them makes the next one wait for a place', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [node.url],
      pool: { connections: { max: 1 }, queue: { timeout: '30s' } },
    });
    const first = await connected(room);
    const second = room.connect();
    second.write('second');
    const { runtimes } = room.gw.gateway.pools;
    await until(() => runtimes.get('pool')?.queued === 1);
    expect(node.connections.length).toBe(1);
    first.socket.resetAndDestroy();
    await (await node.connection(1)).got(6);
    expect(runtimes.get('pool')?.queued).toBe(0);
  });

  it('with no place in time: closed, and nothing of it went anywhere', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [node.url],
      pool: { connections: { max: 1 }, queue: { timeout: '50ms' } },
    });
    await connected(room);
    await room.connect().saw('gone');
    expect(await room.line()).toMatchObject({ code: 'GW_ERR_QUEUE_TIMEOUT', attempts: 0 });
    expect(node.connections.length).toBe(1);
  });

  it('that is drained or in maintenance keeps what it has and gets nothing new', async () => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [a.url, b.url] });
    const before = await connected(room);
    await until(() => a.connections.length + b.connections.length === 1);
    const [owner, other] = nodeOf(room, 'a').inFlight > 0 ? (['a', 'b'] as const) : (['b', 'a'] as const);
    nodeOf(room, owner).drain();
    for (let i = 0; i < 3; i++) await connected(room);
    nodeOf(room, owner).maintenance();
    await connected(room);
    expect(nodeOf(room, owner).inFlight).toBe(1);
    expect(nodeOf(room, other).inFlight).toBe(4);
    before.write('still');
    await (await (owner === 'a' ? a : b).connection()).got(5);
  });

  it('that is a backup gets connections only while no other takes them', async () => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    const nodes = [a.url, { url: b.url, backup: true }];
    await using room = await openTcpRoom({ nodes });
    await connected(room);
    await a.connection();
    expect(b.connections.length).toBe(0);
    nodeOf(room, 'a').maintenance();
    await connected(room);
    expect(nodeOf(room, 'b').inFlight).toBe(1);
  });
});

describe('protocol tcp: balance and persistence', () => {
  it('least-in-flight goes by open connections, round-robin by turns', async () => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    for (const balance of ['least-in-flight', 'round-robin']) {
      await using room = await openTcpRoom({ nodes: [a.url, b.url], pool: { balance } });
      for (let i = 0; i < 6; i++) await connected(room);
      expect([nodeOf(room, 'a').inFlight, nodeOf(room, 'b').inFlight], balance).toEqual([3, 3]);
    }
  });

  it.each(['hash', 'table'])('a source stays on its node, mode %s', async (mode) => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [a.url, b.url],
      pool: { persistence: { by: ['source'], mode } },
    });
    const used = new Set<string>();
    for (let i = 1; i <= 8; i++) {
      const from = `127.0.0.${i}`;
      const before = { a: nodeOf(room, 'a').inFlight, b: nodeOf(room, 'b').inFlight };
      for (let n = 0; n < 3; n++) await connected(room, from);
      const grown = (['a', 'b'] as const).filter((name) => nodeOf(room, name).inFlight === before[name] + 3);
      expect(grown.length, from).toBe(1);
      used.add(grown[0] as string);
    }
    expect([...used].toSorted()).toEqual(['a', 'b']);
  });
});

describe('protocol tcp: a listener', () => {
  it('has limits.maxConnections and maxConnectionsPerSource', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [node.url],
      listener: { limits: { maxConnections: 3, maxConnectionsPerSource: 2 } },
    });
    await connected(room, '127.0.0.1');
    await connected(room, '127.0.0.1');
    await room.connect({ from: '127.0.0.1' }).saw('gone');
    await connected(room, '127.0.0.2');
    await room.connect({ from: '127.0.0.3' }).saw('gone');
    expect(node.connections.length).toBe(3);
    await until(() => room.gw.faults.filter((code) => code === 'GW_ERR_SENDER_LIMIT').length === 2);
  });

  it('ends a connection that is idle, on both sides', async () => {
    await using node = await startTcpNode();
    for (const idle of [
      { listener: { limits: { idleTimeout: '50ms' } } },
      { pool: { connections: { idle: '50ms' } } },
    ]) {
      await using room = await openTcpRoom({ nodes: [node.url], ...idle });
      const sender = room.connect();
      const there = await node.connection(node.connections.length);
      await sender.saw('gone');
      await there.saw('gone');
      expect(await room.line()).toMatchObject({
        level: 'info',
        code: 'GW_ERR_SENDER_IDLE',
        endedBy: 'gateway',
      });
    }
  });

  it('takes whom allow names, and routes by source', async () => {
    await using a = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [a.url],
      listener: { allow: [{ source: '127.0.0.0/30' }] },
      routes: [
        { name: 'no', when: { source: '127.0.0.2' }, reject: {} },
        { name: 'yes', when: { listener: 'in' }, to: 'pool' },
      ],
    });
    await connected(room, '127.0.0.1');
    await room.connect({ from: '127.0.0.2' }).saw('gone');
    await room.connect({ from: '127.0.0.9' }).saw('gone');
    await until(() => room.lines.length === 2);
    expect(room.lines.map(({ code }) => code)).toEqual([
      'GW_ERR_ROUTE_REJECTED',
      'GW_ERR_SENDER_NOT_ALLOWED',
    ]);
    expect(a.connections.length).toBe(1);
  });

  it('behind a balancer knows the sender by its PROXY header, and passes on what follows', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [node.url],
      listener: { proxyProtocol: true, trustedProxies: '127.0.0.0/8' },
    });
    const sender = room.connect();
    sender.write(
      Buffer.concat([lineHeader({ source: '192.0.2.77', port: 4711 }), Buffer.from('first bytes')]),
    );
    const there = await node.connection();
    await there.got(11);
    expect(there.text).toBe('first bytes');
    sender.socket.resetAndDestroy();
    expect(await room.line()).toMatchObject({ source: '192.0.2.77', 'client.port': 4711 });
  });

  it('TLS on both sides: bytes, half-close, the sender by its certificate', async () => {
    using folder = createTlsFolder();
    const { pems, files, caFile, caPem } = folder;
    await using node = await startTcpNode({ tls: { cert: pems.good.certPem, key: pems.good.keyPem } });
    await using room = await openTcpRoom({
      nodes: [{ url: node.url.replace('127.0.0.1', 'localhost'), tls: { ca: caFile } } as { url: string }],
      listener: { tls: { ...files.good, clientCa: caFile } },
      routes: [{ name: 'known', when: { 'tls.subject': { exists: true } }, to: 'pool' }],
    });
    const sender = room.connectTls({
      ca: caPem,
      servername: 'localhost',
      cert: pems.client.certPem,
      key: pems.client.keyPem,
    });
    const big = Buffer.alloc(1_000_000, 'ab');
    sender.socket.end(big);
    const there = await node.connection();
    await there.saw('ended');
    expect(there.received.equals(big)).toBe(true);
    there.socket.end('answer');
    await sender.saw('gone');
    expect(sender.text).toBe('answer');
    expect(await room.line()).toMatchObject({
      level: 'info',
      route: 'known',
      endedBy: 'sender',
      bytesToSender: 6,
    });
  });
});

describe('protocol tcp: a connection that is open', () => {
  it('goes on at a drain until it ends, and the stop is clean', async () => {
    await using node = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [node.url] });
    const sender = await connected(room);
    const stopped = room.gw.gateway.stop();
    await turns(10);
    sender.write('more');
    const there = await node.connection();
    await there.got(4);
    sender.socket.end();
    there.socket.end();
    expect(await stopped).toBe(true);
    expect(await room.line()).not.toHaveProperty('code');
  });

  it('is cut at shutdown.timeout, and both sides see a reset', async () => {
    await using node = await startTcpNode();
    const text = configOf([node.url], (config) => {
      Object.assign(config.listeners.in ?? {}, { protocol: 'tcp' });
      config.shutdown = { timeout: '50ms' };
    });
    await using gw = await startGateway(text);
    const socket = net.connect(gw.port(), '127.0.0.1');
    const reset = new Promise<string | undefined>((resolve) =>
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code)),
    );
    const there = await node.connection();
    expect(await gw.gateway.stop()).toBe(false);
    expect(await reset).toBe('ECONNRESET');
    await there.saw('gone');
    await gw.logged('GW_ERR_CONNECTION_CUT');
  });

  it.each(['node', 'pool', 'listener'] as const)(
    'goes on for shutdown.timeout when a reload takes its %s out',
    async (what) => {
      await using a = await startTcpNode();
      await using b = await startTcpNode();
      const text = (
        url: string,
        edit: (config: Parameters<NonNullable<Parameters<typeof configOf>[1]>>[0]) => void = () => {},
      ) =>
        configOf([url], (config) => {
          Object.assign(config.listeners.in ?? {}, { protocol: 'tcp' });
          config.shutdown = { timeout: '300ms' };
          edit(config);
        });
      await using gw = await startGateway(text(a.url));
      const socket = net.connect(gw.port(), '127.0.0.1').on('error', () => {});
      const there = await a.connection();
      await reload(
        gw,
        text(what === 'node' ? b.url : a.url, (config) => {
          if (what === 'pool') {
            config.pools = { other: { nodes: { b: { url: b.url } } } };
            config.routes = [{ to: 'other' }];
          }
          if (what === 'listener') config.listeners = { new: { protocol: 'tcp', bind: '127.0.0.1:0' } };
        }),
      );
      socket.write('after');
      await there.got(5);
      await there.saw('gone');
      await gw.logged('GW_ERR_CONNECTION_CUT');
      await until(() => gw.gateway.pools.isBusy === false);
    },
  );
});
