// F48 and what can befall a parse worker: a message costs nobody but its own sender anything, and is refused, not lost.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { frame, message, msaOf } from '../helpers/mllp.ts';
import { large, small, startParsingLine } from '../helpers/parsing-line.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { nakOf } from './line.ts';

describe('a worker that', () => {
  test.each([
    ['auto', 'is killed by process.exit', 'FAULT-EXIT', 'GW_ERR_PARSE_WORKER'],
    ['auto', 'loops for ever', 'FAULT-LOOP', 'GW_ERR_PARSE_TIMEOUT'],
    ['auto', 'allocates 2 GB', 'FAULT-MEMORY', 'GW_ERR_PARSE_WORKER'],
    ['auto', 'throws', 'FAULT-THROW', 'GW_ERR_PARSE_FAILED'],
    ['always', 'is killed by process.exit', 'FAULT-EXIT', 'GW_ERR_PARSE_WORKER'],
    ['always', 'loops for ever', 'FAULT-LOOP', 'GW_ERR_PARSE_TIMEOUT'],
  ])('%s: %s costs its message a refusal, and no other anything', async (offload, _what, text, code) => {
    await using line = await startParsingLine({
      parsing: { offload, timeout: text === 'FAULT-LOOP' ? '2s' : '15s' },
      listener: { onUnavailable: 'AE' },
    });
    await using sender = await connectSender(line.gw.port());
    await using other = await connectSender(line.gw.port());
    void sender.send(large('BAD', text));
    await until(() => line.gw.gateway.parsing.stats.running > 0);
    // Read on the event loop, or behind the bad one in the pool.
    expect(said(await other.exchange(small('S1'), 15_000))).toBe('AA S1');
    expect(said(await other.exchange(large('L1'), 15_000))).toBe('AA L1');
    const nak = await sender.nextAck(15_000);
    expect(nakOf(nak)).toEqual({ code: 'AE', controlId: 'BAD', error: code });
    expect(said(await sender.exchange(large('L2', 'URGENT')))).toBe('AA L2');
    expect([line.node.controlIds, line.urgent.controlIds]).toEqual([['S1', 'L1'], ['L2']]);
    const logged = await line.gw.logged(code);
    expect(JSON.stringify(logged)).not.toContain('FAULT');
    await expectNothingHeld(line.gw);
  });

  test('is killed: by default the sender keeps its message, as its connection is closed', async () => {
    await using line = await startParsingLine();
    await using sender = await connectSender(line.gw.port());
    await sender.sendTogether([small('S1'), large('BAD', 'FAULT-EXIT'), small('S2')]);
    expect(said(await sender.nextAck())).toBe('AA S1');
    expect(await sender.closed).toEqual({ hadError: false, code: undefined });
    expect(line.node.controlIds).toEqual(['S1']);
    await expectNothingHeld(line.gw);
  });

  test('always: is killed by one of a hundred messages that it got at once', async () => {
    await using line = await startParsingLine({
      parsing: { offload: 'always' },
      listener: { onUnavailable: 'AE' },
    });
    await using sender = await connectSender(line.gw.port());
    const ids = Array.from({ length: 100 }, (_, i) => `S${i}`);
    await sender.sendTogether(ids.map((id) => small(id, id === 'S50' ? 'FAULT-EXIT' : '')));
    const got = (await sender.nextAcks(100, 15_000)).map(said);
    expect(got).toEqual(ids.map((id) => `${id === 'S50' ? 'AE' : 'AA'} ${id}`));
    expect(line.node.controlIds).toEqual(ids.filter((id) => id !== 'S50'));
  });
});

describe('a full queue', () => {
  test('stops the reading of those who have messages in it, of nobody else, and drops none', async () => {
    const queue = 4;
    await using line = await startParsingLine({ parsing: { queue, workers: 1 } });
    const { stats } = line.gw.gateway.parsing;
    await using first = await connectSender(line.gw.port());
    await first.send(large('HELD', 'FAULT-HOLD'));
    await line.hold.held(1);
    const senders = await Promise.all(Array.from({ length: 8 }, () => connectSender(line.gw.port())));
    const ids = (of: number): string[] => Array.from({ length: 40 }, (_, i) => `${of}-${i}`);
    for (const [of, sender] of senders.entries()) void sender.sendTogether(ids(of).map((id) => large(id)));
    await until(() => stats.waiting >= queue);
    // Small messages are not what the queue is for.
    await using other = await connectSender(line.gw.port());
    for (let i = 0; i < 20; i++) expect(said(await other.exchange(small(`S${i}`)))).toBe(`AA S${i}`);
    expect(stats.waiting).toBeGreaterThanOrEqual(queue);
    expect(stats.waiting).toBeLessThanOrEqual(queue + senders.length);
    expect(line.node.controlIds.filter((id) => !id.startsWith('S'))).toEqual([]);
    line.hold.letGo();
    for (const [of, sender] of senders.entries())
      expect((await sender.nextAcks(40, 15_000)).map(said)).toEqual(ids(of).map((id) => `AA ${id}`));
    expect(said(await first.nextAck())).toBe('AA HELD');
    for (const sender of senders) await sender[Symbol.asyncDispose]();
    await expectNothingHeld(line.gw);
    expect(stats.offloaded).toBe(1 + senders.length * 40);
  });

  test('always: the same with headers', async () => {
    const queue = 4;
    await using line = await startParsingLine({ parsing: { queue, workers: 1, offload: 'always' } });
    const { stats } = line.gw.gateway.parsing;
    await using first = await connectSender(line.gw.port());
    await first.send(small('HELD', 'FAULT-HOLD'));
    await line.hold.held(1);
    await using sender = await connectSender(line.gw.port());
    const ids = Array.from({ length: 80 }, (_, i) => `S${i}`);
    void sender.sendTogether(ids.map((id) => small(id)));
    await until(() => stats.waiting >= queue);
    expect(stats.waiting).toBeLessThanOrEqual(queue + 2);
    line.hold.letGo();
    // It is held once for its header and once for its fields.
    await line.hold.held(2);
    line.hold.letGo();
    expect((await sender.nextAcks(80, 15_000)).map(said)).toEqual(ids.map((id) => `AA ${id}`));
    expect(said(await first.nextAck())).toBe('AA HELD');
  });
});

/** Fewer and smaller than in the benchmark (`node bench/run.ts --parsing`), where the times are looked at. */
const BIG_BYTES = 50 * 1024 * 1024;
const BIG_MESSAGES = 2;
/** A path can name the 99,999th segment of a name. */
const SEGMENTS = 2 ** 16;
const SENDERS = 20;
/** 100 MB through one process of a machine that others use too. */
const DEADLINE_MS = 60_000;

test(
  'F48 while one sender streams 50 MB messages routed on their last OBX, 20 others are served',
  async () => {
    await using line = await startParsingLine({
      path: `OBX[${SEGMENTS}]-5`,
      listener: { limits: { maxFrame: '64MiB' } },
      script: async ({ connection, controlId }) => {
        await connection.answer(Buffer.from(`MSH|^~\\&|N\rMSA|AA|${controlId}\r`));
      },
    });
    const fillers = Array<string>(SEGMENTS - 1).fill(`OBX|1|TX|||${'x'.repeat(BIG_BYTES / SEGMENTS - 12)}`);
    const segments = [...fillers, 'OBX|1|TX|||URGENT'];
    const big = frame(message({ controlId: 'BIG', type: 'ORU^R01', segments }));
    expect(big.length).toBeGreaterThan(BIG_BYTES - 2 ** 20);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    await using sender = await connectSender(line.gw.port());
    const senders = await Promise.all(Array.from({ length: SENDERS }, () => connectSender(line.gw.port())));
    let streaming = true;
    let answered = 0;
    delay.enable();
    const others = senders.map(async (one, of) => {
      for (let i = 0; streaming; i++) {
        const ack = await one.exchange(
          message({ controlId: `${of}-${i}`, type: 'ORU^R01', size: 1024 }),
          DEADLINE_MS,
        );
        expect(msaOf(ack)).toEqual({ code: 'AA', controlId: `${of}-${i}` });
        answered++;
      }
    });
    for (let i = 0; i < BIG_MESSAGES; i++) {
      void sender.write(big);
      expect(said(await sender.nextAck(DEADLINE_MS))).toBe('AA BIG');
    }
    streaming = false;
    await Promise.all(others);
    delay.disable();

    for (const one of senders) await one[Symbol.asyncDispose]();
    expect(line.ways.offloaded).toBe(BIG_MESSAGES);
    expect(line.urgent.controlIds).toEqual(Array<string>(BIG_MESSAGES).fill('BIG'));
    expect(answered).toBeGreaterThan(SENDERS * BIG_MESSAGES);
    // The sender and the nodes are in this process too; without them it is in docs/benchmarks.md.
    expect(delay.percentile(99) / 1e6).toBeLessThan(2_000);
  },
  2 * DEADLINE_MS,
);
