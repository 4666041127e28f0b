// `protocol: tcp`: nodes that are left out and come back, weights, slow start, and a hot restart with a connection that is open.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGatewayProcess } from '../../e2e/child.ts';
import { until } from '../../helpers/until.ts';
import { openTcpRoom, type Peer, startTcpNode, type TcpRoom } from './tcp-room.ts';

function nodeOf({ gw }: TcpRoom, name: string) {
  const node = gw.gateway.pools.runtimes.get('pool')?.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

/** Connections that nodes have, one after the other. */
async function connect(room: TcpRoom, count: number): Promise<readonly Peer[]> {
  const peers: Peer[] = [];
  for (let i = 0; i < count; i++) {
    const open = room.gw.held.inFlight;
    peers.push(room.connect());
    await until(() => room.gw.held.inFlight > open, { what: `connection ${i}` });
  }
  return peers;
}

const shares = (room: TcpRoom): readonly number[] => ['a', 'b'].map((name) => nodeOf(room, name).inFlight);

describe('protocol tcp: a node that resets what it accepts', () => {
  it('is ejected while another one is up, and one connection tries it when its time is over', async () => {
    let isBroken = true;
    await using a = await startTcpNode({
      onConnection: (peer) => (isBroken ? peer.socket.resetAndDestroy() : peer.write('hello')),
    });
    await using b = await startTcpNode({ onConnection: (peer) => peer.write('hello') });
    await using room = await openTcpRoom({
      nodes: [a.url, b.url],
      pool: {
        balance: 'round-robin',
        health: { type: 'none', fall: 2 },
        // Each time in a row is longer, so the first may be as short as it likes.
        ejection: { base: '100ms' },
      },
    });
    while (nodeOf(room, 'a').state !== 'down') {
      const sender = room.connect();
      await until(() => sender.bytes === 5 || sender.gone);
      sender.socket.resetAndDestroy();
    }
    expect(nodeOf(room, 'a').status.ejections).toBe(1);
    expect(nodeOf(room, 'b').state).toBe('up');
    isBroken = false;
    await until(async () => {
      const sender = room.connect();
      await sender.got(5);
      sender.socket.resetAndDestroy();
      return nodeOf(room, 'a').state === 'up';
    });
  });

  it('stays in use where it is the last one, down as it is', async () => {
    await using a = await startTcpNode({ onConnection: (peer) => peer.socket.resetAndDestroy() });
    await using room = await openTcpRoom({
      nodes: [a.url],
      pool: {
        health: { type: 'none', fall: 1 },
        ejection: { base: '1h', max: '1h' },
        // Longer than it waits between two dials.
        queue: { timeout: '1s' },
      },
    });
    for (let count = 1; count <= 2; count++) {
      const before = a.connections.length;
      await room.connect().saw('gone');
      await until(() => a.connections.length > before, { what: `connection ${count} at the node` });
      expect(nodeOf(room, 'a').state).toBe('down');
    }
  });
});

describe('protocol tcp: shares', () => {
  it.each(['round-robin', 'least-in-flight'])('go by weight, %s', async (balance) => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    await using room = await openTcpRoom({
      nodes: [{ url: a.url, weight: 3 } as { url: string }, b.url],
      pool: { balance },
    });
    await connect(room, 8);
    expect(shares(room)).toEqual([6, 2]);
    nodeOf(room, 'a').setWeight(0);
    await connect(room, 2);
    expect(shares(room)).toEqual([6, 4]);
  });

  it('grow from a tenth when a node comes back (slowStart)', async () => {
    await using a = await startTcpNode();
    await using b = await startTcpNode();
    await using room = await openTcpRoom({ nodes: [a.url, b.url], pool: { slowStart: '24h' } });
    nodeOf(room, 'a').maintenance();
    nodeOf(room, 'a').ready();
    expect(nodeOf(room, 'a').weight).toBeCloseTo(0.1, 2);
    await connect(room, 11);
    expect(shares(room)).toEqual([1, 10]);
  });
});

it('protocol tcp: a hot restart leaves an open connection with the old process, which ends after it', async () => {
  await using node = await startTcpNode({ onConnection: (peer) => peer.write('hello') });
  const config = (port: number) => ({
    listeners: { in: { protocol: 'tcp', bind: `127.0.0.1:${port}` } },
    pools: { pool: { nodes: { a: { url: node.url } } } },
    routes: [{ to: 'pool' }],
    hotRestart: true,
  });
  await using first = await startGatewayProcess(config(0));
  const open = net.connect(first.port, '127.0.0.1');
  onTestFinished(() => void open.destroy());
  await once(open, 'data');
  await using second = await startGatewayProcess(config(first.port), [
    '--replace',
    String(first.process.pid),
  ]);
  await first.line(({ msg }) => msg === 'draining', 'that it drains');
  const next = net.connect(first.port, '127.0.0.1');
  onTestFinished(() => void next.destroy());
  await once(next, 'data');
  // The old one still carries its own, both ways.
  const there = await node.connection(0);
  open.write('more');
  await there.got(4);
  there.write('and back');
  await once(open, 'data');
  open.end();
  there.socket.end();
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(first.lines.filter(({ msg }) => msg === 'connection')).toMatchObject([
    { bytesToNode: 4, bytesToSender: 13 },
  ]);
  expect(second.lines.filter(({ msg }) => msg === 'connection')).toEqual([]);
});
