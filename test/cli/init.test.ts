// `init`: by flags and by answers, what it finds out of Mirths, what it refuses, and that what it writes is taken and runs.
import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type FirstConfigOptions, writeFirstConfig } from '../../src/cli/init/init.ts';
import { Questions } from '../../src/cli/init/questions.ts';
import { check } from '../../src/cli/run/check.ts';
import { verifyPassword } from '../../src/config/http/password.ts';
import { loadConfig } from '../../src/config/load.ts';
import { made } from '../certs/made.ts';
import { folderWith } from '../config/config-folder.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { MirthApi } from '../helpers/mirth-api.ts';
import { runInProcess } from './in-process.ts';

const PLAIN: Omit<FirstConfigOptions, 'out'> = {
  listener: [],
  mirth: [],
  tls: undefined,
  cert: undefined,
  key: undefined,
  name: [],
  state: undefined,
  consoleUser: undefined,
  passwordFile: undefined,
  probe: false,
  apiPort: 8443,
  timeoutMs: 5000,
};

async function initIn(
  options: Partial<FirstConfigOptions>,
  asked?: Parameters<typeof writeFirstConfig>[1],
  files = {},
) {
  const folder = folderWith(files);
  const out = join(folder, 'gateway.yaml');
  const lines = { out: [] as string[], err: [] as string[] };
  const terminal = {
    out: (line: string) => void lines.out.push(line),
    err: (line: string) => void lines.err.push(line.replaceAll(`${folder}/`, '')),
  };
  const code = await writeFirstConfig({ ...PLAIN, out, ...options }, asked, terminal);
  return { code, folder, file: out, ...lines };
}

/** Somebody who types these lines, one when each question comes. */
function typing(lines: readonly string[]) {
  const input = new PassThrough();
  const left = [...lines];
  const said: string[] = [];
  const prompt = (text: string): void => {
    said.push(text);
    if (!/: $/.test(text)) return;
    const line = left.shift();
    if (line === undefined) input.end();
    else setImmediate(() => input.write(`${line}\r`));
  };
  onTestFinished(() => void input.destroy());
  return { asked: { input, prompt }, said };
}

function problemsOf(file: string): string[] {
  const said: string[] = [];
  check(file, { json: false }, { out: () => {}, err: (line) => said.push(line) }, {});
  return said;
}

describe('by flags', () => {
  test('two Mirths whose API answers: the check asks it, with the certificate that was seen', async () => {
    const { certPem, keyPem } = made({ cn: 'mirth-connect', dns: ['mirth-connect'] });
    await using api = new MirthApi({ cert: certPem, key: keyPem });
    await api.listen();
    await using a = await startFaultyNode();
    await using b = await startFaultyNode();
    const mirth = [a, b].map(({ url }) => url.replace('mllp://', ''));
    const { code, file, folder, err, out } = await initIn({
      mirth,
      listener: ['adt=127.0.0.1:0'],
      probe: true,
      apiPort: api.port,
      state: 'none',
    });
    expect(code).toBe(0);
    expect(err.filter((line) => line.includes('accepts connections'))).toHaveLength(2);
    expect(
      err.filter((line) => /API at port \d+ answers, certificate SHA-256 ([0-9A-F]{2}:){31}/.test(line)),
    ).toHaveLength(2);
    expect(problemsOf(file)).toEqual([]);
    const { config } = loadConfig(file, { env: {} });
    expect(config.pools[0]?.health.check.type).toBe('mirth');
    expect(config.pools[0]?.checkTls).toMatchObject({ servername: 'mirth-connect', insecure: false });
    expect(config.pools[0]?.nodes.map(({ checkUrl }) => checkUrl)).toEqual([
      `https://127.0.0.1:${api.port}/`,
      `https://127.0.0.1:${api.port}/`,
    ]);
    expect(readdirSync(folder).sort()).toEqual(['admin.token', 'certs', 'gateway.yaml']);
    expect(out.at(-1)).toContain('run -c');
    expect(readFileSync(file, 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\/.*\/schema\/gateway\.schema\.json\n/,
    );
  });

  test('Mirths that are not there: said, noted in the file, and written all the same', async () => {
    const { code, file, err } = await initIn({ mirth: ['127.0.0.1:1'], probe: true, apiPort: 1 });
    expect(code).toBe(0);
    expect(err[0]).toBe('127.0.0.1: MLLP port 1 is not reached: nothing listens there');
    expect(err[1]).toContain("Mirth's API at port 1 does not answer as it should");
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# When this was written it was not reached: nothing listens there.');
    expect(text).toContain('health: { type: tcp }');
    expect(problemsOf(file)).toEqual([]);
  });

  test('an authority of its own, a user and a folder for state: keys and hashes are for their owner', async () => {
    const { code, file, folder } = await initIn({
      mirth: ['h1:6661', 'mllps://h2:6661'],
      listener: ['adt=:2575', 'lab=:2576'],
      tls: 'own-ca',
      name: ['gw.example', '10.0.0.5'],
      consoleUser: 'alice',
      passwordFile: join(folderWith({ 'pass.key': 'correct horse\n' }), 'pass.key'),
    });
    expect(code).toBe(0);
    expect(problemsOf(file)).toEqual([]);
    const { config } = loadConfig(file, { env: {} });
    expect(config.listeners.map(({ name, tls }) => [name, tls !== undefined])).toEqual([
      ['adt', true],
      ['lab', true],
    ]);
    for (const name of ['gateway.yaml', 'admin.token', 'certs/ca.key.pem', 'certs/vip.key.pem'])
      expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0]);
    expect(statSync(join(folder, 'state')).mode & 0o077).toBe(0);
    const issued = await runInProcess([
      'certs',
      'verify',
      join(folder, 'certs/vip.crt.pem'),
      '--ca',
      join(folder, 'certs/ca.crt.pem'),
      '--host',
      'gw.example',
    ]);
    expect(issued.code).toBe(0);
    const hash = /password: "(\$scrypt[^"]+)"/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    expect(readFileSync(file, 'utf8')).not.toContain('correct horse');
  });

  test.runIf(process.getuid?.() === 0)(
    'made by root, the group of the folder may read it, and others not',
    async () => {
      const folder = folderWith({});
      chownSync(folder, 0, 4321);
      const options = { mirth: ['h:1'], tls: 'own-ca', out: join(folder, 'gateway.yaml') } as const;
      expect((await initIn(options)).code).toBe(0);
      for (const name of ['gateway.yaml', 'admin.token', 'certs/vip.key.pem', 'certs', 'state']) {
        const { gid, mode } = statSync(join(folder, name));
        expect([name, gid]).toEqual([name, 4321]);
        if (/token|key|state/.test(name)) expect([name, mode & 0o007]).toEqual([name, 0]);
      }
      expect(statSync(join(folder, 'certs/ca.key.pem')).mode & 0o077).toBe(0);
      expect(problemsOf(join(folder, 'gateway.yaml'))).toEqual([]);
    },
  );

  test('a range of ports, and Mirths without a port', async () => {
    const { code, file } = await initIn({ mirth: ['10.0.0.11', '10.0.0.12'], listener: [':6661-6663'] });
    expect(code).toBe(0);
    expect(loadConfig(file, { env: {} }).config.pools).toHaveLength(3);
  });

  test('certificates that are there', async () => {
    const { certPem, keyPem } = made({ cn: 'vip' });
    const folder = folderWith({
      'vip.pem': certPem,
      'vip.key': keyPem,
      'other.key': made({ cn: 'other' }).keyPem,
    });
    const pair = { tls: 'files', cert: join(folder, 'vip.pem') } as const;
    const good = await initIn({ mirth: ['h:1'], ...pair, key: join(folder, 'vip.key') });
    expect([good.code, problemsOf(good.file)]).toEqual([0, []]);
    const bad = await initIn({ mirth: ['h:1'], ...pair, key: join(folder, 'other.key') });
    expect(bad.code).toBe(2);
    expect(bad.err.at(-1)).toBe('nothing is left of what was written');
    expect(readdirSync(bad.folder)).toEqual([]);
  });

  test.each<[flags: Partial<FirstConfigOptions>, message: string]>([
    [{}, '--mirth HOST:PORT is needed'],
    [{ mirth: ['mlpp://h:1'] }, 'did you mean "mllp://h:1"?'],
    [{ mirth: ['http://h:1'] }, 'a Mirth is HOST:PORT'],
    [{ mirth: ['h:1'], listener: ['2575'] }, 'a listener is :PORT'],
    [{ mirth: ['h:1'], listener: ['a b=:1'] }, 'is no name'],
    [{ mirth: ['h:1'], tls: 'files' }, 'needs --cert and --key'],
    [{ mirth: ['h:1'], cert: 'x' }, 'are for --tls files'],
    [{ mirth: ['h:1'], name: ['x'] }, '--name is for --tls own-ca'],
    [{ mirth: ['h:1'], tls: 'own-ca', name: ['a b'] }, '--name takes a host name'],
    [{ mirth: ['h:1'], consoleUser: 'a' }, '--console-user needs --password-file'],
    [{ mirth: ['h:1'], passwordFile: 'a' }, '--password-file is for --console-user'],
    [{ mirth: ['h:1'], consoleUser: 'a', passwordFile: '/none' }, 'the file "/none" does not exist'],
  ])('%j is refused, and nothing is written', async (flags, message) => {
    const folder = folderWith({});
    const terminal = { out: () => {}, err: () => {} };
    const written = writeFirstConfig(
      { ...PLAIN, out: join(folder, 'gateway.yaml'), ...flags },
      undefined,
      terminal,
    );
    await expect(written).rejects.toMatchObject({
      code: 'GW_ERR_USAGE',
      message: expect.stringContaining(message),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what is there is not replaced', async () => {
    const folder = folderWith({ 'gateway.yaml': 'mine' });
    const terminal = { out: () => {}, err: () => {} };
    const out = join(folder, 'gateway.yaml');
    await expect(writeFirstConfig({ ...PLAIN, out, mirth: ['h:1'] }, undefined, terminal)).rejects.toThrow(
      'is there already',
    );
    writeFileSync(join(folder, 'admin.token'), 'mine');
    const other = { ...PLAIN, out: join(folder, 'other.yaml'), mirth: ['h:1'] };
    await expect(writeFirstConfig(other, undefined, terminal)).rejects.toThrow('admin.token');
    expect(readFileSync(join(folder, 'admin.token'), 'utf8')).toBe('mine');
    expect(existsSync(other.out)).toBe(false);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  test('a folder for state that cannot be made: nothing is written', async () => {
    const folder = folderWith({ file: '' });
    const terminal = { out: () => {}, err: () => {} };
    const out = join(folder, 'gateway.yaml');
    const written = writeFirstConfig(
      { ...PLAIN, out, mirth: ['h:1'], state: join(folder, 'file/state') },
      undefined,
      terminal,
    );
    await expect(written).rejects.toMatchObject({ code: 'GW_ERR_FILE' });
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('a command without a terminal asks nothing', async () => {
    const { code, err } = await runInProcess([
      'init',
      '--yes',
      '--out',
      join(folderWith({}), 'gateway.yaml'),
    ]);
    expect(code).toBe(2);
    expect(err.join()).toContain('--mirth HOST:PORT is needed');
  });
});

describe('by answers', () => {
  test('only what flags leave open is asked; what is no answer is asked for again', async () => {
    const { asked, said } = typing([
      '',
      '',
      'nonsense://x',
      'h1:6661, h2:6661',
      'own-cs',
      'own-ca',
      'gw.example',
      '',
      'alice',
      'pass 1',
      'pass 2',
      'pass word',
      'pass word',
    ]);
    const { code, file, folder } = await initIn({}, asked);
    expect(code).toBe(0);
    expect(problemsOf(file)).toEqual([]);
    const { config } = loadConfig(file, { env: {} });
    expect(config.pools[0]?.nodes.map(({ url }) => url)).toEqual(['mllp://h1:6661', 'mllp://h2:6661']);
    expect(config.listeners[0]?.bind.port).toBe(2575);
    expect(existsSync(join(folder, 'state'))).toBe(true);
    const all = said.join('');
    expect(all).toContain('  at least one is needed\n');
    expect(all).toContain('did you mean "own-ca"?');
    expect(all).toContain('  the two differ\n');
    expect(all).not.toContain('pass word');
  });

  test('given up at any question: nothing is written', async () => {
    for (const answers of [[], ['', 'h:1'], ['', 'h:1', '', 'none', 'alice', 'secret']]) {
      const { asked } = typing(answers);
      const { code, folder, err } = await initIn({}, asked);
      expect(code).toBe(1);
      expect(err).toEqual(['given up; nothing was written']);
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test('with all flags nothing but the password is asked', async () => {
    const { asked, said } = typing(['secret', 'secret']);
    const { code } = await initIn(
      { mirth: ['h:1'], listener: [':1'], tls: 'none', state: 'none', consoleUser: 'alice' },
      asked,
    );
    expect(code).toBe(0);
    expect(said.filter((text) => /: $/.test(text))).toEqual(['Password of alice: ', 'Again: ']);
  });

  test('lines that come before their question are kept', async () => {
    const input = new PassThrough();
    const questions = new Questions({ input, prompt: () => {} });
    input.write('one\rtwo\r');
    expect([await questions.ask('a', ''), await questions.ask('b', '')]).toEqual(['one', 'two']);
    input.end();
    expect(await questions.ask('c', 'x')).toBeUndefined();
  });
});
