// Certificate and key files that cannot be used: `check` and `run` say which file it is and why, in one line, exit 2.
// The files exist and can be read; what the config part finds by itself is tested in test/config.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { keyPemOf } from '../../certs/x509/keys.ts';
import { check } from '../../src/cli/run/check.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { command } from './command-line.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
  const { certPem, keyPem } = folder.pems.good;
  const key = createPrivateKey(keyPem);
  folder.write('rubbish.pem', `${certPem.slice(0, 200)}\x00\xff!!${certPem.slice(210)}`);
  folder.write('cut.pem', certPem.slice(0, 300));
  folder.write('no-block.pem', 'hello\n');
  folder.write('empty.pem', '');
  folder.write('locked.key.pem', keyPemOf(key, 'right'));
  const content = { key, chain: [new X509Certificate(certPem)], friendlyName: 'x' };
  folder.write('vip.p12', writePkcs12(content, { passphrase: 'right', legacy: false }));
  folder.write('cut.p12', writePkcs12(content, { passphrase: 'right', legacy: false }).subarray(0, 400));
  folder.write('keystore.jks', Buffer.from('feedfeed00000002', 'hex'));
  mkdirSync(join(folder.path, 'folder'));
});
afterAll(() => folder[Symbol.dispose]());

function configWith(listenerTls: object | undefined, nodeTls?: object): string {
  return JSON.stringify({
    listeners: { vip: { bind: '127.0.0.1:0', ...(listenerTls === undefined ? {} : { tls: listenerTls }) } },
    pools: {
      p: {
        nodes: {
          a: { url: nodeTls === undefined ? 'mllp://h:1' : 'mllps://h:1', ...(nodeTls && { tls: nodeTls }) },
        },
      },
    },
    routes: [{ to: 'p' }],
  });
}

/** What `check` prints, without the folder's name. */
function checked(text: string, json = false): { code: number; out: string[]; err: string[] } {
  const file = join(folder.path, 'gateway.yaml');
  writeFileSync(file, text);
  const lines = { out: [] as string[], err: [] as string[] };
  const clean = (line: string): string => line.replaceAll(`${folder.path}/`, '');
  const io = {
    out: (line: string) => lines.out.push(clean(line)),
    err: (line: string) => lines.err.push(clean(line)),
  };
  return { code: check(file, { json }, io, {}), ...lines };
}

const GOOD = { cert: 'good.crt.pem', key: 'good.key.pem' };

const BAD: readonly [what: string, tls: object, why: string][] = [
  [
    'a key of another certificate',
    { ...GOOD, key: 'client.key.pem' },
    'client.key.pem: the key does not belong to the certificate in good.crt.pem',
  ],
  [
    'an authority as the certificate',
    { ...GOOD, cert: 'ca.crt.pem' },
    'good.key.pem: the key does not belong to the certificate in ca.crt.pem, which is an authority’s',
  ],
  [
    'rubbish in PEM',
    { ...GOOD, cert: 'rubbish.pem' },
    'rubbish.pem: the CERTIFICATE block in line 1 is no base64',
  ],
  [
    'PEM that is cut short',
    { ...GOOD, cert: 'cut.pem' },
    'cut.pem: the CERTIFICATE block in line 1 has no end',
  ],
  ['no PEM', { ...GOOD, cert: 'no-block.pem' }, 'no-block.pem: neither PEM nor DER nor PKCS#12'],
  ['an empty certificate', { ...GOOD, cert: 'empty.pem' }, 'empty.pem: empty'],
  ['an empty key', { ...GOOD, key: 'empty.pem' }, 'empty.pem: empty'],
  ['a certificate as the key', { ...GOOD, key: 'good.crt.pem' }, 'good.crt.pem: no private key in it'],
  ['a key as the certificate', { ...GOOD, cert: 'good.key.pem' }, 'good.key.pem: no certificate in it'],
  [
    'a wrong passphrase',
    { ...GOOD, key: 'locked.key.pem', passphrase: 'wrong' },
    'locked.key.pem: wrong passphrase, or a damaged key',
  ],
  [
    'no passphrase',
    { ...GOOD, key: 'locked.key.pem' },
    'locked.key.pem: the key is encrypted, and no passphrase was given',
  ],
  [
    'a wrong passphrase of PKCS#12',
    { cert: { p12: 'vip.p12', passphrase: 'wrong' } },
    'vip.p12: wrong passphrase',
  ],
  ['no passphrase of PKCS#12', { cert: { p12: 'vip.p12' } }, 'vip.p12: wrong passphrase'],
  ['PKCS#12 that is cut short', { cert: { p12: 'cut.p12', passphrase: 'right' } }, 'cut.p12: '],
  [
    'PEM as PKCS#12',
    { cert: { p12: 'good.crt.pem', passphrase: 'x' } },
    'good.crt.pem: no private key in it',
  ],
  [
    'a Java keystore',
    { cert: { p12: 'keystore.jks', passphrase: 'x' } },
    'keystore.jks: a Java keystore (JKS)',
  ],
];

const BAD_TRUST: readonly [what: string, tls: object, why: string][] = [
  ['a key as an authority', { clientCa: 'good.key.pem' }, 'good.key.pem: no certificate in it'],
  ['an empty authority', { clientCa: 'empty.pem' }, 'empty.pem: empty'],
  [
    'a certificate as a revocation list',
    { clientCa: 'ca.crt.pem', crl: 'ca.crt.pem' },
    'ca.crt.pem: no certificate revocation list in it',
  ],
];

/** Of the key that names the files; the config is one line. */
const PLACE = /:1:\d+: /;

describe('check', () => {
  test.each([...BAD, ...BAD_TRUST.map(([what, tls, why]) => [what, { ...GOOD, ...tls }, why] as const)])(
    'a listener, %s',
    (_, tls, why) => {
      const { code, out, err } = checked(configWith(tls));
      expect({ code, out, lines: err.length }).toEqual({ code: 2, out: [], lines: 1 });
      expect(err[0]?.replace(PLACE, ': ').startsWith(`gateway.yaml: listeners.vip.tls: ${why}`), err[0]).toBe(
        true,
      );
      const [line = '', sum = ''] = checked(configWith(tls), true).out;
      expect(JSON.parse(line)).toMatchObject({ level: 'error', key: 'listeners.vip.tls' });
      expect(JSON.parse(sum)).toEqual({ level: 'failed', errors: 1, warnings: 0 });
    },
  );

  test.each(BAD)('a node, %s', (_, tls, why) => {
    const { code, err } = checked(configWith(undefined, tls));
    expect({ code, lines: err.length }).toEqual({ code: 2, lines: 1 });
    expect(err[0]?.replace(PLACE, ': ').startsWith(`gateway.yaml: pools.p.nodes.a.tls: ${why}`), err[0]).toBe(
      true,
    );
  });

  test('a directory is found by the config part', () => {
    const { code, err } = checked(configWith({ ...GOOD, cert: 'folder' }));
    expect({ code, lines: err.length }).toEqual({ code: 2, lines: 1 });
    expect(err[0]).toMatch(/listeners\.vip\.tls\.cert: the file "folder" is a directory, not a file$/);
  });

  test('each listener and node has a line of its own', () => {
    const { err } = checked(configWith({ ...GOOD, key: 'empty.pem' }, { ca: 'empty.pem' }));
    expect(err.map((line) => line.replace(PLACE, ': '))).toEqual([
      'gateway.yaml: listeners.vip.tls: empty.pem: empty',
      'gateway.yaml: pools.p.nodes.a.tls: empty.pem: empty',
    ]);
  });

  test('good ones are good, and `insecure` is shown', () => {
    const { code, out, err } = checked(
      configWith(
        {
          cert: ['good.crt.pem', { p12: 'vip.p12', passphrase: 'right' }],
          key: 'good.key.pem',
          clientCa: 'ca.crt.pem',
        },
        { insecure: true },
      ),
    );
    expect({ code, out: out.length }).toEqual({ code: 0, out: 1 });
    expect(err).toEqual([
      expect.stringMatching(
        /^warning: gateway\.yaml:1:\d+: pools\.p\.nodes\.a\.tls\.insecure: .* is not checked/,
      ),
    ]);
  });
});

describe('run: one line, exit 2, nothing listens', () => {
  test.each(BAD.slice(0, 3))('a listener, %s', async (_, tls, why) => expectRefused(configWith(tls), why));
  test('a node, a wrong passphrase', async () => {
    const tls = { ...GOOD, key: 'locked.key.pem', passphrase: 'wrong' };
    await expectRefused(configWith(undefined, tls), 'locked.key.pem: wrong passphrase, or a damaged key');
  });
});

async function expectRefused(text: string, why: string): Promise<void> {
  const file = join(folder.path, 'run.yaml');
  writeFileSync(file, text);
  const { code, out, err } = await command('run', '-c', file);
  expect({ code, out }).toEqual({ code: 2, out: [] });
  expect(err.map((line) => line.replaceAll(`${folder.path}/`, ''))).toEqual([
    `a certificate or key file is not usable: ${why} [GW_ERR_TLS_FILE]`,
  ]);
}
