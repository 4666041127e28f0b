// `allow` of a listener: its rules, what is refused in them; and whoever looks at certificates that nobody asks for.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { config, folderOf, outcome, TLS_FILES } from './config-folder.ts';

const TLS = 'cert: certs/vip.crt.pem, key: certs/vip.key.pem, clientCa: certs/senders-ca.crt.pem';

/** The listener asks for certificates; `allow` starts at column 3 of line 4. */
function withAllow(allow: string): string {
  return [
    'listeners:', // line 1
    '  l:', // 2
    `    tls: { ${TLS} }`, // 3
    `    allow: ${allow}`, // 4
    '    bind: ":1"', // 5
    'routes: [{ reject: {} }]', // 6
  ].join('\n');
}

describe('rules', () => {
  const rules = (allow: string) => {
    return parseConfig(withAllow(allow), { file: `${folderOf(TLS_FILES)}/gateway.yaml`, env: {} }).config
      .listeners[0]?.allow;
  };

  test('are lists of conditions, read like those of a route', () => {
    const read = rules(
      '[ { tls.san: lab.example, MSH-3: LABSYS, MSH-4: [NORTH, SOUTH] }, { source: 10.0.0.0/8 } ]',
    );
    expect(read).toEqual([
      [
        { subject: { kind: 'tls.san' }, text: 'tls.san', test: { kind: 'equals', value: 'lab.example' } },
        {
          subject: { kind: 'field', path: expect.objectContaining({ text: 'MSH-3' }) },
          text: 'MSH-3',
          test: { kind: 'equals', value: 'LABSYS' },
        },
        {
          subject: { kind: 'field', path: expect.objectContaining({ text: 'MSH-4' }) },
          text: 'MSH-4',
          test: {
            kind: 'any',
            tests: [
              { kind: 'equals', value: 'NORTH' },
              { kind: 'equals', value: 'SOUTH' },
            ],
          },
        },
      ],
      [{ subject: { kind: 'source' }, text: 'source', test: { kind: 'cidr', range: '10.0.0.0/8' } }],
    ]);
  });

  test.each(['source: "::1"', 'tls.subject: /CN=a/', 'tls.san: a', `tls.fingerprint: ${'ab'.repeat(32)}`])(
    '%s alone is enough',
    (condition) => expect(rules(`[ { ${condition} } ]`)?.[0]).toHaveLength(1),
  );
});

describe('one mistake, one line', () => {
  const WORDS = 'source, tls.subject, tls.san, tls.fingerprint';
  test.each<[allow: string, line: string]>([
    ['[]', '4:5: listeners.l.allow: an empty list allows nobody; leave it out to allow every sender'],
    ['', '4:5: listeners.l.allow: has no value'],
    ['{ source: 10.0.0.1 }', '4:12: listeners.l.allow: must be a list'],
    ['[lab.example]', '4:13: listeners.l.allow[0]: must be a map'],
    ['[[]]', '4:13: listeners.l.allow[0]: must be a map'],
    ['[{ source: 10.0.0.1 }, null]', '4:12: listeners.l.allow[1]: has no value'],
    ['[{}]', `4:13: listeners.l.allow[0]: needs one of ${WORDS}, or it would bind nobody`],
    [
      '[{ MSH-3: A, MSH-4: B }]',
      `4:13: listeners.l.allow[0]: needs one of ${WORDS}, or it would bind nobody`,
    ],
    [
      '[{ listener: l, tls.san: a }]',
      `4:15: listeners.l.allow[0].listener: must be a field path such as MSH-9.1 or PID-3[2].4, or one of ${WORDS}`,
    ],
    [
      '[{ tls.sna: a, MSH-3: A }]',
      `4:15: listeners.l.allow[0].tls.sna: must be a field path such as MSH-9.1 or PID-3[2].4, or one of ${WORDS}; did you mean "tls.san"?`,
    ],
    ['[{ tls.san: [] }]', '4:24: listeners.l.allow[0].tls.san: an empty list matches nothing'],
    [
      '[{ tls.fingerprint: ab }]',
      '4:32: listeners.l.allow[0].tls.fingerprint: must be a SHA-256 fingerprint: 64 hexadecimal digits, colons as you like',
    ],
    [
      '[{ source: 10.1 }]',
      '4:23: listeners.l.allow[0].source: must be an address or a CIDR range such as 10.1.0.0/16, not "10.1"',
    ],
    [
      '[{ header.X: a, source: 10.0.0.1 }]',
      `4:15: listeners.l.allow[0].header.X: must be a field path such as MSH-9.1 or PID-3[2].4, or one of ${WORDS}`,
    ],
  ])('%s', (allow, line) => {
    expect(outcome(withAllow(allow), folderOf(TLS_FILES)).errors).toEqual([`gateway.yaml:${line}`]);
  });
});

describe('where no listener has clientCa, tls.* gives a warning', () => {
  const NOBODY = 'no listener asks for client certificates';
  const PLAIN_TLS = 'tls: { cert: certs/vip.crt.pem, key: certs/vip.key.pem }';
  const persistent = (by: string) => config({ pool: `persistence: { by: ${by} }` });

  test.each<[text: string, ...lines: string[]]>([
    [
      config({ listener: 'allow: [ { tls.san: a, MSH-3: A } ]' }),
      `2:31: listeners.l.allow[0].tls.san: ${NOBODY}, so this never holds`,
    ],
    [
      config({ listener: `${PLAIN_TLS}, allow: [ { source: 10.0.0.1 }, { tls.subject: /a/ } ]` }),
      `2:111: listeners.l.allow[1].tls.subject: ${NOBODY}, so this never holds`,
    ],
    [
      config({ routes: '- { to: p, when: { MSH-3: A, tls.san: [a, b] } }' }),
      `8:32: routes[0].when.tls.san: ${NOBODY}, so this never holds`,
    ],
    [
      config({ routes: '- { to: p, when: { tls.san: { exists: true } } }' }),
      `8:22: routes[0].when.tls.san: ${NOBODY}, so this never holds`,
    ],
    [
      config({ routes: '- { to: p, when: { tls.san: { not: a } } }' }),
      `8:22: routes[0].when.tls.san: ${NOBODY}, so this always holds`,
    ],
    [
      config({ routes: '- { to: p, when: { tls.san: [a, { exists: false }] } }' }),
      `8:22: routes[0].when.tls.san: ${NOBODY}, so this always holds`,
    ],
    [
      persistent('[MSH-3, tls.subject]'),
      `6:24: pools.p.persistence.by: ${NOBODY}, so tls.subject is always empty`,
    ],
    [
      persistent('tls.fingerprint'),
      `6:24: pools.p.persistence.by: ${NOBODY}, so tls.fingerprint is always empty`,
    ],
  ])('$1', (text, line) => {
    expect(outcome(text, folderOf(TLS_FILES))).toEqual({ errors: [], warnings: [`gateway.yaml:${line}`] });
  });

  test('and where another listener has it, only the rules of one that has not', () => {
    const text = config({
      listener: `allow: [ { tls.san: a } ] }\n  k: { bind: ":2", tls: { ${TLS} }, allow: [ { tls.san: a } ]`,
      pool: 'persistence: { by: tls.san }',
      routes: '- { to: p, when: { tls.san: a } }',
    });
    expect(outcome(text, folderOf(TLS_FILES))).toEqual({
      errors: [],
      warnings: [
        'gateway.yaml:2:31: listeners.l.allow[0].tls.san: this listener asks for no client certificates, so this never holds',
      ],
    });
  });

  test('and none where clientCa is there but wrong', () => {
    const text = config({
      listener: `${PLAIN_TLS.replace(' }', ', clientCa: gone }')}`,
      routes: '- { to: p, when: { tls.san: a } }',
    });
    const { errors, warnings } = outcome(text, folderOf(TLS_FILES));
    expect(errors).toHaveLength(1);
    expect(warnings).toEqual([]);
  });
});
