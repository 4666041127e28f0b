// Values from the environment and from files: what they become, and that no error ever repeats one.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { interpolate } from '../../src/config/source/interpolate.ts';
import { folderOf, folderWith, outcome } from './config-folder.ts';

function config(node: string, top = ''): string {
  return [
    'listeners: { l: { bind: ":1" } }',
    'pools:',
    `  p: { nodes: { a: { url: "mllp://h:1", ${node} } } }`,
    'routes: [{ to: p }]',
    top,
  ].join('\n');
}

describe('variables', () => {
  const env = { A: 'one', EMPTY: '', NESTED: '${A}', toString: 'own' };
  test.each([
    ['x', 'x', false],
    ['${A}', 'one', true],
    ['<${A}-${A}>', '<one-one>', true],
    ['${A:-two}', 'one', true],
    ['${B:-two}', 'two', false],
    ['${B:-}', '', false],
    ['${B:-a:-b}', 'a:-b', false],
    ['${EMPTY}', '', true],
    ['${EMPTY:-two}', 'two', false],
    ['${NESTED}', '${A}', true],
    ['$${A}', '${A}', false],
    ['$A $', '$A $', false],
    ['^a{2}$', '^a{2}$', false],
  ])('%s is %j', (text, expected, outside) => {
    expect(interpolate(text, env)).toEqual({ text: expected, outside, errors: [] });
  });
  test.each(['${', '${A', '${}', '${A B}', '${1}', '${A:two}', '${A-two}'])('%s is an error', (text) => {
    expect(interpolate(text, env).errors).toEqual([
      '"${" must begin ${NAME} or ${NAME:-default}; write "$${" for the characters themselves',
    ]);
  });
  test('one that is not set is an error, and nothing inherited counts as set', () => {
    for (const name of ['B', 'hasOwnProperty', '__proto__', 'constructor']) {
      const { errors } = interpolate(`\${${name}}`, env);
      expect(errors).toEqual([
        `the environment variable ${name} is not set (\${${name}:-…} would give a default)`,
      ]);
    }
  });
  test('the place of the error is the value', () => {
    expect(outcome(config('weight: "${W}"'), folderOf({})).errors).toEqual([
      'gateway.yaml:3:49: pools.p.nodes.a.weight: the environment variable W is not set (${W:-…} would give a default)',
    ]);
  });
  test('unquoted within braces, YAML itself refuses it, and the error says what to do', () => {
    const [error] = outcome(config('weight: ${W}'), folderOf({}), { W: '1' }).errors;
    expect(error).toContain('(within { } and [ ] a "${NAME}" must stand in quotes)');
  });
  test('may give any scalar: numbers, sizes, booleans, addresses, names', () => {
    const text = config('weight: "${W}", backup: "${B:-false}"', 'limits: { maxBuffered: "${M}" }');
    const { config: loaded } = parseConfig(
      text.replace('":1"', '"${BIND}"').replace('[{ to: p }]', '[{ to: "${POOL}" }]'),
      {
        env: { W: '7', M: '32MiB', BIND: '127.0.0.1:99', POOL: 'p' },
      },
    );
    expect(loaded.pools[0]?.nodes[0]).toMatchObject({ weight: 7, backup: false });
    expect(loaded.maxBufferedBytes).toBe(32 * 2 ** 20);
    expect(loaded.listeners[0]?.bind).toEqual({ host: '127.0.0.1', port: 99 });
  });
});

describe('files', () => {
  test('stand for any scalar, without their last newline, relative to the config', () => {
    const folder = folderOf({ 'values/weight': '7\n', 'values/crlf': '0.0.0.0:5\r\n' });
    const text = config('weight: { file: values/weight }').replace('":1"', '{ file: "${DIR}/crlf" }');
    const { config: loaded } = parseConfig(text, {
      file: join(folder, 'gateway.yaml'),
      env: { DIR: 'values' },
    });
    expect(loaded.pools[0]?.nodes[0]?.weight).toBe(7);
    expect(loaded.listeners[0]?.bind.port).toBe(5);
  });
  test('stand for an entry of a list', () => {
    const folder = folderOf({ part: 'MSH-3' });
    const text = config('').replace('p: {', 'p: { persistence: { by: [{ file: part }, MSH-4] },');
    const { config: loaded } = parseConfig(text, { file: join(folder, 'gateway.yaml'), env: {} });
    expect(loaded.pools[0]?.persistence?.by).toHaveLength(2);
  });
  test.each([
    [
      '{ file: gone }',
      '3:57: pools.p.nodes.a.weight.file: the file "gone" does not exist (relative paths start at the config file\'s folder)',
    ],
    ['{ file: /gone }', '3:57: pools.p.nodes.a.weight.file: the file "/gone" does not exist'],
    ['{ file: values }', '3:57: pools.p.nodes.a.weight.file: the file "values" is a directory, not a file'],
    [
      '{ file: big }',
      '3:57: pools.p.nodes.a.weight.file: the file "big" is larger than 64 KiB and so is no single value',
    ],
    ['{ file: latin1 }', '3:57: pools.p.nodes.a.weight.file: the file "latin1" is not UTF-8 text'],
    ['{ file: pipe }', '3:57: pools.p.nodes.a.weight.file: the file "pipe" is not a regular file'],
    [
      '{ file: "${N}" }',
      '3:57: pools.p.nodes.a.weight.file: the file "${N}" does not exist (relative paths start at the config file\'s folder)',
    ],
    [
      '{ file: "a\\0b" }',
      '3:57: pools.p.nodes.a.weight.file: the file "a\\u{0}b" cannot be read (ERR_INVALID_ARG_VALUE)',
    ],
    ['{ fiel: values/weight }', '3:49: pools.p.nodes.a.weight: must be a single value, not a map'],
    ['{ file: }', '3:49: pools.p.nodes.a.weight: must be a single value, not a map'],
  ])('%s is refused', (value, line) => {
    const folder = folderWith({ 'values/weight': '7', big: '7'.repeat(65_537) });
    writeFileSync(join(folder, 'latin1'), Buffer.from([0xe4]));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { errors } = outcome(config(`weight: ${value}`), folder, { N: 'no-such-secret-file' });
    expect(errors).toEqual([`gateway.yaml:${line}`]);
  });
});

describe('no error repeats what is secret', () => {
  const SECRET = 'hunter2-hunter2';

  /** Each puts the secret where it is wrong in some way. */
  const places = (secret: string): string[] => [
    config(`weight: ${secret}`),
    config(`backup: ${secret}`),
    config('', `admin: { bind: ${secret} }`),
    config('', `telemetry: { log: { level: ${secret} } }`),
    config('', `telemetry: { traces: { endpoint: ${secret} } }`),
    config('', `shutdown: { timeout: ${secret} }`),
    config('', `limits: { maxBuffered: ${secret} }`),
    config('').replace('"mllp://h:1"', secret),
    config('').replace('":1"', secret),
    config('').replace('to: p', `to: ${secret}`),
    config('').replace('to: p', `to: p, when: { listener: ${secret} }`),
    config('').replace('to: p', `to: p, when: { source: ${secret} }`),
    config('').replace('to: p', `to: p, when: { MSH-3: { exists: ${secret} } }`),
    config('').replace('to: p', `to: p, when: { tls.fingerprint: ${secret} }`),
    config('').replace('p: {', `p: { persistence: { by: ${secret} },`),
    config('').replace('":1"', `":1", tls: { cert: ${secret}, key: ${secret} }`),
    config('').replace('":1"', `":1", tls: { cert: [{ p12: ${secret} }, ${secret}], crl: ${secret} }`),
    config('').replace('":1"', `":1", tls: { cert: { p12: gone, passphrase: ${secret} } }`),
    config('').replace('":1"', `":1", tls: { cert: gone, passphrase: ${secret} }`),
    config('').replace('":1"', `":1", allow: [ { source: ${secret} }, { tls.fingerprint: ${secret} } ]`),
    config('')
      .replace('"mllp', '"mllps')
      .replace(',  }', `, tls: { pin: [${secret}], passphrase: ${secret} } }`),
    config('')
      .replace('"mllp', '"mllps')
      .replace(',  }', `, tls: { ca: ${secret}, servername: " ${SECRET.length}" } }`),
    config('').replace('to: p', `to: p, http: { timeout: ${secret}, hl7: ${secret} }`),
    config('').replace('to: p', `to: p, http: { rewrite: { path: [${secret}, ${secret}] } }`),
    config('').replace('to: p', `to: p, http: { rewrite: { path: ${secret} } }`),
    config('').replace('to: p', `to: p, http: { request: { set: ${secret}, remove: [[${secret}]] } }`),
    config('').replace(
      'to: p',
      `to: p, http: { request: { set: { Host: ${secret}, X: { flie: ${secret} } } } }`,
    ),
    config('').replace('to: p', `to: p, when: { method: ${secret}, path: ${secret} }`),
    config('').replace('":1"', `":1", trustedProxies: [${secret}], proxyProtocol: ${secret}`),
    config('').replace('":1"', `":1", trustedProxies: ${secret}, protocol: ${secret}`),
    config('').replace(
      '":1"',
      `":1", protocol: http, http: { maxHeaders: ${secret}, users: { a: ${secret} } }`,
    ),
    config('').replace('p: {', `p: { persistence: { cookie: ${secret} }, contentType: ${secret},`),
    config('').replace('p: {', `p: { connections: { max: ${secret}, idle: ${secret} },`),
  ];

  test.each([
    ['the environment', '"${SECRET}"'],
    ['a file', '{ file: secret }'],
  ])('from %s', (_, written) => {
    const folder = folderOf({ secret: `${SECRET}\n` });
    for (const text of places(written)) {
      const { errors, warnings } = outcome(text, folder, { SECRET });
      expect(errors, text).not.toEqual([]);
      expect([...errors, ...warnings].join('\n'), text).not.toContain('hunter2');
    }
  });

  test.each(['when: { MSH-3: "${RE}" }', 'http: { rewrite: { path: ["${RE}", /a] } }'])(
    'and a regex from outside is not quoted by the engine: %s',
    (part) => {
      const text = config('').replace('to: p', `to: p, ${part}`);
      const { errors } = outcome(text, folderOf({}), { RE: `/(${SECRET}/` });
      expect(errors.join('\n')).toContain('is no RE2 regex');
      expect(errors.join('\n')).not.toContain('hunter2');
    },
  );

  test.each([
    ['a bad value', `admin: { token: "${SECRET}\\n${SECRET}" }`],
    ['a list', `admin: { token: [${SECRET}] }`],
    ['a map', `admin: { token: { flie: ${SECRET} } }`],
    ['a misspelt key', `admin: { tokne: ${SECRET} }`],
    ['an unknown tag', `admin: { token: !${SECRET} x }`],
    ['an alias', `admin: { token: *${SECRET} }`],
    ['a syntax error', `admin: { token: "a" ${SECRET} }`],
    ['lost indentation', `admin:\n  token: a\n ${SECRET}\n${SECRET}: {`],
    ['a block header', `admin:\n  token: |${SECRET}`],
  ])('admin.token: %s', (_, top) => {
    const { errors } = outcome(config('', top), folderOf({}));
    expect(errors).not.toEqual([]);
    expect(errors.join('\n')).not.toContain('hunter2');
  });

  test('a password in a URL', () => {
    const text = config('').replace('mllp://h:1', `mllp://user:${SECRET}@h:1`);
    expect(outcome(text, folderOf({})).errors.join('\n')).not.toContain('hunter2');
  });

  test.each([
    ['a bad value', `cert: c, key: k, passphrase: "${SECRET}\\n${SECRET}"`],
    ['too long a value', `cert: c, key: k, passphrase: ${SECRET.repeat(20)}`],
    ['a list', `cert: c, key: k, passphrase: [${SECRET}]`],
    ['a misspelt key', `cert: c, key: k, passphrsae: ${SECRET}`],
    ['one that belongs to nothing', `cert: { p12: c }, passphrase: ${SECRET}`],
    ['a bad value of a p12', `cert: { p12: c, passphrase: "${SECRET}\\n" }`],
    ['a map of a p12', `cert: [{ p12: c, passphrase: { flie: ${SECRET} } }]`],
    ['a p12 without its file', `cert: { passphrase: ${SECRET} }`],
    ['an alias of a p12', `cert: { p12: c, passphrase: *${SECRET} }`],
  ])('passphrase: %s', (_, tls) => {
    const folder = folderOf({ c: '', k: '' });
    const ofListener = config('').replace('":1"', `":1", tls: { ${tls} }`);
    const ofNode = config(`tls: { ${tls} }`).replace('"mllp', '"mllps');
    for (const text of [ofListener, ofNode]) {
      const { errors, warnings } = outcome(text, folder);
      expect(errors).not.toEqual([]);
      expect([...errors, ...warnings].join('\n')).not.toContain('hunter2');
    }
  });
});
