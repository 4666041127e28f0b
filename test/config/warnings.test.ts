// Configs that load and may surprise: the exact warning that each comes to; and near misses, which get none.
import { describe, expect, test } from 'vitest';
import { config, folderOf, outcome, TLS_FILES } from './config-folder.ts';

const FILES = { ...TLS_FILES, 'certs/open.pem': '' };

describe('one surprise, one warning', () => {
  test.each<[text: string, line: string]>([
    [
      config({ pool: '\n  q: { nodes: { a: { url: "mllp://h:2" } } }' }),
      '7:3: pools.q: no route uses this pool',
    ],
    [
      config({ node: 'backup: true' }),
      '5:5: pools.p.nodes: every node is a backup, so the backups take all messages',
    ],
    [
      config({ node: 'weight: 0' }),
      '5:5: pools.p.nodes: every node that is no backup has weight 0, so none of them takes a new message',
    ],
    [
      config({ routes: '- to: p\n  - { when: { MSH-9: A }, to: p }' }),
      '8:5: routes[0]: matches every message, so the route after it is never reached',
    ],
    [
      config({ routes: '- { to: p, when: {} }\n  - to: p\n  - to: p' }),
      '8:5: routes[0]: matches every message, so the 2 routes after it are never reached',
    ],
    [
      config({ listener: 'tls: { cert: certs/vip.crt.pem, key: certs/open.pem }' }),
      '2:57: listeners.l.tls.key: every user of this machine can read the private key "certs/open.pem"; chmod o-r',
    ],
    [
      config({ top: 'limits: { maxBuffered: 1MiB }' }),
      '2:3: listeners.l.limits.maxFrame: is larger than limits.maxBuffered (1MiB)',
    ],
    [
      config({}).replace('mllp://h:1",', 'mllps://h:1", tls: { insecure: true }'),
      "5:56: pools.p.nodes.a.tls.insecure: the node's certificate is not checked, so anyone may pose as the node",
    ],
  ])('$1', (text, line) => {
    expect(outcome(text, folderOf(FILES))).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });
});

test('an mllps node needs no tls map, and listeners on the same port of different addresses none either', () => {
  const folder = folderOf(FILES);
  const quiet = { errors: [], warnings: [] };
  expect(outcome(config({}).replace('mllp://h:1', 'mllps://h:1'), folder)).toEqual(quiet);
  const two = config({ listener: '}\n  k: { bind: "127.0.0.2:1"' }).replace('":1"', '"127.0.0.1:1"');
  expect(outcome(two, folder)).toEqual(quiet);
  expect(outcome(config({ listener: '}\n  k: { bind: ":0" }\n  m: { bind: ":0"' }), folder)).toEqual(quiet);
});

test('a config that only rejects needs no pools', () => {
  const text = 'listeners: { l: { bind: ":1" } }\nroutes: [{ reject: {} }]';
  expect(outcome(text, folderOf({}))).toEqual({ errors: [], warnings: [] });
});

describe('F101', () => {
  const pools = (p: string, q: string): string =>
    `listeners: { l: { bind: ":1" } }
pools:
  p: ${p}
  q: ${q}
routes: [{ when: { MSH-9: A }, to: p }, { to: q }]
`;
  const node = (url: string, more = ''): string => `{ nodes: { a: { url: "${url}" } }${more} }`;

  test.each<[string, string, string[]]>([
    [
      node('mllp://h:1'),
      node('mllps://H:1'),
      [
        '4:17: pools.q.nodes.a: has the address of a node of pool p: together they may open 16 connections to it, and a Mirth listener takes 10 (connections.shared counts them together)',
      ],
    ],
    [
      node('mllp://h:1', ', connections: { shared: true }'),
      node('mllp://h:1', ', connections: { shared: true }'),
      [],
    ],
    [
      node('mllp://h:1', ', connections: { shared: true, max: 3 }'),
      node('mllp://h:1', ', connections: { shared: true, max: 5 }'),
      [
        '4:17: pools.q.nodes.a: shares the connections of a node of pool p, with another connections.max: the least, 3, is for all',
      ],
    ],
    [
      node('mllp://h:1', ', connections: { shared: true }'),
      node('mllp://h:1'),
      [
        '4:17: pools.q.nodes.a: has the address of a node of pool p: together they may open 16 connections to it, and a Mirth listener takes 10 (connections.shared counts them together)',
      ],
    ],
    [
      node('mllp://h:1', ', connections: { max: 3 }'),
      node('mllp://h:1', ', connections: { max: 2 }'),
      [
        '4:17: pools.q.nodes.a: has the address of a node of pool p: together they may open 5 connections to it, and a Mirth listener takes 10 (connections.shared counts them together)',
      ],
    ],
    [
      node('mllp://h:2'),
      '{ nodes: { a: { url: "mllp://h:1" }, b: { url: "mllp://h:1" } } }',
      [
        '4:43: pools.q.nodes.b: has the address of another node of this pool: together they may open 16 connections to it, and a Mirth listener takes 10 (connections.shared counts them together)',
      ],
    ],
    [
      node('mllp://h:1'),
      node('mllp://h:2', ', health: { type: http, url: "http://{host}:1/health" }'),
      [
        '4:45: pools.q.health: asks node a by HTTP at a port where pool p sends HL7 by MLLP: no check will be good; type tcp asks such a port',
      ],
    ],
    [
      node('mllp://h:2', ', health: { type: mirth, url: "https://{host}:2" }'),
      node('mllp://h:1'),
      [
        '3:45: pools.p.health: asks node a by HTTP at a port where pool p sends HL7 by MLLP: no check will be good; type tcp asks such a port',
      ],
    ],
    [node('mllp://h:1'), node('mllp://h:2'), []],
    [node('mllp://h:1'), node('mllp://g:1'), []],
    [node('http://h:1'), node('http://h:1'), []],
    [node('mllp://h:1'), node('mllp://h:2', ', health: { type: http, url: "http://{host}:3/" }'), []],
  ])('F101 %s and %s', (p, q, expected) => {
    const { errors, warnings } = outcome(pools(p, q), folderOf(FILES));
    expect({ errors, warnings }).toEqual({
      errors: [],
      warnings: expected.map((line) => `gateway.yaml:${line}`),
    });
  });
});
