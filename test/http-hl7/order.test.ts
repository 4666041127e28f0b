// The order of posted messages: those of one keep-alive connection go one by one, and with `ordering: key` so do those of one
// sender over several connections, beside others that are not held up by them.
import { describe, expect, it } from 'vitest';
import { ackFor, controlIdOf, frame, headerField, message } from '../helpers/mllp.ts';
import type { RawScript } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';
import { acks, arrived, expectNothingHeld, LONG, PATIENCE_MS, post, toHttp, told, toMllp } from './room.ts';

const IDS = Array.from({ length: 20 }, (_, i) => `X${i}`);

describe('one connection', LONG, () => {
  it.each([
    ['HTTP', toHttp],
    ['MLLP', toMllp],
  ] as const)(
    'twenty requests in one write arrive in order at %s nodes, and are answered in order',
    async (_, open) => {
      await using room = await open({ count: 3, pool: { balance: 'round-robin' } });
      const client = await room.connect();
      await client.send(Buffer.concat(IDS.map((controlId) => post(message({ controlId })))));
      await client.response(IDS.length - 1, PATIENCE_MS);
      expect(client.responses.map(told)).toEqual(IDS.map((id) => `200 AA ${id}`));
      expect(room.gw.messages.map(({ header }) => header.controlId)).toEqual(IDS);
      await expectNothingHeld(room.gw);
    },
  );

  it('the second is with no node before the first is answered', async () => {
    const hold = gate();
    await using room = await toHttp({
      count: 2,
      pool: { balance: 'round-robin' },
      script: async (connection, request, index) => {
        await hold.opened;
        await acks()(connection, request, index);
      },
    });
    const client = await room.connect();
    await client.send(Buffer.concat(['X1', 'X2'].map((controlId) => post(message({ controlId })))));
    await arrived(room.node, 1);
    // Whoever comes by another connection is not held up.
    const other = await room.connect();
    void other.send(post(message({ controlId: 'Y1' })));
    await room.nodes[1]?.when(() => room.nodes[1]?.requests.length === 1, 'the other message', PATIENCE_MS);
    await turns(20);
    expect(room.nodes.flatMap(({ requests }) => requests.map(({ body }) => controlIdOf(body)))).toEqual([
      'X1',
      'Y1',
    ]);
    hold.open();
    await client.response(1, PATIENCE_MS);
    expect(client.responses.map(told)).toEqual(['200 AA X1', '200 AA X2']);
  });

  it('a refusal between two messages stays in its place', async () => {
    await using room = await toMllp();
    const client = await room.connect();
    const bodies = [message({ controlId: 'X1' }), Buffer.from('no HL7'), message({ controlId: 'X2' })];
    await client.send(Buffer.concat(bodies.map((body) => post(body))));
    await client.response(2, PATIENCE_MS);
    expect(client.responses.map(told)).toEqual(['200 AA X1', '400 GW_ERR_HEADER_MSH', '200 AA X2']);
  });
});

describe('ordering: key', LONG, () => {
  const pool = { ordering: 'key', persistence: { by: ['MSH-4'] }, connections: { max: 50 } };

  it('one message of a key at a time, over all connections of both kinds', async () => {
    const under = new Set<string>();
    const clashes: string[] = [];
    let most = 0;
    const script: RawScript = async (connection, request, index) => {
      const key = headerField(request.body, 4);
      if (under.has(key)) clashes.push(controlIdOf(request.body));
      under.add(key);
      most = Math.max(most, under.size);
      await turns(20);
      under.delete(key);
      await acks()(connection, request, index);
    };
    await using room = await toHttp({ pool, script });
    const messages = ['NORTH', 'SOUTH', 'EAST'].flatMap((facility) =>
      IDS.map((id) => message({ facility, controlId: `${facility}-${id}` })),
    );
    const responses = await Promise.all(messages.map((body) => room.ask(post(body))));
    expect(responses.map(told)).toEqual(messages.map((body) => `200 AA ${controlIdOf(body)}`));
    expect(clashes).toEqual([]);
    // Of several keys there are several at a time.
    expect(most).toBeGreaterThan(1);
    await expectNothingHeld(room.gw);
  });

  it('goes by when they came', async () => {
    const hold = gate();
    await using room = await toMllp({
      pool,
      script: async ({ connection, payload }) => {
        await hold.opened;
        await connection.answer(ackFor(payload));
      },
    });
    let bytes = 0;
    for (const controlId of ['X1', 'X2', 'X3', 'X4']) {
      const client = await room.connect();
      const body = message({ controlId });
      await client.send(post(body));
      bytes += frame(body).length;
      await until(() => room.gw.held.bytes === bytes, {
        deadlineMs: PATIENCE_MS,
        what: 'the message to be taken',
      });
    }
    expect(room.node.controlIds.length).toBeLessThanOrEqual(1);
    hold.open();
    await room.node.received(4, PATIENCE_MS);
    expect(room.node.controlIds).toEqual(['X1', 'X2', 'X3', 'X4']);
  });
});

it('an MLLP sender’s messages stay in order to HTTP nodes', LONG, async () => {
  await using room = await toHttp({
    count: 2,
    listener: { protocol: 'mllp' },
    pool: { balance: 'round-robin' },
  });
  await using sender = await connectSender(room.gw.port());
  void sender.sendTogether(IDS.map((controlId) => message({ controlId })));
  const answers = await sender.nextAcks(IDS.length, PATIENCE_MS);
  expect(answers.map((ack) => /MSA\|AA\|(\w+)/.exec(ack.toString('latin1'))?.[1])).toEqual(IDS);
  expect(room.gw.messages.map(({ header }) => header.controlId)).toEqual(IDS);
  const dispatched = room.gw.messages.map(({ attempts }) => attempts[0]);
  for (const [index, attempt] of dispatched.entries())
    if (index > 0)
      expect(attempt?.startedAt).toBeGreaterThanOrEqual(dispatched[index - 1]?.endedAt ?? Infinity);
});
