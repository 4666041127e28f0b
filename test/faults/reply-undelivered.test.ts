// F80 and F83: senders that leave. An acknowledgement that reached nobody is a fact, told in one place for each of log,
// metric and trace; and what no node had before a reset is not sent.
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, over, said } from '../helpers/expect-relay.ts';
import { answers, type Script, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { startCollector } from '../helpers/otlp-collector.ts';
import { connectSender, type Sender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';
import { scrape } from '../observe/metrics/gateway/scrape.ts';
import { startTraced } from '../observe/traces/spans/room.ts';

const LOST = 'GW_ERR_REPLY_UNDELIVERED';
const NEVER_SAMPLED = { sample: 0, parent: 'never' };

function lines(gw: TestGateway, controlId: string): Record<string, unknown>[] {
  return gw.log.filter((line) => line.controlId === controlId && line.code === LOST);
}

async function counted(gw: TestGateway): Promise<number | undefined> {
  return (await scrape(gw)).value('hl7_gateway_sender_faults_total', { listener: 'in', code: LOST });
}

const LEAVES: Readonly<Record<string, (sender: Sender) => Promise<unknown>>> = {
  'resets it': async (sender) => sender.reset(),
  'closes it': async (sender) => {
    sender.socket.pause();
    await sender.end();
    sender.socket.destroy();
  },
};

describe('a lost acknowledgement', () => {
  test.each(Object.keys(LEAVES).flatMap((way) => [false, true].map((secure) => ({ way, secure }))))(
    'F83 a sender $way before its answer, TLS $secure: log, metric and one trace say so',
    async ({ way, secure }) => {
      const folder: TlsFolder | undefined = secure ? createTlsFolder() : undefined;
      const hold = gate();
      await using collector = await startCollector();
      await using node = await startFaultyNode(answers.after(hold));
      await using gw = await startTraced(collector, {
        nodes: [node.url],
        traces: NEVER_SAMPLED,
        listener: folder === undefined ? {} : { tls: folder.files.good },
      });
      await using sender = await connectSender(
        gw.port(),
        folder === undefined ? {} : { tls: { ca: folder.caPem, servername: 'localhost' } },
      );
      await sender.send(message({ controlId: 'X1' }));
      await node.received(1);
      await LEAVES[way]?.(sender);
      if (way === 'resets it') await gw.logged('GW_ERR_SENDER_RESET');
      hold.open();
      await until(() => lines(gw, 'X1').length > 0);
      expect(lines(gw, 'X1')).toEqual([expect.objectContaining({ reply: 'AA', undelivered: true })]);
      expect((await over(gw, 'X1')).outcome).toMatchObject({ kind: 'answered' });
      expect(await counted(gw)).toBe(1);
      // What the connection did is told by itself.
      const traces = await collector.traces(way === 'resets it' ? 2 : 1);
      const [trace] = traces.filter(({ root }) => root.attributes['hl7.message.control_id'] === 'X1');
      expect(trace?.root.attributes['error.type']).toBe(LOST);
      expect(trace?.tree.at(-1)).toBe(`  internal reply !${LOST}`);
      expect(lines(gw, 'X1')[0]?.trace_id).toBe(trace?.root.traceId);
      await expectNothingHeld(gw);
      folder?.[Symbol.dispose]();
    },
  );

  test('F83 the answer was known, and waited for those ahead of it: both are lost', async () => {
    const hold = gate();
    await using node = await startFaultyNode(
      answers.by(({ controlId }) => (controlId === 'X1' ? answers.after(hold) : answers.aa())),
    );
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { ordering: 'key', persistence: { by: ['MSH-3'] } },
    });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([
      message({ controlId: 'X1', app: 'A' }),
      message({ controlId: 'X2', app: 'B' }),
    ]);
    await over(gw, 'X2');
    sender.reset();
    await until(() => lines(gw, 'X2').length === 1);
    hold.open();
    await until(() => lines(gw, 'X1').length === 1);
    await expectNothingHeld(gw);
    expect([lines(gw, 'X1').length, lines(gw, 'X2').length]).toEqual([1, 1]);
  });

  test.each([
    [
      'a refusal of the gateway’s own',
      { onRejected: 'AR' },
      message({ controlId: '' }),
      'GW_ERR_HEADER_CONTROL_ID',
    ],
  ] as const)(
    'F83 %s to a sender that has its end: delivered, and nothing is said',
    async (_, listener, bytes, code) => {
      await using node = await startFaultyNode();
      await using gw = await startGateway({ nodes: [node.url], listener });
      await using sender = await connectSender(gw.port());
      await sender.send(bytes);
      await sender.end();
      expect(said(await sender.nextAck())).toBe('AR ');
      await sender.closed;
      expect(gw.codes).toEqual([code]);
    },
  );

  test('F83 a sender that half-closes and reads on has its answers: nothing is lost', async () => {
    await using collector = await startCollector();
    await using node = await startFaultyNode();
    await using gw = await startTraced(collector, { nodes: [node.url], traces: { sample: 1 } });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([message({ controlId: 'X1' }), message({ controlId: 'X2' })]);
    await sender.end();
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA X1', 'AA X2']);
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect((await collector.traces(2)).map(({ root }) => root.attributes['error.type'])).toEqual([
      undefined,
      undefined,
    ]);
    expect(gw.codes).toEqual([]);
  });

  test('F83 the gateway ends the connection of a sender that does not read: its answers are lost', async () => {
    const size = 400_000;
    const script: Script = ({ connection, controlId }) =>
      connection.answer(`MSH|^~\\&|A|B|C|D|||ACK|1|P|2.5\rMSA|AA|${controlId}\rNTE|1||${'x'.repeat(size)}\r`);
    await using node = await startFaultyNode(script);
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { limits: { writeTimeout: '100ms', maxPending: 200 } },
    });
    await using sender = await connectSender(gw.port());
    sender.socket.pause();
    void sender.sendTogether(Array.from({ length: 60 }, (_, i) => message({ controlId: `X${i}` })));
    await gw.logged('GW_ERR_SENDER_NOT_READING');
    await gw.logged(LOST);
  });
});

describe('a sender that resets', () => {
  test.each([1, 3])('F80 what waits for a node is abandoned, counted and said, max %i', async (max) => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({ nodes: [node.url], pool: { connections: { max } } });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(['X1', 'X2', 'X3'].map((controlId) => message({ controlId })));
    await node.received(1);
    sender.reset();
    await until(() => gw.messages.length === 2);
    expect(gw.log.filter(({ outcome }) => outcome === 'abandoned')).toEqual([
      expect.objectContaining({ controlId: 'X2', code: 'GW_ERR_SENDER_RESET', level: 'warn' }),
      expect.objectContaining({ controlId: 'X3', code: 'GW_ERR_SENDER_RESET', level: 'warn' }),
    ]);
    await using again = await connectSender(gw.port());
    void again.sendTogether(['X2', 'X3'].map((controlId) => message({ controlId })));
    hold.open();
    expect((await again.nextAcks(2)).map(said)).toEqual(['AA X2', 'AA X3']);
    expect(node.controlIds).toEqual(['X1', 'X2', 'X3']);
    await expectNothingHeld(gw);
  });

  test('F80 while a connection to the node is on its way: not sent on it', async () => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({ nodes: [node.url], pool: { connections: { settle: '400ms' } } });
    await using sender = await connectSender(gw.port());
    await sender.send(message({ controlId: 'X1' }));
    await node.connected(1);
    sender.reset();
    await gw.logged('GW_ERR_SENDER_RESET');
    expect((await over(gw, 'X1')).outcome?.kind).toBe('abandoned');
    await using again = await connectSender(gw.port());
    expect(said(await again.exchange(message({ controlId: 'X2' })))).toBe('AA X2');
    expect(node.controlIds).toEqual(['X2']);
  });

  test('F80 one that a node may have is ambiguous, and is not sent again', async () => {
    await using node = await startFaultyNode(answers.close());
    await using gw = await startGateway({
      nodes: [node.url],
      pool: { retry: { onAmbiguous: 'same-node', attempts: 9, budget: '30s' }, queue: { timeout: '30s' } },
    });
    await using sender = await connectSender(gw.port());
    node.script = async (exchange) => {
      await node.refuse();
      await answers.close()(exchange);
    };
    await sender.send(message({ controlId: 'X1' }));
    await until(() => gw.held.queued === 1);
    sender.reset();
    const { outcome } = await over(gw, 'X1');
    expect(outcome).toMatchObject({ kind: 'failed', ambiguous: true });
    await expectNothingHeld(gw);
  });

  test('F80 after FIN alone all is delivered, even if its answers meet a reset (F25)', async () => {
    const hold = gate();
    await using node = await startFaultyNode(answers.after(hold));
    await using gw = await startGateway({ nodes: [node.url], pool: { connections: { max: 1 } } });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether(['X1', 'X2', 'X3'].map((controlId) => message({ controlId })));
    await node.received(1);
    await LEAVES['closes it']?.(sender);
    hold.open();
    await node.received(3);
    await until(() => gw.messages.length === 3);
    expect(gw.messages.map(({ outcome }) => outcome?.kind)).toEqual(['answered', 'answered', 'answered']);
    await until(() => gw.codes.filter((code) => code === LOST).length === 3);
  });
});
