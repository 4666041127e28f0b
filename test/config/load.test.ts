// Loading a whole config: the defaults, the product's own example, JSON, and files that cannot be read.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { GatewayConfig } from '../../src/config/config.ts';
import { ConfigError, loadConfig, parseConfig } from '../../src/config/load.ts';
import { folderWith, TLS_FILES } from './config-folder.ts';

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
          maxFrameBytes: 16_777_216,
          frameTimeoutMs: 30_000,
          idleTimeoutMs: 0,
          writeTimeoutMs: 30_000,
          maxPending: 100,
          maxJunkBytes: 1024,
        },
        framing: { strayEndByte: 'content', missingCr: 'refuse' },
        batch: 'whole',
        missingControlId: 'refuse',
        onUnavailable: 'close',
        onRejected: 'AR',
        allow: undefined,
      },
    ],
    pools: [
      {
        name: 'p',
        nodes: [
          {
            name: 'a',
            url: 'mllps://mirth:6661',
            protocol: 'mllps',
            host: 'mirth',
            port: 6661,
            weight: 1,
            backup: false,
            tls: {
              caFiles: [],
              keyPair: undefined,
              servername: undefined,
              minVersion: 'TLSv1.2',
              crlFiles: [],
              pins: [],
              insecure: false,
            },
          },
        ],
        balance: 'least-in-flight',
        persistence: {
          by: [{ kind: 'field', path: expect.objectContaining({ text: 'MSH-3' }) }],
          mode: 'hash',
          idleMs: 3_600_000,
          maxSenders: 100_000,
        },
        ordering: 'connection',
        connections: { max: 8, pipelining: 1, idleMs: 300_000, settleMs: 10 },
        queue: { max: 10_000, timeoutMs: 3000 },
        timeouts: { connectMs: 2000, ackMs: 30_000 },
        retry: { attempts: 2, budgetMs: 4000, onAmbiguous: 'fail' },
        health: { type: 'tcp', intervalMs: 5000, timeoutMs: 2000, rise: 2, fall: 3 },
        acknowledgement: 'always',
      },
    ],
    routes: [{ name: 'route 1', when: [], action: { kind: 'pool', pool: 'p' } }],
    log: { level: 'info', format: 'json', messages: true },
    shutdown: { timeoutMs: 30_000 },
    maxBufferedBytes: 268_435_456,
    watchCertificates: true,
  } satisfies GatewayConfig);
});

/** The product's example without HTTP, which is for a later version. */
const EXAMPLE = `
listeners:
  adt:
    protocol: mllp                 # mllp | http
    bind: 0.0.0.0:2575
    # TLS when present
    tls:
      cert: certs/vip.crt.pem
      key: certs/vip.key.pem
      minVersion: TLSv1.2
      clientCa: certs/ca.crt.pem
      requireClientCert: true
    limits: { maxConnections: 1000, maxFrame: 16MiB, frameTimeout: 30s, idleTimeout: 0 }
    onUnavailable: close           # nothing could take it: close | AE | AR | CE | CR
    onRejected: AR                 # it can never be taken (no route, bad header): AR | AE | CR | CE | close

pools:
  mirth-adt:
    nodes:
      a: { url: "mllp://10.0.0.11:6661", weight: 1 }
      b: { url: "mllps://10.0.0.12:6661", tls: { ca: certs/mirth-ca.pem, cert: certs/vip.crt.pem, key: certs/vip.key.pem, servername: mirth-b } }
      c: { url: "mllp://10.0.0.13:6661", backup: true }
    balance: least-in-flight       # round-robin | least-in-flight | hash
    persistence: { by: [MSH-3, MSH-4], mode: hash }   # or mode: table, idle: 1h, maxSenders: 100000
    ordering: connection           # connection | key: one message in flight per sticky key, over all connections
    connections: { max: 8, pipelining: 1, idle: 5m }
    queue: { max: 10000, timeout: 3s }
    timeouts: { connect: 2s, ack: 30s }
    retry: { attempts: 2, budget: 4s, onAmbiguous: fail }   # fail | same-node | other-node
    health: { type: tcp, interval: 5s, rise: 2, fall: 3 }   # tcp | tls | http | mirth | mllp | none
  mirth-lab:
    nodes: { a: { url: "mllp://10.0.0.21:6661" } }

routes:                            # first match wins
  - name: adt
    when: { listener: adt, MSH-9.1: ADT }
    to: mirth-adt
  - name: lab results of one hospital
    when: { MSH-9: /^ORU\\^R01/, MSH-4: [NORTH, SOUTH], PID-3.4: { not: TEST }, source: 10.1.0.0/16 }
    to: mirth-lab
  - name: no test messages in production
    when: { MSH-11: { not: P } }
    reject: { code: AR, text: "processing id must be P" }

telemetry:
  traces: { endpoint: http://127.0.0.1:4318, sample: 1.0 }   # the standard OTEL_* variables win
  metrics: { prometheus: true }
  log: { level: info, format: json }
admin: { bind: 127.0.0.1:9600, token: { file: admin.token } }
`;

describe('the example of the product page', () => {
  const files = { ...TLS_FILES, 'certs/mirth-ca.pem': '', 'admin.token': 'x\n', 'gateway.yaml': EXAMPLE };

  test('loads, with a warning for what has no effect yet', () => {
    const folder = folderWith(files);
    const { config, warnings } = loadConfig(join(folder, 'gateway.yaml'), { env: {} });
    expect(warnings.map(({ key }) => key)).toEqual(['telemetry.traces', 'telemetry.metrics', 'admin']);
    expect(config.file).toBe(join(folder, 'gateway.yaml'));
    expect(config.listeners[0]?.tls).toEqual({
      keyPairs: [
        {
          kind: 'pem',
          certFile: join(folder, 'certs/vip.crt.pem'),
          keyFile: join(folder, 'certs/vip.key.pem'),
          passphrase: undefined,
        },
      ],
      minVersion: 'TLSv1.2',
      clientCaFiles: [join(folder, 'certs/ca.crt.pem')],
      requireClientCert: true,
      crlFiles: [],
      handshakeTimeoutMs: 10_000,
      maxHandshakes: 200,
    });
    expect(config.routes.map(({ when }) => when.map(({ text }) => text))).toEqual([
      ['listener', 'MSH-9.1'],
      ['MSH-9', 'MSH-4', 'PID-3.4', 'source'],
      ['MSH-11'],
    ]);
    expect(config.routes[2]?.action).toEqual({ kind: 'reject', code: 'AR', text: 'processing id must be P' });
  });
});

test('the result is plain data, frozen all the way down', () => {
  const { config } = parseConfig(stringify(SMALL), { env: {} });
  expect(structuredClone(config)).toEqual(config);
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    expect(Object.isFrozen(value)).toBe(true);
    expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value));
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
