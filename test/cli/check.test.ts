// The check command: its exit codes and exactly what it prints, for people and for machines.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CheckOptions, check } from '../../src/cli/run/check.ts';
import { made } from '../certs/made.ts';
import { folderWith } from '../config/config-folder.ts';

const GOOD = `
listeners:
  adt: { bind: ":2575" }
  six: { bind: "[::1]:2576", tls: { cert: vip.pem, key: vip.key } }
pools:
  p: { nodes: { a: { url: "mllp://h:1" }, b: { url: "mllp://h:2", backup: true } } }
routes:
  - { when: { MSH-9: ADT }, to: p, name: "\${NAME:-adt}" }
  - to: p
`;

const VIP = made({ cn: 'vip' });

/** What is said of an admin API without a token. */
const OPEN = 'there is none, so all but /livez, /readyz and /metrics is answered with 401';

function run(
  text: string,
  json: boolean,
  env: Record<string, string> = {},
  more: Partial<CheckOptions> = {},
) {
  const folder = folderWith({
    'gateway.yaml': text,
    'vip.pem': VIP.certPem,
    'vip.key': VIP.keyPem,
    'empty.key': '',
  });
  const lines = { out: [] as string[], err: [] as string[] };
  const without = (line: string): string => line.replaceAll(`${folder}/`, '');
  const io = {
    out: (line: string) => lines.out.push(without(line)),
    err: (line: string) => lines.err.push(without(line)),
  };
  const code = check(join(folder, 'gateway.yaml'), { json, ...more }, io, env);
  return { code, ...lines };
}

test('a good config is summed up in one line', () => {
  expect(run(GOOD, false)).toEqual({
    code: 0,
    out: [
      'gateway.yaml: good; 2 listeners: adt (mllp://0.0.0.0:2575), six (mllps://[::1]:2576); 1 pool: p (a, b backup); 2 routes: adt, route 2; up to 2166 open files',
    ],
    err: [],
  });
});

test('the admin API is named with where it is, and the files of its TLS are looked at', () => {
  const token = 'token: sixteen-at-least';
  const { code, out, err } = run(`${GOOD}admin: { ${token} }\n`, false);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(/; admin API: http:\/\/127\.0\.0\.1:9600; up to 2166 open files$/);
  const withTls = (key: string) =>
    `${GOOD}admin: { bind: "[::]:9600", ${token}, tls: { cert: vip.pem, key: ${key} } }\n`;
  expect(run(withTls('vip.key'), false).out[0]).toMatch(/; admin API: https:\/\/\[::\]:9600;/);
  expect(run(withTls('empty.key'), false)).toEqual({
    code: 2,
    out: [],
    err: ['gateway.yaml:10:54: admin.tls: empty.key: empty'],
  });
});

test('a config that only rejects has no pools', () => {
  const { out } = run('listeners: { l: { bind: ":1" } }\nroutes: [{ reject: {} }]', false);
  expect(out).toEqual([
    'gateway.yaml: good; 1 listener: l (mllp://0.0.0.0:1); 0 pools; 1 route: route 1; up to 1150 open files',
  ]);
});

test('errors and warnings go to stderr, one line each, and the exit code is 2', () => {
  expect(run(`${GOOD}wat: 1\nadmin: {}\n`, false)).toEqual({
    code: 2,
    out: [],
    err: ['gateway.yaml:10:1: wat: unknown key', `warning: gateway.yaml:11:1: admin.token: ${OPEN}`],
  });
});

test('warnings alone leave the exit code 0', () => {
  const { code, out, err } = run(`${GOOD}admin: {}\n`, false);
  expect({ code, out: out.length, err }).toEqual({
    code: 0,
    out: 1,
    err: [`warning: gateway.yaml:10:1: admin.token: ${OPEN}`],
  });
});

test('--json prints a line for each problem and a last one, all on stdout', () => {
  const { code, out, err } = run(`${GOOD}wat: 1\nadmin: {}\n`, true);
  expect({ code, err }).toEqual({ code: 2, err: [] });
  expect(out.map((line) => JSON.parse(line))).toEqual([
    { level: 'error', file: 'gateway.yaml', line: 10, column: 1, key: 'wat', message: 'unknown key' },
    {
      level: 'warning',
      file: 'gateway.yaml',
      line: 11,
      column: 1,
      key: 'admin.token',
      message: OPEN,
    },
    { level: 'failed', errors: 1, warnings: 1 },
  ]);
  expect(run(GOOD, true).out.map((line) => JSON.parse(line))).toEqual([
    { level: 'ok', errors: 0, warnings: 0, openFiles: 2166 },
  ]);
});

test('what is in the files is said besides warnings, and only once the config is good', () => {
  const mixed = GOOD.replace('key: vip.key', 'key: empty.key');
  const trouble = 'gateway.yaml:4:30: listeners.six.tls: empty.key: empty';
  const warning = `warning: gateway.yaml:10:1: admin.token: ${OPEN}`;
  expect(run(`${mixed}admin: {}\n`, false)).toEqual({
    code: 2,
    out: [],
    err: [trouble, warning],
  });
  expect(run(`${mixed}wat: 1\n`, false).err).toEqual(['gateway.yaml:10:1: wat: unknown key']);
  expect(run(mixed, true).out.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'error',
      file: 'gateway.yaml',
      line: 4,
      column: 30,
      key: 'listeners.six.tls',
      message: 'empty.key: empty',
    },
    { level: 'failed', errors: 1, warnings: 0 },
  ]);
});

test('a file that is not there is one line and exit code 2', () => {
  const err: string[] = [];
  const code = check(
    join(folderWith({}), 'gone.yaml'),
    { json: false },
    { out: () => {}, err: (line) => err.push(line) },
    {},
  );
  expect(code).toBe(2);
  expect(err).toEqual([expect.stringMatching(/gone\.yaml: the config file does not exist$/)]);
});

test('the environment that is given is the one that is used', () => {
  expect(run(GOOD, false, { NAME: 'from outside' }).out[0]).toContain('2 routes: from outside, route 2');
});

test('--json has the hint of a message by itself', () => {
  const { out } = run(GOOD.replace('pools:', 'polls:'), true);
  expect(JSON.parse(out[1] ?? '')).toEqual({
    level: 'error',
    file: 'gateway.yaml',
    line: 5,
    column: 1,
    key: 'polls',
    message: 'unknown key; did you mean "pools"?',
    hint: 'did you mean "pools"?',
  });
});

test('--no-files needs nothing that the config names on this machine', () => {
  const elsewhere = [
    'listeners:',
    '  adt: { bind: "%no-such-eth:2575", tls: { cert: vip.crt, key: [vip.key], passphrase: { file: pass }, clientCa: ca } }',
    '  more: { bind: "%no-such-eth:2580-2582", tls: { cert: { p12: lab.p12, passphrase: { file: pass } } } }',
    '  web: { bind: ":8443", protocol: http, http: { users: { lab: { file: hash } } }, tls: { cert: vip.crt, key: vip.key } }',
    'pools:',
    '  p: { nodes: { a: { url: "mllps://h:1", tls: { ca: ca.pem } } }, health: { type: mllp, message: probe.hl7 } }',
    '  m: { nodes: { a: { url: { file: url } } }, health: { type: mirth, user: u, password: { file: secret } } }',
    'routes: [{ when: { MSH-3: { file: who } }, to: m }, { to: p }]',
    'state: { file: /no/such/folder/state }',
    'audit: { file: /no/such/folder/audit.log }',
    'admin: { token: { file: token } }',
  ].join('\n');
  const { code, out, err } = run(elsewhere, false, {}, { files: false });
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(/^gateway\.yaml: good; 5 listeners: adt-no-such-eth /);
  expect(run(elsewhere, false).err.length).toBeGreaterThan(12);
  const wrong = elsewhere.replace('mllps://h:1', 'mllsp://h:1').replace('to: p }', 'to: q }');
  expect(
    run(wrong, false, {}, { files: false })
      .err.filter((line) => !line.startsWith('warning'))
      .map((line) => line.split(':')[1]),
  ).toEqual(['6', '8']);
});

test('--no-files still reads what is included', () => {
  const { err } = run(`${GOOD}include: gone.yaml\n`, false, {}, { files: false });
  expect(err[0]).toContain('include: the file "gone.yaml" does not exist');
});

test('--resolved prints the config, warnings go to stderr; one with errors is not printed', () => {
  const text = `${GOOD}admin: {}\ndefaults: { nodes: { weight: 3 } }\n`;
  const { code, out, err } = run(text, false, {}, { resolved: true });
  expect({ code, err }).toEqual({ code: 0, err: [`warning: gateway.yaml:10:1: admin.token: ${OPEN}`] });
  expect(out[0]).toContain('weight: 3');
  expect(out[0]).not.toMatch(/defaults|[&*]a1/);
  const asJson = run(text, true, {}, { resolved: true });
  expect(JSON.parse(asJson.out.join('')).pools.p.nodes.a).toEqual({ url: 'mllp://h:1', weight: 3 });
  const bad = run(`${text}wat: 1\n`, false, {}, { resolved: true });
  expect([bad.code, bad.out, bad.err.length]).toEqual([2, [], 2]);
});

test('what is in the files is placed in the included one that names them', () => {
  const folder = folderWith({
    'gateway.yaml': 'include: tls.yaml\nroutes: [{ reject: {} }]\n',
    'tls.yaml': 'listeners:\n  r.x: { bind: ":1-2", tls: { cert: vip.pem, key: empty.key } }\n',
    'vip.pem': VIP.certPem,
    'empty.key': '',
  });
  const err: string[] = [];
  check(
    join(folder, 'gateway.yaml'),
    { json: false },
    { out: () => {}, err: (line) => err.push(line.replaceAll(`${folder}/`, '')) },
    {},
  );
  expect(err).toEqual([
    'tls.yaml:2:3: listeners.r.x-1.tls: empty.key: empty',
    'tls.yaml:2:3: listeners.r.x-2.tls: empty.key: empty',
  ]);
});

test('a file of nodes is looked into, and pools say how theirs are found', () => {
  const text = GOOD.replace(
    'p: { nodes',
    'q: { discover: { file: nodes.yaml } }\n  p: { discover: { dns: "h:1" }, nodes',
  ).replace('- to: p', '- { when: { MSH-3: A }, to: q }\n  - to: p');
  const folder = folderWith({
    'gateway.yaml': text,
    'nodes.yaml': 'a: mllp://h\n',
    'vip.pem': VIP.certPem,
    'vip.key': VIP.keyPem,
  });
  const said: string[] = [];
  const io = {
    out: (line: string) => said.push(line),
    err: (line: string) => said.push(line.replaceAll(`${folder}/`, '')),
  };
  expect(check(join(folder, 'gateway.yaml'), { json: false }, io, {})).toBe(2);
  expect(said).toEqual([
    'gateway.yaml:6:20: pools.q.discover.file: nodes.yaml:1:1: a.url: must be a URL with mllp://, a host and a port',
  ]);
  writeFileSync(join(folder, 'nodes.yaml'), 'a: mllp://h:1\n');
  expect(check(join(folder, 'gateway.yaml'), { json: false }, io, {})).toBe(0);
  expect(said[1]).toContain('2 pools: q (discovered by file), p (a, b backup, discovered by dns); ');
});
