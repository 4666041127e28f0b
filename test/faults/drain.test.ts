// F46, as far as this version has it: draining under load ends each connection at a message boundary, loses nothing
// that was acknowledged, and sends nothing twice.
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, over, said, startPair } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, turns, until } from '../helpers/until.ts';

describe('F46 a drain', () => {
  test('F46 waits for the answer that is owed, then ends the sender’s and the node’s connection with FIN', async () => {
    const hold = gate();
    await using pair = await startPair(answers.after(hold));
    const { a, gw, sender } = pair;
    void sender.send(message({ controlId: 'X1' }));
    const [received] = await a.received(1);
    const stopped = gw.gateway.stop();
    await expect(connectSender(gw.port())).rejects.toThrow();
    expect(sender.ended).toBe(false);
    hold.open();
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect(await received?.connection.closed).toEqual({ code: undefined });
    expect(await stopped).toBe(true);
    await expectNothingHeld(gw);
  });

  test('F46 a frame of which half has come: read to its end, answered, then FIN; not one byte of the next is taken', async () => {
    await using pair = await startPair(undefined);
    const { a, gw, sender } = pair;
    const bytes = frame(message({ controlId: 'X1' }));
    void sender.write(bytes.subarray(0, 20));
    await until(() => gw.held.bytes > 0);
    const stopped = gw.gateway.stop();
    void sender.write(Buffer.concat([bytes.subarray(20), frame(message({ controlId: 'X2' }))]));
    expect(said(await sender.nextAck())).toBe('AA X1');
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect(await stopped).toBe(true);
    expect(a.controlIds).toEqual(['X1']);
    expect(sender.acks.length).toBe(1);
  });

  test('F46 an idle connection is ended at once, with FIN', async () => {
    await using pair = await startPair(undefined);
    const { gw, sender } = pair;
    await sender.exchange(message());
    expect(await gw.gateway.stop()).toBe(true);
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
  });

  test('F46 messages that wait in the queue are delivered before the end', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { queue: { timeout: '10s' }, health: { type: 'none', interval: '20ms' } },
    });
    await using sender = await connectSender(gw.port());
    await node.refuse();
    void sender.sendTogether(['X1', 'X2'].map((controlId) => message({ controlId })));
    await until(() => gw.held.queued === 1);
    const stopped = gw.gateway.stop();
    await node.listen();
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA X1', 'AA X2']);
    expect(await stopped).toBe(true);
    await expectNothingHeld(gw);
  });

  test.each([1, 4])(
    'F46 under load, pipelining %i: each message is answered, or its sender saw the end without an answer',
    async (pipelining) => {
      await using a = await startFaultyNode();
      await using b = await startFaultyNode();
      await using gw = await startGateway({
        nodes: [a.url, b.url],
        pool: { connections: { max: 2, pipelining } },
      });
      const senders = await Promise.all(Array.from({ length: 6 }, () => connectSender(gw.port())));
      let stop: Promise<boolean> | undefined;
      const runs = senders.map(async (sender, s) => {
        let acked = 0;
        for (let i = 0; !sender.ended; i++) {
          const ids = [`${s}-${i}a`, `${s}-${i}b`, `${s}-${i}c`];
          void sender.sendTogether(ids.map((controlId) => message({ controlId })));
          for (const id of ids) {
            const ack = await sender.nextAck().catch(() => undefined);
            if (ack === undefined) break;
            expect(said(ack)).toBe(`AA ${id}`);
            acked++;
          }
          if (a.messages.length + b.messages.length > 200) stop ??= gw.gateway.stop();
        }
        expect(await sender.closed).toMatchObject({ code: undefined });
        return acked;
      });
      const acked = (await Promise.all(runs)).reduce((sum, count) => sum + count, 0);
      expect(await stop).toBe(true);
      const taken = [...a.controlIds, ...b.controlIds];
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken.length).toBe(acked);
      await expectNothingHeld(gw);
    },
  );
});

describe('F46 shutdown.timeout', () => {
  const config = (url: string, timeout: string, queue = '3s'): string =>
    JSON.stringify({
      listeners: { in: { bind: '127.0.0.1:0' } },
      pools: {
        pool: { nodes: { a: { url } }, health: { type: 'none', interval: '1h' }, queue: { timeout: queue } },
      },
      routes: [{ to: 'pool' }],
      shutdown: { timeout },
    });

  test('F46 a node that never answers: cut after it, no answer invented, and nothing is held for longer', async () => {
    await using node = await startFaultyNode(answers.none());
    await using gw = await startGateway(config(node.url, '100ms'));
    await using sender = await connectSender(gw.port());
    void sender.send(message({ controlId: 'X1' }));
    await node.received(1);
    expect(await gw.gateway.stop()).toBe(false);
    await sender.closed;
    expect(sender.received.length).toBe(0);
    // timeouts.ack is 30 s: the end of the gateway does not wait for it.
    await node.openConnections(0, 5_000);
    await expectNothingHeld(gw);
    expect((await over(gw, 'X1')).outcome).toMatchObject({ kind: 'failed', ambiguous: true });
  });

  test('F46 a message that still waits for a node when it ends: given up, and never sent afterwards', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway(config(node.url, '100ms', '1h'));
    await using sender = await connectSender(gw.port());
    await node.refuse();
    void sender.sendTogether(['X1', 'X2'].map((controlId) => message({ controlId })));
    await until(() => gw.held.queued === 1);
    expect(await gw.gateway.stop()).toBe(false);
    await sender.closed;
    expect(sender.received.length).toBe(0);
    await expectNothingHeld(gw);
    await node.listen();
    await turns(20);
    expect(node.accepted).toBe(0);
  });
});
