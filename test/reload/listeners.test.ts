// Listeners over a reload (F74): what is the same keeps its port and connections, what has changed changes at a message
// boundary, also for connections that are open, and what could not be opened leaves everything as it was.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MllpListener } from '../../listeners/mllp/mllp-listener.ts';
import { GatewayError } from '../../src/errors.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { gate, until } from '../helpers/until.ts';
import { configOf, reload } from './room.ts';

afterEach(() => void vi.restoreAllMocks());

describe('listeners', () => {
  test('one that is the same keeps its port and its connections, also where it judges otherwise', async () => {
    await using a = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    const port = gateway.port();
    await using sender = await connectSender(port);
    await sender.exchange(message());
    await reload(
      gateway,
      configOf([a.url], (config) => {
        config.routes = [{ name: 'all', when: { 'MSH-9.1': 'NONE' }, to: 'pool' }];
        Object.assign(config.listeners.in ?? {}, { onRejected: 'CE' });
      }),
    );
    expect(gateway.port()).toBe(port);
    expect(said(await sender.exchange(message({ controlId: 'NO' })))).toBe('AE NO');
    expect(sender.ended).toBe(false);
  });

  test('one that is new listens, one that is gone ends its connections at a message boundary', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using gateway = await startGateway(configOf([a.url]));
    await using sender = await connectSender(gateway.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    const old = gateway.port();
    const text = configOf([a.url], (config) => {
      config.listeners = { other: { protocol: 'mllp', bind: '127.0.0.1:0' } };
    });
    expect(await reload(gateway, text)).toEqual(['listeners.other: new', 'listeners.in: gone']);
    await expect(connectSender(old)).rejects.toThrow(/ECONNREFUSED/);
    expect(sender.ended).toBe(false);
    held.open();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    expect(await sender.closed).toMatchObject({ code: undefined });
    await using next = await connectSender(gateway.port('other'));
    expect(said(await next.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
  });

  test('one whose door changes is opened anew on its port', async () => {
    await using a = await startFaultyNode();
    await using gateway = await startGateway(configOf([a.url]));
    const port = gateway.port();
    const fixed = (more: object) =>
      configOf([a.url], (config) =>
        Object.assign(config.listeners.in ?? {}, { bind: `127.0.0.1:${port}`, ...more }),
      );
    // Port 0 and that port are two doors; from here on it is one.
    await reload(
      gateway,
      configOf([a.url], (config) => {
        config.listeners = { spare: { bind: '127.0.0.1:0' } };
      }),
    );
    await reload(gateway, fixed({}));
    await using sender = await connectSender(port);
    await sender.exchange(message());
    await reload(gateway, fixed({ limits: { maxConnections: 5 } }));
    expect(gateway.port()).toBe(port);
    expect(await sender.closed).toMatchObject({ code: undefined });
    await using next = await connectSender(port);
    expect(said(await next.exchange(message({ controlId: 'TWO' })))).toBe('AA TWO');
  });
});

describe('a connection that is open', () => {
  const limited = (url: string, more: object): string =>
    configOf([url], (config) => Object.assign(config.listeners.in ?? {}, more));

  test('is cut into frames by the new limits from the next message on', async () => {
    await using a = await startFaultyNode();
    await using gateway = await startGateway(limited(a.url, {}));
    await using sender = await connectSender(gateway.port());
    const stray = (controlId: string): Buffer => message({ controlId, segments: ['NTE|1||a\x1cb'] });
    expect(said(await sender.exchange(stray('ONE')))).toBe('AA ONE');
    await reload(gateway, limited(a.url, { framing: { strayEndByte: 'refuse' } }));
    expect(said(await sender.exchange(stray('TWO')))).toBe('AR TWO');
    await reload(gateway, limited(a.url, {}));
    expect(said(await sender.exchange(stray('THREE')))).toBe('AA THREE');
    expect(sender.ended).toBe(false);
  });

  test('has the new time to be idle, counted again after each answer', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using gateway = await startGateway(limited(a.url, {}));
    await using sender = await connectSender(gateway.port());
    await sender.send(message({ controlId: 'ONE' }));
    await a.received(1);
    const idle = 100;
    await reload(gateway, limited(a.url, { limits: { idleTimeout: `${idle}ms` } }));
    // It passes while an answer is owed, and that is not the sender's doing.
    const since = performance.now();
    await until(() => performance.now() > since + 2 * idle);
    expect(sender.ended).toBe(false);
    held.open();
    expect(said(await sender.nextAck())).toBe('AA ONE');
    await sender.closed;
    expect(gateway.codes).toEqual(['GW_ERR_SENDER_IDLE']);
  });

  test('is read on where more of its messages may wait', async () => {
    const held = gate();
    await using a = await startFaultyNode(answers.after(held));
    await using gateway = await startGateway(limited(a.url, { limits: { maxPending: 1 } }));
    await using sender = await connectSender(gateway.port());
    await sender.sendTogether(['ONE', 'TWO'].map((controlId) => message({ controlId })));
    await a.received(1);
    const pending = (): number | undefined => gateway.gateway.listeners[0]?.senders()[0]?.pending;
    expect(pending()).toBe(1);
    await reload(gateway, limited(a.url, { limits: { maxPending: 2 } }));
    await until(() => pending() === 2);
    held.open();
    expect((await sender.nextAcks(2)).map(said)).toEqual(['AA ONE', 'AA TWO']);
  });
});

describe('ports that are opened anew', () => {
  const fixed = (url: string, ports: Record<string, number>, more: object): string =>
    configOf([url], (config) => {
      const entries = Object.entries(ports);
      config.listeners = Object.fromEntries(
        entries.map(([name, port]) => [name, { bind: `127.0.0.1:${port}`, ...more }]),
      );
    });

  /** Two free ports, which the gateway has then. */
  async function twoPorts(url: string) {
    const gateway = await startGateway(
      configOf([url], (config) => {
        config.listeners = { one: { bind: '127.0.0.1:0' }, two: { bind: '127.0.0.1:0' } };
      }),
    );
    const ports = { one: gateway.port('one'), two: gateway.port('two') };
    // Port 0 and that port are two doors; from here on it is one.
    await reload(
      gateway,
      configOf([url], (config) => {
        config.listeners = { spare: { bind: '127.0.0.1:0' } };
      }),
    );
    await reload(gateway, fixed(url, ports, {}));
    return { gateway, ports };
  }

  test('F74 F78 are as they were where one of them cannot be', async () => {
    await using a = await startFaultyNode();
    const { gateway, ports } = await twoPorts(a.url);
    await using _ = gateway;
    await using before = await connectSender(ports.one);
    const start = MllpListener.prototype.start;
    let starts = 0;
    vi.spyOn(MllpListener.prototype, 'start').mockImplementation(function (this: MllpListener) {
      return ++starts === 2 ? Promise.reject(new GatewayError('GW_ERR_LISTEN')) : start.call(this);
    });
    const stricter = fixed(a.url, ports, { limits: { maxConnections: 5 } });
    await expect(reload(gateway, stricter)).rejects.toMatchObject({ code: 'GW_ERR_LISTEN' });
    for (const port of [ports.one, ports.two]) {
      await using sender = await connectSender(port);
      expect(said(await sender.exchange(message({ controlId: 'NEW' })))).toBe('AA NEW');
    }
    expect(said(await before.exchange(message({ controlId: 'OLD' })))).toBe('AA OLD');
    expect(gateway.gateway.config.listeners.map(({ limits }) => limits.maxConnections)).toEqual([1000, 1000]);
    await reload(gateway, stricter);
    expect(await before.closed).toMatchObject({ code: undefined });
  });

  test('may be exchanged', async () => {
    await using a = await startFaultyNode();
    const { gateway, ports } = await twoPorts(a.url);
    await using _ = gateway;
    await reload(gateway, fixed(a.url, { one: ports.two, two: ports.one }, {}));
    expect([gateway.port('one'), gateway.port('two')]).toEqual([ports.two, ports.one]);
    await using sender = await connectSender(ports.one);
    await sender.exchange(message());
    expect(gateway.messages.at(-1)?.origin.listener).toBe('two');
  });
});
