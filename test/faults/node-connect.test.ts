// F30 and F31: a node that cannot be reached, and a pooled connection that is gone when it is needed.
import { describe, expect, test } from 'vitest';
import { startBlackHole } from '../helpers/black-hole.ts';
import {
  expectNothingHeld,
  expectStillServes,
  over,
  recorded,
  said,
  startPair,
  ways,
} from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { turns, until } from '../helpers/until.ts';

describe('a node that cannot be reached', () => {
  test('F30 refused: the next node gets the message, the sender sees nothing of it', async () => {
    await using pair = await startPair(undefined);
    const { a, b, gw, sender } = pair;
    const sent: Buffer[] = [];
    b.script = recorded(sent);
    await a.refuse();
    const bytes = message({ controlId: 'X1' });
    await sender.exchange(bytes);
    expect(sender.received).toEqual(Buffer.concat(sent));
    expect(b.bytes).toEqual(frame(bytes));
    expect(a.messages).toEqual([]);
    const exchange = await over(gw, 'X1');
    expect(ways(exchange)).toEqual(['a GW_ERR_NODE_CONNECT', 'b ok']);
    expect(exchange.attempts[0]?.error?.detail).toBe('ECONNREFUSED');
    await expectNothingHeld(gw);
  });

  test('F30 a node that never accepts: the next node after timeouts.connect', async (context) => {
    await using hole = await startBlackHole();
    if (hole === undefined) return context.skip();
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [hole.url, { url: b.url, backup: true } as { url: string }],
      pool: { timeouts: { connect: '60ms' } },
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    expect(ways(await over(gw, 'X1'))).toEqual(['a GW_ERR_NODE_CONNECT_TIMEOUT', 'b ok']);
    expect(b.controlIds).toEqual(['X1']);
    await expectNothingHeld(gw);
  });

  test.each([1, 4])(
    'F30 refused, pipelining %i: forty messages reach the other node in their order',
    async (pipelining) => {
      await using pair = await startPair(undefined, { connections: { max: 3, pipelining } });
      const { a, b, gw, sender } = pair;
      await a.refuse();
      const ids = Array.from({ length: 40 }, (_, i) => `M${i}`);
      void sender.sendTogether(ids.map((controlId) => message({ controlId })));
      expect((await sender.nextAcks(40)).map(said)).toEqual(ids.map((id) => `AA ${id}`));
      expect(b.controlIds).toEqual(ids);
      await expectNothingHeld(gw);
    },
  );

  test('F30 the only node refuses for a while: the message waits and is delivered once', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { health: { type: 'none', interval: '20ms' }, queue: { timeout: '10s' } },
    });
    await using sender = await connectSender(gw.port());
    await node.refuse();
    void sender.send(message({ controlId: 'X1' }));
    await until(() => gw.held.queued === 1);
    expect(sender.acks).toEqual([]);
    await node.listen();
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(node.controlIds).toEqual(['X1']);
    await expectNothingHeld(gw);
  });
});

describe('a pooled connection that is gone', () => {
  test.each(['close', 'reset'] as const)(
    'F31 the node ends an idle connection (%s): redialled',
    async (ending) => {
      await using pair = await startPair(undefined);
      const { a, b, gw, sender } = pair;
      for (let i = 0; i < 5; i++) {
        expect(said(await sender.exchange(message({ controlId: `X${i}` })))).toBe(`AA X${i}`);
        if (ending === 'close') a.closeConnections();
        else a.resetConnections();
        await a.openConnections(0);
        await until(() => [...gw.gateway.queues.values()][0]?.pool.nodes[0]?.openConnections === 0);
      }
      expect(a.connections.total).toBe(5);
      expect(a.controlIds).toEqual(['X0', 'X1', 'X2', 'X3', 'X4']);
      expect(b.messages).toEqual([]);
      for (const exchange of gw.messages) expect(ways(exchange)).toEqual(['a ok']);
      expect(gw.codes).toEqual([]);
      await expectNothingHeld(gw);
    },
  );

  // In these the node's FIN or RST and the sender's message meet inside the gateway, some turns apart. Whatever comes of
  // it must be true: AA only for what the node answered, at most one copy unless the config allows more.
  const meetings = (['close', 'reset'] as const).flatMap((ending) =>
    [0, 1, 2, 3].flatMap((apart) => [
      { ending, apart, first: 'message' as const },
      { ending, apart, first: 'ending' as const },
    ]),
  );
  test.each(meetings)(
    'F31 $ending meets a message, $first first, $apart turns apart',
    async ({ ending, apart, first }) => {
      await using pair = await startPair(undefined, { connections: { max: 1 } });
      const { a, b, gw, sender } = pair;
      await sender.exchange(message({ controlId: 'FIRST' }));
      const steps = [
        () => void sender.send(message({ controlId: 'X1' })),
        () => (ending === 'close' ? a.closeConnections() : a.resetConnections()),
      ];
      if (first === 'ending') steps.reverse();
      steps[0]?.();
      await turns(apart);
      steps[1]?.();
      const exchange = await over(gw, 'X1');
      const copies = [...a.controlIds, ...b.controlIds].filter((id) => id === 'X1').length;
      expect(copies).toBeLessThanOrEqual(1);
      if (exchange.outcome?.kind === 'answered') {
        expect(said(await sender.nextAck())).toBe('AA X1');
        expect(copies).toBe(1);
        await expectStillServes(gw);
      } else {
        // Its bytes were with the operating system when the end came: ambiguous, and never silently sent again.
        expect(exchange.attempts.at(-1)?.writtenAt).toBeDefined();
        expect(exchange.outcome).toMatchObject({ kind: 'failed', ambiguous: true });
        await sender.closed;
        expect(sender.acks.map(said)).toEqual(['AA FIRST']);
      }
      if (first === 'ending' && apart > 1) expect(exchange.outcome?.kind).toBe('answered');
      await expectNothingHeld(gw);
    },
  );

  test('F31 an idle connection is ended by the gateway after connections.idle, with FIN, and redialled', async () => {
    await using pair = await startPair(answers.aa(), { connections: { idle: '60ms' } });
    const { a, gw, sender } = pair;
    await sender.exchange(message({ controlId: 'X1' }));
    const [connection] = await a.connected(1);
    expect(await connection?.closed).toEqual({ code: undefined });
    expect(said(await sender.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(a.connections.total).toBe(2);
    await expectNothingHeld(gw);
  });
});
