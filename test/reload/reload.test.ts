// A config that is taken up while the gateway runs (F74): what is the same is not touched, what has changed changes at a
// message boundary, and what is wrong changes nothing.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { configOf, type Editable, reload } from './room.ts';

describe('routes', () => {
  test('the next message of an open connection goes by the new ones', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const text = configOf([a.url], (config) => {
      config.pools.other = { nodes: { b: { url: b.url } } };
      config.routes = [
        { name: 'labs', when: { 'MSH-9.1': 'ORU' }, to: 'other' },
        { name: 'all', to: 'pool' },
      ];
    });
    await using gateway = await startGateway(text);
    await using sender = await connectSender(gateway.port());
    expect(said(await sender.exchange(message({ controlId: 'ONE' })))).toBe('AA ONE');
    const changes = await reload(
      gateway,
      configOf([a.url], (config) => {
        config.pools.other = { nodes: { b: { url: b.url } } };
        config.routes = [{ name: 'all', to: 'other' }];
      }),
    );
    expect(changes).toEqual(['routes.all: changed', 'routes.labs: gone']);
    expect(said(await sender.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
    expect(a.controlIds).toEqual(['ONE']);
    expect(b.controlIds).toEqual(['TWO']);
  });
});

describe('nodes', () => {
  test('one that stays keeps its connection; one that is new takes its share', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    await using sender = await connectSender(gateway.port());
    await sender.exchange(message());
    expect(await reload(gateway, configOf([a.url, b.url]))).toEqual(['pools.pool: changed']);
    await using other = await connectSender(gateway.port());
    for (let i = 0; i < 4; i++) await Promise.all([sender.exchange(message()), other.exchange(message())]);
    expect(a.accepted).toBe(1);
    expect(b.messages.length).toBeGreaterThan(0);
  });

  test('one that is gone answers what it has, and gets nothing more', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using b = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    await using sender = await connectSender(gateway.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    const second = configOf([a.url], (config) => {
      config.pools.pool = { ...config.pools.pool, nodes: { b: { url: b.url } } };
    });
    await reload(gateway, second);
    await sender.send(message({ controlId: 'TWO' }));
    held.open();
    const acks = await sender.nextAcks(2);
    expect(acks.map(said)).toEqual(['AA ONE', 'AA TWO']);
    expect(a.controlIds).toEqual(['ONE']);
    expect(b.controlIds).toEqual(['TWO']);
    await a.openConnections(0);
    expect(gateway.held).toEqual({ queued: 0, inFlight: 0, bytes: 0 });
  });

  test('what waits for a node that is gone goes to one that is there', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using b = await startFaultyNode();
    const one = (config: Editable): void => {
      Object.assign(config.pools.pool ?? {}, { connections: { max: 1 }, queue: { timeout: '30s' } });
    };
    await using gateway = await startGateway(configOf([a.url], one));
    await using first = await connectSender(gateway.port());
    await using waits = await connectSender(gateway.port());
    await first.send(message({ controlId: 'ONE' }));
    await a.received(1);
    await waits.send(message({ controlId: 'WAITS' }));
    await until(() => gateway.held.queued === 1);
    const text = configOf([a.url], (config) => {
      one(config);
      config.pools.pool = { ...config.pools.pool, nodes: { b: { url: b.url } } };
    });
    await reload(gateway, text);
    expect(said(await waits.nextAck())).toBe('AA WAITS');
    expect(b.controlIds).toEqual(['WAITS']);
    held.open();
    expect(said(await first.nextAck())).toBe('AA ONE');
  });

  test('what an operator wants of a node outlives its connections', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url, b.url]));
    const state = (): string | undefined =>
      gateway.gateway.pools.runtimes.get('pool')?.nodes.find(({ name }) => name === 'a')?.state;
    gateway.gateway.pools.runtimes.get('pool')?.nodes[0]?.maintenance();
    await reload(
      gateway,
      configOf([a.url, b.url], (config) =>
        Object.assign(config.pools.pool ?? {}, { timeouts: { ack: '9s' } }),
      ),
    );
    expect(state()).toBe('maintenance');
  });

  test('a node that is up stays so with other settings, though new ones have to show themselves first', async () => {
    await using a = await startFaultyNode();
    const checked = (more: object): string =>
      configOf([a.url], (config) =>
        Object.assign(config.pools.pool ?? {}, { queue: { timeout: '1h' }, ...more }),
      );
    const first = { health: { interval: '1h', fastInterval: '20ms', initial: 'down' } };
    await using gateway = await startGateway(checked(first));
    await using sender = await connectSender(gateway.port());
    expect(said(await sender.exchange(message({ controlId: 'ONE' })))).toBe('AA ONE');
    // The first check is far away.
    await reload(gateway, checked({ health: { interval: '1h', fastInterval: '1h', initial: 'down' } }));
    expect(said(await sender.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
  });

  test('senders keep the nodes that a table has for them, for longer or shorter from now on', async () => {
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const table = (persistence: object): string =>
      configOf([a.url, b.url], (config) => {
        const by = { by: ['MSH-3'], mode: 'table', ...persistence };
        Object.assign(config.pools.pool ?? {}, { balance: 'round-robin', persistence: by });
      });
    await using gateway = await startGateway(table({}));
    await using sender = await connectSender(gateway.port());
    const from = async (app: string): Promise<string> => {
      const { length } = a.messages;
      await sender.exchange(message({ app, facility: app }));
      return a.messages.length > length ? 'a' : 'b';
    };
    // The next turn is that of b.
    expect([await from('A'), await from('B'), await from('C')]).toEqual(['a', 'b', 'a']);
    await reload(gateway, table({ idle: '2h', maxSenders: 5 }));
    expect([await from('C'), await from('A')]).toEqual(['a', 'a']);
    // The one that was heard of last.
    await reload(gateway, table({ maxSenders: 1 }));
    expect([await from('A'), await from('C')]).toEqual(['a', 'b']);
    // The same value of something else is another sender.
    await reload(gateway, table({ by: ['MSH-4'] }));
    expect(await from('C')).toBe('a');
  });

  test('a pool that is gone ends when what it has is answered', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using b = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    await using sender = await connectSender(gateway.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    const text = configOf([b.url], (config) => {
      config.pools = { new: { nodes: { b: { url: b.url } } } };
      config.routes = [{ name: 'all', to: 'new' }];
    });
    expect(await reload(gateway, text)).toEqual([
      'pools.new: new',
      'pools.pool: gone',
      'routes.all: changed',
    ]);
    expect(a.connections.open).toBe(1);
    held.open();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    await a.openConnections(0);
    expect(said(await sender.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
    expect(b.controlIds).toEqual(['TWO']);
  });
});

describe('what is wrong changes nothing', () => {
  test('F78 a port in use', async () => {
    await using a = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    await using sender = await connectSender(gateway.port());
    const text = configOf([a.url], (config) => {
      config.listeners.taken = { protocol: 'mllp', bind: `127.0.0.1:${a.port}` };
      config.routes = [{ name: 'all', when: { 'MSH-9.1': 'NONE' }, to: 'pool' }];
    });
    await expect(reload(gateway, text)).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
    expect(gateway.gateway.listeners.map(({ name }) => name)).toEqual(['in']);
    expect(said(await sender.exchange(message({ controlId: 'ONE' })))).toBe('AA ONE');
  });

  test('a certificate that is none', async () => {
    await using a = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    const { config } = parseConfig(configOf([a.url]), { env: {} });
    const [pool] = config.pools;
    const [node] = pool?.nodes ?? [];
    if (pool === undefined || node === undefined) throw new Error('no pool');
    const tls = {
      caFiles: ['/dev/null'],
      keyPair: undefined,
      servername: undefined,
      minVersion: 'TLSv1.2',
      crlFiles: [],
      pins: [],
      insecure: false,
    } as const;
    const bad = { ...config, pools: [{ ...pool, nodes: [{ ...node, tls }] }] };
    await expect(gateway.gateway.reload(bad)).rejects.toMatchObject({ code: 'GW_ERR_TLS_FILE' });
    await using sender = await connectSender(gateway.port());
    expect(said(await sender.exchange(message({ controlId: 'ONE' })))).toBe('AA ONE');
  });
});

test('two reloads at once are taken one after the other', async () => {
  await using a = await startFaultyNode();
  await using b = await startFaultyNode();
  await using gateway = await startGateway(configOf([a.url]));
  const both = await Promise.all([
    reload(gateway, configOf([a.url, b.url])),
    reload(gateway, configOf([b.url])),
    reload(gateway, configOf([b.url])),
  ]);
  expect(both).toEqual([['pools.pool: changed'], ['pools.pool: changed'], []]);
  await using sender = await connectSender(gateway.port());
  expect(said(await sender.exchange(message({ controlId: 'ONE' })))).toBe('AA ONE');
  expect(b.controlIds).toEqual(['ONE']);
});
