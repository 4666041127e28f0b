// `node --listen http://…` and `https://…` as child processes: what it prints, its options, and curl as its client.
import { once } from 'node:events';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { msaOf } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { curl } from '../tools/simulation/http-room.ts';
import { command, fixture, type RunningCommand, start } from './command-line.ts';

const ADMIT = fixture('adt-a01-admit.hl7');

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

async function startNode(
  scheme: string,
  ...args: readonly string[]
): Promise<{ node: RunningCommand; url: string }> {
  const node = start('node', '--listen', `${scheme}://127.0.0.1:0`, ...args);
  const [, url = ''] = await node.line(/(\w+:\/\/127\.0\.0\.1:[1-9]\d*)/);
  return { node, url };
}

/** curl posts a message; returns MSA-1 of what comes back, undefined if that answers another message. */
async function post(url: string, type = 'text/plain'): Promise<string | undefined> {
  const { body } = await curl('-k', '--data-binary', `@${ADMIT}`, '-H', `Content-Type: ${type}`, url);
  const msa = msaOf(Buffer.from(body, 'latin1'));
  return msa?.controlId === 'AN00000001' ? msa.code : undefined;
}

test('it says where it listens, prints a line for each message and none for pages, and ends on SIGTERM with 0', async () => {
  const { node, url } = await startNode('http');
  expect((await curl(`${url}/x`)).body).toContain(`simulated-node-${new URL(url).port}`);
  expect(await post(url)).toBe('AA');
  expect(await post(url, 'application/hl7-v2')).toBeUndefined();
  await node.line(/garbled/);
  const { code, signal, out, err } = await node.stop();
  expect({ code, signal, err }).toEqual({ code: 0, signal: null, err: [] });
  expect(out).toEqual([
    `simulated node on ${url}, Ctrl-C ends it`,
    'ADT^A01^ADT_A01  AN00000001  677 bytes  AA',
    'ADT^A01^ADT_A01  AN00000001  677 bytes  garbled',
  ]);
});

test('--no-binary-types, --ack, --fail-every, --delay, --name and --max-connections', async () => {
  const { url } = await startNode(
    'http',
    ...['--no-binary-types', '--ack', 'CA', '--fail-every', '2', '--delay', '50ms', '--name', 'mirth-b'],
    ...['--max-connections', '1'],
  );
  const startedAt = performance.now();
  expect(await post(url, 'application/hl7-v2')).toBe('CA');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(48);
  expect(await post(url)).toBe('AE');
  expect((await curl(url)).fields.get('x-simulated-node')).toBe('mirth-b');
  // The node may not have seen yet that the connection before has ended.
  await using holder = await until(async () => {
    const one = await connectSender(Number(new URL(url).port));
    await one.write('GET / HTTP/1.1\r\nHost: n\r\n\r\n');
    const isServed = until(() => one.received.includes('</html>')).then(
      () => true,
      () => false,
    );
    if (await Promise.race([isServed, one.closed.then(() => false)])) return one;
    await one[Symbol.asyncDispose]();
    return undefined;
  });
  await expect(curl(url)).rejects.toThrow('ended with 52');
  expect(holder.received.includes('</html>')).toBe(true);
});

test('F93 --http-error-acks: AE has status 500, everything else has 200', async () => {
  const { url } = await startNode('http', '--http-error-acks', '--fail-every', '2');
  const answers = [];
  for (let i = 0; i < 2; i++) {
    const { status, body } = await curl('--data-binary', `@${ADMIT}`, '-H', 'Content-Type: text/plain', url);
    answers.push([status, msaOf(Buffer.from(body, 'latin1'))?.code]);
  }
  expect(answers).toEqual([
    [200, 'AA'],
    [500, 'AE'],
  ]);
  const { code, out } = await command('send', ADMIT, ADMIT, '--to', url);
  expect(code).toBe(1);
  expect(out.join('\n')).toMatch(/AN00000001 {2}AA .*AN00000001 {2}AE /s);
});

test('F93 --status-500: a page and no acknowledgement', async () => {
  const { url, node } = await startNode('http', '--status-500');
  const { status, body } = await curl('--data-binary', `@${ADMIT}`, '-H', 'Content-Type: text/plain', url);
  expect([status, body.includes('<h2>HTTP ERROR 500'), body.includes('MSA')]).toEqual([500, true, false]);
  const { code, out } = await command('send', ADMIT, '--to', url);
  expect(code).toBe(1);
  expect(out[0]).toContain('HTTP 500 Internal Server Error');
  expect((await curl(url)).status).toBe(200);
  expect((await node.stop()).out).toContain('ADT^A01^ADT_A01  AN00000001  677 bytes  HTTP 500');
});

test('--close-after and --idle end connections', async () => {
  const { url } = await startNode('http', '--close-after', '1', '--idle', '60ms');
  await expect(post(url)).rejects.toThrow('ended with 52');
  await using idle = await connectSender(Number(new URL(url).port));
  await idle.write('GET / HTTP/1.1\r\nHost: n\r\n\r\n');
  await idle.closed;
  expect(idle.received.includes('</html>')).toBe(true);
});

describe('over TLS', () => {
  test('with --cert and --key, curl trusts the authority', async () => {
    const { cert, key } = folder.files.good;
    const { node, url } = await startNode('https', '--cert', cert, '--key', key);
    expect((await curl('--cacert', folder.caFile, `${url}/assets/app.css`)).status).toBe(200);
    expect((await node.stop()).out).toEqual([`simulated node on ${url}, Ctrl-C ends it`]);
  });

  test.for(['https', 'mllps'])(
    '%s without them has a throw-away certificate and says which',
    async (scheme) => {
      const { node, url } = await startNode(scheme);
      const [, sha256 = ''] = await node.line(/^throw-away certificate, SHA-256 ([0-9A-F:]{95})$/);
      const socket = tls.connect({
        port: Number(new URL(url).port),
        host: '127.0.0.1',
        rejectUnauthorized: false,
      });
      await once(socket, 'secureConnect');
      const shown = socket.getPeerX509Certificate();
      socket.destroy();
      expect(shown?.fingerprint256).toBe(sha256);
      expect(shown?.checkIP('127.0.0.1')).toBe('127.0.0.1');
      expect(shown?.checkHost('localhost')).toBe('localhost');
      const { code } = await command('send', ADMIT, '--to', url, '--insecure');
      expect(code).toBe(0);
    },
  );

  test('--json says the same', async () => {
    const node = start('node', '--listen', 'https://127.0.0.1:0', '--json');
    const [line] = await node.line(/^\{"listening".*$/);
    expect(JSON.parse(line)).toEqual({
      listening: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      sha256: expect.stringMatching(/^[0-9A-F:]{95}$/),
    });
  });
});

test('IPv6 is written as in a URL', async () => {
  const node = start('node', '--listen', 'http://[::1]:0/');
  const [, url = ''] = await node.line(/^simulated node on (http:\/\/\[::1\]:\d+), Ctrl-C/);
  expect((await curl('-g', url)).status).toBe(200);
});

test('a message over HTTP from this project’s own sender', async () => {
  const { url, node } = await startNode('https', '--quiet');
  const { code, out } = await command('send', ADMIT, '--to', `${url}/in`, '--insecure', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ controlId: 'AN00000001', code: 'AA' });
  expect((await node.stop()).out).toHaveLength(2);
});

test.for<[string, string[], string]>([
  [
    'a scheme',
    ['ftp://127.0.0.1:0'],
    '--listen takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST:PORT or https://HOST:PORT, not "ftp://127.0.0.1:0"; the scheme is not known',
  ],
  [
    'a path',
    ['http://127.0.0.1:0/x'],
    '--listen takes mllp://HOST:PORT, mllps://HOST:PORT, http://HOST:PORT or https://HOST:PORT, not "http://127.0.0.1:0/x"; it takes no path',
  ],
  ['a certificate alone', ['https://127.0.0.1:0', '--cert', 'x'], '--cert and --key go together'],
  [
    'a name that is none',
    ['http://127.0.0.1:0', '--name', 'a\nb'],
    '--name takes up to 64 letters, digits, ".", ":", "_" and "-", not "a\\u{a}b"',
  ],
  [
    'a name over MLLP',
    ['mllp://127.0.0.1:0', '--name', 'a'],
    '--name, --idle and --no-binary-types need http:// or https://',
  ],
  [
    'an idle time over MLLP',
    ['mllps://127.0.0.1:0', '--idle', '1s'],
    '--name, --idle and --no-binary-types need http:// or https://',
  ],
  [
    'types over MLLP',
    ['mllp://127.0.0.1:0', '--no-binary-types'],
    '--name, --idle and --no-binary-types need http:// or https://',
  ],
])('%s is exit code 2 and one line', async ([, args, why]) => {
  expect(await command('node', '--listen', ...args)).toEqual({
    code: 2,
    signal: null,
    out: [],
    err: [`the command was called wrongly: ${why} [GW_ERR_USAGE]`],
  });
});
