// What an operator changes of nodes (admin API) and a reload of the file: kept, also where both come together, and only for as
// long as the file names what it was about.
import { describe, expect, test } from 'vitest';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { createLog } from '../../src/observe/log/log.ts';
import { said } from '../helpers/expect-relay.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { allTo, poolOf, reload } from './room.ts';

const BY = '10.0.0.9';

const SPARE = { protocol: 'mllp', bind: '127.0.0.1:0' };

const config = (nodes: readonly FaultyNode[], listeners: Record<string, unknown> = {}): string =>
  allTo('pool', poolOf(nodes.map(({ url }) => url)), (one) => Object.assign(one.listeners, listeners));

function controlOf({ gateway }: TestGateway, text: string): GatewayControl {
  const log = createLog({ level: 'silent', format: 'json' });
  return new GatewayControl(() => gateway, text, log);
}

const nodesOf = ({ gateway }: TestGateway): unknown[] =>
  (gateway.pools.runtimes.get('pool')?.nodes ?? []).map(({ name, weight, adminState }) => [
    name,
    weight,
    adminState,
  ]);

/** Goes far enough for the new config to be prepared, not far enough for its listeners to listen. */
async function prepared(reloading: Promise<unknown>): Promise<void> {
  let over = false;
  void reloading.then(() => {
    over = true;
  });
  for (let i = 0; i < 5; i++) await Promise.resolve();
  expect(over).toBe(false);
}

describe('while a reload is under way', () => {
  test('a weight, a drain, a node that is added and one that is removed are kept', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using c = await startFaultyNode();
    await using gw = await startGateway(config([a, b]));
    const control = controlOf(gw, config([a, b]));
    const reloading = reload(gw, config([a, b], { spare: SPARE }));
    await prepared(reloading);
    control.setWeight('pool', 'a', 7, BY);
    control.drain('pool', 'a', BY);
    control.addNode('pool', 'c', { url: c.url }, BY);
    control.removeNode('pool', 'b', BY);
    expect(await reloading).toEqual(['listeners.spare: new']);
    expect(nodesOf(gw)).toEqual([
      ['a', 7, 'draining'],
      ['c', 1, 'ready'],
    ]);
    control.ready('pool', 'a', BY);
    await using sender = await connectSender(gw.port());
    for (let i = 0; i < 8; i++) expect(said(await sender.exchange(message()))).toMatch(/^AA/);
    expect([a.messages.length > 0, b.messages.length, c.messages.length > 0]).toEqual([true, 0, true]);
    await b.openConnections(0);
  });

  test('and so are they where the reload fails in the end', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway(config([a, b]));
    const control = controlOf(gw, config([a, b]));
    const taken = { protocol: 'mllp', bind: `127.0.0.1:${a.port}` };
    const reloading = reload(gw, config([a, b], { spare: SPARE, taken })).catch(({ code }) => code);
    await prepared(reloading);
    control.setWeight('pool', 'a', 7, BY);
    control.removeNode('pool', 'b', BY);
    expect(await reloading).toBe('GW_ERR_LISTEN');
    expect(nodesOf(gw)).toEqual([['a', 7, 'ready']]);
  });
});

describe('what the file does not name any more', () => {
  test('is nothing that an operator has removed or weighed, when it is named again', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway(config([a, b]));
    const control = controlOf(gw, config([a, b]));
    control.setWeight('pool', 'b', 7, BY);
    await reload(gw, config([a]));
    await reload(gw, config([a, b]));
    expect(nodesOf(gw)).toEqual([
      ['a', 1, 'ready'],
      ['b', 1, 'ready'],
    ]);
    control.removeNode('pool', 'b', BY);
    await reload(gw, config([a, b]));
    expect(nodesOf(gw)).toEqual([['a', 1, 'ready']]);
    await reload(gw, config([a]));
    await reload(gw, config([a, b]));
    expect(nodesOf(gw)).toEqual([
      ['a', 1, 'ready'],
      ['b', 1, 'ready'],
    ]);
  });

  test('may be all that an operator has left: then what was removed is there again', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gw = await startGateway(config([a, b]));
    const control = controlOf(gw, config([a, b]));
    control.removeNode('pool', 'a', BY);
    await reload(gw, config([a]));
    expect(nodesOf(gw)).toEqual([['a', 1, 'ready']]);
    expect(gw.log.some(({ pool, level }) => pool === 'pool' && level === 'warn')).toBe(true);
    await reload(gw, config([a, b]));
    expect(nodesOf(gw).length).toBe(2);
  });
});
