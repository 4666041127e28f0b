// `bind` of several ports or of an interface, and nodes that go by the port: what the config that runs has, and what is refused.
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { bindsOf } from '../../src/config/build/binds.ts';
import { poolAtListener } from '../../src/config/config.ts';
import { parseListenerBind, parsePoolNodeUrl } from '../../src/config/formats.ts';
import { parseConfig } from '../../src/config/load.ts';
import { outcome } from './config-folder.ts';

const problemsOf = (text: string): readonly string[] =>
  outcome(text, '/nowhere').errors.map((line) => line.replace(/^\S+ /, ''));

const config = (bind: string, url: string, more = '', routes = '[{ to: p }]'): string => `
listeners: { in: { bind: "${bind}" }${more} }
pools: { p: { nodes: { a: { url: "${url}" } } } }
routes: ${routes}`;

const loaded = (...args: Parameters<typeof config>) => parseConfig(config(...args), { env: {} }).config;

describe('bind as it is written', () => {
  test.each([
    [':6661-6690', { host: '0.0.0.0', port: 6661, lastPort: 6690 }],
    ['127.0.0.1:7-7', { host: '127.0.0.1', port: 7, lastPort: 7 }],
    ['[::1]:1-65535', { host: '::1', port: 1, lastPort: 65535 }],
    ['%eth1:6661', { host: '', port: 6661, device: 'eth1' }],
    ['%eth1.20:6661-6662', { host: '', port: 6661, lastPort: 6662, device: 'eth1.20' }],
    ['10.0.0.5%eth1:0', { host: '10.0.0.5', port: 0, device: 'eth1' }],
    ['[fe80::1%eth1]:6661', { host: 'fe80::1', port: 6661, device: 'eth1' }],
    ['host:6661', { host: 'host', port: 6661 }],
  ])('%s', (text, bind) => expect(parseListenerBind(text)).toEqual(bind));

  test.each([
    ':0-5',
    ':9-8',
    ':1-65536',
    ':-5',
    ':5-',
    'host%eth1:5',
    '%:5',
    '%a/b:5',
    'fe80::1%eth1:5',
    '[%eth1]:5',
    ':1-2-3',
  ])('%s is none', (text) => expect(parseListenerBind(text)).toBeUndefined());
});

describe('a node URL that goes by the port', () => {
  test.each([
    ['mllp://mirth', 'mirth', 0, '/'],
    ['mllps://mirth/', 'mirth', 0, '/'],
    ['tcp://[::1]', '::1', 0, '/'],
    ['tls://h:+0', 'h', 0, '/'],
    ['mllp://10.0.0.1:+1000', '10.0.0.1', 1000, '/'],
    ['mllp://10.0.0.1:-1000', '10.0.0.1', -1000, '/'],
    ['http://h:+0/a', 'h', 0, '/a'],
  ])('%s', (text, host, portOffset, path) =>
    expect(parsePoolNodeUrl(text)).toMatchObject({ host, port: 0, portOffset, path }),
  );

  test('over HTTP one without a port has its usual one', () => {
    expect(parsePoolNodeUrl('http://h')).toEqual({ protocol: 'http', host: 'h', port: 80, path: '/' });
  });

  test.each([
    'mllp://',
    'mllp://:+0',
    'mllp://h:+',
    'mllp://h:+100000',
    'mllp://h:+0/x',
    'mllp://u@h',
    'http://h:+0?q',
  ])('%s is none', (text) => expect(parsePoolNodeUrl(text)).toBeUndefined());
});

describe('the config that runs', () => {
  test('a listener and a pool for each port', () => {
    const { listeners, pools, routes } = loaded('127.0.0.1:7001-7003', 'mllp://10.0.0.1:+1000');
    expect(listeners.map(({ name, bind }) => [name, bind])).toEqual([
      ['in-7001', { host: '127.0.0.1', port: 7001 }],
      ['in-7002', { host: '127.0.0.1', port: 7002 }],
      ['in-7003', { host: '127.0.0.1', port: 7003 }],
    ]);
    expect(pools.map(({ name, nodes }) => [name, nodes[0]?.port, nodes[0]?.url])).toEqual([
      ['p-7001', 8001, 'mllp://10.0.0.1:8001'],
      ['p-7002', 8002, 'mllp://10.0.0.1:8002'],
      ['p-7003', 8003, 'mllp://10.0.0.1:8003'],
    ]);
    expect(routes[0]?.action).toMatchObject({ pool: 'p', poolOf: { 'in-7002': 'p-7002' } });
  });

  test('pools only for the ports from which a route leads there', () => {
    const { pools } = loaded(
      '127.0.0.1:7001-7003',
      'mllp://10.0.0.1',
      ', other: { bind: "127.0.0.1:7009" }',
      '[{ when: { listener: in-7002 }, to: p }, { when: { listener: other }, to: p }, { reject: { code: AR } }]',
    );
    expect(pools.map(({ name }) => name)).toEqual(['p-7002', 'p-7009']);
  });

  test('a condition on the entry holds for each of its ports', () => {
    const [route, not] = loaded(
      '127.0.0.1:7001-7002',
      'mllp://10.0.0.1:1',
      ', other: { bind: "127.0.0.1:7009" }',
      '[{ when: { listener: in }, to: p }, { when: { listener: { not: in } }, to: p }]',
    ).routes;
    expect(route?.when[0]?.test).toEqual({
      kind: 'any',
      tests: [
        { kind: 'equals', value: 'in-7001' },
        { kind: 'equals', value: 'in-7002' },
      ],
    });
    expect(not?.when[0]?.test).toMatchObject({ kind: 'not', test: { kind: 'any' } });
  });

  test('a check over HTTP asks each port', () => {
    const { pools } = parseConfig(
      `
listeners: { web: { protocol: http, bind: "127.0.0.1:7001-7002" } }
pools: { p: { nodes: { a: { url: "http://10.0.0.1:+10/app" } }, health: { type: http, path: /ready } } }
routes: [{ to: p }]`,
      { env: {} },
    ).config;
    expect(pools.map(({ nodes }) => [nodes[0]?.url, nodes[0]?.checkUrl])).toEqual([
      ['http://10.0.0.1:7011/app', 'http://10.0.0.1:7011/ready'],
      ['http://10.0.0.1:7012/app', 'http://10.0.0.1:7012/ready'],
    ]);
  });
});

describe('what cannot be', () => {
  test.each([
    [
      config('127.0.0.1:0', 'mllp://10.0.0.1'),
      'the port is that of the listener, and listener in has none before it runs',
    ],
    [config('127.0.0.1:7001-7002', 'mllp://10.0.0.1:-7001'), 'senders come to port 7001, and 0 is no port'],
    [config('127.0.0.1:7001', 'mllp://10.0.0.1:+60000'), 'senders come to port 7001, and 67001 is no port'],
    [
      config('127.0.0.1:7001-7002', 'mllp://h:1', ', b: { bind: "127.0.0.1:7002" }'),
      'listeners.b.bind: listener in listens on this address already',
    ],
    [
      config('127.0.0.1:7001-7002', 'mllp://h:1', ', in-7002: { bind: "127.0.0.1:8002" }'),
      'makes listener in-7002, a name that listener in-7002 has already',
    ],
    [config('127.0.0.1:7001-7999', 'mllp://h:1'), 'is 999 ports, and 256 are the most'],
    [config('%none9:7001', 'mllp://h:1'), 'listeners.in.bind: this machine has no interface none9'],
    [
      config('127.0.0.1:7001', 'mllp://10.0.0.1', '', '[{ reject: { code: AR } }]'),
      'no listener leads here, so no port is known',
    ],
  ])('%s', (text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('F114: a node that is one of the ports', () => {
    const { warnings } = outcome(config('127.0.0.1:7001-7002', 'mllp://127.0.0.1'), '/nowhere');
    expect(warnings.join()).toContain(
      'is listener in-7001 of this gateway: it would send its messages to itself',
    );
  });
});

describe('interfaces', () => {
  const devices = (): ReadonlyMap<string, readonly string[]> =>
    new Map([['eth1', ['10.0.0.5', 'fd00::5', 'fe80::5']]]);
  const of = (text: string) => bindsOf('in', parseListenerBind(text) as never, devices);

  test('each address is a listener, a link-local one with its scope', () => {
    expect(of('%eth1:6661')).toEqual([
      { name: 'in-10.0.0.5', host: '10.0.0.5', port: 6661 },
      { name: 'in-fd00__5', host: 'fd00::5', port: 6661 },
      { name: 'in-fe80__5', host: 'fe80::5%eth1', port: 6661 },
    ]);
    expect(of('%eth1:6661-6662')).toHaveLength(6);
  });

  test('one address of it', () => {
    expect(of('10.0.0.5%eth1:1')).toEqual([{ name: 'in', host: '10.0.0.5', port: 1 }]);
    expect(of('[fe80::5%eth1]:1')).toEqual([{ name: 'in', host: 'fe80::5%eth1', port: 1 }]);
    expect(of('10.0.0.6%eth1:1')).toBe(
      'interface eth1 has no address 10.0.0.6: it has 10.0.0.5, fd00::5, fe80::5',
    );
  });

  test('one that is not there', () => {
    expect(of('%eth2:1')).toBe('this machine has no interface eth2; did you mean "eth1"?');
  });

  test('those of this machine', () => {
    const [name, infos] =
      Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.internal)) ?? [];
    expect(bindsOf('in', { host: '', port: 1, device: name ?? '' })).toHaveLength(infos?.length ?? -1);
  });
});

test('a listener may be called as something that every object has', () => {
  const { routes } = loaded(':6661-6662', 'mllp://127.0.0.1', ', constructor: { bind: ":7000" }');
  const [action] = routes.map((route) => route.action);
  if (action?.kind !== 'pool') throw new Error('no pool');
  expect(poolAtListener(action, 'in-6661')).toBe('p-6661');
  // It is a port of its own.
  expect(poolAtListener(action, 'constructor')).toBe('p-7000');
  expect(poolAtListener(action, 'toString')).toBe('p');
});
