// F79: memory is short, and bodies have come in part that need more than `limits.maxBuffered`. As many go on as fit,
// everybody is answered, and nothing is held in the end.
import { describe, expect, it } from 'vitest';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectClient, type RawClient } from '../helpers/raw-http-client.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { ask, ended, expectNothingHeld, expectRefusal, LONG, PATIENCE_MS, post, told } from './room.ts';

const MAX = 1024 * 1024;
const CLIENTS = 12;
const SIZE = 300_000;
/** What one read of each connection can bring beyond the budget, and the one body that may go on. */
const BEYOND = CLIENTS * 64 * 1024 + SIZE;

interface Room extends AsyncDisposable {
  readonly gw: TestGateway;
  readonly node: FaultyNode;
  readonly clients: readonly RawClient[];
  /** Largest number of bytes that was held whenever the node got a message. */
  most(): number;
}

async function openRoom(
  listener: Record<string, unknown> = {},
  pool: Record<string, unknown> = {},
): Promise<Room> {
  const node = await startFaultyNode();
  const gw = await startGateway(
    JSON.stringify({
      listeners: {
        http: { protocol: 'http', bind: '127.0.0.1:0', ...listener },
        mllp: { bind: '127.0.0.1:0' },
      },
      pools: { pool: { nodes: { a: { url: node.url } }, health: { type: 'none' }, ...pool } },
      routes: [{ to: 'pool' }],
      limits: { maxBuffered: '1MiB' },
      shutdown: { timeout: '3s' },
    }),
  );
  let most = 0;
  node.onBytes = () => {
    most = Math.max(most, gw.gateway.heldBytes);
  };
  const clients: RawClient[] = [];
  for (let i = 0; i < CLIENTS; i++) clients.push(await connectClient(gw.port('http')));
  return {
    gw,
    node,
    clients,
    most: () => most,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await gw[Symbol.asyncDispose]();
      await node.close();
    },
  };
}

const bodyOf = (index: number) => message({ controlId: `X${index}`, size: SIZE });

/** All but the last bytes of each message, of which not all are read: the budget is spent, and nobody has sent all. */
async function fill({ gw, clients }: Room, chunked: boolean): Promise<Buffer[]> {
  const requests = clients.map((_, index) => post(bodyOf(index), { chunked }));
  for (const [index, client] of clients.entries())
    void client.send((requests[index] as Buffer).subarray(0, -20));
  await until(() => gw.held.bytes >= MAX / 2, { deadlineMs: PATIENCE_MS, what: 'a budget that is spent' });
  return requests.map((request) => request.subarray(-20));
}

describe('a budget that bodies have spent which are not whole', LONG, () => {
  it.each([
    ['with a length', false],
    ['in chunks', true],
  ])('%s: all are answered, and it was exceeded by no more than one body', async (_, chunked) => {
    await using room = await openRoom();
    const rests = await fill(room, chunked);
    for (const [index, client] of room.clients.entries()) void client.send(rests[index] as Buffer);
    for (const client of room.clients) await client.response(0, 60_000);
    const answers = room.clients.map(({ responses }) => responses.map(told));
    expect(answers).toEqual(room.clients.map((_client, index) => [`200 AA X${index}`]));
    for (const { payload, controlId } of room.node.messages)
      expect(payload.equals(bodyOf(Number(controlId.slice(1))))).toBe(true);
    expect(room.most()).toBeGreaterThan(MAX / 2);
    expect(room.most()).toBeLessThan(MAX + BEYOND);
    await expectNothingHeld(room.gw);
  });

  it('where no node takes them: all are told so', async () => {
    await using room = await openRoom({}, { queue: { timeout: '100ms' }, retry: { budget: '100ms' } });
    await room.node.refuse();
    const rests = await fill(room, false);
    for (const [index, client] of room.clients.entries()) void client.send(rests[index] as Buffer);
    for (const client of room.clients) {
      const { status, body } = await client.response(0, 60_000);
      expect([status, body.toString().split(':')[0]]).toEqual([
        503,
        expect.stringMatching(/^GW_ERR_(NODE_CONNECT|QUEUE_TIMEOUT)$/),
      ]);
    }
    await expectNothingHeld(room.gw);
  });

  it('where clients go away: the others are answered', async () => {
    await using room = await openRoom();
    const rests = await fill(room, false);
    for (const [index, client] of room.clients.entries()) {
      if (index % 2 === 0) client.reset();
      else void client.send(rests[index] as Buffer);
    }
    for (const [index, client] of room.clients.entries())
      if (index % 2 === 1) expect(told(await client.response(0, 60_000))).toBe(`200 AA X${index}`);
    await expectNothingHeld(room.gw);
    expect(room.gw.codes.filter((code) => code === 'GW_ERR_HTTP_CUT').length).toBe(CLIENTS / 2);
  });

  it('where one stalls that may go on: it is given up, and another goes on', async () => {
    await using room = await openRoom({ limits: { frameTimeout: '5s' } });
    const rests = await fill(room, false);
    // The first has the turn, or had room from the beginning; it never sends the rest.
    for (const [index, client] of room.clients.entries())
      if (index > 0) void client.send(rests[index] as Buffer);
    expectRefusal(await (room.clients[0] as RawClient).response(0, 60_000), 408, 'GW_ERR_HTTP_TIMEOUT');
    const results = await Promise.all(room.clients.slice(1).map((client) => client.response(0, 60_000)));
    expect(results.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    for (const result of results) expect([200, 408]).toContain(result.status);
    await expectNothingHeld(room.gw);
    const again = await connectClient(room.gw.port('http'));
    expect(told(await ask(again, post(bodyOf(99))))).toBe('200 AA X99');
    await again[Symbol.asyncDispose]();
  });

  it('where MLLP senders want it as well: all are answered', async () => {
    await using room = await openRoom();
    const rests = await fill(room, true);
    await using sender = await connectSender(room.gw.port('mllp'));
    void sender.sendTogether(['M1', 'M2', 'M3'].map((controlId) => message({ controlId, size: 100_000 })));
    for (const [index, client] of room.clients.entries()) void client.send(rests[index] as Buffer);
    for (const [index, client] of room.clients.entries())
      expect(told(await client.response(0, 60_000))).toBe(`200 AA X${index}`);
    await sender.nextAcks(3, 60_000);
    expect(room.node.controlIds.filter((id) => id.startsWith('M'))).toEqual(['M1', 'M2', 'M3']);
    await expectNothingHeld(room.gw);
  });
});

it('small messages that have come whole wait for nobody', LONG, async () => {
  await using room = await openRoom();
  await fill(room, false);
  await using client = await connectClient(room.gw.port('http'));
  expect(told(await ask(client, post(message({ controlId: 'SMALL' }))))).toBe('200 AA SMALL');
  expect((await ended(room.gw)).frame?.equals(frame(room.node.messages[0]?.payload ?? ''))).toBe(true);
});
