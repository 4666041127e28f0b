// `check` and `route` as child processes: what they print, where, and their exit codes.
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { command, fixture } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');
const RESULT = fixture('oru-r01-lab-numeric.hl7');

const GOOD = `listeners:
  in: { bind: "127.0.0.1:0" }
  tls-in: { bind: "127.0.0.1:0" }
pools:
  p:
    nodes: { a: { url: "mllp://127.0.0.1:1" }, b: { url: "mllp://127.0.0.1:2" } }
    persistence: { by: [MSH-3, MSH-4] }
routes:
  - { name: admissions, when: { MSH-9.1: ADT }, to: p }
  - { name: no results, when: { MSH-9.1: ORU, source: 10.0.0.0/8 }, reject: { code: AR, text: "not from there" } }
`;

let good: string;
beforeEach(() => {
  good = join(folderWith({ 'gateway.yaml': GOOD }), 'gateway.yaml');
});

test('check sums up a good config on stdout', async () => {
  expect(await command('check', '-c', good)).toEqual({
    code: 0,
    signal: null,
    out: [
      `${good}: good; 2 listeners: in (mllp://127.0.0.1:0), tls-in (mllp://127.0.0.1:0); 1 pool: p (a, b); 2 routes: admissions, no results; up to 2166 open files`,
    ],
    err: [],
  });
});

test('check names file, line, column and key of each error on stderr, and its exit code is 2', async () => {
  const bad = join(
    folderWith({ 'bad.yaml': GOOD.replace('bind:', 'bnd:').replace('to: p', 'to: q') }),
    'bad.yaml',
  );
  const { code, out, err } = await command('check', '--config', bad);
  expect({ code, out }).toEqual({ code: 2, out: [] });
  expect(err).toEqual([
    expect.stringMatching(/bad\.yaml:2:\d+: listeners\.in\.bind: is required$/),
    expect.stringMatching(/bad\.yaml:2:9: listeners\.in\.bnd: unknown key; did you mean "bind"\?$/),
    expect.stringMatching(/bad\.yaml:9:\d+: routes\[0\]\.to: .*"q"/),
    expect.stringMatching(/^warning: .*bad\.yaml:5:3: pools\.p: no route uses this pool$/),
  ]);
});

test('check --json prints the same as JSON lines, on stdout', async () => {
  const bad = join(folderWith({ 'bad.yaml': `${GOOD}wat: 1\n` }), 'bad.yaml');
  const { code, out, err } = await command('check', '-c', bad, '--json');
  expect({ code, err }).toEqual({ code: 2, err: [] });
  expect(out.map((line) => JSON.parse(line))).toEqual([
    { level: 'error', file: bad, line: 11, column: 1, key: 'wat', message: 'unknown key' },
    { level: 'failed', errors: 1, warnings: 0 },
  ]);
});

test.for(['check', 'route', 'run'])(
  '%s: a config that cannot be read is one line and exit code 2',
  async (name) => {
    const folder = folderWith({});
    const more = name === 'route' ? [ADMIT] : [];
    for (const [file, why] of [
      [join(folder, 'gone.yaml'), 'the config file does not exist'],
      [folder, 'the config file is a directory, not a file'],
    ] as const) {
      expect(await command(name, '-c', file, ...more)).toEqual({
        code: 2,
        signal: null,
        out: [],
        err: [`${file}: ${why}`],
      });
    }
  },
);

test('route says listener, route, sticky key, pool, node and why', async () => {
  expect(await command('route', '-c', good, '--listener', 'in', ADMIT)).toEqual({
    code: 0,
    signal: null,
    out: [
      `${ADMIT}  ADT^A01^ADT_A01  AN00000001  by listener in`,
      '  route "admissions"',
      expect.stringMatching(/^ {2}sticky key of MSH-3, MSH-4, hash [0-9a-f]{16}$/),
      expect.stringMatching(
        /^ {2}pool p, node [ab]: sticky key, by hash: the same node for as long as it is up$/,
      ),
    ],
    err: [],
  });
});

test('route says which routes did not match, and exits 1 if a message is not taken', async () => {
  const { code, out, err } = await command('route', '-c', good, '--listener', 'in', RESULT);
  expect({ code, err }).toEqual({ code: 1, err: [] });
  expect(out.slice(1)).toEqual([
    '  not route "admissions": MSH-9.1 must be "ADT"; it is "ORU"',
    '  not route "no results": source must be in 10.0.0.0/8; it is "127.0.0.1"',
    '  no route matches; the sender gets AR',
  ]);
});

test("route says what a condition asks for, and shows no patient's value that does not meet it", async () => {
  const when = '{ PID-5.1: [/^ZZ/i, { not: { exists: true } }], MSH-9.1: ADT }';
  const text = GOOD.replace(/routes:.*/s, `routes: [{ name: named, when: ${when}, to: p }]`);
  const config = join(folderWith({ 'patient.yaml': text }), 'patient.yaml');
  const { code, out } = await command('route', '-c', config, '--listener', 'in', ADMIT);
  expect(code).toBe(1);
  expect(out[1]).toBe('  not route "named": PID-5.1 must be like /^ZZ/i or other than there');
});

test('route says where a message breaks the rules of its route, and nothing of what stands there', async () => {
  const rules = '{ code: AR, segments: [PV1, ZZZ], tables: { PID-8: [X] }, lengths: { PID-3.1: 2 } }';
  const text = GOOD.replace('to: p }', `to: p, validate: ${rules} }`);
  const config = join(folderWith({ 'rules.yaml': text }), 'rules.yaml');
  const { code, out } = await command('route', '-c', config, '--listener', 'in', ADMIT);
  expect(code).toBe(1);
  expect(out.slice(1)).toEqual([
    '  route "admissions"',
    "  refused with AR: it fails the route's validation",
    '    ZZZ: a required segment is missing',
    '    PID-8[1]: a value is not in its table',
    '    PID-3[1].1: a value has more than 2 characters',
  ]);
  const json = await command('route', '-c', config, '--listener', 'in', '--json', ADMIT);
  expect(JSON.parse(json.out[0] ?? '').invalid).toEqual({
    code: 'AR',
    places: out.slice(3).map((line) => line.trim()),
  });
});

test('route explains each message of a batch where the listener splits it, else the batch', async () => {
  const batch = fixture('batch-adt.hl7');
  const text = GOOD.replace('tls-in: { bind: "127.0.0.1:0"', 'tls-in: { batch: split, bind: "127.0.0.1:0"');
  const config = join(folderWith({ 'split.yaml': text }), 'split.yaml');
  const { code, out } = await command('route', '-c', config, '--json', batch);
  expect(code).toBe(0);
  expect(out.map((line) => JSON.parse(line)).map(({ listener, controlId }) => [listener, controlId])).toEqual(
    [
      ['in', 'S3'],
      ['tls-in', 'S3'],
      ['tls-in', 'S4'],
      ['tls-in', 'S5'],
    ],
  );
});

test("route --source puts the sender's address into the decision", async () => {
  const { code, out } = await command(
    'route',
    '-c',
    good,
    '--listener',
    'in',
    '--source',
    '10.1.2.3',
    RESULT,
  );
  expect({ code, last: out.at(-1) }).toEqual({ code: 1, last: '  rejected with AR: not from there' });
});

test('route explains each message at each listener, as JSON lines with --json', async () => {
  const { code, out, err } = await command('route', '-c', good, '--json', ADMIT, RESULT);
  expect({ code, err }).toEqual({ code: 1, err: [] });
  const all = out.map((line) => JSON.parse(line));
  expect(all.map(({ file, listener, route }) => [file, listener, route])).toEqual([
    [ADMIT, 'in', 'admissions'],
    [ADMIT, 'tls-in', 'admissions'],
    [RESULT, 'in', undefined],
    [RESULT, 'tls-in', undefined],
  ]);
  expect(all[0]).toMatchObject({
    type: 'ADT^A01^ADT_A01',
    controlId: 'AN00000001',
    passedOver: [],
    stickyKey: expect.stringMatching(/^[0-9a-f]{16}$/),
    stickyBy: ['MSH-3', 'MSH-4'],
    pool: 'p',
    node: expect.stringMatching(/^[ab]$/),
  });
  expect(all[1]).toEqual({ ...all[0], listener: 'tls-in' });
});

test.for<[string[], string]>([
  [['--listener', 'x'], 'the config has no listener "x"'],
  [['--source', 'wat'], '--source takes an IP address, not "wat"'],
])('route %j is one line and exit code 2', async ([args, why]) => {
  expect(await command('route', '-c', good, ...args, ADMIT)).toEqual({
    code: 2,
    signal: null,
    out: [],
    err: [`the command was called wrongly: ${why} [GW_ERR_USAGE]`],
  });
});
