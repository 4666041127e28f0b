// What is typed wrongly: exit code 2 and a line that says what; and the two things that every command line answers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../config/config-folder.ts';
import { command, fixture } from './command-line.ts';

const HINT = '(--help shows what there is)';
const ADMIT = fixture('adt-a01-admit.hl7');

test('--version prints the version of package.json and nothing else', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await command('--version')).toEqual({ code: 0, signal: null, out: [version], err: [] });
});

test('--help names every command and its exit code is 0', async () => {
  const { code, out, err } = await command('--help');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  const named = out.map((line) => /^ {2}([a-z]+) /.exec(line)?.[1]).filter((name) => name !== undefined);
  expect(named).toEqual(
    expect.arrayContaining([
      ...['run', 'demo', 'check', 'route', 'send', 'node', 'password', 'help'],
      ...['status', 'drain', 'maintenance', 'ready', 'weight', 'reload', 'certs'],
    ]),
  );
});

test('no command at all prints the help, on stderr', async () => {
  const { code, out, err } = await command();
  expect({ code, out }).toEqual({ code: 2, out: [] });
  expect(err[0]).toBe('Usage: hl7-gateway [options] [command]');
});

describe.for<[string, string[], string]>([
  ['an unknown command', ['wat'], "error: unknown command 'wat'"],
  ['an unknown option', ['check', '--wat', '-c', 'x'], "error: unknown option '--wat'"],
  ['an unknown option of the program', ['--wat'], "error: unknown option '--wat'"],
  ['a missing option', ['check'], "error: required option '-c, --config <file>' not specified"],
  ['an option without its value', ['check', '-c'], "error: option '-c, --config <file>' argument missing"],
  ['a missing argument', ['route', '-c', 'x'], "error: missing required argument 'message'"],
  [
    'an argument too many',
    ['check', '-c', 'x', 'y'],
    "error: too many arguments for 'check'. Expected 0 arguments but got 1: y.",
  ],
  ['send without an address', ['send', ADMIT], "error: required option '--to <url>' not specified"],
  [
    'a time without a unit',
    ['send', ADMIT, '--to', 'mllp://127.0.0.1:1', '--timeout', '20'],
    "error: option '--timeout <duration>' argument '20' is invalid. It takes a duration such as 500ms, 5s or 2m.",
  ],
  [
    'a time that a timer cannot hold',
    ['send', ADMIT, '--to', 'mllp://127.0.0.1:1', '--timeout', '600h'],
    "error: option '--timeout <duration>' argument '600h' is invalid. It takes a duration such as 500ms, 5s or 2m.",
  ],
  [
    'no time at all',
    ['send', ADMIT, '--to', 'mllp://127.0.0.1:1', '--timeout', '0'],
    "error: option '--timeout <duration>' argument '0' is invalid. It takes a duration above 0.",
  ],
  [
    'a port that is none',
    ['demo', '--once', '--port', '99999'],
    "error: option '--port <port>' argument '99999' is invalid. It takes a port, 0 to 65535.",
  ],
  [
    'an unknown acknowledgement code',
    ['node', '--listen', 'mllp://127.0.0.1:0', '--ack', 'XX'],
    "error: option '--ack <code>' argument 'XX' is invalid. It takes one of AA, AE, AR, CA, CE, CR.",
  ],
  [
    'a negative count',
    ['node', '--listen', 'mllp://127.0.0.1:0', '--fail-every', '-1'],
    "error: option '--fail-every <n>' argument '-1' is invalid. It takes a whole number.",
  ],
])('%s', ([, args, message]) => {
  test('is exit code 2, the reason and where to look', async () => {
    expect(await command(...args)).toEqual({ code: 2, signal: null, out: [], err: [message, HINT] });
  });
});

test('a mistyped command is told what it may have been', async () => {
  const { code, err } = await command('chek', '-c', 'x');
  expect({ code, err }).toEqual({
    code: 2,
    err: ["error: unknown command 'chek'", '(Did you mean check?)', HINT],
  });
});

describe.for<[string, string[], string]>([
  [
    'send to something that is no URL',
    ['send', ADMIT, '--to', '127.0.0.1:6661'],
    'the command was called wrongly: --to takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST/PATH or https://HOST/PATH, not "127.0.0.1:6661"; the scheme is missing; did you mean "mllp://127.0.0.1:6661"? [GW_ERR_USAGE]',
  ],
  [
    'send to a URL without a port',
    ['send', ADMIT, '--to', 'mllp://127.0.0.1'],
    'the command was called wrongly: --to takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST/PATH or https://HOST/PATH, not "mllp://127.0.0.1"; the port is missing; did you mean "mllp://127.0.0.1:2575"? [GW_ERR_USAGE]',
  ],
  [
    'a node on something that is no URL',
    ['node', '--listen', 'wat'],
    'the command was called wrongly: --listen takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST:PORT or https://HOST:PORT, not "wat"; the scheme is missing [GW_ERR_USAGE]',
  ],
  [
    'a TLS node with half a certificate',
    ['node', '--listen', 'mllps://127.0.0.1:0', '--key', 'x'],
    'the command was called wrongly: --cert and --key go together [GW_ERR_USAGE]',
  ],
])('%s', ([, args, message]) => {
  test('is exit code 2 and one line', async () => {
    expect(await command(...args)).toEqual({ code: 2, signal: null, out: [], err: [message] });
  });
});

test('files of a certificate that are none are named, by the commands that take them', async () => {
  const folder = folderWith({ 'no.pem': 'hello' });
  const bad = join(folder, 'no.pem');
  const gone = join(folder, 'gone.pem');
  const to = ['--to', 'mllps://127.0.0.1:1'];
  for (const [args, file] of [
    [['send', ADMIT, ...to, '--ca', bad], bad],
    [['send', ADMIT, ...to, '--ca', gone], gone],
    [['node', '--listen', 'mllps://127.0.0.1:0', '--cert', bad, '--key', bad], bad],
  ] as const) {
    const { code, out, err } = await command(...args);
    expect({ code, out, lines: err.length }).toEqual({ code: 2, out: [], lines: 1 });
    expect(err[0]).toMatch(/^a certificate or key file is not usable: .* \[GW_ERR_TLS_FILE\]$/);
    expect(err[0]).toContain(file);
  }
});
