// Loading a whole config: the defaults, JSON, and files that cannot be read.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { GatewayConfig } from '../../src/config/config.ts';
import { ConfigError, loadConfig, parseConfig } from '../../src/config/load.ts';
import { folderWith } from './config-folder.ts';

const SMALL = {
  listeners: { l: { bind: ':2575' } },
  pools: { p: { nodes: { a: { url: 'mllps://mirth:6661' } }, persistence: { by: 'MSH-3' } } },
  routes: [{ to: 'p' }],
};

test('every default is filled in', () => {
  const { config, warnings } = parseConfig(stringify(SMALL), { env: {} });
  expect(warnings).toEqual([]);
  expect(config).toEqual({
    file: undefined,
    listeners: [
      {
        name: 'l',
        protocol: 'mllp',
        bind: { host: '0.0.0.0', port: 2575 },
        tls: undefined,
        limits: {
          maxConnections: 1000,
          maxConnectionsPerSource: undefined,
          maxFrameBytes: 16_777_216,
          frameTimeoutMs: 30_000,
          idleTimeoutMs: 0,
          writeTimeoutMs: 30_000,
          maxPending: 100,
          maxJunkBytes: 1024,
          maxBatch: 1000,
        },
        framing: { strayEndByte: 'content', missingCr: 'refuse' },
        batch: 'whole',
        utf16: 'forward',
        missingControlId: 'refuse',
        onUnavailable: 'close',
        onRejected: 'AR',
        allow: undefined,
        trustedProxies: [],
        proxyProtocol: false,
        reusePort: false,
        http: {
          headersTimeoutMs: 10_000,
          bodyTimeoutMs: 30_000,
          keepAliveMs: 75_000,
          maxHeaderBytes: 16_384,
          maxHeaders: 100,
          path: { encodedSlash: 'refuse', parameters: 'refuse', blanks: 'refuse', trailingDots: 'refuse' },
          http2: true,
          users: new Map(),
          realm: 'hl7-gateway',
          codings: ['gzip', 'deflate', 'br', 'zstd'],
        },
      },
    ],
    pools: [
      {
        name: 'p',
        source: undefined,
        proxyProtocol: 'off',
        discover: undefined,
        protocol: 'mllp',
        nodes: [
          {
            name: 'a',
            url: 'mllps://mirth:6661',
            protocol: 'mllps',
            host: 'mirth',
            port: 6661,
            path: '/',
            weight: 1,
            backup: false,
            source: undefined,
            isFromClients: false,
            tls: {
              caFiles: [],
              keyPair: undefined,
              servername: undefined,
              minVersion: 'TLSv1.2',
              crlFiles: [],
              pins: [],
              insecure: false,
            },
            checkUrl: undefined,
          },
        ],
        balance: 'least-in-flight',
        persistence: {
          cookie: undefined,
          by: [{ kind: 'field', path: expect.objectContaining({ text: 'MSH-3' }) }],
          mode: 'hash',
          idleMs: 3_600_000,
          maxSenders: 100_000,
        },
        ordering: 'connection',
        connections: {
          max: 8,
          shared: false,
          pipelining: 1,
          idleMs: 300_000,
          settleMs: 10,
          repeatedIds: 'auto',
          match: 'lenient',
          reuse: undefined,
          perClient: { max: 4, idleMs: 30_000 },
        },
        queue: { max: 10_000, timeoutMs: 3000 },
        timeouts: { connectMs: 2000, ackMs: 30_000, applicationMs: 30_000, silenceMs: 1000 },
        retry: { attempts: 2, budgetMs: 4000, onAmbiguous: 'fail' },
        spool: undefined,
        duplicates: undefined,
        health: {
          check: { type: 'tcp', port: undefined, isDefault: true },
          intervalMs: 5000,
          fastIntervalMs: 1000,
          timeoutMs: 2000,
          rise: 2,
          fall: 3,
          initial: 'up',
        },
        checkTls: undefined,
        ejection: { baseMs: 5000, maxMs: 60_000, maxEjected: { share: 1 }, errors: undefined },
        slowStartMs: 0,
        acknowledgement: 'by-header',
        contentType: 'x-application/hl7-v2+er7',
        charset: 'keep',
      },
    ],
    routes: [
      {
        name: 'route 1',
        when: [],
        action: { kind: 'pool', pool: 'p' },
        http: undefined,
        validate: undefined,
      },
    ],
    parsing: {
      workers: 'auto',
      offload: 'auto',
      inlineLimitBytes: 65_536,
      queue: 1000,
      timeoutMs: 10_000,
    },
    log: { level: 'info', format: 'auto', messages: true },
    metrics: { prometheus: true, otlp: undefined },
    identifiers: { controlIds: 'plain', hashKey: undefined },
    traces: undefined,
    state: undefined,
    shutdown: { timeoutMs: 30_000 },
    workers: 1,
    watchConfig: false,
    maxBufferedBytes: 268_435_456,
    watchCertificates: true,
    admin: undefined,
    audit: undefined,
    cluster: undefined,
  } satisfies GatewayConfig);
});

test.each([
  ['mllp', { max: 8, idleMs: 300_000 }],
  ['http', { max: 256, idleMs: 20_000 }],
] as const)('defaults that depend on the protocol: %s', (protocol, expected) => {
  const connectionsOf = (connections: object) => {
    const pool = { nodes: { a: { url: `${protocol}://h:1` } }, connections };
    const { config } = parseConfig(stringify({ ...SMALL, pools: { p: pool } }), { env: {} });
    expect(config.pools[0]?.protocol).toBe(protocol);
    return config.pools[0]?.connections;
  };
  expect(connectionsOf({})).toMatchObject(expected);
  expect(connectionsOf({ max: 'auto' })).toMatchObject(expected);
  expect(connectionsOf({ max: 7, idle: '9s' })).toMatchObject({ max: 7, idleMs: 9000 });
});

test('the result is plain data, frozen all the way down', () => {
  const { config } = parseConfig(stringify(SMALL), { env: {} });
  expect(structuredClone(config)).toEqual(config);
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    expect(Object.isFrozen(value)).toBe(true);
    // A map of users is empty in JSON, so that their hashes are in no dump of a config.
    const prototype: unknown = Object.getPrototypeOf(value);
    expect([Object.prototype, Array.prototype, Map.prototype].some((one) => one === prototype)).toBe(true);
    Object.values(value).forEach(walk);
  };
  walk(config);
});

test('two loads have nothing in common', () => {
  const text = stringify(SMALL);
  const first = parseConfig(text, { env: {} }).config;
  const other = parseConfig(text.replace('2575', '2576'), { env: {} }).config;
  expect(first.listeners[0]?.bind.port).toBe(2575);
  expect(other.listeners[0]?.bind.port).toBe(2576);
});

test('the process own arguments and environment are not read', () => {
  const text = stringify({ ...SMALL, shutdown: { timeout: '${HOME}' } });
  expect(process.env.HOME).toBeDefined();
  expect(() => parseConfig(text, { env: {} })).toThrow(ConfigError);
});

test('JSON is taken, indented with tabs or not at all, and with a byte order mark', () => {
  const expected = parseConfig(stringify(SMALL), { env: {} });
  for (const json of [
    JSON.stringify(SMALL),
    JSON.stringify(SMALL, null, '\t'),
    `\uFEFF${JSON.stringify(SMALL)}`,
  ]) {
    expect(parseConfig(json, { env: {} })).toEqual(expected);
  }
});

test('line ends may be CRLF', () => {
  const text = stringify(SMALL).replaceAll('\n', '\r\n');
  expect(parseConfig(text, { env: {} }).config.listeners).toHaveLength(1);
});

describe('a file that cannot be read', () => {
  const thrownBy = (path: string): ConfigError => {
    try {
      loadConfig(path, { env: {} });
    } catch (thrown) {
      if (thrown instanceof ConfigError) return thrown;
    }
    throw new Error('loaded');
  };
  test('is a problem of the file as a whole', () => {
    const folder = folderWith({ 'a/b': '' });
    expect(thrownBy(join(folder, 'gone')).problems).toEqual([
      { file: join(folder, 'gone'), line: 0, column: 0, key: '', message: 'the config file does not exist' },
    ]);
    expect(thrownBy(join(folder, 'a')).problems[0]?.message).toBe(
      'the config file is a directory, not a file',
    );
  });
  test('has the code GW_ERR_CONFIG, and its text names the first problem and how many more there are', () => {
    const folder = folderWith({ 'c.yaml': 'a: 1\nb: 2\n' });
    const error = thrownBy(join(folder, 'c.yaml'));
    expect(error.code).toBe('GW_ERR_CONFIG');
    expect(error.message).toBe(
      `the config has errors: ${join(folder, 'c.yaml')}:1:1: a: unknown key (and 3 more)`,
    );
  });
});
