// A route's `http`: rewriting, headers and their variables, what is refused (F70, F75) and what surprises.
import { describe, expect, test } from 'vitest';
import type { HttpRouteConfig } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { folderOf, outcome, webConfig } from '../config-folder.ts';

/** What `http` holds starts at column 22 of line 8. */
function withHttp(http: string): string {
  return webConfig({ routes: `- { to: p, http: { ${http} } }` });
}

function loaded(http: string, env: Record<string, string> = {}): HttpRouteConfig | undefined {
  return parseConfig(withHttp(http), { env }).config.routes[0]?.http;
}

function problemsOf(http: string, env: Record<string, string> = {}) {
  return outcome(withHttp(http), folderOf({}), env);
}

const NONE = { remove: [], set: [], add: [] };

describe('good values', () => {
  test('every default', () => {
    expect(loaded('')).toEqual({
      hl7: false,
      rewrite: undefined,
      request: NONE,
      response: NONE,
      timeoutMs: undefined,
    });
  });

  test('every key', () => {
    const http = [
      'hl7: true',
      'rewrite: { path: [/^\\/api\\/(.*)$/i, /v2/$1] }',
      'request: { remove: [Cookie, X-B], set: { Host: "node.example:8080", X-C: a b }, add: { X-D: "" } }',
      'response: { remove: Server, set: { X-E: 5 }, add: { Set-Cookie: "a=b; Path=/" } }',
      'timeout: 5m',
    ];
    expect(loaded(http.join(', '))).toEqual({
      hl7: true,
      rewrite: { source: '^\\/api\\/(.*)$', flags: 'i', to: '/v2/$1' },
      request: {
        remove: ['cookie', 'x-b'],
        set: [
          { name: 'host', value: 'node.example:8080' },
          { name: 'x-c', value: 'a b' },
        ],
        add: [{ name: 'x-d', value: '' }],
      },
      response: {
        remove: ['server'],
        set: [{ name: 'x-e', value: '5' }],
        add: [{ name: 'set-cookie', value: 'a=b; Path=/' }],
      },
      timeoutMs: 300_000,
    });
  });

  test.each<[string, unknown]>([
    ['[^/api, /v2]', { source: '^/api', flags: '', to: '/v2' }],
    ['[/^api/, /v2]', { source: '^api', flags: '', to: '/v2' }],
    ['[/api, /v2]', { source: '/api', flags: '', to: '/v2' }],
    ['["(.)(.)", $2$1]', { source: '(.)(.)', flags: '', to: '$2$1' }],
    ['["^/(?P<a>.*)$", "/x/$1/%C3%A4;v=1"]', { source: '^/(?P<a>.*)$', flags: '', to: '/x/$1/%C3%A4;v=1' }],
    ['["^/a", /]', { source: '^/a', flags: '', to: '/' }],
  ])('rewrite.path: %s', (path, rewrite) =>
    expect(loaded(`rewrite: { path: ${path} }`)?.rewrite).toEqual(rewrite),
  );

  test('a header of each way may have the same name, and one may be removed, set and added', () => {
    const rules = '{ remove: X-A, set: { X-A: 1 }, add: { x-a: 2 } }';
    expect(problemsOf(`request: ${rules}, response: ${rules}`)).toEqual({ errors: [], warnings: [] });
  });
});

describe('variables', () => {
  const valueFrom = (value: string, env: Record<string, string> = {}): string | undefined => {
    return loaded(`request: { set: { X-A: ${value} } }`, env)?.request.set[0]?.value;
  };

  test.each(['${client.address}', '${tls.subject}', '${request.id}', '${node}', 'a ${node}/${node} b'])(
    '%s stays as it is, whatever the environment holds',
    (value) => {
      const env = { node: 'from-env', 'client.address': 'from-env' };
      expect(valueFrom(`"${value}"`, env)).toBe(value);
      expect(loaded(`response: { add: { X-A: "${value}" } }`, env)?.response.add[0]?.value).toBe(value);
    },
  );

  test('beside those of the environment', () => {
    expect(valueFrom('"${SITE}:${node}:${OTHER:-x}"', { SITE: 'north' })).toBe('north:${node}:x');
  });

  test('also where the value comes from the environment or a file', () => {
    expect(valueFrom('"${VALUE}"', { VALUE: 'a${node}' })).toBe('a${node}');
    const folder = folderOf({ value: '${request.id}\n' });
    const text = withHttp('request: { set: { X-A: { file: value } } }');
    const { config } = parseConfig(text, { file: `${folder}/gateway.yaml`, env: {} });
    expect(config.routes[0]?.http?.request.set[0]?.value).toBe('${request.id}');
  });

  test('by way of an alias', () => {
    const rules = 'request: { set: { X-A: &v "${node}", X-B: *v } }';
    expect(loaded(rules)?.request.set.map(({ value }) => value)).toEqual(['${node}', '${node}']);
  });

  const KNOWN = '${client.address}, ${tls.subject}, ${request.id}, ${node}';
  const place = 'gateway.yaml:8:45: routes[0].http.request.set.X-A';
  test.each<[string, string]>([
    [
      '"${client.adress}"',
      `the variables here are ${KNOWN}, and those of the environment; did you mean "client.address"?`,
    ],
    ['"${tls.san}"', `the variables here are ${KNOWN}, and those of the environment`],
    ['"${}"', `the variables here are ${KNOWN}, and those of the environment`],
    ['"${node"', `the variables here are ${KNOWN}, and those of the environment; did you mean "node"?`],
    [
      '"${nod}"',
      'the environment variable nod is not set (${nod:-…} would give a default); did you mean "node"?',
    ],
    ['"${SITE}"', 'the environment variable SITE is not set (${SITE:-…} would give a default)'],
    ['"$${node}"', '"${" itself cannot stand here, as each request fills in variables'],
  ])('%s is refused', (value, message) => {
    expect(problemsOf(`request: { set: { X-A: ${value} } }`).errors).toEqual([`${place}: ${message}`]);
  });

  test.each(['${tls.subjct}', '${HOME}', '${', 'a${node', '${}'])('%s from outside is refused', (value) => {
    const [error, ...more] = problemsOf('request: { set: { X-A: "${VALUE}" } }', { VALUE: value }).errors;
    expect(error).toContain(`${place}: the variables here are ${KNOWN}`);
    expect(more).toEqual([]);
  });

  test.each<[what: string, text: string, line: string]>([
    [
      'the name of a route',
      '{ to: p, name: "${node}" }',
      'routes[0].name: the environment variable node is not set',
    ],
    [
      'a condition',
      '{ to: p, when: { host: "${node}" } }',
      'routes[0].when.host: the environment variable node is not set',
    ],
    [
      'what a path becomes',
      '{ to: p, http: { rewrite: { path: [a, "/${node}"] } } }',
      'routes[0].http.rewrite.path[1]: the environment variable node is not set',
    ],
    [
      'what is removed',
      '{ to: p, http: { request: { remove: "${node}" } } }',
      'routes[0].http.request.remove: the environment variable node is not set',
    ],
    [
      'the text of a rejection',
      '{ reject: { text: "${client.address}" } }',
      'routes[0].reject.text: "${" must begin ${NAME}',
    ],
    ['the pool', '{ to: "${request.id}" }', 'routes[0].to: "${" must begin ${NAME}'],
  ])('%s has none of these', (_, route, line) => {
    const errors = outcome(webConfig({ routes: `- ${route}` }), folderOf({})).errors.join('\n');
    expect(errors).toContain(line);
    expect(errors.split('\n').length).toBeLessThanOrEqual(2);
  });

  test('and where the environment has a variable of that name, it is taken there', () => {
    const text = webConfig({ routes: '- { to: p, name: "${node}" }' });
    expect(parseConfig(text, { env: { node: 'north' } }).config.routes[0]?.name).toBe('north');
  });
});

describe('one mistake, one line', () => {
  const TWO = 'takes two texts: [REGEX, TO]';
  const PATH = 'must be a path that begins with / or a group such as $1, percent-encoded and without a query';
  test.each<[http: string, line: string]>([
    ['hl7: 1', '8:27: hl7: must be true or false, not "1"'],
    ['timeout: 0', '8:31: timeout: must be longer than 0, not "0"'],
    ['rewirte: {}', '8:22: rewirte: unknown key; did you mean "rewrite"?'],
    ['request: { sett: {} }', '8:33: request.sett: unknown key; did you mean "set"?'],
    ['request: { set: [a] }', '8:38: request.set: must be a map'],
    ['request: { set: X-A }', '8:38: request.set: must be a map'],
    ['request: { set: { X-A: } }', '8:40: request.set.X-A: has no value'],
    ['request: { set: { X-A: [a] } }', '8:45: request.set.X-A: must be a single value, not a list'],
    // Rewriting
    ['rewrite: /a', '8:31: rewrite: must be a map'],
    ['rewrite: { path: /a }', `8:39: rewrite.path: ${TWO}`],
    ['rewrite: { path: [] }', `8:39: rewrite.path: ${TWO}`],
    ['rewrite: { path: [/a] }', `8:39: rewrite.path: ${TWO}`],
    ['rewrite: { path: [/a, /b, /c] }', `8:39: rewrite.path: ${TWO}`],
    [
      'rewrite: { path: [/a/g, /b] }',
      '8:40: rewrite.path[0]: the flags of a regex are i, m and s, each at most once',
    ],
    ['rewrite: { path: ["", /b] }', '8:40: rewrite.path[0]: must be one line of 1 to 200 characters'],
    ['rewrite: { path: [//, /b] }', '8:40: rewrite.path[0]: an empty regex matches everything'],
    ['rewrite: { path: ["a\\nb", /b] }', '8:40: rewrite.path[0]: must be one line of 1 to 200 characters'],
    [
      'rewrite: { path: [/api/, /b] }',
      '8:40: rewrite.path[0]: would be the regex between its slashes, which matches anywhere; for a prefix write ^/api/',
    ],
    ['rewrite: { path: ["(", /b] }', '8:40: rewrite.path[0]: is no RE2 regex: missing closing ): `(`'],
    ['rewrite: { path: [^/a, b] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, ""] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, "/b?c=d"] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, "/b#c"] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, "/b c"] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, "/b\\r\\nX: y"] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /ä] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /%zz] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /$0] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /$$] }', `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /$&] }', `8:45: rewrite.path[1]: ${PATH}`],
    [`rewrite: { path: [^/a, /${'b'.repeat(200)}] }`, `8:45: rewrite.path[1]: ${PATH}`],
    ['rewrite: { path: [^/a, /$1] }', '8:45: rewrite.path[1]: the regex has no group $1'],
    ['rewrite: { path: ["^/(a)", $1$2] }', '8:49: rewrite.path[1]: the regex has no group $2'],
    ['rewrite: { path: [^/a, /b/../c] }', '8:45: rewrite.path[1]: must be a path without "." and ".." in it'],
    ['rewrite: { path: [^/a, /%2e/c] }', '8:45: rewrite.path[1]: must be a path without "." and ".." in it'],
  ])('%s', (http, line) => {
    const [, place = '', rest = ''] = /^(\d+:\d+): (.*)$/s.exec(line) ?? [];
    expect(problemsOf(http).errors).toEqual([`gateway.yaml:${place}: routes[0].http.${rest}`]);
  });

  test('http itself is a map', () => {
    const errors = (http: string) =>
      outcome(webConfig({ routes: `- { to: p, http: ${http} }` }), folderOf({})).errors;
    expect(errors('true')).toEqual(['gateway.yaml:8:20: routes[0].http: must be a map']);
    expect(errors('')).toEqual(['gateway.yaml:8:14: routes[0].http: has no value']);
    expect(errors('{}')).toEqual([]);
  });
});

test('F75 a path is rewritten by RE2 only', () => {
  const errors = (regex: string) => problemsOf(`rewrite: { path: ["${regex}", /b] }`).errors.join('\n');
  for (const regex of ['(?=a)b', '(a)\\\\1', '(?<!a)b', 'a{2000}', '/^(?!a)/']) {
    expect(errors(regex)).toContain('routes[0].http.rewrite.path[0]: is no RE2 regex');
  }
  expect(errors('(a+)+$')).toBe('');
});
