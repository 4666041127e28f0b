// Messages that are read in the parse pool: which are, that each goes where its fields say, and that a connection's
// messages keep their order whichever of them it is.
import { describe, expect, it } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { frame, message } from '../helpers/mllp.ts';
import { large, small, startParsingLine } from '../helpers/parsing-line.ts';
import { connectSender } from '../helpers/sender.ts';
import { turns } from '../helpers/until.ts';

describe('which messages', () => {
  it.each([
    ['auto', { inline: 2, offloaded: 1 }],
    ['always', { inline: 0, offloaded: 3 }],
    ['never', { inline: 3, offloaded: 0 }],
  ])('%s: the way of each is counted, and each goes where OBX-5 says', async (offload, ways) => {
    await using line = await startParsingLine({ parsing: { offload } });
    await using sender = await connectSender(line.gw.port());
    const sent = [large('L1', 'URGENT'), small('S1', 'URGENT'), small('S2', 'later')];
    await sender.sendTogether(sent);
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA L1', 'AA S1', 'AA S2']);
    expect([line.urgent.controlIds, line.node.controlIds]).toEqual([['L1', 'S1'], ['S2']]);
    expect(
      line.urgent.bytes.equals(Buffer.concat([sent[0], sent[1]].map((one) => frame(one as Buffer)))),
    ).toBe(true);
    if (process.env.TEST_OFFLOAD === undefined) expect(line.ways).toEqual(ways);
    await expectNothingHeld(line.gw);
  });

  it('auto: not a large one whose route needs its header only', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    await sender.exchange(large('Q1', 'URGENT', 'QRY^A19'));
    expect(line.node.controlIds).toEqual(['Q1']);
    expect(line.ways).toEqual({ inline: 1, offloaded: 0 });
  });

  it('auto: one whose payload is as large as the limit is read here, one byte more is not', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    const sized = (size: number): Buffer =>
      message({ type: 'ORU^R01', segments: ['OBX|1|TX|||later'], size });
    await sender.exchange(sized(2048));
    expect(line.ways).toEqual({ inline: 1, offloaded: 0 });
    await sender.exchange(sized(2049));
    expect(line.ways).toEqual({ inline: 1, offloaded: 1 });
  });

  it('auto: a large one in UTF-16, whose header is read in the pool too', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    const utf16 = Buffer.from(`\ufeff${large('U1', 'URGENT').toString('latin1')}`, 'utf16le');
    void sender.send(utf16);
    const [received] = await line.urgent.received(1);
    expect(received?.payload.equals(utf16)).toBe(true);
    expect(line.ways).toEqual({ inline: 0, offloaded: 1 });
  });

  it('the threshold in force is told', async () => {
    for (const [offload, limit] of [
      ['auto', 2048],
      ['always', -1],
      ['never', Number.POSITIVE_INFINITY],
    ]) {
      await using line = await startParsingLine({ parsing: { offload, workers: 3 } });
      const { stats } = line.gw.gateway.parsing;
      if (process.env.TEST_OFFLOAD === undefined)
        expect(stats).toMatchObject({ offload, inlineLimitBytes: limit, workers: 3, waiting: 0, running: 0 });
    }
  });
});

describe('order', () => {
  it('a small message waits behind a large one of its connection, also on the way to another pool', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    await sender.sendTogether([large('L1', 'URGENT FAULT-HOLD'), small('S1'), small('S2', 'URGENT')]);
    await line.hold.held(1);
    await using other = await connectSender(line.gw.port());
    expect(said(await other.exchange(small('OTHER')))).toBe('AA OTHER');
    expect([line.urgent.controlIds, line.node.controlIds]).toEqual([[], ['OTHER']]);
    line.hold.letGo();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA L1', 'AA S1', 'AA S2']);
    expect([line.urgent.controlIds, line.node.controlIds]).toEqual([
      ['L1', 'S2'],
      ['OTHER', 'S1'],
    ]);
    await expectNothingHeld(line.gw);
  });

  it('large messages of one connection are read side by side, and delivered in their order', async () => {
    await using line = await startParsingLine({ parsing: { workers: 2 } });
    await using sender = await connectSender(line.gw.port());
    await sender.sendTogether([large('L1', 'FAULT-HOLD'), large('L2'), small('S1'), large('L3')]);
    await line.hold.held(1);
    // The other worker has read all that it could.
    const { tasks } = line.gw.gateway.parsing.stats;
    await expect.poll(() => tasks.done, { timeout: 10_000 }).toBe(2);
    expect(line.node.controlIds).toEqual([]);
    line.hold.letGo();
    await sender.nextAcks(4);
    expect(line.node.controlIds).toEqual(['L1', 'L2', 'S1', 'L3']);
  });

  it('the answer of one that is refused keeps its place too', async () => {
    await using line = await startParsingLine({ listener: { onRejected: 'AR' } });
    await using sender = await connectSender(line.gw.port());
    const bad = small('').toString('latin1');
    await sender.sendTogether([large('L1', 'FAULT-HOLD'), bad, small('S1')]);
    await line.hold.held(1);
    await turns();
    expect(sender.acks).toEqual([]);
    line.hold.letGo();
    expect((await sender.nextAcks(3)).map(said)).toEqual(['AA L1', 'AR ', 'AA S1']);
    expect(line.node.controlIds).toEqual(['L1', 'S1']);
  });

  it.each(['auto', 'always'])('%s: fifty of any size, from five connections', async (offload) => {
    await using line = await startParsingLine({ parsing: { offload, workers: 2 } });
    const senders = await Promise.all(Array.from({ length: 5 }, () => connectSender(line.gw.port())));
    const ids = (of: number): string[] => Array.from({ length: 50 }, (_, i) => `${of}-${i}`);
    await Promise.all(
      senders.map(async (sender, of) => {
        const sent = ids(of).map((id, i) => ((i * 7 + of) % 3 === 0 ? large(id) : small(id)));
        for (let i = 0; i < 50; i += 10) void sender.sendTogether(sent.slice(i, i + 10));
        expect((await sender.nextAcks(50, 15_000)).map(said)).toEqual(ids(of).map((id) => `AA ${id}`));
      }),
    );
    for (const of of senders.keys())
      expect(line.node.controlIds.filter((id) => id.startsWith(`${of}-`))).toEqual(ids(of));
    for (const sender of senders) await sender[Symbol.asyncDispose]();
    await expectNothingHeld(line.gw);
    expect(line.gw.gateway.parsing.stats.waiting).toBe(0);
  });
});

describe('while a message is read', () => {
  it('F80 its sender resets: it is not delivered, and neither is what came behind it', async () => {
    await using line = await startParsingLine();
    const sender = await connectSender(line.gw.port());
    await sender.sendTogether([large('L1', 'FAULT-HOLD'), small('S1')]);
    await line.hold.held(1);
    sender.reset();
    await line.gw.logged('GW_ERR_SENDER_RESET');
    line.hold.letGo();
    await expectNothingHeld(line.gw);
    expect(line.gw.messages.map(({ outcome }) => outcome?.kind)).toEqual(['abandoned', 'abandoned']);
    await using other = await connectSender(line.gw.port());
    expect(said(await other.exchange(small('AFTER')))).toBe('AA AFTER');
    expect(line.node.controlIds).toEqual(['AFTER']);
  });

  it('the connection is closed at an earlier message: it is not sent', async () => {
    await using line = await startParsingLine({ listener: { onUnavailable: 'close' } });
    await using sender = await connectSender(line.gw.port());
    // The first is with its node while the others are read and queued for a worker.
    line.node.script = () => {};
    await sender.send(small('S1'));
    const [first] = await line.node.received(1);
    await sender.sendTogether([
      large('L1', 'FAULT-HOLD URGENT'),
      large('L2', 'URGENT'),
      small('S2', 'URGENT'),
    ]);
    await line.hold.held(1);
    first?.connection.close();
    expect(await sender.closed).toMatchObject({ hadError: false });
    line.hold.letGo();
    await expectNothingHeld(line.gw);
    await using other = await connectSender(line.gw.port());
    expect(said(await other.exchange(large('AFTER', 'URGENT')))).toBe('AA AFTER');
    expect(line.urgent.controlIds).toEqual(['AFTER']);
    expect(line.gw.gateway.parsing.stats.tasks.done).toBe(2);
    expect(await line.gw.gateway.stop()).toBe(true);
  });

  it('the gateway stops: it is read, delivered and answered first', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    await sender.sendTogether([large('L1', 'FAULT-HOLD'), small('S1')]);
    await line.hold.held(1);
    const stopped = line.gw.gateway.stop();
    await turns();
    line.hold.letGo();
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA L1', 'AA S1']);
    expect(await stopped).toBe(true);
  });

  it('its sender has said all, closed, and the gateway stops: it is delivered first', async () => {
    await using line = await startParsingLine();
    const sender = await connectSender(line.gw.port());
    await sender.send(large('L1', 'FAULT-HOLD'));
    await line.hold.held(1);
    await sender.end();
    const stopped = line.gw.gateway.stop();
    await turns();
    line.hold.letGo();
    expect(await stopped).toBe(true);
    expect(line.node.controlIds).toEqual(['L1']);
  });

  it('the gateway stops and its time is over: the connection ends, and so does the worker', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    await sender.send(large('L1', 'FAULT-LOOP'));
    await expect.poll(() => line.gw.gateway.parsing.stats.running).toBe(1);
    expect(await line.gw.gateway.stop()).toBe(false);
    expect(await sender.closed).toBeDefined();
    expect(line.gw.gateway.parsing.stats.running).toBe(0);
  });
});

describe('what else is asked of a whole message', () => {
  const batchOf = (...apps: string[]): Buffer =>
    Buffer.concat(apps.map((app, i) => message({ app, controlId: `B${i}`, size: 3000 })));

  it.each(['auto', 'never'])('%s: batch: refuse finds a second message in a large frame', async (offload) => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { batch: 'refuse' },
      parsing: { offload, inlineLimit: '2KiB' },
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(batchOf('A', 'A')))).toBe('AR B0');
    expect(said(await sender.exchange(batchOf('A')))).toBe('AA B0');
    expect(gw.codes).toEqual(['GW_ERR_HEADER_BATCH']);
    expect(gw.gateway.parsing.stats.offloaded).toBe(offload === 'auto' ? 2 : 0);
  });

  it.each(['auto', 'never'])('%s: allow looks at every message of a large frame', async (offload) => {
    await using node = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [node.url],
      listener: { allow: [{ source: '127.0.0.1', 'MSH-3': ['A', 'B'] }] },
      parsing: { offload, inlineLimit: '2KiB' },
    });
    await using sender = await connectSender(gw.port());
    expect(said(await sender.exchange(batchOf('A', 'B', 'A')))).toBe('AA B0');
    expect(said(await sender.exchange(batchOf('A', 'B', 'C')))).toBe('AR B0');
    expect(said(await sender.exchange(batchOf('C', 'A')))).toBe('AR B0');
    expect(gw.codes).toEqual(['GW_ERR_SENDER_NOT_ALLOWED', 'GW_ERR_SENDER_NOT_ALLOWED']);
    expect(node.messages).toHaveLength(1);
    expect(gw.gateway.parsing.stats.offloaded).toBe(offload === 'auto' ? 3 : 0);
  });

  it.each(['auto', 'never'])('%s: a sticky key beyond the header', async (offload) => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway({
      nodes: [a.url, b.url],
      pool: { persistence: { by: ['PID-3.1'] } },
      parsing: { offload, inlineLimit: '2KiB' },
    });
    await using sender = await connectSender(gw.port());
    for (let i = 0; i < 12; i++) {
      const segments = [`PID|1||patient-${i % 4}`];
      await sender.exchange(message({ segments, size: i < 4 ? 3000 : 200 }));
    }
    const keys = gw.messages.map(({ stickyKey, node }) => `${stickyKey} ${node?.name}`);
    expect(keys.slice(4, 8)).toEqual(keys.slice(0, 4));
    expect(keys.slice(8)).toEqual(keys.slice(0, 4));
    expect(new Set(keys).size).toBe(4);
  });
});
