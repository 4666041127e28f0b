// Headers that a route removes, sets and adds: names and values that are refused (F70), and those that surprise.
import { describe, expect, test } from 'vitest';
import type { HttpRouteConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { folderOf, outcome, webConfig } from '../config-folder.ts';

/** What `http` holds starts at column 22 of line 8. */
function withHttp(http: string): string {
  return webConfig({ routes: `- { to: p, http: { ${http} } }` });
}

function loaded(http: string): HttpRouteConfig | undefined {
  return parseConfig(withHttp(http), { env: {} }).config.routes[0]?.http;
}

function problemsOf(http: string, env: Record<string, string> = {}) {
  return outcome(withHttp(http), folderOf({}), env);
}

describe('one mistake, one line', () => {
  test.each<[http: string, line: string]>([
    // Names
    ['request: { set: { "X A": a } }', '8:40: request.set.X A: is no header name (RFC 9110 5.1)'],
    ['request: { set: { "X-A:": a } }', '8:40: request.set.X-A:: is no header name (RFC 9110 5.1)'],
    ['request: { set: { ":path": a } }', '8:40: request.set.:path: is no header name (RFC 9110 5.1)'],
    [
      'response: { add: { "X\\r\\nY": a } }',
      '8:41: response.add.X\\u{d}\\u{a}Y: is no header name (RFC 9110 5.1)',
    ],
    ['response: { add: { Ä: a } }', '8:41: response.add.Ä: is no header name (RFC 9110 5.1)'],
    ['request: { remove: "X A" }', '8:41: request.remove: is no header name (RFC 9110 5.1)'],
    ['request: { remove: [X-A, "a:"] }', '8:47: request.remove[1]: is no header name (RFC 9110 5.1)'],
    // Names that differ in letter case only
    ['request: { set: { X-A: a, x-a: b } }', '8:48: request.set.x-a: is given twice, first in line 8 as X-A'],
    [
      'response: { add: { X-A: a, X-B: b, x-A: c } }',
      '8:57: response.add.x-A: is given twice, first in line 8 as X-A',
    ],
    ['request: { set: { X-A: a, X-A: b } }', '8:48: request.set.X-A: is given twice, first in line 8'],
    // One Host, one Cookie
    [
      'request: { add: { Host: a } }',
      '8:40: request.add.Host: a request has exactly one Host (RFC 9112 3.2); it can be set',
    ],
    [
      'request: { remove: host }',
      '8:41: request.remove: a request has exactly one Host (RFC 9112 3.2); it can be set',
    ],
    [
      'request: { add: { Cookie: a=b } }',
      '8:40: request.add.Cookie: a request has at most one Cookie (RFC 6265 5.4); it can be set',
    ],
    ['request: { set: { Host: a b } }', '8:46: request.set.Host: must be host or host:port'],
    ['request: { set: { Host: "http://a" } }', '8:46: request.set.Host: must be host or host:port'],
    ['request: { set: { Host: "${node}" } }', '8:46: request.set.Host: must be host or host:port'],
    ['request: { set: { Host: "" } }', '8:46: request.set.Host: must be host or host:port'],
  ])('%s', (http, line) => {
    const [, place = '', rest = ''] = /^(\d+:\d+): (.*)$/s.exec(line) ?? [];
    expect(problemsOf(http).errors).toEqual([`gateway.yaml:${place}: routes[0].http.${rest}`]);
  });
});

describe('F70 at load: no value ends its line early', () => {
  const LINE = 'must be one line of printable ASCII, without spaces at its ends';
  const BAD = [
    'a\\r\\nX: y',
    'a\\rb',
    'a\\nb',
    '\\n',
    'a\\0b',
    'a\\x7fb',
    'a\\x1fb',
    'caf\\u00e9',
    '\\x80',
    '\\u2028',
    ' a',
    'a ',
    'a\\t',
    'a\\r\\n',
  ];

  test.each(BAD)('"%s"', (value) => {
    for (const part of ['request: { set', 'request: { add', 'response: { set', 'response: { add']) {
      const key = part.replace(': { ', '.');
      const column = 22 + part.length + ': { X-A: '.length;
      expect(problemsOf(`${part}: { X-A: "${value}" } }`).errors).toEqual([
        `gateway.yaml:8:${column}: routes[0].http.${key}.X-A: ${LINE}`,
      ]);
    }
  });

  test('a value over several lines, from the environment and from a file', () => {
    const folded = withHttp('').replace('http: {  }', 'http: { request: { set: { X-A: "a\n\n    b" } } }');
    expect(outcome(folded, folderOf({})).errors.join()).toContain(`X-A: ${LINE}`);
    expect(problemsOf('request: { set: { X-A: "${V}" } }', { V: 'a\nb' }).errors.join()).toContain(LINE);
    const folder = folderOf({ v: 'a\r\nb\r\n' });
    expect(outcome(withHttp('request: { set: { X-A: { file: v } } }'), folder).errors.join()).toContain(LINE);
  });

  test('tabs and spaces within a value are its own, and 4096 characters are enough', () => {
    expect(loaded('request: { set: { X-A: "a\\tb  c ~!" } }')?.request.set[0]?.value).toBe('a\tb  c ~!');
    expect(problemsOf(`request: { set: { X-A: ${'a'.repeat(4096)} } }`).errors).toEqual([]);
    expect(problemsOf(`request: { set: { X-A: ${'a'.repeat(4097)} } }`).errors).toEqual([
      'gateway.yaml:8:45: routes[0].http.request.set.X-A: is longer than 4096 characters',
    ]);
  });

  test('F77 no problem repeats a value, which may be a password', () => {
    for (const value of [
      'Basic hunter2\\n',
      ' Basic hunter2',
      'hunter2${nod}',
      'hunter2${tls.x}',
      'hunter2$${',
    ]) {
      const { errors } = problemsOf(`request: { set: { Authorization: "${value}" } }`);
      expect(errors).toHaveLength(1);
      expect(errors.join()).not.toContain('hunter2');
    }
    expect(problemsOf('request: { set: { Host: "hunter2 " } }').errors.join()).not.toContain('hunter2');
  });
});

describe('framing and connection headers are refused', () => {
  const OWN = [
    'Connection',
    'Content-Length',
    'Expect',
    'HTTP2-Settings',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'transfer-encoding',
    'CONTENT-LENGTH',
    'Content_Length',
    'transfer_encoding',
  ];

  test.each(OWN)('%s', (name) => {
    for (const way of ['request', 'response']) {
      const message = `${name}: is set by the gateway itself`;
      expect(problemsOf(`${way}: { set: { ${name}: a } }`).errors.join()).toContain(`.${way}.set.${message}`);
      expect(problemsOf(`${way}: { add: { ${name}: a } }`).errors.join()).toContain(`.${way}.add.${message}`);
      const { errors } = problemsOf(`${way}: { remove: [X-A, ${name}] }`);
      expect(errors).toEqual([expect.stringContaining(`.${way}.remove[1]: is set by the gateway itself`)]);
    }
  });
});

describe('one surprise, one warning', () => {
  const LEARNS = 'is made by the gateway: the node no longer learns from it who the client is';
  const TWICE = 'is made by the gateway: the node gets two of them';
  test.each<[http: string, line: string]>([
    [
      'request: { set: { X-Forwarded-For: a } }',
      `8:40: routes[0].http.request.set.X-Forwarded-For: ${LEARNS}`,
    ],
    [
      'request: { set: { x-forwarded-proto: https } }',
      `8:40: routes[0].http.request.set.x-forwarded-proto: ${LEARNS}`,
    ],
    [
      'request: { set: { X-Forwarded-Host: a } }',
      `8:40: routes[0].http.request.set.X-Forwarded-Host: ${LEARNS}`,
    ],
    [
      'request: { set: { X-Forwarded-Port: 1 } }',
      `8:40: routes[0].http.request.set.X-Forwarded-Port: ${LEARNS}`,
    ],
    ['request: { set: { Forwarded: for=a } }', `8:40: routes[0].http.request.set.Forwarded: ${LEARNS}`],
    [
      'request: { add: { X-Forwarded-For: a } }',
      `8:40: routes[0].http.request.add.X-Forwarded-For: ${TWICE}`,
    ],
    [
      'request: { add: { X_Forwarded_For: a } }',
      `8:40: routes[0].http.request.add.X_Forwarded_For: ${TWICE}`,
    ],
    [
      'response: { set: { Set-Cookie: a=b } }',
      "8:41: routes[0].http.response.set.Set-Cookie: replaces every cookie of the node's; with add they stay",
    ],
  ])('%s', (http, line) => {
    expect(problemsOf(http)).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test.each([
    'request: { remove: [X-Forwarded-For, Forwarded, Cookie] }',
    'request: { set: { X-Real-IP: "${client.address}", Cookie: a=b, Host: a.example, Authorization: Basic x } }',
    'response: { set: { Strict-Transport-Security: max-age=31536000, X-Forwarded-For: a }, add: { Set-Cookie: a=b } }',
    'response: { remove: [Set-Cookie, Server] }',
  ])('none for %s', (http) => expect(problemsOf(http)).toEqual({ errors: [], warnings: [] }));
});
