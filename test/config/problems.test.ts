// Broken configs, and the exact lines that each comes to: all problems at once, at the right line and column.
import { describe, expect, test } from 'vitest';
import { config, folderOf, outcome, TLS_FILES } from './config-folder.ts';

const FILES = { ...TLS_FILES, 'certs/open.pem': '' };

test('the good config is good', () => {
  expect(outcome(config({}), folderOf(FILES))).toEqual({ errors: [], warnings: [] });
});

describe('one mistake, one line', () => {
  test.each<[text: string, line: string]>([
    // Unknown keys
    [config({ listener: 'limit: 1' }), '2:20: listeners.l.limit: unknown key; did you mean "limits"?'],
    [config({ listener: 'xyzzy: 1' }), '2:20: listeners.l.xyzzy: unknown key'],
    [
      config({ listener: 'limits: { maxFrmae: 1MiB }' }),
      '2:30: listeners.l.limits.maxFrmae: unknown key; did you mean "maxFrame"?',
    ],
    [config({ node: 'wieght: 3' }), '5:38: pools.p.nodes.a.wieght: unknown key; did you mean "weight"?'],
    [config({ top: 'timeout: 1s' }), '9:1: timeout: unknown key'],
    [config({ top: '__proto__: {}' }), '9:1: __proto__: unknown key'],
    [config({ top: 'constructor: { prototype: 1 }' }), '9:1: constructor: unknown key'],
    // Formats
    [
      config({ node: 'weight: 12x' }),
      '5:46: pools.p.nodes.a.weight: must be an integer from 0 to 256, not "12x"',
    ],
    [
      config({ node: 'weight: 1.0' }),
      '5:46: pools.p.nodes.a.weight: must be an integer from 0 to 256, not "1.0"',
    ],
    [config({ node: 'backup: yes' }), '5:46: pools.p.nodes.a.backup: must be true or false, not "yes"'],
    [
      config({ pool: 'timeouts: { ack: 30 }' }),
      '6:22: pools.p.timeouts.ack: must be a duration such as 500ms, 5s, 2m or 1h, not "30"',
    ],
    [config({ pool: 'timeouts: { ack: 0 }' }), '6:22: pools.p.timeouts.ack: must be longer than 0, not "0"'],
    [
      config({ pool: 'balance: least-inflight' }),
      '6:14: pools.p.balance: must be one of least-in-flight, round-robin, hash, not "least-inflight"; did you mean "least-in-flight"?',
    ],
    [config({ pool: 'balance: [hash]' }), '6:14: pools.p.balance: must be a single value, not a list'],
    [config({ pool: 'balance:' }), '6:5: pools.p.balance: has no value'],
    [
      config({ pool: 'health: { type: tls }' }),
      '6:21: pools.p.health.type: a TLS handshake needs mllps://, https:// or tls:// nodes, and node a is mllp://; tcp checks both',
    ],
    [config({ pool: 'queue: 5' }), '6:12: pools.p.queue: must be a map'],
    [config({ pool: 'persistence: MSH-3' }), '6:18: pools.p.persistence: must be a map'],
    [
      config({ listener: 'onRejected: ar' }),
      '2:32: listeners.l.onRejected: must be one of AR, AE, CR, CE, close, not "ar"; did you mean "AR"?',
    ],
    [
      config({ listener: 'onRejected: AA' }),
      '2:32: listeners.l.onRejected: must be one of AR, AE, CR, CE, close, not "AA"',
    ],
    [config({ top: 'routes2:' }), '9:1: routes2: unknown key; did you mean "routes"?'],
    // A value is cut, and cannot write to the terminal
    [config({ node: `servername: ${'x'.repeat(80)}` }), '5:38: pools.p.nodes.a.servername: unknown key'],
    [
      config({ node: `weight: ${'9'.repeat(80)}` }),
      `5:46: pools.p.nodes.a.weight: must be an integer from 0 to 256, not "${'9'.repeat(60)}…"`,
    ],
    [
      config({ node: 'weight: "\\e[2J"' }),
      '5:46: pools.p.nodes.a.weight: must be an integer from 0 to 256, not "\\u{1b}[2J"',
    ],
    [config({ node: '"\\e[2J": 1' }), '5:38: pools.p.nodes.a.\\u{1b}[2J: unknown key'],
    // References
    [config({ routes: '- to: q' }), '8:9: routes[0].to: no pool has the name "q"'],
    [
      config({ routes: '- { when: { listener: k }, to: p }' }),
      '8:25: routes[0].when.listener: no listener has the name "k"',
    ],
    [config({ routes: '- {}' }), '8:5: routes[0]: a route has either "to" or "reject"'],
    [
      config({ routes: '- { to: p, reject: { code: AE } }' }),
      '8:14: routes[0].reject: a route has either "to" or "reject"',
    ],
    [
      config({ routes: '- { name: a, when: { MSH-9: A }, to: p }\n  - { name: a, to: p }' }),
      '9:13: routes[1].name: another route before this one has the same name',
    ],
    [
      config({ routes: '- reject: { code: AA }\n  - to: p' }),
      '8:21: routes[0].reject.code: must be one of AR, AE, CR, CE, not "AA"',
    ],
    [
      config({ pool: 'balance: hash' }),
      '6:14: pools.p.balance: hash needs persistence.by, which says what the sticky key is',
    ],
    [
      config({ pool: 'ordering: key' }),
      '6:15: pools.p.ordering: key needs persistence.by, which says what the sticky key is',
    ],
    [config({ pool: 'persistence: {}' }), '6:5: pools.p.persistence.by: is required, or cookie is'],
    [
      config({ pool: 'persistence: { by: [] }' }),
      '6:24: pools.p.persistence.by: a sticky key needs at least one part',
    ],
    [
      config({ pool: 'persistence: { by: [MSH-3, "MSH-0"] }' }),
      '6:32: pools.p.persistence.by: must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME, cookie.NAME',
    ],
    // TLS
    [
      config({ node: 'tls: {}' }),
      '5:38: pools.p.nodes.a.tls: the url says mllp://, which is without TLS; write mllps:// or leave tls out',
    ],
    [
      config({ listener: 'tls: { cert: certs/vip.crt.pem, key: certs/none.pem }' }),
      '2:57: listeners.l.tls.key: the file "certs/none.pem" does not exist (relative paths start at the config file\'s folder)',
    ],
    [
      config({ listener: 'tls: { cert: certs, key: certs/vip.key.pem }' }),
      '2:33: listeners.l.tls.cert: the file "certs" is a directory, not a file',
    ],
    [
      config({ listener: 'tls: { cert: certs/vip.crt.pem/x, key: certs/vip.key.pem }' }),
      '2:33: listeners.l.tls.cert: the file "certs/vip.crt.pem/x" does not exist (relative paths start at the config file\'s folder)',
    ],
    [
      config({ listener: 'tls: { cert: [certs/vip.crt.pem, certs/ca.crt.pem], key: certs/vip.key.pem }' }),
      '2:77: listeners.l.tls.key: has 1 files where cert has 2; each certificate needs its key',
    ],
    [
      config({
        listener: 'tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem, requireClientCert: true }',
      }),
      '2:95: listeners.l.tls.requireClientCert: needs clientCa, which says whose certificates are good',
    ],
    // Parts that are missing or collide
    [
      config({ listener: '}\n  k: { bind: "127.0.0.1:1"' }),
      '3:14: listeners.k.bind: listener l listens on this address already',
    ],
    [
      config({ listener: '}\n  k: { bind: "[::]:1"' }),
      '3:14: listeners.k.bind: listener l listens on this address already',
    ],
    [
      config({ listener: '}\n  k k: { bind: ":2"' }),
      '3:3: listeners.k k: a name has 1 to 63 letters, digits, ".", "_" and "-", and starts with a letter or digit',
    ],
    [config({ listener: '}\n  k: {' }), '3:3: listeners.k.bind: is required'],
    [config({ listener: '}\n  k: 5\n  m: { bind: ":2"' }), '3:6: listeners.k: must be a map'],
    [
      config({ listener: 'batch: whole, batch: refuse' }),
      '2:34: listeners.l.batch: is given twice, first in line 2',
    ],
    ['listeners: {}\nroutes: [{ reject: {} }]', '1:1: listeners: a gateway needs at least one listener'],
    ['listeners: { l: { bind: ":1" } }\nroutes: []', '2:1: routes: a gateway needs at least one route'],
    [
      'listeners: { l: { bind: ":1" } }\nroutes: [{ to: p }]',
      '1:1: pools: no pool is defined, so there is nowhere to route to',
    ],
    [
      'listeners: { l: { bind: ":1" } }\npools: { p: { nodes: {} } }\nroutes: [{ to: p }]',
      '2:15: pools.p.nodes: a pool needs at least one node',
    ],
    ['listeners: { l: { bind: ":1" } }\nroutes: { to: p }', '2:9: routes: must be a list'],
    // YAML
    [
      'listeners: [',
      '1:13: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a: "\n', '2:1: not valid YAML: missing closing "quote'],
    ['a: 1\n---\nb: 2', '2:1: not valid YAML: a config is one document, and here a second one starts'],
    ['a: !secret x', '1:4: not valid YAML: unresolved tag'],
    ['- a', '1:1: a config is a map, not a list'],
    ['just text', '1:1: a config is a map, not a scalar'],
    ['['.repeat(20_000), '1:'],
  ])('$1', (text, line) => {
    const { errors } = outcome(text, folderOf(FILES));
    expect(errors).toHaveLength(1);
    if (line.endsWith(':')) expect(errors[0]).toContain('not valid YAML: nested too deeply');
    else expect(errors).toEqual([`gateway.yaml:${line}`]);
  });
});

test('all problems are told at once, in the order of the file, warnings apart', () => {
  const text = config({
    listener: 'protcol: x, limits: { maxFrame: 1GB }',
    node: 'weight: -1',
    pool: 'balance: hsh',
    routes: '- { to: adtt }\n  - { when: { MSH: A, MSH-9: "/(/" } }',
    top: 'admin: { bnd: 1 }',
  });
  expect(outcome(text, folderOf(FILES))).toEqual({
    errors: [
      'gateway.yaml:2:20: listeners.l.protcol: unknown key; did you mean "protocol"?',
      'gateway.yaml:2:52: listeners.l.limits.maxFrame: must be a size such as 64KiB, 16MiB or 1GiB, from 1KiB to 1GiB, not "1GB"',
      'gateway.yaml:5:46: pools.p.nodes.a.weight: must be an integer from 0 to 256, not "-1"',
      'gateway.yaml:6:14: pools.p.balance: must be one of least-in-flight, round-robin, hash, not "hsh"; did you mean "hash"?',
      'gateway.yaml:8:11: routes[0].to: no pool has the name "adtt"',
      'gateway.yaml:9:5: routes[1]: a route has either "to" or "reject"',
      'gateway.yaml:9:15: routes[1].when.MSH: must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME',
      'gateway.yaml:9:30: routes[1].when.MSH-9: is no RE2 regex: missing closing ): `(`',
      'gateway.yaml:10:10: admin.bnd: unknown key; did you mean "bind"?',
    ],
    warnings: [
      'gateway.yaml:4:3: pools.p: no route uses this pool',
      'gateway.yaml:8:5: routes[0]: matches every message, so the route after it is never reached',
      'gateway.yaml:10:1: admin.token: there is none, so all but /livez, /readyz and /metrics is answered with 401',
    ],
  });
});
