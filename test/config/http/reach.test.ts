// What a config says about HTTP and no request meets: the exact warning that each comes to, and near misses.
import { describe, expect, test } from 'vitest';
import { config, folderOf, outcome, webConfig } from '../config-folder.ts';

const QUIET = { errors: [], warnings: [] };

function problemsOf(text: string) {
  return outcome(text, folderOf({}));
}

/** One listener, and pools p (http) and q (mllp); routes begin in line 7. */
function twoPools(routes: string, protocol = 'http', p = '', q = 'mllp://h:1'): string {
  return [
    'listeners:', // line 1
    `  l: { bind: ":1", protocol: ${protocol} }`, // 2
    'pools:', // 3
    `  p: { nodes: { a: { url: "http://h" } }, ${p} }`, // 4
    `  q: { nodes: { a: { url: "${q}" } } }`, // 5
    'routes:', // 6
    ...routes.split('\n').map((route) => `  - ${route}`), // 7
  ].join('\n');
}

describe('where no listener speaks http', () => {
  const NOBODY = 'no listener speaks http';
  const NEVER = `${NOBODY}, so this never holds`;
  const when = (conditions: string) => config({ routes: `- { to: p, when: { ${conditions} } }` });
  const persistent = (persistence: string) =>
    config({ pool: `persistence: { ${persistence} }` }).replace('"mllp://h', '"http://h');

  const toHttp = (http: string) =>
    config({ routes: `- { to: p, http: { ${http} } }` }).replace('"mllp://h', '"http://h');

  test.each<[text: string, line: string]>([
    [when('path: /a'), `8:22: routes[0].when.path: ${NEVER}`],
    [when('method: GET'), `8:22: routes[0].when.method: ${NEVER}`],
    [when('MSH-3: A, host: a'), `8:32: routes[0].when.host: ${NEVER}`],
    // Not even so: it is no question for a message.
    [when('header.X-A: { not: a }'), `8:22: routes[0].when.header.X-A: ${NEVER}`],
    [when('header.X-A: { exists: false }'), `8:22: routes[0].when.header.X-A: ${NEVER}`],
    [
      persistent('by: [MSH-3, header.X-A]'),
      `6:24: pools.p.persistence.by: ${NOBODY}, so header.x-a is always empty`,
    ],
    [persistent('by: host'), `6:24: pools.p.persistence.by: ${NOBODY}, so host is always empty`],
    [
      persistent('by: cookie.S, mode: table'),
      `6:24: pools.p.persistence.by: ${NOBODY}, so cookie.S is always empty`,
    ],
    [persistent('cookie: N'), `6:20: pools.p.persistence.cookie: ${NOBODY}, so this has no effect`],
    [toHttp('hl7: true'), `8:22: routes[0].http.hl7: ${NOBODY}, so this has no effect`],
    [
      toHttp('rewrite: { path: [a, /b] }, timeout: 5s'),
      `8:22: routes[0].http.rewrite: ${NOBODY}, so this has no effect`,
    ],
    [
      toHttp('timeout: 5s, request: { set: { Authorization: x } }, response: {}'),
      `8:75: routes[0].http.response: ${NOBODY}, so this has no effect`,
    ],
  ])('$1', (text, line) => {
    expect(problemsOf(text)).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test('hl7 beside a condition on a field is one surprise here', () => {
    const text = toHttp('hl7: true').replace('to: p,', 'to: p, when: { MSH-3: A },');
    expect(problemsOf(text).warnings).toEqual([
      `gateway.yaml:8:42: routes[0].http.hl7: ${NOBODY}, so this has no effect`,
    ]);
  });

  test('what is for posted messages has an effect all the same', () => {
    const http = 'request: { set: { Authorization: Basic x } }, timeout: 5s';
    expect(problemsOf(toHttp(http))).toEqual(QUIET);
  });

  test.each([
    when('path: /a'),
    persistent('by: header.X-A'),
    persistent('cookie: N'),
    toHttp('response: {}'),
  ])('none where one does, or was meant to: %#', (text) => {
    const other = text.replace('pools:', '  k: { bind: ":2", protocol: http }\npools:');
    expect(problemsOf(other)).toEqual(QUIET);
    const misspelt = text.replace('pools:', '  k: { bind: ":2", protocol: htp }\npools:');
    expect(problemsOf(misspelt).errors).toHaveLength(1);
    expect(problemsOf(misspelt).warnings).toEqual([]);
  });
});

describe('a route that brings no request to an HTTP node', () => {
  const MLLP = 'has no effect, as the nodes of pool q speak mllp';
  const REJECTS = 'has no effect, as this route rejects';
  test.each<[route: string, line: string]>([
    ['{ to: q, http: { timeout: 5s } }', `7:42: routes[0].http.timeout: ${MLLP}`],
    ['{ to: q, http: { hl7: true, rewrite: { path: [a, /b] } } }', `7:53: routes[0].http.rewrite: ${MLLP}`],
    ['{ to: q, http: { request: { set: { X: a } } } }', `7:42: routes[0].http.request: ${MLLP}`],
    ['{ reject: {}, http: { response: { set: { X: a } } } }', `7:47: routes[0].http.response: ${REJECTS}`],
  ])('%s', (route, line) => {
    const first = route.replace('http:', 'when: { path: /a }, http:');
    const text = twoPools(`${first}\n{ to: p, when: { path: /b } }\nto: q`);
    expect(problemsOf(text)).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test('none where there is no such pool, which is an error', () => {
    const { errors, warnings } = problemsOf(twoPools('{ to: r, http: { timeout: 5s } }'));
    expect(errors).toEqual(['gateway.yaml:7:11: routes[0].to: no pool has the name "r"']);
    expect(warnings.join()).not.toContain('routes[0].http');
  });

  test('one for each key, and without any HTTP listener for hl7, too', () => {
    const route = '{ to: q, http: { hl7: true, rewrite: {}, request: {}, response: {}, timeout: 5s } }';
    const keys = (protocol: string) =>
      problemsOf(twoPools(`{ to: p, when: { MSH-3: A } }\n${route}`, protocol)).warnings.map((line) =>
        line.replace(/^.*routes\[1\]\.http\.(\w+):.*$/, '$1'),
      );
    expect(keys('http')).toEqual(['rewrite', 'request', 'response', 'timeout']);
    expect(keys('mllp')).toEqual(['hl7', 'rewrite', 'request', 'response', 'timeout']);
  });

  test.each(['{ to: q, http: { hl7: true } }', '{ reject: {}, http: { hl7: true } }', '{ to: q, http: {} }'])(
    'none for %s',
    (route) => {
      const text = twoPools(
        `{ to: p, when: { path: /a }, http: { timeout: 5s } }\n{ to: q, when: { path: /b } }\n${route}`,
      );
      expect(problemsOf(text)).toEqual(QUIET);
    },
  );
});

test('hl7 beside a condition on a field, which holds before there is a message for nothing', () => {
  const routes = (hl7: boolean, when: string) =>
    twoPools(`{ to: q, when: { ${when} }, http: { hl7: ${hl7} } }\nto: p`);
  expect(problemsOf(routes(true, 'path: /a, MSH-9.1: ADT'))).toEqual({
    errors: [],
    warnings: [
      'gateway.yaml:7:56: routes[0].http.hl7: has no effect, as MSH-9.1 holds for no request before it is read as a message',
    ],
  });
  expect(problemsOf(routes(false, 'path: /a, MSH-9.1: ADT'))).toEqual(QUIET);
  expect(problemsOf(routes(true, 'path: /a, source: 10.0.0.1'))).toEqual(QUIET);
});

describe('two pools with one cookie', () => {
  const cookie = (name: string) => `persistence: { cookie: ${name} }`;
  const text = (one: string, other: string, routes: string) =>
    twoPools(routes, 'http', cookie(one), 'http://h').replace('  q: {', `  q: { ${cookie(other)},`);

  test('a client of both keeps its node in neither', () => {
    expect(problemsOf(text('N', 'N', '{ to: p, when: { path: /a } }\nto: q'))).toEqual({
      errors: [],
      warnings: [
        'gateway.yaml:5:23: pools.q.persistence.cookie: is that of pool p as well: a client of both keeps its node in neither',
      ],
    });
  });

  test.each([
    ['two names', text('N', 'n', '{ to: p, when: { path: /a } }\nto: q')],
    ['two hosts', text('N', 'N', '{ to: p, when: { host: a } }\n{ to: q, when: { host: b } }')],
    ['no cookie', twoPools('{ to: p, when: { path: /a } }\nto: q')],
  ])('none for %s', (_, two) => expect(problemsOf(two)).toEqual(QUIET));

  test('one host of two is not enough', () => {
    expect(problemsOf(text('N', 'N', '{ to: p, when: { host: a } }\nto: q')).warnings).toHaveLength(1);
    const more = '{ to: p, when: { host: a } }\n{ to: p, when: { path: /b } }\n{ to: q, when: { host: b } }';
    expect(problemsOf(text('N', 'N', more)).warnings).toHaveLength(1);
  });
});

test('the whole of a web config is quiet', () => {
  const text = webConfig({
    pool: 'persistence: { cookie: GATEWAY_NODE, by: source }',
    routes: '- { to: p, when: { host: a.example, path: /^\\/api\\// }, http: { timeout: 5m } }',
  });
  expect(problemsOf(text)).toEqual(QUIET);
});
