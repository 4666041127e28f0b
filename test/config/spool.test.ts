// `pools.NAME.spool`: its defaults, what it is refused with, and that nobody has one without being told what it means.
import { describe, expect, test } from 'vitest';
import { ConfigError, formatProblem, parseConfig } from '../../src/config/load.ts';

function config(spool: string, { pool = '', more = '', url = 'mllp://n:1' } = {}): string {
  return `listeners: { in: { protocol: ${url.startsWith('tcp') ? 'tcp' : 'mllp'}, bind: ":1" } }
pools:
  p: { nodes: { a: { url: "${url}" } }, spool: ${spool}${pool} }
routes: [{ name: all, to: p }]
${more}`;
}

function problems(text: string): string[] {
  try {
    return parseConfig(text, { file: '/etc/g/c.yaml', env: {} }).warnings.map(formatProblem);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map(formatProblem);
  }
}

describe('what is read', () => {
  test('the defaults, and paths that start at the config', () => {
    const { config: read } = parseConfig(config('{ store: { path: spool } }'), {
      file: '/etc/g/c.yaml',
      env: {},
    });
    expect(read.pools[0]?.spool).toEqual({
      when: 'unavailable',
      answer: 'by-header',
      store: { path: '/etc/g/spool', maxBytes: 20 * 2 ** 30, keyFile: undefined },
      deliver: {
        attempts: 0,
        backoff: { minMs: 1000, maxMs: 60_000 },
        onAmbiguous: 'same-node',
        onNegative: 'dead-letter',
      },
      keepMs: 7 * 24 * 3_600_000,
    });
  });

  test('without it nothing is stored', () => {
    const text = config('{ store: { path: spool } }').replace(/, spool: .*\}$/m, ' }');
    expect(parseConfig(text, { env: {} }).config.pools[0]?.spool).toBeUndefined();
  });

  test.each([
    ['2s', { minMs: 2000, maxMs: 2000 }],
    ['500ms..1d', { minMs: 500, maxMs: 86_400_000 }],
  ])('backoff: %s', (backoff, expected) => {
    const text = config(`{ store: { path: s }, deliver: { backoff: ${backoff} } }`);
    expect(parseConfig(text, { env: {} }).config.pools[0]?.spool?.deliver.backoff).toEqual(expected);
  });

  test.each(['5', '2s..1s', '1s..2s..3s', '0', '..1s', '1s..'])('backoff: %s is none', (backoff) => {
    const [problem] = problems(config(`{ store: { path: s }, deliver: { backoff: "${backoff}" } }`));
    expect(problem).toContain('two durations such as 1s..1m');
  });
});

describe('what is said of it', () => {
  test.each([
    ['unavailable', 'may mean that the message is stored here'],
    ['always', 'means that the message is stored here'],
  ])('%s: what a positive acknowledgement means', (when, words) => {
    expect(problems(config(`{ when: ${when}, store: { path: s } }`))).toEqual([
      expect.stringContaining(words),
    ]);
  });

  test('tcp nodes have none', () => {
    expect(problems(config('{ store: { path: s } }', { url: 'tcp://n:1' }))).toEqual([
      expect.stringContaining('pools.p.spool: is for mllp://'),
    ]);
  });

  test.each([
    ['{ when: always }', 'pools.p.spool.store: is required'],
    ['{ store: {} }', 'pools.p.spool.store.path: is required'],
  ])('%s: a path is needed', (spool, words) => {
    expect(problems(config(spool))).toEqual([expect.stringContaining(words)]);
  });

  test('not with several workers', () => {
    expect(problems(config('{ store: { path: s } }', { more: 'workers: 2' }))).toContainEqual(
      expect.stringContaining('needs workers: 1'),
    );
  });

  test('not in the folder of the audit trail', () => {
    const more = 'audit: { syslog: { address: "h:6514" }, spool: { folder: s } }';
    expect(problems(config('{ store: { path: ./s } }', { more }))).toContainEqual(
      expect.stringContaining('is the folder of audit.spool'),
    );
  });

  test('one store is the same for all pools that have it', () => {
    const pool =
      ' }\n  q: { nodes: { a: { url: "mllp://n:2" } }, spool: { store: { path: s, maxSize: 1GiB } }';
    expect(problems(config('{ store: { path: s } }', { pool }))).toContainEqual(
      expect.stringContaining('pools.q.spool.store: differs from that of pool p at the same path'),
    );
  });

  test('a key file that is not there', () => {
    expect(problems(config('{ store: { path: s, key: { file: /no/key } } }'))).toContainEqual(
      expect.stringContaining('pools.p.spool.store.key.file: the file "/no/key" does not exist'),
    );
  });

  test('what a stored message does not have any more', () => {
    const pool = ', persistence: { by: [tls.subject] }';
    expect(problems(config('{ store: { path: s } }', { pool }))).toContainEqual(
      expect.stringContaining('sticks to no node by tls.subject'),
    );
  });
});

describe('duplicates', () => {
  const withDuplicates = (duplicates: string, more = ''): string =>
    config('{ store: { path: s } }', { pool: `, duplicates: ${duplicates}`, more });

  test('their defaults', () => {
    const { config: read } = parseConfig(withDuplicates('{}'), { env: {} });
    expect(read.pools[0]?.duplicates).toMatchObject({
      windowMs: 24 * 3_600_000,
      on: 'answer-again',
      by: ['MSH-3', 'MSH-4', 'MSH-10'].map((text) => ({ kind: 'field', path: { text } })),
    });
  });

  test.each([
    ['{ by: [PID-3] }', '', 'pools.p.duplicates.by: takes fields of MSH'],
    ['{ by: [source] }', '', 'pools.p.duplicates.by: takes fields of MSH'],
    ['{ by: [] }', '', 'pools.p.duplicates.by: needs at least one field'],
    ['{}', 'workers: 2', 'pools.p.duplicates: needs workers: 1'],
  ])('%s %s is refused', (duplicates, more, words) => {
    expect(problems(withDuplicates(duplicates, more))).toContainEqual(expect.stringContaining(words));
  });
});
