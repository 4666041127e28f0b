// A reload while a message is read in the parse pool (F46): it and those that wait behind it are routed by the new config, also
// where they had been routed by the old one, and in their order.
import { describe, expect, test } from 'vitest';
import { file, one, SPLIT, saidIn } from '../faults/batch-room.ts';
import { expectNothingHeld, over, said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { large, small } from '../helpers/parsing-line.ts';
import { startRawNode } from '../helpers/raw-http-node.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';
import { acks } from '../http-hl7/room.ts';
import { allTo, closedPools, type Editable, type EditablePool, pending, poolOf, reload } from './room.ts';

const PATIENCE_MS = 15_000;

interface Asking {
  /** A path beyond the header, that a large message is read for. Default OBX-5. */
  readonly path?: string;
  readonly edit?: (config: Editable) => void;
}

/** All messages go to the pool `name`; something is asked of the large ones first. */
function asking(name: string, pool: EditablePool, { path = 'OBX-5', edit = () => {} }: Asking = {}): string {
  return allTo(name, pool, (config) => {
    config.parsing = { inlineLimit: '2KiB', workers: 1 };
    config.routes = [
      {
        name: 'none',
        when: { [path]: 'NOBODY', 'MSH-10': '/HELD|LARGE/' },
        reject: { code: 'AR', text: 'no' },
      },
      { name: `all to ${name}`, to: name },
    ];
    edit(config);
  });
}

const start = (config: string): Promise<TestGateway> => startGateway(config, { parseWorker: FAULTY_WORKER });

/** Where headers are read in the pool too, they are what is held. */
const readsHeaders = process.env.TEST_OFFLOAD === 'always';

describe.skipIf(readsHeaders)('what waits behind a message that is being read', () => {
  test('F46 goes by the new config: its pool of MLLP nodes is gone', async () => {
    using hold = new Hold();
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await start(asking('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), small('BEHIND'), large('LARGE'), small('LAST')]);
    await hold.held(1);
    await until(() => pending(gw) === 4);
    await reload(gw, asking('new', poolOf([b.url])));
    await until(() => closedPools(gw).length === 1);
    hold.letGo();
    const said4 = (await sender.nextAcks(4, PATIENCE_MS)).map(said);
    expect(said4).toEqual(['AA HELD', 'AA BEHIND', 'AA LARGE', 'AA LAST']);
    expect([a.controlIds, b.controlIds]).toEqual([[], ['HELD', 'BEHIND', 'LARGE', 'LAST']]);
    await expectNothingHeld(gw);
  });

  test('F46 the same of HTTP nodes, whose connections take nothing more', async () => {
    using hold = new Hold();
    await using a = await startRawNode(acks());
    await using b = await startRawNode(acks());
    const pool = (url: string): EditablePool => ({ nodes: { a: { url } }, health: { type: 'none' } });
    await using gw = await start(asking('old', pool(a.url)));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), small('BEHIND')]);
    await hold.held(1);
    await until(() => pending(gw) === 2);
    await reload(gw, asking('new', pool(b.url)));
    await until(() => closedPools(gw).length === 1);
    hold.letGo();
    expect((await sender.nextAcks(2, PATIENCE_MS)).map(said)).toEqual(['AA HELD', 'AA BEHIND']);
    expect([a.requests.length, b.requests.length]).toEqual([0, 2]);
    await expectNothingHeld(gw);
  });

  test('F46 nodes of another protocol under the same names', async () => {
    using hold = new Hold();
    await using a = await startFaultyNode();
    await using b = await startRawNode(acks());
    await using gw = await start(asking('pool', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), small('BEHIND')]);
    await hold.held(1);
    await until(() => pending(gw) === 2);
    await reload(gw, asking('pool', { nodes: { a: { url: b.url } }, health: { type: 'none' } }));
    hold.letGo();
    expect((await sender.nextAcks(2, PATIENCE_MS)).map(said)).toEqual(['AA HELD', 'AA BEHIND']);
    expect([a.controlIds, b.requests.length]).toEqual([[], 2]);
  });
});

describe.skipIf(readsHeaders)('a large message that is to be routed anew', () => {
  test('F46 is asked what the new routes ask for; what comes behind it waits meanwhile', async () => {
    using hold = new Hold();
    const first = gate();
    await using a = await startFaultyNode(answers.after(first));
    await using b = await startFaultyNode();
    await using gw = await start(asking('old', poolOf([a.url]), { path: 'MSH-3' }));
    await using sender = await connectSender(gw.port());
    // Nothing beyond the header is asked of it as yet.
    await sender.sendTogether([small('ONE'), large('LARGE', 'FAULT-HOLD'), small('LAST')]);
    await a.received(1);
    await until(() => pending(gw) === 3);
    await reload(gw, asking('new', poolOf([b.url])));
    first.open();
    await hold.held(1);
    // And once more: another question.
    await reload(gw, asking('newer', poolOf([b.url]), { path: 'OBX-8' }));
    await sender.send(small('LATE'));
    await until(() => pending(gw) >= 3);
    expect(b.controlIds).toEqual([]);
    hold.letGo();
    await hold.held(2);
    hold.letGo();
    const acked = (await sender.nextAcks(4, PATIENCE_MS)).map(said);
    expect(acked).toEqual(['AA ONE', 'AA LARGE', 'AA LAST', 'AA LATE']);
    expect(b.controlIds).toEqual(['LARGE', 'LAST', 'LATE']);
    expect((await over(gw, 'LARGE')).route?.name).toBe('all to newer');
    // It is one message, however often it was looked at.
    expect(gw.gateway.parsing.stats).toMatchObject({ inline: 4, offloaded: 0 });
    await expectNothingHeld(gw);
  });

  test('F46 is let go of where its sender is told of one ahead of it', async () => {
    using hold = new Hold();
    await using a = await startFaultyNode(answers.none());
    await using b = await startFaultyNode();
    const down = await startFaultyNode();
    await down.close();
    const before = asking('old', poolOf([a.url]), {
      path: 'MSH-3',
      edit: (config) => {
        config.pools.down = poolOf([down.url], { queue: { timeout: '1h' } });
        config.routes.unshift({ name: 'large', when: { 'MSH-10': 'LARGE' }, to: 'down' });
      },
    });
    await using gw = await start(before);
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([small('ONE'), large('LARGE', 'FAULT-HOLD'), small('LAST')]);
    await a.received(1);
    await until(() => pending(gw) === 3);
    await reload(gw, asking('new', poolOf([b.url])));
    await hold.held(1);
    a.resetConnections();
    await sender.closed;
    hold.letGo();
    await expectNothingHeld(gw);
    expect(await gw.gateway.stop()).toBe(true);
    expect(b.controlIds).toEqual([]);
    expect((await over(gw, 'LARGE')).outcome?.kind).toBe('abandoned');
  });

  test.each([
    ['on the event loop', small, 'LAST'],
    ['in the parse pool', large, 'LARGE'],
  ])('F46 must be valid by the new route: %s', async (_, make, id) => {
    const first = gate();
    await using a = await startFaultyNode(answers.after(first));
    await using b = await startFaultyNode();
    await using gw = await start(asking('old', poolOf([a.url])));
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([small('ONE'), make(id)]);
    await a.received(1);
    await until(() => pending(gw) === 2);
    const strict = asking('new', poolOf([b.url]), {
      edit: (config) => {
        Object.assign(config.routes[1] ?? {}, { validate: { segments: ['ZZZ'] } });
      },
    });
    await reload(gw, strict);
    first.open();
    expect((await sender.nextAcks(2, PATIENCE_MS)).map(said)).toEqual(['AA ONE', `AE ${id}`]);
    expect(b.controlIds).toEqual([]);
  });
});

describe('the messages of a batch that is split', () => {
  test('F46 go on by the new config, each by itself, and make one answer; what is behind the batch stays there', async () => {
    const first = gate();
    await using a = await startFaultyNode(answers.after(first));
    await using b = await startFaultyNode();
    const split = (config: Editable): void => void Object.assign(config.listeners.in ?? {}, SPLIT);
    await using gw = await startGateway(allTo('old', poolOf([a.url]), split));
    await using sender = await connectSender(gw.port());
    // More than are under way at the same time.
    const ids = Array.from({ length: 150 }, (_, i) => `P${i}`);
    await sender.sendTogether([file(...ids.map((id) => one(id))), small('BEHIND')]);
    await a.received(1);
    await until(() => pending(gw) >= 2);
    await reload(gw, allTo('new', poolOf([b.url]), split));
    await sender.send(small('LATE'));
    await reload(gw, allTo('newer', poolOf([b.url]), split));
    first.open();
    const [answer, ...rest] = await sender.nextAcks(3, PATIENCE_MS);
    expect(saidIn(answer as Buffer)).toEqual(ids.map((id) => `AA ${id}`));
    expect(rest.map(said)).toEqual(['AA BEHIND', 'AA LATE']);
    expect([a.controlIds, b.controlIds]).toEqual([['P0'], [...ids.slice(1), 'BEHIND', 'LATE']]);
    await expectNothingHeld(gw);
  });
});
