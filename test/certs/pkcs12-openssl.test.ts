// `certs import` and `export` beside openssl: what one writes, the other reads.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keyPemOf, newKey } from '../../certs/x509/keys.ts';
import { hasOpenssl } from './certs-command.ts';
import { PASS, Pkcs12Folder } from './pkcs12-folder.ts';

const folder = new Pkcs12Folder();
const cert = (name: string): X509Certificate => new X509Certificate(folder.bytes(name));
/** As a key in the clear, to compare. */
const key = (name: string): string => keyPemOf(createPrivateKey(folder.text(name)));

beforeAll(() => folder.fill());
afterAll(() => folder.remove());

beforeAll(() => folder.exportAll());

describe.skipIf(!hasOpenssl)('openssl (skipped where there is none)', () => {
  test.each([
    ['today', 'rsa-2048', []],
    ['an EC key', 'ec-p256', []],
    ['3DES and RC2', 'rsa-2048', ['-legacy']],
    ['no encryption of the certificates', 'ec-p256', ['-certpbe', 'NONE']],
    ['no MAC', 'rsa-2048', ['-nomac']],
    ['AES-128', 'rsa-2048', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC', '-macalg', 'sha512']],
  ] as const)('a keystore of openssl: %s', async (what, kind, flags) => {
    const name = what.replaceAll(/\W/g, '');
    folder.run(
      'openssl',
      'pkcs12',
      '-export',
      '-in',
      `${kind}.crt.pem`,
      '-inkey',
      `${kind}.key.pem`,
      '-certfile',
      'ca.pem',
      '-name',
      'it',
      '-passout',
      'pass:changeit',
      '-out',
      `${name}.p12`,
      ...flags,
    );
    await folder.good('import', `${name}.p12`, '--out', name, ...PASS);
    expect(folder.text(`${name}/it.crt.pem`)).toBe(folder.text(`${kind}.crt.pem`));
    expect(folder.text(`${name}/it.chain.pem`)).toBe(folder.text('ca.pem'));
    expect(key(`${name}/it.key.pem`)).toBe(key(`${kind}.key.pem`));
  });

  test('umlauts in a passphrase, both ways', async () => {
    folder.write('umlaut', 'Schlüßel €\n');
    folder.run(
      'openssl',
      'pkcs12',
      '-export',
      '-in',
      'ec-p256.crt.pem',
      '-inkey',
      'ec-p256.key.pem',
      '-passout',
      'pass:Schlüßel €',
      '-name',
      'u',
      '-out',
      'u.p12',
    );
    await folder.good('import', 'u.p12', '--out', 'u', '--passphrase-file', 'umlaut');
    for (const flags of [[], ['--legacy']]) {
      await folder.good(
        'export',
        'ec-p256.crt.pem',
        '--out',
        'v.p12',
        '--force',
        '--passphrase-file',
        'umlaut',
        ...flags,
      );
      expect(
        folder.run('openssl', 'pkcs12', '-in', 'v.p12', '-passin', 'pass:Schlüßel €', '-nodes'),
      ).toContain('PRIVATE KEY');
    }
  });

  test('openssl sees AES and SHA-256, or with --legacy 3DES and SHA-1', () => {
    const info = (name: string, ...flags: string[]): string =>
      folder.run('openssl', 'pkcs12', '-info', '-noout', '-in', name, '-passin', 'pass:changeit', ...flags);
    expect(info('rsa-20480.p12')).toMatch(
      /^MAC: sha256, Iteration 10000\n[\s\S]*PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256/,
    );
    expect(info('rsa-20481.p12', '-legacy')).toMatch(
      /^MAC: sha1, Iteration 10000\n[\s\S]*pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 50000/,
    );
    expect(folder.bytes('rsa-20480.p12').includes(cert('rsa-2048.crt.pem').raw)).toBe(false);
  });

  test('encrypted keys are AES-256, and openssl opens them', () => {
    const made = newKey('ec-p384');
    folder.write('locked.pem', keyPemOf(made, 'changeit'));
    expect(folder.run('openssl', 'asn1parse', '-in', 'locked.pem')).toMatch(
      /PBES2[\s\S]*PBKDF2[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/,
    );
    expect(folder.run('openssl', 'pkey', '-in', 'locked.pem', '-passin', 'pass:changeit')).toBe(
      keyPemOf(made),
    );
  });
});
