// `parsing` is taken up by a reload: no message that is being read is lost, none overtakes another, threads that nobody
// needs any more end; and a message whose reading a reload of the routes meets is routed by one config alone.
import { describe, expect, test } from 'vitest';
import { parseFieldPath } from '../../src/hl7/field-path.ts';
import { Parsing, type ParsingConfig } from '../../src/hl7/parsing.ts';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { large, type ParsingLine, small, startParsingLine } from '../helpers/parsing-line.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';

const PATIENT = { deadlineMs: 15_000 };

function reload({ gw: { gateway } }: ParsingLine, parsing: Partial<ParsingConfig>) {
  return gateway.reload({ ...gateway.config, parsing: { ...gateway.config.parsing, ...parsing } });
}

/** Threads of this process, as far as they keep it up: one that has ended is not among them. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((one) => one === 'MessagePort').length;
}

describe('while a message is with a worker', () => {
  test('a new pool takes what comes; the old one ends when it has read what it has', async () => {
    await using line = await startParsingLine({ parsing: { workers: 1 } });
    const { stats } = line.gw.gateway.parsing;
    await using sender = await connectSender(line.gw.port());
    await using other = await connectSender(line.gw.port());
    // The first is with the one worker, the second waits for it, the third behind them on the event loop.
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), large('WAITS', 'URGENT'), small('BEHIND')]);
    await line.hold.held(1);
    expect(await reload(line, { workers: 2 })).toEqual(['parsing: changed']);
    expect(stats).toMatchObject({ workers: 2, waiting: 1, running: 1 });
    expect(said(await other.exchange(large('NEW', 'URGENT'), 15_000))).toBe('AA NEW');
    line.hold.letGo();
    expect((await sender.nextAcks(3, 15_000)).map(said)).toEqual(['AA HELD', 'AA WAITS', 'AA BEHIND']);
    expect([line.node.controlIds, line.urgent.controlIds]).toEqual([
      ['HELD', 'BEHIND'],
      ['NEW', 'WAITS'],
    ]);
    expect([stats.tasks.done, stats.tasks.lost]).toEqual([3, 0]);
    await expectNothingHeld(line.gw);
  });

  test('several reloads in a row keep every one of their messages', async () => {
    await using line = await startParsingLine({ parsing: { workers: 1 } });
    await using sender = await connectSender(line.gw.port());
    for (const round of [1, 2, 3]) {
      await sender.send(large(`HELD${round}`, 'FAULT-HOLD'));
      await line.hold.held(round);
      await reload(line, { timeoutMs: 60_000 + round });
    }
    line.hold.letGo();
    expect((await sender.nextAcks(3, 15_000)).map(said)).toEqual(['AA HELD1', 'AA HELD2', 'AA HELD3']);
    expect(line.node.controlIds).toEqual(['HELD1', 'HELD2', 'HELD3']);
  });

  test('what waits in an old pool counts for `queue` too', async () => {
    await using line = await startParsingLine({ parsing: { workers: 1, queue: 1 } });
    const { parsing } = line.gw.gateway;
    await using sender = await connectSender(line.gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), large('WAITS')]);
    await line.hold.held(1);
    await until(() => parsing.stats.waiting === 1);
    await reload(line, { workers: 2 });
    expect(parsing.isFull).toBe(true);
    await reload(line, { workers: 2, queue: 2 });
    expect(parsing.isFull).toBe(false);
    line.hold.letGo();
    expect((await sender.nextAcks(2, 15_000)).map(said)).toEqual(['AA HELD', 'AA WAITS']);
  });

  test('a gateway that ends has what an old pool reads answered first', async () => {
    const line = await startParsingLine({ parsing: { workers: 1 } });
    await using sender = await connectSender(line.gw.port());
    await sender.send(large('HELD', 'FAULT-HOLD'));
    await line.hold.held(1);
    await reload(line, { workers: 2 });
    const stopping = line.gw.gateway.stop();
    line.hold.letGo();
    expect(said(await sender.nextAck(15_000))).toBe('AA HELD');
    expect(await stopping).toBe(true);
    await line[Symbol.asyncDispose]();
  });

  test('routes that ask for something else: it is asked again, and goes by the new ones', async () => {
    await using line = await startParsingLine({ parsing: { workers: 1 } });
    const { gateway } = line.gw;
    await using sender = await connectSender(line.gw.port());
    await sender.send(large('HELD', 'FAULT-HOLD|||URGENT'));
    await line.hold.held(1);
    // OBX-8 instead of OBX-5.
    const { routes } = gateway.config;
    const path = parseFieldPath('OBX-8');
    if (path === undefined) throw new Error('no path');
    const subject = { kind: 'field', path } as const;
    const changed = routes.map((route) => ({
      ...route,
      when: route.when.map((one) => (one.text === 'OBX-5' ? { ...one, subject } : one)),
    }));
    await gateway.reload({ ...gateway.config, routes: changed });
    line.hold.letGo();
    // Asked again, it is held again.
    await line.hold.held(2);
    line.hold.letGo();
    expect(said(await sender.nextAck(15_000))).toBe('AA HELD');
    expect([line.node.controlIds, line.urgent.controlIds]).toEqual([[], ['HELD']]);
  });
});

describe('what is read where', () => {
  test('follows the new config from the next message on', async () => {
    await using line = await startParsingLine();
    const { stats } = line.gw.gateway.parsing;
    await using sender = await connectSender(line.gw.port());
    const exchange = async (id: string, make = large): Promise<void> =>
      void expect(said(await sender.exchange(make(id), 15_000))).toBe(`AA ${id}`);
    await exchange('AUTO');
    expect(line.ways).toEqual({ inline: 0, offloaded: 1 });
    await reload(line, { inlineLimitBytes: 1024 * 1024 });
    await exchange('INLINE');
    expect(line.ways).toEqual({ inline: 1, offloaded: 1 });
    await reload(line, { offload: 'always' });
    await exchange('ALWAYS', small);
    expect([line.ways, stats.inlineLimitBytes]).toEqual([{ inline: 1, offloaded: 2 }, -1]);
    await reload(line, { offload: 'never' });
    await exchange('NEVER');
    expect([line.ways, stats.offload]).toEqual([{ inline: 2, offloaded: 2 }, 'never']);
    await reload(line, { offload: 'auto', inlineLimitBytes: 2048 });
    await exchange('AGAIN');
    expect(line.ways).toEqual({ inline: 2, offloaded: 3 });
  });
});

describe('threads', () => {
  const CONFIG: ParsingConfig = {
    workers: 1,
    offload: 'always',
    inlineLimitBytes: 0,
    queue: 10,
    timeoutMs: 60_000,
  };
  const payload = Buffer.from('MSH|^~\\&|A|B\rPID|1||42^^^H\r');

  test('stay the same ones where neither their number nor their time has changed', async () => {
    const parsing = new Parsing(CONFIG, FAULTY_WORKER);
    await parsing.readHeader(payload);
    const before = threads();
    parsing.reconfigure({ ...CONFIG, queue: 5, inlineLimitBytes: 9 });
    await parsing.readHeader(payload);
    expect(threads()).toBe(before);
    await parsing.close();
  });

  test.each<[string, Partial<ParsingConfig>]>([
    ['another number of workers', { workers: 2 }],
    ['another timeout', { timeoutMs: 50_000 }],
    ['offload: never', { offload: 'never' }],
  ])('%s: the old ones end when they have read what they have, headers too', async (_, change) => {
    using hold = new Hold();
    const none = threads();
    const parsing = new Parsing(CONFIG, FAULTY_WORKER);
    const held = parsing.readHeader(Buffer.concat([payload, Buffer.from('OBX|FAULT-HOLD')]));
    await hold.held(1);
    const waits = parsing.readHeader(payload);
    expect(threads()).toBeGreaterThan(none);
    parsing.reconfigure({ ...CONFIG, ...change });
    hold.letGo();
    expect((await Promise.all([held, waits])).map((header) => header.text(3))).toEqual(['A', 'A']);
    await until(() => threads() === none, PATIENT);
    await parsing.close();
  });
});
