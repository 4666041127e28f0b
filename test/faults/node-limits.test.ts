// F82, F95 to F97 with the simulated node's own ways: full late, one connection only, closing behind each answer, and answering
// each message of a batch. Nothing is lost, every answer is passed on, and no node that answers is marked down.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../src/tools/simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../src/tools/simulation/simulated-http-node.ts';
import { SimulatedNode, type SimulatedNodeOptions } from '../../src/tools/simulation/simulated-node.ts';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { ackFor, FrameSplitter, frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';

interface Simulated extends AsyncDisposable {
  readonly url: string;
  readonly ids: string[];
}

async function simulated(options: Partial<SimulatedNodeOptions>): Promise<Simulated> {
  const ids: string[] = [];
  const node = new SimulatedNode({ ...MIRTH_DEFAULTS, ...options }, (_, header) =>
    ids.push(header?.controlId ?? ''),
  );
  await node.start();
  return { url: `mllp://127.0.0.1:${node.port}`, ids, [Symbol.asyncDispose]: () => node.stop() };
}

/** So many senders, each of which waits for its answer and sends the next. */
async function load(gw: TestGateway, senders: number, each: number, name = 'S'): Promise<string[]> {
  const told = await Promise.all(
    Array.from({ length: senders }, async (_, s) => {
      await using sender = await connectSender(gw.port());
      const answers: string[] = [];
      for (let i = 0; i < each; i++)
        answers.push(said(await sender.exchange(message({ controlId: `${name}${s}-${i}` }), 30_000)));
      return answers;
    }),
  );
  return told.flat();
}

function expected(senders: number, each: number, name = 'S'): string[] {
  return Array.from({ length: senders * each }, (_, n) => `AA ${name}${Math.floor(n / each)}-${n % each}`);
}

function expectNeverDown(gw: TestGateway): void {
  expect(gw.log.filter(({ msg }) => msg === 'node down')).toEqual([]);
}

/** Senders wait for their turn at a node that takes few connections. */
const LONG = { timeout: 60_000 };

describe('F97 a node that closes behind each answer', LONG, () => {
  test('20 senders: noticed after the first, no message is lost', async () => {
    await using node = await simulated({ closeAfterAnswer: true });
    await using gw = await startGateway({ nodes: [node.url] });
    // The first shows what the node does.
    expect(await load(gw, 1, 1, 'FIRST')).toEqual(['AA FIRST0-0']);
    expect(await load(gw, 20, 3)).toEqual(expected(20, 3));
    expect(node.ids.length).toBe(61);
    expect(gw.codes).toEqual([]);
    expectNeverDown(gw);
    await expectNothingHeld(gw);
  });

  test.each([0, 120])(
    '20 senders from the start, standing still for %i ms again and again',
    async (stallMs) => {
      await using node = await simulated({ closeAfterAnswer: true });
      await using gw = await startGateway({ nodes: [node.url], pool: { queue: { timeout: '50s' } } });
      const stalls = stallMs === 0 ? undefined : setInterval(() => standStill(stallMs), 2 * stallMs);
      const told = await load(gw, 20, 5);
      clearInterval(stalls);
      expect(told).toEqual(expected(20, 5));
      expect([node.ids.length, gw.codes]).toEqual([100, []]);
      expectNeverDown(gw);
    },
  );

  test('20 senders from the start with reuse: 1, also with pipelining', async () => {
    await using node = await simulated({ closeAfterAnswer: true });
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { connections: { reuse: 1, pipelining: 4 } },
    });
    expect(await load(gw, 20, 3)).toEqual(expected(20, 3));
    expect([node.ids.length, gw.codes]).toEqual([60, []]);
    expectNeverDown(gw);
    await expectNothingHeld(gw);
  });

  test('reuse: 3 ends a connection after three messages', async () => {
    await using node = await simulated({});
    await using gw = await startGateway({ nodes: [node.url], pool: { connections: { reuse: 3, max: 1 } } });
    expect(await load(gw, 1, 7)).toEqual(expected(1, 7));
    expect(gw.codes).toEqual([]);
  });

  test('over HTTP', async () => {
    const node = new SimulatedHttpNode({ ...MIRTH_HTTP_DEFAULTS, closeAfterAnswer: true });
    await node.start();
    try {
      for (const reuse of ['auto', 1]) {
        await using gw = await startGateway({
          nodes: [`http://127.0.0.1:${node.port}`],
          pool: { connections: { reuse } },
        });
        await load(gw, 1, 1, 'FIRST');
        expect(await load(gw, 20, 3)).toEqual(expected(20, 3));
        expect(gw.codes).toEqual([]);
        expectNeverDown(gw);
      }
    } finally {
      await node.stop();
    }
  });
});

describe('F95 a full node', LONG, () => {
  test.each([
    { lateFullMs: 90, stallMs: 0 },
    { lateFullMs: undefined, stallMs: 0 },
    { lateFullMs: 90, stallMs: 120 },
  ])(
    'closes $lateFullMs ms after accepting, the event loop stands still for $stallMs ms: two gateways of 8 connections on its 10, from the start',
    async ({ lateFullMs, stallMs }) => {
      await using node = await simulated({ maxConnections: 10, lateFullMs, delayMs: 20 });
      const config = { nodes: [node.url], pool: { queue: { timeout: '50s' } } };
      await using one = await startGateway(config);
      await using other = await startGateway(config);
      const stalls = stallMs === 0 ? undefined : setInterval(() => standStill(stallMs), 2 * stallMs);
      const [told, toldToo] = await Promise.all([load(one, 20, 5, 'A'), load(other, 20, 5, 'B')]);
      clearInterval(stalls);
      expect(told).toEqual(expected(20, 5, 'A'));
      expect(toldToo).toEqual(expected(20, 5, 'B'));
      expect([node.ids.length, new Set(node.ids).size]).toEqual([200, 200]);
      for (const gw of [one, other]) {
        expect(gw.codes.filter((code) => code !== 'GW_ERR_NODE_FULL')).toEqual([]);
        expectNeverDown(gw);
        await expectNothingHeld(gw);
      }
    },
  );
});

/** As this process does when the machine is busy, or collects garbage. */
function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Takes one connection at a time and refuses others while it has it. */
async function takesOne(): Promise<AsyncDisposable & { readonly url: string; readonly port: number }> {
  let [port, stopped] = [0, false];
  const sockets = new Set<net.Socket>();
  let server = net.createServer();
  const open = async (): Promise<void> => {
    server = net.createServer((socket) => {
      server.close();
      sockets.add(socket);
      const splitter = new FrameSplitter();
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        for (const payload of splitter.push(chunk)) socket.write(frame(ackFor(payload)));
      });
      socket.on('close', () => {
        sockets.delete(socket);
        if (!stopped) void open();
      });
    });
    server.listen(port, '127.0.0.1', 0);
    await once(server, 'listening');
    const address = server.address();
    if (address !== null && typeof address === 'object') port = address.port;
  };
  await open();
  return {
    url: `mllp://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      stopped = true;
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('F96 a node that takes one connection', LONG, () => {
  test('5 senders and checks in between: everything is answered, and it is never down', async () => {
    await using node = await takesOne();
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { health: { interval: '50ms', fastInterval: '50ms', fall: 2 }, queue: { timeout: '30s' } },
    });
    expect(await load(gw, 5, 10)).toEqual(expected(5, 10));
    const nodeStatus = gw.gateway.queues.get('pool')?.pool.nodes[0];
    // Idle, with its one connection open, for as long as several checks take.
    const since = performance.now();
    await until(() => performance.now() - since > 400);
    expect(nodeStatus?.openConnections).toBe(1);
    expect(await load(gw, 5, 2, 'AFTER')).toEqual(expected(5, 2, 'AFTER'));
    expectNeverDown(gw);
    expect(gw.codes.filter((code) => code !== 'GW_ERR_NODE_FULL')).toEqual([]);
  });
});

/** Several messages in one frame. */
function several(...ids: string[]): Buffer {
  return Buffer.concat(ids.map((controlId) => message({ controlId })));
}

describe('F82 a frame of several messages', LONG, () => {
  test('each is answered in a frame of its own: all answers come back, and the next message is not swallowed', async () => {
    await using node = await simulated({ processBatch: true, failEvery: 2 });
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { batch: 'whole' },
      pool: { connections: { max: 1 } },
    });
    await using sender = await connectSender(gw.port());
    await using other = await connectSender(gw.port());
    void sender.send(several('X1', 'X2', 'X3'));
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA X1', 'AE X2', 'AA X3']);
    expect(said(await other.exchange(message({ controlId: 'Y1' })))).toBe('AE Y1');
    expect(said(await sender.exchange(message({ controlId: 'X4' })))).toBe('AA X4');
    expect(gw.codes).toEqual([]);
    await expectNothingHeld(gw);
  });

  test('a slow channel: the answers of all three come back, however far apart', async () => {
    await using node = await simulated({ processBatch: true, delayMs: 400 });
    await using gw = await startGateway({ nodes: [node.url], listener: { batch: 'whole' } });
    await using sender = await connectSender(gw.port());
    void sender.send(several('X1', 'X2', 'X3'));
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA X1', 'AA X2', 'AA X3']);
    expect(gw.codes).toEqual([]);
    await expectNothingHeld(gw);
  });

  test('a node that answers the frame once: that answer', async () => {
    await using node = await simulated({});
    await using gw = await startGateway({ nodes: [node.url], listener: { batch: 'whole' } });
    await using sender = await connectSender(gw.port());
    void sender.send(several('X1', 'X2'));
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(said(await sender.exchange(message({ controlId: 'X3' })))).toBe('AA X3');
    await expectNothingHeld(gw);
  });

  test('the node ends behind its second answer of three: the sender has those two', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        for (const controlId of ['X1', 'X2']) socket.write(frame(ackFor(message({ controlId }))));
        socket.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await using gw = await startGateway({
      nodes: [`mllp://127.0.0.1:${port}`],
      listener: { batch: 'whole' },
    });
    await using sender = await connectSender(gw.port());
    void sender.send(several('X1', 'X2', 'X3'));
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA X1', 'AA X2']);
    await expectNothingHeld(gw);
    server.close();
  });
});
