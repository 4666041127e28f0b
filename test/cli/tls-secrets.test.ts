// F77: keys and passphrases are planted in every place that may hold one, and looked for in whatever is printed.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { keyPemOf } from '../../certs/x509/keys.ts';
import { said } from '../helpers/expect-relay.ts';
import { answers, startFaultyNode } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { command, start } from './command-line.ts';

const PASSPHRASES = ['PLANTED-of-the-listener', 'PLANTED-of-the-p12', 'PLANTED-of-the-node'] as const;
const [OF_LISTENER, OF_P12, OF_NODE] = PASSPHRASES;
const WRONG = 'PLANTED-and-wrong';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
  const { good, client } = folder.pems;
  folder.write('listener.key.pem', keyPemOf(createPrivateKey(good.keyPem), OF_LISTENER));
  folder.write('node.key.pem', keyPemOf(createPrivateKey(client.keyPem), OF_NODE));
  const content = {
    key: createPrivateKey(good.keyPem),
    chain: [new X509Certificate(good.certPem)],
    friendlyName: 'x',
  };
  folder.write('vip.p12', writePkcs12(content, { passphrase: OF_P12, legacy: false }));
  folder.write('p12.pass', `${OF_P12}\n`);
});
afterAll(() => folder[Symbol.dispose]());

interface Passphrases {
  readonly listener?: string;
  readonly p12?: unknown;
  readonly node?: string;
}

function configFile(nodeUrl: string, given: Passphrases = {}, more: object = {}): string {
  const { listener = OF_LISTENER, p12 = { file: 'p12.pass' }, node = OF_NODE } = given;
  const tls = {
    cert: ['good.crt.pem', { p12: 'vip.p12', passphrase: p12 }],
    key: 'listener.key.pem',
    passphrase: listener,
    clientCa: 'ca.crt.pem',
  };
  const nodeTls = { ca: 'ca.crt.pem', cert: 'client.crt.pem', key: 'node.key.pem', passphrase: node };
  const file = join(folder.path, 'gateway.yaml');
  const config = {
    listeners: { vip: { bind: '127.0.0.1:0', tls } },
    pools: { p: { nodes: { a: { url: nodeUrl, tls: nodeTls } } } },
    routes: [{ to: 'p' }],
    telemetry: { log: { level: 'trace' } },
    certificates: { watch: false },
    ...more,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Any line of a key's base64 is a third of the key. */
function secrets(): string[] {
  const pems = [folder.pems.good.keyPem, folder.pems.client.keyPem];
  const lines = pems.flatMap((pem) => pem.split('\n')).filter((line) => /^[\w+/=]{40,}$/.test(line));
  const numbers = pems.map((pem) => createPrivateKey(pem).export({ format: 'jwk' }).d ?? '');
  expect([lines.length, ...numbers.map(({ length }) => length)]).toEqual([6, 43, 43]);
  return ['PLANTED', 'BEGIN', ...lines, ...numbers];
}

function expectNoSecret(what: string, lines: readonly string[]): void {
  const text = lines.join('\n');
  expect(text.length, `${what} printed nothing, so nothing was tested`).toBeGreaterThan(0);
  for (const secret of secrets())
    expect(text.includes(secret), `${what}: ${secret.slice(0, 12)}…`).toBe(false);
}

const BAD: readonly [what: string, given: Passphrases][] = [
  ['a wrong passphrase of the listener', { listener: WRONG }],
  ['a wrong passphrase of the p12', { p12: WRONG }],
  ['a wrong passphrase of the node', { node: WRONG }],
  ['a passphrase of two lines', { listener: `${WRONG}\n${WRONG}` }],
  ['a passphrase that is a list', { p12: [WRONG] }],
  ['a passphrase that is a map', { p12: { text: WRONG } }],
  ['a passphrase file that is missing', { p12: { file: 'gone' } }],
];

describe('check', () => {
  test.each([['good', {}] as const, ...BAD])('%s', async (what, given) => {
    for (const json of [[], ['--json']]) {
      const { code, out, err } = await command('check', '-c', configFile('mllps://h:1', given), ...json);
      expect(code).toBe(what === 'good' ? 0 : 2);
      expectNoSecret(`check ${json.join()}`, [...out, ...err]);
    }
  });
});

describe('run', () => {
  test.each(BAD)('%s', async (_, given) => {
    const { code, out, err } = await command('run', '-c', configFile('mllps://h:1', given));
    expect(code).toBe(2);
    expectNoSecret('run', [...out, ...err]);
  });

  test('a day at work: messages, refused handshakes, good and bad reloads, at level trace', async () => {
    const { certPem, keyPem } = folder.pems.good;
    const asking = { cert: certPem, key: keyPem, ca: folder.caPem, requestCert: true };
    await using node = await startFaultyNode(answers.aa(), { tls: asking });
    const gateway = start('run', '-c', configFile(node.url));
    const [, port = ''] = await gateway.line(/"address":"127\.0\.0\.1:(\d+)"/);
    const trust = { ca: folder.caPem, servername: '' };
    await using sender = await connectSender(Number(port), { tls: trust });
    expect(said(await sender.exchange(message({ controlId: 'X1' })))).toBe('AA X1');
    await using plain = await connectSender(Number(port));
    void plain.write('no TLS\r\n');
    await plain.closed;
    const kept = [
      () => folder.write('listener.key.pem', folder.pems.client.keyPem),
      () => folder.write('listener.key.pem', keyPemOf(createPrivateKey(keyPem), WRONG)),
      () => folder.write('listener.key.pem', `${keyPem.slice(0, 100)}\n${keyPem}`),
    ];
    for (const [at, spoil] of kept.entries()) {
      spoil();
      gateway.child.kill('SIGHUP');
      await expect
        .poll(() => gateway.out.filter((line) => line.includes('stay in use')).length, { timeout: 15_000 })
        .toBe(at + 1);
    }
    const { code, out, err } = await gateway.stop();
    expect(code).toBe(0);
    expectNoSecret('run', [...out, ...err]);
  });

  test('the error itself, its causes and its stack hold none', async () => {
    const { loadConfig } = await import('../../src/config/load.ts');
    const { Gateway } = await import('../../src/gateway.ts');
    const { createLog } = await import('../../src/observe/log/log.ts');
    const { inspect } = await import('node:util');
    folder.write('listener.key.pem', keyPemOf(createPrivateKey(folder.pems.good.keyPem), OF_LISTENER));
    for (const [, given] of BAD) {
      let thrown: unknown;
      try {
        const { config } = loadConfig(configFile('mllps://h:1', given), { env: {} });
        new Gateway(config, createLog({ level: 'silent', format: 'json' }));
      } catch (error) {
        thrown = error;
      }
      expectNoSecret('the error', [inspect(thrown, { depth: 10, showHidden: true })]);
    }
  });
});
