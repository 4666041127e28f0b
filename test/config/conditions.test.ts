// Conditions and sticky keys: what each way of writing one becomes, and what is refused.
import { describe, expect, test } from 'vitest';
import { parseSubject } from '../../src/config/build/conditions.ts';
import type { Condition } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { compileRegex } from '../../src/hl7/regex.ts';
import { folderOf, outcome } from './config-folder.ts';

function configWith(when: string): string {
  return [
    'listeners: { adt: { bind: ":1" }, lab: { bind: ":2" } }',
    'routes:',
    `  - when: ${when}`,
    '    reject: {}',
  ].join('\n');
}

function conditions(when: string, env: Record<string, string> = {}): readonly Condition[] {
  return parseConfig(configWith(when), { env }).config.routes[0]?.when ?? [];
}

function testOf(value: string, left = 'MSH-4'): unknown {
  return conditions(`{ ${left}: ${value} }`)[0]?.test;
}

describe('left side', () => {
  test('a field path, or a word', () => {
    expect(parseSubject('PID-3[2].4.1')).toMatchObject({
      kind: 'field',
      path: { segment: 'PID', repetition: 2 },
    });
    for (const kind of ['listener', 'source', 'tls.subject', 'tls.san', 'tls.fingerprint']) {
      expect(parseSubject(kind)).toEqual({ kind });
    }
    for (const none of ['', 'msh-9', 'MSH', 'MSH-0', 'tls', 'toString', '__proto__']) {
      expect(parseSubject(none)).toBeUndefined();
    }
  });
  test('keeps its order and its text', () => {
    const both = conditions('{ ZPI-1: a, "OBX[3]-5": b }');
    expect(both.map(({ text }) => text)).toEqual(['ZPI-1', 'OBX[3]-5']);
  });
});

test('a path with brackets needs quotes in braces and none in a block, and the error says so', () => {
  const block = configWith('').replace('when: ', 'when:\n      OBX[3]-5: b');
  expect(parseConfig(block, { env: {} }).config.routes[0]?.when[0]?.text).toBe('OBX[3]-5');
  const [error] = outcome(configWith('{ OBX[3]-5: b }'), folderOf({})).errors;
  expect(error).toContain('a path such as "OBX[3]-5" must stand in quotes');
});

describe('right side', () => {
  test.each<[string, unknown]>([
    ['ADT', { kind: 'equals', value: 'ADT' }],
    ['2.50', { kind: 'equals', value: '2.50' }],
    ['0012', { kind: 'equals', value: '0012' }],
    ['True', { kind: 'equals', value: 'True' }],
    ['1e3', { kind: 'equals', value: '1e3' }],
    ['\'""\'', { kind: 'equals', value: '""' }],
    ['2026-11-22', { kind: 'equals', value: '2026-11-22' }],
    ["''", { kind: 'exists', exists: false }],
    ['"null"', { kind: 'equals', value: 'null' }],
    [
      '[A, 2]',
      {
        kind: 'any',
        tests: [
          { kind: 'equals', value: 'A' },
          { kind: 'equals', value: '2' },
        ],
      },
    ],
    ['{ not: TEST }', { kind: 'not', test: { kind: 'equals', value: 'TEST' } }],
    ['{ not: { not: A } }', { kind: 'not', test: { kind: 'not', test: { kind: 'equals', value: 'A' } } }],
    ['{ exists: true }', { kind: 'exists', exists: true }],
    ['{ exists: false }', { kind: 'exists', exists: false }],
    [
      '[A, { exists: false }]',
      {
        kind: 'any',
        tests: [
          { kind: 'equals', value: 'A' },
          { kind: 'exists', exists: false },
        ],
      },
    ],
    ['/^ORU\\^R01/', { kind: 'regex', source: '^ORU\\^R01', flags: '' }],
    ['/a/b/i', { kind: 'regex', source: 'a/b', flags: 'i' }],
    ['/a/ism', { kind: 'regex', source: 'a', flags: 'ism' }],
    [
      '[/a/, B]',
      {
        kind: 'any',
        tests: [
          { kind: 'regex', source: 'a', flags: '' },
          { kind: 'equals', value: 'B' },
        ],
      },
    ],
  ])('%s', (value, expected) => expect(testOf(value)).toEqual(expected));

  test.each<[string, unknown]>([
    ['10.1.0.0/16', { kind: 'cidr', range: '10.1.0.0/16' }],
    ['10.1.2.3', { kind: 'cidr', range: '10.1.2.3' }],
    ['"fd00::/8"', { kind: 'cidr', range: 'fd00::/8' }],
    ['"::1"', { kind: 'cidr', range: '::1' }],
    [
      '{ not: [10.0.0.0/8] }',
      { kind: 'not', test: { kind: 'any', tests: [{ kind: 'cidr', range: '10.0.0.0/8' }] } },
    ],
  ])('source %s', (value, expected) => expect(testOf(value, 'source')).toEqual(expected));

  test('a listener is one that exists, and may be matched by a regex', () => {
    expect(testOf('[adt, lab]', 'listener')).toMatchObject({ kind: 'any' });
    expect(testOf('/^a/', 'listener')).toEqual({ kind: 'regex', source: '^a', flags: '' });
  });

  test('a fingerprint is written as Node.js writes it, however it was pasted', () => {
    const canonical = Array(32).fill('AB').join(':');
    expect(testOf('ab'.repeat(32), 'tls.fingerprint')).toEqual({ kind: 'equals', value: canonical });
    expect(testOf(`"${canonical}"`, 'tls.fingerprint')).toEqual({ kind: 'equals', value: canonical });
  });

  test('a value from the environment is read like one that was written', () => {
    const when = '{ MSH-4: "${SITE}", MSH-9: "${TYPE}" }';
    expect(conditions(when, { SITE: 'NORTH', TYPE: '/^ADT/' }).map((one) => one.test)).toEqual([
      { kind: 'equals', value: 'NORTH' },
      { kind: 'regex', source: '^ADT', flags: '' },
    ]);
  });

  test('a value from a file is its text', () => {
    const folder = folderOf({ site: 'NORTH\n' });
    const text = configWith('{ MSH-4: { file: site } }');
    const { config } = parseConfig(text, { file: `${folder}/gateway.yaml`, env: {} });
    expect(config.routes[0]?.when[0]?.test).toEqual({ kind: 'equals', value: 'NORTH' });
  });
});

describe('what is refused', () => {
  test.each<[when: string, line: string]>([
    ['{ MSH-4: }', 'MSH-4: has no value; for "is empty" write { exists: false }'],
    ['{ MSH-4: [] }', 'MSH-4: an empty list matches nothing'],
    ['{ MSH-4: {} }', 'MSH-4: takes one of { not: … }, { exists: … } and { file: … } at a time'],
    [
      '{ MSH-4: { not: A, exists: true } }',
      'MSH-4: takes one of { not: … }, { exists: … } and { file: … } at a time',
    ],
    ['{ MSH-4: { nto: A } }', 'MSH-4.nto: unknown key; did you mean "not"?'],
    ['{ MSH-4: { exists: maybe } }', 'MSH-4.exists: must be true or false, not "maybe"'],
    ['{ MSH-4: [A, { not: }] }', 'MSH-4[1].not: has no value; for "is empty" write { exists: false }'],
    ['{ MSH-4: /^A }', 'MSH-4: a value that begins with / is a regex and ends in / and its flags'],
    ['{ MSH-4: // }', 'MSH-4: an empty regex matches everything'],
    ['{ MSH-4: /a/g }', 'MSH-4: the flags of a regex are i, m and s, each at most once'],
    ['{ MSH-4: /a/ii }', 'MSH-4: the flags of a regex are i, m and s, each at most once'],
    [
      '{ MSH-4: "/(?=a)b/" }',
      'MSH-4: is no RE2 regex: invalid or unsupported Perl syntax: `(?=` (RE2 has no lookaheads, lookbehinds or backreferences)',
    ],
    [
      '{ MSH-4: "/(?<!a)b/" }',
      'MSH-4: is no RE2 regex: invalid named capture: `(?<!a)b` (RE2 has no lookaheads, lookbehinds or backreferences)',
    ],
    [
      '{ MSH-4: "/(a)\\\\1/" }',
      'MSH-4: is no RE2 regex: invalid escape sequence: `\\1` (RE2 has no lookaheads, lookbehinds or backreferences)',
    ],
    ['{ MSH-4: "/a{2000}/" }', 'MSH-4: is no RE2 regex: invalid repeat count: `{2000}`'],
    ['{ source: 10.1 }', 'source: must be an address or a CIDR range such as 10.1.0.0/16, not "10.1"'],
    [
      '{ source: 10.1.0.0/33 }',
      'source: must be an address or a CIDR range such as 10.1.0.0/16, not "10.1.0.0/33"',
    ],
    [
      '{ source: 10.1.0.0/ }',
      'source: must be an address or a CIDR range such as 10.1.0.0/16, not "10.1.0.0/"',
    ],
    ['{ source: mirth-1 }', 'source: must be an address or a CIDR range such as 10.1.0.0/16, not "mirth-1"'],
    ['{ source: /^10/ }', 'source: must be an address or a CIDR range such as 10.1.0.0/16, not "/^10/"'],
    ['{ source: { exists: true } }', 'source.exists: every message has a source'],
    ['{ listener: { not: atd } }', 'listener.not: no listener has the name "atd"; did you mean "adt"?'],
    [
      '{ listner: adt }',
      'listner: must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME; did you mean "listener"?',
    ],
    [
      '{ msh-9.1: ADT }',
      'msh-9.1: must be a field path such as MSH-9.1 or PID-3[2].4, or one of listener, source, tls.subject, tls.san, tls.fingerprint, method, host, path, header.NAME; did you mean "MSH-9.1"?',
    ],
    [
      '{ tls.fingerprint: ab }',
      'tls.fingerprint: must be a SHA-256 fingerprint: 64 hexadecimal digits, colons as you like',
    ],
  ])('%s', (when, line) => {
    const { errors } = outcome(configWith(when), folderOf({}));
    expect(errors.map((error) => error.replace(/^gateway\.yaml:3:\d+: routes\[0\]\.when\./, ''))).toEqual([
      line,
    ]);
  });
});

test('flags mean what they mean elsewhere, and a hostile regex is linear', () => {
  expect(compileRegex('^adt', 'i').matcher('ADT').find()).toBe(true);
  expect(compileRegex('^b', '').matcher('a\nb').find()).toBe(false);
  expect(compileRegex('^b', 'm').matcher('a\nb').find()).toBe(true);
  expect(compileRegex('a.b', '').matcher('a\nb').find()).toBe(false);
  expect(compileRegex('a.b', 's').matcher('a\nb').find()).toBe(true);
  // 2^5000 steps in a backtracking engine; that this ends at all is the test.
  expect(
    compileRegex('^(a+)+$', '')
      .matcher(`${'a'.repeat(5000)}b`)
      .find(),
  ).toBe(false);
});
