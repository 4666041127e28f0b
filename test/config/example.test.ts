// The config of the product page: it loads, and what it becomes.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderOf, TLS_FILES } from './config-folder.ts';

/** The product's example without health type mirth, which is for a later version. */
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
  web:
    protocol: http
    bind: 0.0.0.0:8080

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
  mirth-web:
    nodes: { a: { url: "https://10.0.0.11:8443" }, b: { url: "https://10.0.0.12:8443" } }
    persistence: { cookie: GATEWAY_NODE }
    health: { interval: 10s }
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
  - name: the Administrator and its API
    when: { listener: web }
    to: mirth-web

telemetry:
  traces: { endpoint: http://127.0.0.1:4318, sample: 1.0 }   # the standard OTEL_* variables win
  metrics: { prometheus: true }
  log: { level: info, format: json }
admin: { bind: 127.0.0.1:9600, token: { file: admin.token } }
`;

describe('the example of the product page', () => {
  const files = {
    ...TLS_FILES,
    'certs/mirth-ca.pem': '',
    'admin.token': 'sixteen-at-least\n',
    'gateway.yaml': EXAMPLE,
  };

  test('loads, with a warning for what has no effect yet', () => {
    const folder = folderOf(files);
    const { config, warnings } = loadConfig(join(folder, 'gateway.yaml'), { env: {} });
    expect(warnings).toEqual([]);
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
      groups: [],
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
      ['listener'],
    ]);
    expect(config.pools[1]?.nodes.map(({ protocol, port, tls }) => [protocol, port, tls?.insecure])).toEqual([
      ['https', 8443, false],
      ['https', 8443, false],
    ]);
    expect(config.pools[1]?.persistence).toMatchObject({ cookie: 'GATEWAY_NODE', by: [] });
    expect(config.routes[2]?.action).toEqual({
      kind: 'reject',
      code: 'AR',
      text: 'processing id must be P',
      condition: 202,
    });
  });
});
