// From a table of keys to what is read: names with their units, types, defaults, and what stands in for a refused value.
import { describe, expect, expectTypeOf, test } from 'vitest';
import { type KeyTable, key, keysOnlyFor, type Values } from '../../src/config/keys/key.ts';
import { CONFIG_SECTIONS, SECRET_KEYS } from '../../src/config/keys/sections.ts';
import { readSection, type Section } from '../../src/config/read/section.ts';
import { formatProblem, Problems } from '../../src/config/source/problem.ts';
import { readTree } from '../../src/config/source/tree.ts';

const TABLE = {
  idle: key.duration('5m', 'How long'),
  pause: key.optional('duration', 'How long, or not at all'),
  limits: {
    maxFrame: key.size('16MiB', [1024, 2 ** 30], 'How large'),
    maxSize: key.size('1KiB', [0, 2 ** 30], 'How large'),
    ports: key.optionalCount([1, 65_535], 'Which'),
    most: key.autoCount([1, 10], 'How many'),
  },
  mode: key.oneOf(['hash', 'table'], 'How'),
  style: key.optionalWord(['plain', 'bold'], 'How, or as it is'),
  on: key.flag(true, 'Whether'),
  bind: key.preset('bind', '127.0.0.1:1', 'Where'),
  name: key.optional('text', 'Who'),
  more: key.only(['mllp'], key.optional('map', 'What else')),
} satisfies KeyTable;

function read(text: string): { section: Section<typeof TABLE>; problems: string[] } {
  const problems = new Problems('f');
  const reading = { problems, env: {}, folder: '/' };
  const tree = readTree(text, reading) ?? { kind: 'map', place: { line: 1, column: 1 }, entries: [] };
  const section = readSection(tree, TABLE, { key: 'k', place: tree.place }, reading);
  try {
    problems.throwIfAny();
    return { section, problems: [] };
  } catch (thrown) {
    return { section, problems: (thrown as { problems: [] }).problems.map(formatProblem) };
  }
}

describe('the values of a table', () => {
  test('have their unit in the name, their type from the format, and undefined where there may be none', () => {
    expectTypeOf<Values<typeof TABLE>>().toEqualTypeOf<{
      readonly idleMs: number;
      readonly pauseMs: number | undefined;
      readonly limits: {
        readonly maxFrameBytes: number;
        readonly maxBytes: number;
        readonly ports: number | undefined;
        readonly most: number | 'auto';
      };
      readonly mode: 'hash' | 'table';
      readonly style: 'plain' | 'bold' | undefined;
      readonly on: boolean;
      readonly bind: { readonly host: string; readonly port: number };
      readonly name: string | undefined;
    }>();
    expect(read('').section.values).toEqual({
      idleMs: 300_000,
      pauseMs: undefined,
      limits: { maxFrameBytes: 16 * 2 ** 20, maxBytes: 1024, ports: undefined, most: 'auto' },
      mode: 'hash',
      style: undefined,
      on: true,
      bind: { host: '127.0.0.1', port: 1 },
      name: undefined,
    });
  });

  test('are what the file says', () => {
    const text = 'idle: 2s\nlimits: { ports: 80, most: 3 }\nmode: table\non: false\nbind: ":2"\nname: x\n';
    const { section, problems } = read(text);
    expect(problems).toEqual([]);
    expect(section.values).toMatchObject({
      idleMs: 2000,
      limits: { ports: 80, most: 3 },
      mode: 'table',
      on: false,
      bind: { host: '0.0.0.0', port: 2 },
      name: 'x',
    });
  });

  test('have a stand-in that no check trips over where they are refused', () => {
    const { section, problems } = read(
      'idle: long\npause: long\nlimits: { most: many, maxFrame: 1 }\non: yes\nbind: here\n',
    );
    expect(problems).toHaveLength(6);
    expect(section.values).toMatchObject({
      idleMs: Number.NaN,
      pauseMs: undefined,
      limits: { most: 'auto' },
      on: false,
      bind: { host: '127.0.0.1', port: 0 },
    });
    expect(section.has('idle')).toBe(true);
    expect(section.has('mode')).toBe(false);
  });
});

test('keys for some protocols only are found by their way within the table', () => {
  expect(keysOnlyFor(TABLE).map(([name, only]) => [name, only])).toEqual([['more', ['mllp']]]);
  const listener = keysOnlyFor(CONFIG_SECTIONS['listeners.NAME'] ?? {}).map(([name]) => name);
  expect(listener).toContain('framing.missingCr');
  expect(listener).toContain('http.path.blanks');
});

test('secrets are told by their tables', () => {
  expect([...SECRET_KEYS].sort()).toEqual(['credentials', 'hashKey', 'passphrase', 'password', 'token']);
});
