// `defaults`: what entries have of them, what stays away from which, and what is wrong with one.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { folderOf, outcome, TLS_FILES } from './config-folder.ts';

const PARTS = [
  'listeners:',
  '  l: { bind: ":1", limits: { maxPending: 5 } }',
  '  w: { bind: ":2", protocol: http }',
  '  t: { bind: ":3", protocol: tcp }',
  'pools:',
  '  p: { nodes: { a: { url: "mllp://h:1" }, s: { url: "mllps://h:2", weight: 9 } } }',
  '  w: { nodes: { a: { url: "http://h:1" } } }',
  '  t: { nodes: { a: { url: "tcp://h:1" } } }',
  'routes:',
  '  - { when: { listener: l }, to: p }',
  '  - { when: { listener: w }, to: w }',
  '  - { when: { listener: t }, to: t }',
  '',
].join('\n');

const FOLDER = folderOf(TLS_FILES);
const loaded = (defaults: string, parts = PARTS) =>
  parseConfig(`${parts}defaults: ${defaults}`, { file: `${FOLDER}/gateway.yaml`, env: { N: '7' } }).config;
const problems = (defaults: string, parts = PARTS) => outcome(`${parts}defaults: ${defaults}`, FOLDER);

describe('a default', () => {
  test('is what an entry has that does not say otherwise; maps are put together', () => {
    const { listeners, pools } = loaded(
      '{ listeners: { limits: { maxPending: 7, maxConnections: 70 } }, pools: { queue: { max: 3 } }, nodes: { weight: "${N}" } }',
    );
    expect(listeners.map(({ limits }) => [limits.maxPending, limits.maxConnections])).toEqual([
      [5, 70],
      [100, 70],
      [100, 70],
    ]);
    expect(pools.map(({ queue }) => queue.max)).toEqual([3, 3, 3]);
    expect(pools[0]?.nodes.map(({ weight }) => weight)).toEqual([7, 9]);
  });

  test('stays away from a protocol that does not know it', () => {
    const all = `{ listeners: { http: { realm: r }, framing: { missingCr: accept }, limits: { maxJunk: 2KiB } },
      pools: { contentType: text/plain, proxyProtocol: v2, timeouts: { ack: 9s }, connections: { settle: 5ms } } }`;
    expect(problems(all)).toEqual({ errors: [], warnings: [] });
    const { listeners, pools } = loaded(all);
    expect(listeners.map(({ http, framing }) => [http.realm, framing.missingCr])).toEqual([
      ['hl7-gateway', 'accept'],
      ['r', 'refuse'],
      ['hl7-gateway', 'refuse'],
    ]);
    expect(pools.map((one) => [one.contentType, one.proxyProtocol, one.timeouts.ackMs])).toEqual([
      ['x-application/hl7-v2+er7', 'v2', 9000],
      ['text/plain', 'v2', 9000],
      ['x-application/hl7-v2+er7', 'v2', 30_000],
    ]);
  });

  test('of tls is for nodes whose URL says so, of a check for its own type', () => {
    const given =
      '{ nodes: { tls: { ca: certs/mirth-ca.crt.pem }, healthUrl: "https://h:8443" }, pools: { health: { type: mirth, user: u, password: w, interval: 9s } } }';
    expect(problems(given)).toEqual({ errors: [], warnings: [] });
    const { pools } = loaded(given, PARTS.replace('  t: { nodes', '  t: { health: { type: tcp }, nodes'));
    expect(pools[0]?.nodes.map(({ tls }) => tls !== undefined)).toEqual([false, true]);
    expect(pools.map(({ health }) => [health.check.type, health.intervalMs])).toEqual([
      ['mirth', 9000],
      ['mirth', 9000],
      ['tcp', 9000],
    ]);
  });

  test('of a protocol is that of the listeners', () => {
    const parts = PARTS.replace(', protocol: http', '').replace(
      '  l: { bind: ":1"',
      '  l: { bind: ":1", protocol: mllp',
    );
    const { listeners } = loaded('{ listeners: { protocol: http, http: { realm: r } } }', parts);
    expect(listeners.map(({ protocol, http }) => [protocol, http.realm])).toEqual([
      ['mllp', 'hl7-gateway'],
      ['http', 'r'],
      ['tcp', 'hl7-gateway'],
    ]);
  });

  test('is taken out by a key without a value, and replaced as a whole where it is no map', () => {
    const tls = 'tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem, minVersion: TLSv1.3 }';
    const parts = PARTS.replace('protocol: http', 'protocol: http, tls: , limits: ')
      .replace('":3"', '":3", tls: { minVersion: TLSv1.2 }')
      .replace('maxPending: 5', 'maxConnections: ');
    const { listeners } = loaded(`{ listeners: { ${tls}, limits: { maxConnections: 70 } } }`, parts);
    expect(listeners.map((one) => [one.tls?.minVersion, one.limits.maxConnections])).toEqual([
      ['TLSv1.3', 1000],
      [undefined, 1000],
      ['TLSv1.2', 70],
    ]);
    const by = PARTS.replace('  p: { nodes', '  p: { persistence: { by: [MSH-4] }, nodes').replace(
      '  w: { nodes',
      '  w: { persistence: , nodes',
    );
    const { pools } = loaded(
      '{ pools: { persistence: { by: [MSH-3, MSH-6], mode: table } } }',
      by.replace('  t: { nodes', '  t: { persistence: , nodes'),
    );
    expect(pools.map(({ persistence }) => [persistence?.by.length, persistence?.mode])).toEqual([
      [1, 'table'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  test('counts as given where other keys need it', () => {
    const text = '{ pools: { persistence: { by: MSH-3 }, balance: hash } }';
    const noTcp = PARTS.replace('  t: { nodes', '  t: { persistence: { by: source }, nodes');
    expect(problems(text, noTcp).errors).toEqual([]);
    expect(loaded(text, noTcp).pools.map(({ balance }) => balance)).toEqual(['hash', 'hash', 'hash']);
  });

  test('is there for a node that is added at run time, as the text has it', () => {
    const { pools } = loaded(
      '{ nodes: { weight: 4 } }',
      PARTS.replace('{ a: { url: "http://h:1" } }', '{ a: { url: "http://h:1" }, b: { url: "http://h:2" } }'),
    );
    expect(pools[1]?.nodes.map(({ weight }) => weight)).toEqual([4, 4]);
  });
});

describe('what is wrong with a default', () => {
  test.each([
    ['{ listener: {} }', '13:13: defaults.listener: unknown key; did you mean "listeners"?'],
    ['5', '13:11: defaults: must be a map'],
    ['{ pools: 5 }', '13:20: defaults.pools: must be a map'],
    ['{ pools: { wieght: 1 } }', '13:22: defaults.pools.wieght: unknown key'],
    ['{ nodes: { wieght: 1 } }', '13:22: defaults.nodes.wieght: unknown key; did you mean "weight"?'],
    [
      '{ nodes: { weight: 12x } }',
      '13:30: defaults.nodes.weight: must be an integer from 0 to 256, not "12x"',
    ],
    [
      '{ listeners: { bind: ":9" } }',
      '13:26: defaults.listeners.bind: cannot be a default: each entry has its own',
    ],
    ['{ pools: { nodes: {} } }', '13:22: defaults.pools.nodes: cannot be a default: each entry has its own'],
    [
      '{ nodes: { url: "mllp://h:1" } }',
      '13:22: defaults.nodes.url: cannot be a default: each entry has its own',
    ],
    [
      '{ listeners: { limits: { maxFrame: 3 bananas } } }',
      '13:46: defaults.listeners.limits.maxFrame: must be a size such as 64KiB, 16MiB or 1GiB, from 1KiB to 1GiB, not "3 bananas"',
    ],
    [
      '{ listeners: { http: { realm: "" } } }',
      '13:41: defaults.listeners.http.realm: must be one line of 1 to 200 characters, not ""',
    ],
    [
      '{ listeners: { tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem, cretificate: x } } }',
      '13:82: defaults.listeners.tls.cretificate: unknown key',
    ],
    [
      '{ pools: { health: { tls: { pni: x } } } }',
      '13:39: defaults.pools.health.tls.pni: unknown key; did you mean "pin"?',
    ],
    [
      '{ nodes: { tls: { ca: missing.pem } } }',
      '13:33: pools.p.nodes.s.tls.ca: the file "missing.pem" does not exist (relative paths start at the config file\'s folder)',
    ],
  ])('%s is said once', (text, error) => {
    const { errors } = problems(text);
    expect(errors[0]).toBe(`gateway.yaml:${error}`);
    expect(errors.filter((line) => line.includes(':13:')).length).toBe(1);
  });

  test('is said with the first entry in which it does not fit the rest', () => {
    expect(problems('{ pools: { balance: hash } }').errors).toEqual([
      'gateway.yaml:13:31: pools.p.balance: hash needs persistence.by, which says what the sticky key is',
    ]);
  });

  test('the same key in the entry itself stays an error', () => {
    const parts = PARTS.replace('":1"', '":1", http: { realm: r }');
    expect(problems('{ listeners: { http: { realm: q } } }', parts).errors[0]).toContain(
      'listeners.l.http.realm: is for protocol http only',
    );
    expect(problems('{}', PARTS.replace('":1"', '":1", tls: ')).errors).toEqual([
      'gateway.yaml:2:20: listeners.l.tls: has no value',
    ]);
  });
});
