// Conditions on HTTP requests: what each way of writing one becomes, and what no request could ever be.
import { describe, expect, test } from 'vitest';
import { parseSubject } from '../../../src/config/build/conditions.ts';
import { KEY_WORDS } from '../../../src/config/keys/subjects.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { folderOf, outcome, webConfig } from '../config-folder.ts';

function withWhen(when: string): string {
  return webConfig({ routes: `- { to: p, when: { ${when} } }` });
}

function testOf(when: string): unknown {
  return parseConfig(withWhen(when), { env: {} }).config.routes[0]?.when[0]?.test;
}

describe('left side', () => {
  test.each<[string, unknown]>([
    ['method', { kind: 'method' }],
    ['host', { kind: 'host' }],
    ['path', { kind: 'path' }],
    ['header.X-Tenant', { kind: 'header', name: 'x-tenant' }],
    ['header.x.y', { kind: 'header', name: 'x.y' }],
    ['header.NAME', { kind: 'header', name: 'name' }],
  ])('%s', (text, subject) => expect(parseSubject(text)).toEqual(subject));

  test.each([
    'header',
    'header.',
    'header.a b',
    'header.a:',
    'header.X\n',
    'Header.X',
    'query',
    'METHOD',
    'cookie',
    'cookie.',
    'cookie.a',
  ])('%j is none', (text) => expect(parseSubject(text)).toBeUndefined());

  test('a cookie is part of a sticky key only, and keeps its letter case', () => {
    expect(parseSubject('cookie.JSESSIONID', KEY_WORDS)).toEqual({ kind: 'cookie', name: 'JSESSIONID' });
    expect(parseSubject('header.X-A', KEY_WORDS)).toEqual({ kind: 'header', name: 'x-a' });
    expect(parseSubject('cookie.a=b', KEY_WORDS)).toBeUndefined();
  });
});

describe('right side', () => {
  const path = (value: string) => ({ kind: 'equals', value });
  const regex = (source: string, flags = '') => ({ kind: 'regex', source, flags });
  test.each<[string, unknown]>([
    ['method: POST', { kind: 'equals', value: 'POST' }],
    ['method: M-SEARCH', { kind: 'equals', value: 'M-SEARCH' }],
    ['method: [GET, HEAD]', { kind: 'any', tests: [path('GET'), path('HEAD')] }],
    ['method: { not: GET }', { kind: 'not', test: path('GET') }],
    ['method: /^P/', regex('^P')],
    ['host: Mirth.Example', { kind: 'equals', value: 'mirth.example' }],
    ['host: 10.0.0.1', { kind: 'equals', value: '10.0.0.1' }],
    ['host: "[FD00::1]"', { kind: 'equals', value: '[fd00::1]' }],
    ['host: [A, /b$/]', { kind: 'any', tests: [path('a'), regex('b$')] }],
    ['host: ""', { kind: 'exists', exists: false }],
    ['host: { exists: true }', { kind: 'exists', exists: true }],
    ['header.X-A: Value', { kind: 'equals', value: 'Value' }],
    ['header.X-A: ""', { kind: 'exists', exists: false }],
    ['header.X-A: { exists: false }', { kind: 'exists', exists: false }],
    ['header.X-A: /^a/i', regex('^a', 'i')],
    // A path, or a regex
    ['path: /', path('/')],
    ['path: /api/info', path('/api/info')],
    ['path: /api/i', path('/api/i')],
    ['path: /v1.2', path('/v1.2')],
    ["path: '/a;v=1,2&b!'", path('/a;v=1,2&b!')],
    ['path: /a%2Fb%C3%A4~', path('/a%2Fb%C3%A4~')],
    ['path: [/a, /b]', { kind: 'any', tests: [path('/a'), path('/b')] }],
    ['path: { not: /a }', { kind: 'not', test: path('/a') }],
    ["path: '/^\\/api\\//'", regex('^\\/api\\/')],
    ["path: '/^/api/'", regex('^/api')],
    ["path: '/\\.(js|css)$/i'", regex('\\.(js|css)$', 'i')],
    ["path: '/a.*b/'", regex('a.*b')],
    ["path: '/\\/admin\\//'", regex('\\/admin\\/')],
  ])('%s', (when, expected) => expect(testOf(when)).toEqual(expected));

  test('a value from outside is read like one that was written', () => {
    const text = withWhen('path: "${A}", host: "${B}"');
    const { config } = parseConfig(text, { env: { A: '/^a/', B: 'H' } });
    expect(config.routes[0]?.when.map((one) => one.test)).toEqual([regex('^a'), path('h')]);
  });
});

describe('what is refused', () => {
  const NOTHING = 'would be a regex for any path that holds it; for a prefix write /^\\/api\\//';
  const METHOD = 'must be a method in capitals, such as GET or POST';
  const AS_SENT = 'must be a path as it is sent: from its first / on, percent-encoded, without the query';
  const NORMAL = 'is compared with the normalised path: no "//", "." and "..", %2F for %2f, and ~ for %7E';
  const HOST = 'must be a host name or an address, IPv6 in brackets';
  const WORDS =
    'must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME';

  test.each<[when: string, line: string]>([
    ['mehtod: GET', `8:22: mehtod: ${WORDS}; did you mean "method"?`],
    ['pth: /a', `8:22: pth: ${WORDS}; did you mean "path"?`],
    ['header: b', `8:22: header: ${WORDS}; did you mean "header.NAME"?`],
    ['cookie.a: b', `8:22: cookie.a: ${WORDS}`],
    ['header.: b', `8:22: header.: ${WORDS}`],
    ['method: post', `8:30: method: ${METHOD}`],
    ['method: Get', `8:30: method: ${METHOD}`],
    ['method: ""', `8:30: method: ${METHOD}`],
    ['method: [GET, "POST "]', `8:36: method[1]: ${METHOD}`],
    ['method: { exists: true }', '8:40: method.exists: every request has a method'],
    ['path: { exists: true }', '8:38: path.exists: every request has a path'],
    ['host: "a:8080"', '8:28: host: is compared without a port'],
    ['host: "[::1]:80"', '8:28: host: is compared without a port'],
    ['host: "a:"', '8:28: host: is compared without a port'],
    ['host: "fd00::1"', `8:28: host: ${HOST}`],
    ['host: a b', `8:28: host: ${HOST}`],
    ['host: "https://a"', `8:28: host: ${HOST}`],
    ['host: "*.a"', `8:28: host: ${HOST}`],
    ['path: api', `8:28: path: ${AS_SENT}`],
    ['path: ""', `8:28: path: ${AS_SENT}`],
    ['path: /a b', `8:28: path: ${AS_SENT}`],
    ['path: /ä', `8:28: path: ${AS_SENT}`],
    ['path: "/a#b"', `8:28: path: ${AS_SENT}`],
    ['path: /%zz', `8:28: path: ${AS_SENT}`],
    ['path: /a//b', `8:28: path: ${NORMAL}`],
    ['path: /a/./b', `8:28: path: ${NORMAL}`],
    ['path: /a/..', `8:28: path: ${NORMAL}`],
    ['path: /a%2fb', `8:28: path: ${NORMAL}`],
    ['path: /%7Ea', `8:28: path: ${NORMAL}`],
    ['path: /%41', `8:28: path: ${NORMAL}`],
    ['path: [/a, /b/%2E%2E/c]', `8:33: path[1]: ${NORMAL}`],
    ['path: /api/', `8:28: path: ${NOTHING}`],
    ['path: /v1.2/', `8:28: path: ${NOTHING}`],
    ['path: { not: [/a, /api/v1/] }', `8:40: path.not[1]: ${NOTHING}`],
    ['path: //', '8:28: path: an empty regex matches everything'],
    ["path: '/a?b'", '8:28: path: a value that begins with / is a regex and ends in / and its flags'],
    [
      "path: '/Patient/$all'",
      '8:28: path: a value that begins with / is a regex and ends in / and its flags',
    ],
    ["path: '/^a(/'", '8:28: path: is no RE2 regex: missing closing ): `^a(`'],
    ['header.X-A: /a', '8:34: header.X-A: a value that begins with / is a regex and ends in / and its flags'],
    ['header.X-A: []', '8:34: header.X-A: an empty list matches nothing'],
  ])('%s', (when, line) => {
    const [, place = '', rest = ''] = /^(\d+:\d+): (.*)$/s.exec(line) ?? [];
    expect(outcome(withWhen(when), folderOf({})).errors).toEqual([
      `gateway.yaml:${place}: routes[0].when.${rest}`,
    ]);
  });

  test('and in allow, which knows senders only', () => {
    const text = webConfig({ listener: 'allow: [ { source: 10.0.0.1, path: /a } ]' });
    expect(outcome(text, folderOf({})).errors).toEqual([
      'gateway.yaml:2:65: listeners.l.allow[0].path: must be a field path such as MSH-9.1 or PID-3[2].4, or one of source, tls.subject, tls.san, tls.fingerprint',
    ]);
  });

  test.each(['method', 'host', 'path'])('what came from outside is not told: %s', (left) => {
    const env = { SECRET: 'hunter2 hunter2:1' };
    const { errors } = outcome(withWhen(`${left}: "\${SECRET}"`), folderOf({}), env);
    expect(errors).toHaveLength(1);
    expect(errors.join()).not.toContain('hunter2');
  });
});
