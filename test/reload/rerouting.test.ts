// Messages that a reload meets on their way (F46): what has touched no node goes by the new config, in its order.
import { describe, expect, test } from 'vitest';
import { expectNothingHeld, said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { large, small } from '../helpers/parsing-line.ts';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';
import { configOf, type Editable, poolOf, reload } from './room.ts';

/** Large messages are read in the parse pool, for a route that asks for OBX-5. */
function parsing(config: Editable): void {
  config.parsing = { inlineLimit: '2KiB', workers: 1 };
}

describe('a message that waits behind one that is being read', () => {
  test('F46 goes by the new config where its pool is gone meanwhile', async () => {
    using hold = new Hold();
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const before = configOf([a.url], (config) => {
      parsing(config);
      Object.assign(config.pools.pool ?? {}, { queue: { timeout: '3s' } });
      config.routes = [
        { name: 'urgent', when: { 'OBX-5': '/URGENT/', 'MSH-9.1': 'ORU', 'MSH-10': 'HELD' }, to: 'pool' },
        { name: 'all', to: 'pool' },
      ];
    });
    await using gw = await startGateway(before, { parseWorker: FAULTY_WORKER });
    await using sender = await connectSender(gw.port());
    await sender.sendTogether([large('HELD', 'FAULT-HOLD'), small('BEHIND')]);
    await hold.held(1);
    await until(() => gw.gateway.listeners[0]?.senders()[0]?.pending === 2);
    const after = configOf([], (config) => {
      parsing(config);
      config.pools = { other: poolOf([b.url]) };
      config.routes = [
        { name: 'urgent', when: { 'OBX-5': '/URGENT/', 'MSH-9.1': 'ORU', 'MSH-10': 'HELD' }, to: 'other' },
        { name: 'all', to: 'other' },
      ];
    });
    await reload(gw, after);
    await until(() => gw.log.some(({ msg }) => msg === 'pool closed'));
    hold.letGo();
    expect((await sender.nextAcks(2, 15_000)).map(said)).toEqual(['AA HELD', 'AA BEHIND']);
    expect([a.controlIds, b.controlIds]).toEqual([[], ['HELD', 'BEHIND']]);
    await expectNothingHeld(gw);
  });
});
