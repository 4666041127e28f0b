// What a gateway of several processes does not do is refused by name, with its place.
import { expect, test } from 'vitest';
import { ConfigError, formatProblem, parseConfig } from '../../src/config/load.ts';

function problemsOf(more: { pool?: object; listener?: object; top?: object }): readonly string[] {
  const text = JSON.stringify({
    listeners: { in: { bind: '127.0.0.1:0', ...more.listener } },
    pools: { pool: { nodes: { a: { url: 'mllp://127.0.0.1:1' } }, ...more.pool } },
    routes: [{ to: 'pool' }],
    workers: 2,
    ...more.top,
  });
  try {
    parseConfig(text, { env: {} });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map(formatProblem);
  }
}

const TABLE = {
  nodes: { a: { url: 'http://127.0.0.1:1' } },
  persistence: { by: ['MSH-3'], mode: 'table' },
};
const HTTP_POOL = { nodes: { a: { url: 'http://127.0.0.1:1' } }, connections: { max: 1 } };

test.each([
  ['a sticky table of clients', { pool: TABLE }, /pools\.pool\.persistence\.mode: table needs workers: 1/],
  ['the tap', { top: { admin: { token: 'a-token-of-a-test', tap: true } } }, /admin: tap needs workers: 1/],
  [
    'a limit by source behind a PROXY header',
    {
      listener: {
        proxyProtocol: true,
        trustedProxies: ['127.0.0.1'],
        limits: { maxConnectionsPerSource: 2 },
      },
    },
    /listeners\.in\.limits\.maxConnectionsPerSource: with proxyProtocol needs workers: 1/,
  ],
  ['fewer HTTP connections than workers', { pool: HTTP_POOL }, /pools\.pool\.connections\.max: .*at least 2/],
  [
    'an HTTP listener for fewer',
    { listener: { protocol: 'http', limits: { maxConnections: 1 } } },
    /listeners\.in\.limits\.maxConnections: at least 2/,
  ],
] as const)('%s', (_, more, problem) => {
  const problems = problemsOf(more);
  expect(problems.length).toBe(1);
  expect(problems[0]).toMatch(problem);
  expect(problems[0]).toMatch(/^config:\d+:\d+: /);
  // With one, and by default, nothing of it is refused.
  expect(problemsOf({ ...more, top: { ...('top' in more ? more.top : {}), workers: 1 } })).toEqual([]);
});

test('auto is refused what no number of workers does', () => {
  expect(problemsOf({ pool: TABLE, top: { workers: 'auto' } }).length).toBe(1);
  expect(problemsOf({ top: { workers: 'auto' } })).toEqual([]);
});

test.each([0, 65, 'two', 1.5])('workers: %s is no number of workers', (workers) => {
  expect(problemsOf({ top: { workers } })).toEqual([
    expect.stringMatching(/workers: must be auto or an integer from 1 to 64/),
  ]);
});
