// The YAML below the config: empty files, aliases, and the words that are suggested.
import { describe, expect, test } from 'vitest';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { closest, distance } from '../../src/config/source/closest.ts';
import { config, folderOf, outcome } from './config-folder.ts';

test('an empty config says what is missing', () => {
  const errors = ['gateway.yaml:1:1: listeners: is required', 'gateway.yaml:1:1: routes: is required'];
  for (const text of ['', '# nothing\n', '{}', '---\n', 'null']) {
    expect(outcome(text, folderOf({})).errors).toEqual(errors);
  }
});

describe('aliases', () => {
  test('stand for what they name', () => {
    const text = config({
      pool: 'retry: &retry { attempts: 3 }\n  q: { nodes: { a: { url: "mllp://h:2" } }, retry: *retry }',
      routes: '- { to: q, when: { MSH-9: A } }\n  - to: p',
    });
    expect(outcome(text, folderOf({}))).toEqual({ errors: [], warnings: [] });
  });
  test('stand for the last anchor of their name before them', () => {
    const text = config({
      listener: 'limits: { maxPending: &n 5 }, batch: &b whole',
      node: 'weight: *n, backup: &n false',
      pool: 'q: 1',
    }).replace('    q: 1', '  q: { nodes: { a: { url: "mllp://h:2", backup: *n } } }');
    const { pools } = parseConfig(text, { env: {} }).config;
    expect(pools.map(({ nodes }) => [nodes[0]?.weight, nodes[0]?.backup])).toEqual([
      [5, false],
      [1, false],
    ]);
  });
  test('that contain themselves, multiply or name nothing are problems', () => {
    const errors = (text: string) => outcome(text, folderOf({})).errors.join('\n');
    expect(errors('pools: &p { a: *p }')).toContain('1:11: pools.a: contains itself');
    const [first, ...rest] = 'abcdefgh';
    const multiplying = rest.reduce(
      (text, name, n) => `${text}${name}: &${name} [${Array(10).fill(`*${rest[n - 1] ?? first}`)}]\n`,
      `${first}: &${first} [1]\n`,
    );
    expect(errors(multiplying)).toContain('has too many values; do its aliases multiply?');
    expect(errors('pools: *secret')).toContain('pools: no anchor of this name comes before it');
    expect(errors('pools: *secret')).not.toContain('secret');
    expect(errors('a: &a { b: 1 }\npools: { <<: *a }')).toContain(
      'pools.<<: YAML merge keys are not supported',
    );
  });
});

test('the closest word is one slip for each three letters away at most', () => {
  expect(distance('abc', 'abc')).toBe(0);
  expect(distance('bind', 'bnid')).toBe(1);
  expect(distance('kitten', 'sitting')).toBe(3);
  expect(closest('weigth', ['weight', 'height'])).toBe('weight');
  expect(closest('AX', ['AE', 'AR'])).toBeUndefined();
  expect(closest('', ['a'])).toBeUndefined();
  expect(closest('x'.repeat(10_000), ['x'])).toBeUndefined();
});

test('a problem of the file as a whole has no line', () => {
  expect(formatProblem({ file: 'a', line: 0, column: 0, key: '', message: 'is gone' })).toBe('a: is gone');
});
