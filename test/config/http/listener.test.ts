// HTTP listeners, PROXY protocol and the users of HL7 over HTTP: what each key becomes, what is refused or surprises.
import { describe, expect, test } from 'vitest';
import type { ListenerConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { config, folderOf, outcome, TLS_FILES, webConfig } from '../config-folder.ts';

const SALT = 'c2FsdHNhbHRzYWx0c2FsdA';
const HASH = `$scrypt$ln=15,r=8,p=1$${SALT}$${'A'.repeat(43)}`;
const TLS = 'tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem }';

function loaded(listener: string, files = {}): ListenerConfig | undefined {
  const folder = folderOf({ ...TLS_FILES, ...files });
  return parseConfig(webConfig({ listener }), { file: `${folder}/gateway.yaml`, env: {} }).config
    .listeners[0];
}

function problemsOf(text: string): { errors: readonly string[]; warnings: readonly string[] } {
  return outcome(text, folderOf({ ...TLS_FILES, hash: `${HASH}\n` }));
}

describe('good values', () => {
  test('every key of http', () => {
    const http =
      'headersTimeout: 1s, bodyTimeout: 2s, keepAlive: 3s, maxHeaderSize: 4KiB, maxHeaders: 16, http2: false, realm: \'"HL7" \\[north]\', codings: [zstd, gzip]';
    expect(loaded(`http: { ${http} }`)).toMatchObject({
      protocol: 'http',
      http: {
        headersTimeoutMs: 1000,
        bodyTimeoutMs: 2000,
        keepAliveMs: 3000,
        maxHeaderBytes: 4096,
        maxHeaders: 16,
        http2: false,
        users: new Map(),
        realm: '"HL7" \\[north]',
        codings: ['gzip', 'zstd'],
      },
    });
  });

  test.each<[string, string[]]>([
    ['gzip', ['gzip']],
    ['[br, deflate, br]', ['deflate', 'br']],
    ['identity', []],
    ['[identity, zstd]', ['zstd']],
  ])('F104 http.codings: %s', (written, codings) => {
    expect(loaded(`http: { codings: ${written} }`)?.http.codings).toEqual(codings);
  });

  test.each<[string, string[]]>([
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['[10.0.0.0/8, "fd00::/8", 192.0.2.1]', ['10.0.0.0/8', 'fd00::/8', '192.0.2.1']],
  ])('trustedProxies: %s', (written, ranges) => {
    expect(loaded(`trustedProxies: ${written}`)?.trustedProxies).toEqual(ranges);
  });

  test('proxyProtocol, also of an mllp listener', () => {
    expect(loaded('proxyProtocol: true, trustedProxies: 10.0.0.1')?.proxyProtocol).toBe(true);
    const mllp = config({ listener: 'proxyProtocol: true, trustedProxies: 10.0.0.1' });
    expect(problemsOf(mllp)).toEqual({ errors: [], warnings: [] });
    expect(parseConfig(mllp, { env: {} }).config.listeners[0]).toMatchObject({
      protocol: 'mllp',
      proxyProtocol: true,
      trustedProxies: ['10.0.0.1'],
    });
  });

  test('limits that both protocols have', () => {
    const listener = 'limits: { maxConnections: 5, maxFrame: 1MiB, frameTimeout: 5s, writeTimeout: 6s }';
    expect(
      problemsOf(webConfig({ listener: `${listener}, batch: refuse, missingControlId: forward` })),
    ).toEqual({
      errors: [],
      warnings: [],
    });
  });
});

describe('one mistake, one line', () => {
  test.each<[text: string, line: string]>([
    [
      config({ listener: 'protocol: htp' }),
      '2:30: listeners.l.protocol: must be one of mllp, http, tcp, not "htp"; did you mean "http"?',
    ],
    // Of a protocol that is not known, no key is the wrong one.
    [
      config({ listener: 'protocol: htps, http: { keepAlive: 1s }' }),
      '2:30: listeners.l.protocol: must be one of mllp, http, tcp, not "htps"',
    ],
    [
      config({ listener: 'protocol: [http], http: { keepAlive: 1s }' }),
      '2:30: listeners.l.protocol: must be a single value, not a list',
    ],
    [webConfig({ listener: 'htttp: {}' }), '2:36: listeners.l.htttp: unknown key; did you mean "http"?'],
    [
      webConfig({ listener: 'http: { keepAlvie: 1s }' }),
      '2:44: listeners.l.http.keepAlvie: unknown key; did you mean "keepAlive"?',
    ],
    [webConfig({ listener: 'http: true' }), '2:42: listeners.l.http: must be a map'],
    [
      webConfig({ listener: 'http: { headersTimeout: 10 }' }),
      '2:60: listeners.l.http.headersTimeout: must be a duration such as 500ms, 5s, 2m or 1h, not "10"',
    ],
    [
      webConfig({ listener: 'http: { bodyTimeout: 0 }' }),
      '2:57: listeners.l.http.bodyTimeout: must be longer than 0, not "0"',
    ],
    [
      webConfig({ listener: 'http: { keepAlive: forever }' }),
      '2:55: listeners.l.http.keepAlive: must be a duration such as 500ms, 5s, 2m or 1h, not "forever"',
    ],
    [
      webConfig({ listener: 'http: { maxHeaderSize: 2KiB }' }),
      '2:59: listeners.l.http.maxHeaderSize: must be a size such as 64KiB, 16MiB or 1GiB, from 4KiB to 1MiB, not "2KiB"',
    ],
    [
      webConfig({ listener: 'http: { maxHeaders: 15 }' }),
      '2:56: listeners.l.http.maxHeaders: must be an integer from 16 to 2000, not "15"',
    ],
    [
      webConfig({ listener: 'http: { http2: yes }' }),
      '2:51: listeners.l.http.http2: must be true or false, not "yes"',
    ],
    [
      webConfig({ listener: 'http: { realm: Spitäler }' }),
      '2:51: listeners.l.http.realm: must be printable ASCII',
    ],
    [
      webConfig({ listener: 'http: { realm: "a\\r\\nb" }' }),
      '2:51: listeners.l.http.realm: must be one line of 1 to 200 characters, not "a\\u{d}\\u{a}b"',
    ],
    [
      webConfig({ listener: 'http: { codings: [gzip, brotli] }' }),
      '2:60: listeners.l.http.codings: must be one of gzip, deflate, br, zstd, identity',
    ],
    [
      webConfig({ listener: 'http: { codings: gzap }' }),
      '2:53: listeners.l.http.codings: must be one of gzip, deflate, br, zstd, identity; did you mean "gzip"?',
    ],
    [
      webConfig({ listener: 'http: { codings: [] }' }),
      '2:53: listeners.l.http.codings: needs at least one; identity takes none',
    ],
    // Proxies
    [
      webConfig({ listener: 'trustedProxies: [10.0.0.0/8, mirth-1]' }),
      '2:65: listeners.l.trustedProxies[1]: must be an address or a CIDR range such as 10.1.0.0/16, not "mirth-1"',
    ],
    [
      webConfig({ listener: 'trustedProxies: 10.1' }),
      '2:52: listeners.l.trustedProxies: must be an address or a CIDR range such as 10.1.0.0/16, not "10.1"',
    ],
    [
      webConfig({ listener: 'trustedProxies: []' }),
      '2:52: listeners.l.trustedProxies: an empty list trusts nobody; leave it out',
    ],
    [
      webConfig({ listener: 'trustedProxies: [[10.0.0.1]]' }),
      '2:53: listeners.l.trustedProxies[0]: must be a single value, not a list',
    ],
    [
      webConfig({ listener: 'proxyProtocol: true' }),
      '2:51: listeners.l.proxyProtocol: needs trustedProxies: the balancers that send the header',
    ],
    [
      config({ listener: 'proxyProtocol: v2, trustedProxies: 10.0.0.1' }),
      '2:35: listeners.l.proxyProtocol: must be true or false, not "v2"',
    ],
  ])('$1', (text, line) => {
    expect(problemsOf(text).errors).toEqual([`gateway.yaml:${line}`]);
  });
});

describe('keys of the other protocol', () => {
  test.each([
    'headersTimeout: 1s',
    'bodyTimeout: 1s',
    'keepAlive: 1s',
    'maxHeaderSize: 8KiB',
    'maxHeaders: 20',
    'http2: true',
    'realm: x',
    'codings: gzip',
  ])('http.%s on an mllp listener', (written) => {
    const [key = ''] = written.split(':');
    const column = 28 + `${key}: `.length;
    expect(problemsOf(config({ listener: `http: { ${written} }` })).errors).toEqual([
      `gateway.yaml:2:${column}: listeners.l.http.${key}: is for protocol http only`,
    ]);
  });

  test('http.users on an mllp listener', () => {
    expect(problemsOf(config({ listener: `${TLS}, http: { users: { lab: "${HASH}" } }` })).errors).toEqual([
      'gateway.yaml:2:86: listeners.l.http.users: is for protocol http only',
    ]);
  });

  test('an empty http says nothing', () => {
    expect(problemsOf(config({ listener: 'http: {}' }))).toEqual({ errors: [], warnings: [] });
  });

  test.each([
    ['limits: { idleTimeout: 1m }', '2:59: listeners.l.limits.idleTimeout', 'mllp and tcp'],
    ['limits: { maxPending: 5 }', '2:58: listeners.l.limits.maxPending'],
    ['limits: { maxJunk: 5 }', '2:55: listeners.l.limits.maxJunk'],
    ['framing: { strayEndByte: refuse }', '2:61: listeners.l.framing.strayEndByte'],
    ['framing: { missingCr: accept }', '2:58: listeners.l.framing.missingCr'],
  ])('%s on an http listener', (written, place, whose = 'mllp') => {
    expect(problemsOf(webConfig({ listener: written })).errors).toEqual([
      `gateway.yaml:${place}: is for protocol ${whose} only`,
    ]);
  });
});

describe('one surprise, one warning', () => {
  test.each<[text: string, line: string]>([
    [
      webConfig({ listener: `http: { users: { lab: "${HASH}" } }` }),
      '2:44: listeners.l.http.users: without tls passwords cross the network as they are',
    ],
    [
      webConfig({ listener: 'http: { http2: true }' }),
      '2:51: listeners.l.http.http2: has no effect without tls, in whose handshake HTTP/2 is agreed on (ALPN)',
    ],
    [
      webConfig({ listener: 'trustedProxies: [10.0.0.1, 0.0.0.0/0]' }),
      '2:63: listeners.l.trustedProxies[1]: is every address, so anyone may say who the client is',
    ],
    [
      webConfig({ listener: 'trustedProxies: "::/0"' }),
      '2:52: listeners.l.trustedProxies: is every address, so anyone may say who the client is',
    ],
    [
      config({ listener: 'trustedProxies: 10.0.0.1' }),
      '2:36: listeners.l.trustedProxies: has no effect without proxyProtocol: MLLP has no forwarding headers',
    ],
    [
      config({ listener: 'trustedProxies: 10.0.0.1, proxyProtocol: false' }),
      '2:36: listeners.l.trustedProxies: has no effect without proxyProtocol: MLLP has no forwarding headers',
    ],
  ])('$1', (text, line) => {
    expect(problemsOf(text)).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test.each([
    `${TLS}, http: { http2: true }`,
    'http: { http2: false }',
    'proxyProtocol: false',
    'proxyProtocol: true, trustedProxies: 10.0.0.0/8',
    `${TLS}, http: { users: { lab: "${HASH}" } }`,
  ])('none for %s', (listener) => {
    expect(problemsOf(webConfig({ listener }))).toEqual({ errors: [], warnings: [] });
  });
});
