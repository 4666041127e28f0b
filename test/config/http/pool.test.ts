// Pools of HTTP nodes and what keeps a client on its node: good values, what is refused, and what surprises.
import { describe, expect, test } from 'vitest';
import type { PoolConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { config, folderOf, outcome, TLS_FILES, webConfig } from '../config-folder.ts';

function loaded(parts: Parameters<typeof config>[0], url = 'http://h:1'): PoolConfig | undefined {
  return parseConfig(webConfig(parts).replace('http://h:1', url), { env: {} }).config.pools[0];
}

function problemsOf(text: string) {
  return outcome(text, folderOf(TLS_FILES));
}

describe('good values', () => {
  test('nodes, plain and with TLS', () => {
    expect(loaded({}, 'http://h/adt')).toMatchObject({
      protocol: 'http',
      nodes: [{ protocol: 'http', host: 'h', port: 80, path: '/adt', tls: undefined }],
    });
    expect(loaded({ node: 'tls: { insecure: true }' }, 'https://h')?.nodes[0]).toMatchObject({
      protocol: 'https',
      port: 443,
      path: '/',
      tls: { insecure: true },
    });
    expect(loaded({}, 'https://h')?.nodes[0]?.tls).toMatchObject({ insecure: false, caFiles: [] });
  });

  test('both sorts in one pool', () => {
    const text = webConfig({}).replace('{ a:', '{ b: { url: "https://h" }, a:');
    expect(problemsOf(text)).toEqual({ errors: [], warnings: [] });
  });

  test('contentType', () => {
    expect(loaded({})?.contentType).toBe('x-application/hl7-v2+er7');
    for (const type of ['text/plain', 'application/hl7-v2+xml', 'a!#$&^_.+-1/b!#$&^_.+-2']) {
      expect(loaded({ pool: `contentType: '${type}'` })?.contentType).toBe(type);
    }
  });

  test('a TLS check of https nodes', () => {
    expect(loaded({ pool: 'health: { type: tls }' }, 'https://h')?.health.check.type).toBe('tls');
  });

  test('cookies, sticky keys, both', () => {
    expect(loaded({ pool: 'persistence: { cookie: GATEWAY_NODE }' })?.persistence).toEqual({
      cookie: 'GATEWAY_NODE',
      by: [],
      mode: 'hash',
      idleMs: 3_600_000,
      maxSenders: 100_000,
    });
    const both = 'persistence: { cookie: N, by: [source, header.X-Tenant, host, method, path] }';
    expect(loaded({ pool: both })?.persistence).toMatchObject({
      cookie: 'N',
      by: [
        { kind: 'source' },
        { kind: 'header', name: 'x-tenant' },
        { kind: 'host' },
        { kind: 'method' },
        { kind: 'path' },
      ],
    });
    const session = 'persistence: { by: cookie.JSESSIONID, mode: table }';
    expect(loaded({ pool: session })?.persistence).toMatchObject({
      cookie: undefined,
      by: [{ kind: 'cookie', name: 'JSESSIONID' }],
      mode: 'table',
    });
  });

  test('a header is a sticky key of MLLP nodes as well, as messages come over HTTP', () => {
    const text = webConfig({ pool: 'persistence: { by: [header.X-Site, MSH-4] }' });
    expect(problemsOf(text.replace('http://h', 'mllp://h'))).toEqual({ errors: [], warnings: [] });
  });
});

describe('one mistake, one line', () => {
  const WORDS =
    'must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME, cookie.NAME';
  const NEEDS = 'needs persistence.by, which says what the sticky key is';
  const TYPE = 'must be a type such as text/plain, without parameters';
  const TABLE = 'a cookie is given by the node that it shall lead back to: mode must be table';
  const url = (text: string) => webConfig({}).replace('http://h:1', text);
  const URL_MUST =
    'must be mllp://host:port, mllps://host:port, http://host:port, https://host:port, tcp://host:port or tls://host:port';

  test.each<[text: string, line: string]>([
    // Nodes
    [url('http//h'), `5:24: pools.p.nodes.a.url: ${URL_MUST}, not "http//h"; the scheme is missing`],
    [url('http://h/a?b'), `5:24: pools.p.nodes.a.url: ${URL_MUST}, not "http://h/a?b"`],
    [
      url('http://u:hunter2@h'),
      `5:24: pools.p.nodes.a.url: ${URL_MUST}, not "http://…@h"; it takes no user and password`,
    ],
    // Nothing follows from a URL that is none.
    [
      url('htp://h').replace('    \n', '    persistence: { cookie: N }\n'),
      `5:24: pools.p.nodes.a.url: ${URL_MUST}, not "htp://h"; the scheme is not known; did you mean "http://h"?`,
    ],
    [
      url('htp://h').replace('{ a:', '{ b: { url: "http://h" }, a:'),
      `5:48: pools.p.nodes.a.url: ${URL_MUST}, not "htp://h"; the scheme is not known; did you mean "http://h"?`,
    ],
    [
      url('htps://h').replace('    \n', '    health: { type: tls }\n'),
      `5:24: pools.p.nodes.a.url: ${URL_MUST}, not "htps://h"; the scheme is not known; did you mean "https://h"?`,
    ],
    [
      webConfig({}).replace('{ a:', '{ b: { url: "mllp://h:1" }, a:'),
      '5:40: pools.p.nodes.a: speaks http where b speaks mllp; nodes of one pool can stand in for each other',
    ],
    [
      config({}).replace(' } }\n', ' }, b: { url: "http://h" }, c: { url: "https://h" } }\n'),
      '5:42: pools.p.nodes.b: speaks http where a speaks mllp; nodes of one pool can stand in for each other',
    ],
    [
      webConfig({ node: 'tls: {}' }),
      '5:38: pools.p.nodes.a.tls: the url says http://, which is without TLS; write https:// or leave tls out',
    ],
    [
      webConfig({ pool: 'health: { type: tls }' }),
      '6:21: pools.p.health.type: a TLS handshake needs mllps://, https:// or tls:// nodes, and node a is http://; tcp checks both',
    ],
    [
      webConfig({ pool: 'connections: { max: 0 }' }),
      '6:25: pools.p.connections.max: must be auto or an integer from 1 to 10000, not "0"',
    ],
    [
      webConfig({ pool: 'connections: { idle: 0 }' }),
      '6:26: pools.p.connections.idle: must be longer than 0, not "0"',
    ],
    [webConfig({ pool: 'contentType: text' }), `6:18: pools.p.contentType: ${TYPE}`],
    [webConfig({ pool: 'contentType: text/plain; charset=utf-8' }), `6:18: pools.p.contentType: ${TYPE}`],
    [webConfig({ pool: 'contentType: "text/plain "' }), `6:18: pools.p.contentType: ${TYPE}`],
    [
      webConfig({ pool: 'contentType: "text/plain\\r\\nX: y"' }),
      '6:18: pools.p.contentType: must be one line of 1 to 200 characters, not "text/plain\\u{d}\\u{a}X: y"',
    ],
    // Cookies and sticky keys
    [
      webConfig({ pool: 'persistence: { cokie: N, by: MSH-3 }' }),
      '6:20: pools.p.persistence.cokie: unknown key; did you mean "cookie"?',
    ],
    [
      webConfig({ pool: 'persistence: { cookie: a b }' }),
      '6:28: pools.p.persistence.cookie: must be a name of letters, digits and !#$%&\'*+-.^_`|~, not "a b"',
    ],
    [
      webConfig({ pool: 'persistence: { cookie: "a\\r\\nb" }' }),
      '6:28: pools.p.persistence.cookie: must be a name of letters, digits and !#$%&\'*+-.^_`|~, not "a\\u{d}\\u{a}b"',
    ],
    [
      webConfig({ pool: 'balance: hash\n    persistence: {}' }),
      '7:5: pools.p.persistence.by: is required, or cookie is',
    ],
    [webConfig({ pool: 'persistence: {}' }), '6:5: pools.p.persistence.by: is required, or cookie is'],
    [
      webConfig({ pool: 'persistence: { cookie: N, by: [] }' }),
      '6:35: pools.p.persistence.by: a sticky key needs at least one part',
    ],
    [
      config({ pool: 'persistence: { cookie: N }' }),
      '6:28: pools.p.persistence.cookie: needs http:// or https:// nodes',
    ],
    [
      config({ pool: 'persistence: { by: [MSH-3, cookie.N], mode: table }' }),
      '6:32: pools.p.persistence.by: a cookie is given by http:// and https:// nodes only',
    ],
    [webConfig({ pool: 'persistence: { by: cookie.N }' }), `6:5: pools.p.persistence.mode: ${TABLE}`],
    [
      webConfig({ pool: 'persistence: { by: [cookie.N], mode: hash }' }),
      `6:42: pools.p.persistence.mode: ${TABLE}`,
    ],
    [
      webConfig({ pool: 'persistence: { by: [source, cookie.N], mode: table }' }),
      '6:24: pools.p.persistence.by: a cookie is a key by itself: a node gives it without the other parts',
    ],
    [
      webConfig({ pool: 'persistence: { by: cookie }' }),
      `6:24: pools.p.persistence.by: ${WORDS}; did you mean "cookie.NAME"?`,
    ],
    [
      webConfig({ pool: 'persistence: { by: "cookie.a b" }' }),
      `6:24: pools.p.persistence.by: ${WORDS}; did you mean "cookie.NAME"?`,
    ],
    [webConfig({ pool: 'persistence: { by: [source, header.] }' }), `6:33: pools.p.persistence.by: ${WORDS}`],
    [
      webConfig({ pool: 'persistence: { by: hots }' }),
      `6:24: pools.p.persistence.by: ${WORDS}; did you mean "host"?`,
    ],
    // A cookie alone is no sticky key.
    [
      webConfig({ pool: 'balance: hash\n    persistence: { cookie: N }' }),
      `6:14: pools.p.balance: hash ${NEEDS}`,
    ],
    [
      webConfig({ pool: 'ordering: key\n    persistence: { cookie: N }' }),
      `6:15: pools.p.ordering: key ${NEEDS}`,
    ],
  ])('$1', (text, line) => {
    expect(problemsOf(text).errors).toEqual([`gateway.yaml:${line}`]);
  });
});

describe('one surprise, one warning', () => {
  test.each<[text: string, line: string]>([
    [
      webConfig({ pool: 'connections: { pipelining: 4 }' }),
      '6:32: pools.p.connections.pipelining: has no effect: it is for mllp:// and mllps:// nodes',
    ],
    [
      webConfig({ pool: 'connections: { settle: 0 }' }),
      '6:28: pools.p.connections.settle: has no effect: it is for mllp:// and mllps:// nodes',
    ],
    [
      config({ pool: 'contentType: text/plain' }),
      '6:18: pools.p.contentType: has no effect: it is for http:// and https:// nodes',
    ],
    [
      webConfig({ pool: 'persistence: { cookie: JSESSIONID }' }),
      "6:28: pools.p.persistence.cookie: is Mirth's own session; to keep to that one write by: cookie.JSESSIONID, mode: table",
    ],
  ])('$1', (text, line) => {
    expect(problemsOf(text)).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test('none for the keys of MLLP nodes', () => {
    expect(problemsOf(config({ pool: 'connections: { pipelining: 4, settle: 0 }' }))).toEqual({
      errors: [],
      warnings: [],
    });
  });
});
