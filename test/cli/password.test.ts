// `password` as a child process, on a pipe and on a terminal: one line on stdout, and the password nowhere.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { password } from '../../src/cli/password.ts';
import { verifyPassword } from '../../src/config/http/password.ts';
import { outcome } from '../config/config-folder.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { until, within } from '../helpers/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LINE = /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;
const DEADLINE_MS = 15_000;

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

class Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Said>;
  out = '';
  err = '';

  constructor(command: string, args: readonly string[]) {
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
    this.process = spawn(command, args, { cwd: ROOT, env });
    this.process.stdin.on('error', () => {});
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    const closed = new Promise<Said>((resolve) => {
      this.process.once('close', (code) => resolve({ code, out: this.out, err: this.err }));
    });
    this.ended = within(closed, DEADLINE_MS, () => `${command} does not end; it printed ${this.out}`);
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await closed;
    });
  }
}

function piped(input: string | Buffer): Promise<Said> {
  const child = new Child(process.execPath, [COMMAND, 'password']);
  child.process.stdin.end(input);
  return child.ended;
}

/** The same without a process. */
async function read(...chunks: Buffer[]): Promise<string> {
  const lines: string[] = [];
  const terminal = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  const prompt = (text: string): never => expect.fail(`asked a pipe: ${text}`);
  const code = await password({ input: Readable.from(chunks), prompt }, terminal);
  expect({ code, lines }).toEqual({ code: 0, lines: [expect.stringMatching(LINE)] });
  return lines[0] ?? '';
}

describe('from stdin', () => {
  test('one line on stdout and nothing else', async () => {
    const { code, out, err } = await piped('s3cret\n');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^.+\n$/);
    expect(out.trimEnd()).toMatch(LINE);
    expect(await verifyPassword('s3cret', out.trimEnd())).toBe(true);
  });

  test.for<[string, string]>([
    ['s3cret', 's3cret'],
    ['s3cret\r\n', 's3cret'],
    [' two words \n', ' two words '],
    ['Grüße: ☃\n', 'Grüße: ☃'],
    [`${'x'.repeat(1024)}\r\n`, 'x'.repeat(1024)],
  ])('%j', async ([input, expected]) => {
    const line = await read(Buffer.from(input));
    expect(await verifyPassword(expected, line)).toBe(true);
    expect(await verifyPassword(`${expected}\n`, line)).toBe(false);
  });

  test('a character cut in two by a pipe is one', async () => {
    const bytes = Buffer.from('☃');
    expect(await verifyPassword('☃', await read(bytes.subarray(0, 1), bytes.subarray(1)))).toBe(true);
  });

  test('nothing is refused in one line', async () => {
    expect(await piped('')).toEqual({
      code: 2,
      out: '',
      err: 'the command was called wrongly: the password is empty [GW_ERR_USAGE]\n',
    });
  });

  test.for<[string, string | Buffer, string]>([
    ['an empty line', '\n', 'the password is empty'],
    ['two lines', 'one\ntwo\n', 'a password is one line, without control characters'],
    ['a tab', 'a\tb', 'a password is one line, without control characters'],
    ['a byte too many', 'x'.repeat(1025), 'a password has at most 1024 bytes'],
    ['Latin-1', Buffer.from('Grüße', 'latin1'), 'a password is UTF-8 text'],
  ])('%s is refused', async ([, input, why]) => {
    await expect(read(Buffer.from(input as string))).rejects.toThrow(
      `the command was called wrongly: ${why}`,
    );
  });

  test('a file that is no password is not read to its end', async () => {
    let chunks = 0;
    const endless = new Readable({
      read() {
        chunks++;
        this.push(Buffer.alloc(64 * 1024, 'x'));
      },
    });
    const done = password({ input: endless, prompt: () => {} }, { out: () => {}, err: () => {} });
    await expect(done).rejects.toThrow('a password has at most 1024 bytes');
    expect(chunks).toBeLessThan(10);
  });

  test('what cannot be read is one line', async () => {
    const broken = new Readable({
      read() {
        this.destroy(Object.assign(new Error('its text'), { code: 'EIO' }));
      },
    });
    const done = password({ input: broken, prompt: () => {} }, { out: () => {}, err: () => {} });
    await expect(done).rejects.toThrow(/^a file could not be read: stdin: EIO$/);
  });

  test('a config takes the line', async () => {
    const line = await read(Buffer.from('s3cret\n'));
    const text = `listeners:
  in: { protocol: http, bind: "127.0.0.1:0", http: { users: { lab: "${line}" } } }
pools:
  p: { nodes: { a: { url: "http://127.0.0.1:1" } } }
routes: [{ to: p }]
`;
    expect(outcome(text, '/').errors).toEqual([]);
  });
});

/** `script` (util-linux) gives the command a terminal, whose output comes back by stdout. */
const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') === true;

describe.skipIf(!hasScript)('on a terminal', () => {
  function onTerminal(redirect = ''): Child {
    return new Child('script', ['-qec', `${process.execPath} ${COMMAND} password ${redirect}`, '/dev/null']);
  }
  const asked = (child: Child, what: string): Promise<true> =>
    until(() => child.out.includes(what), { deadlineMs: DEADLINE_MS, what: `${what} in ${child.out}` });

  test('it asks twice, shows nothing of what is typed, and prints the line', async () => {
    const child = onTerminal();
    await asked(child, 'Password: ');
    child.process.stdin.write('s3crXt\x7f\x7fet\r');
    await asked(child, 'Again: ');
    child.process.stdin.write('s3cret\r');
    const { code, out } = await child.ended;
    expect(code).toBe(0);
    const lines = out.trimEnd().split(/\r\n/);
    expect(lines.slice(0, 2)).toEqual(['Password: ', 'Again: ']);
    expect(lines).toHaveLength(3);
    expect(await verifyPassword('s3cret', lines[2] ?? '')).toBe(true);
  });

  test('both may be pasted at once', async () => {
    const child = onTerminal();
    await asked(child, 'Password: ');
    child.process.stdin.write('s3cret\rs3cret\r');
    const { code, out } = await child.ended;
    expect(code).toBe(0);
    expect(await verifyPassword('s3cret', out.trimEnd().split(/\r\n/).at(-1) ?? '')).toBe(true);
  });

  test('stdout redirected holds the line alone', async () => {
    const child = onTerminal('| sed s/^/out:/');
    await asked(child, 'Password: ');
    child.process.stdin.write('s3cret\rs3cret\r');
    const { out } = await child.ended;
    expect(out.split(/\r\n/).filter((line) => line.startsWith('out:'))).toEqual([
      expect.stringMatching(/^out:\$scrypt\$/),
    ]);
  });

  test.for<[string, string, number, string]>([
    ['two different ones', 's3cret\rsecret\r', 2, 'the two passwords differ'],
    ['an empty one', '\r', 2, 'the password is empty'],
  ])('%s are refused', async ([, typed, exit, why]) => {
    const child = onTerminal();
    await asked(child, 'Password: ');
    child.process.stdin.write(typed);
    const { code, out } = await child.ended;
    expect(code).toBe(exit);
    expect(out).toContain(`the command was called wrongly: ${why} [GW_ERR_USAGE]`);
    expect(out).not.toContain('scrypt');
    expect(out).not.toContain('s3cret');
  });

  test.for<[string, string]>([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
    ['Ctrl-C at the second question', 's3cret\r\x03'],
  ])('%s ends it with 1 and no line', async ([, typed]) => {
    const child = onTerminal();
    await asked(child, 'Password: ');
    child.process.stdin.write(typed);
    const { code, out } = await child.ended;
    expect(code).toBe(1);
    expect(out.replace(/Again: |Password: |\s/g, '')).toBe('');
  });
});
