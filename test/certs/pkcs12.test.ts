// `certs import` and `export` beside Java's keytool and openssl: what one writes, the other reads, byte for byte.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPkcs12 } from '../../certs/pkcs12/read.ts';
import { writePkcs12 } from '../../certs/pkcs12/write.ts';
import { type Asn1, integer, octets, oid, sequence } from '../../certs/x509/der.ts';
import { decrypt } from '../../certs/x509/encryption.ts';
import { readKey } from '../../certs/x509/keys.ts';
import { made } from './made.ts';
import { PASS, Pkcs12Folder } from './pkcs12-folder.ts';

const folder = new Pkcs12Folder();

beforeAll(() => folder.fill());
afterAll(() => folder.remove());

describe('round trips of the tool itself', () => {
  test.each([
    ['rsa-2048', []],
    ['ec-p256', []],
    ['ec-p384', ['--legacy']],
    ['rsa-2048', ['--legacy']],
  ] as const)('%s %s', async (kind, flags) => {
    const name = `${kind}${flags.length}`;
    await folder.good(
      'export',
      `${kind}.crt.pem`,
      '--chain',
      'ca.pem',
      '--out',
      `${name}.p12`,
      ...flags,
      ...PASS,
    );
    expect(folder.mode(`${name}.p12`)).toBe('600');
    await folder.good('import', `${name}.p12`, '--out', name, '--name', 'again', ...PASS);
    expect(folder.text(`${name}/again.crt.pem`)).toBe(folder.text(`${kind}.crt.pem`));
    expect(folder.text(`${name}/again.chain.pem`)).toBe(folder.text('ca.pem'));
    expect(folder.text(`${name}/again.key.pem`)).toBe(folder.text(`${kind}.key.pem`));
    expect([folder.mode(`${name}/again.key.pem`), folder.mode(`${name}/again.crt.pem`)]).toEqual([
      '600',
      '644',
    ]);
  });

  test('what import prints, and --encrypt-key', async () => {
    await folder.good('export', 'ec-p256.crt.pem', '--out', 'e.p12', '--name', 'Überweisung, 1', ...PASS);
    expect(await folder.good('import', 'e.p12', '--out', 'e', '--encrypt-key', ...PASS)).toEqual([
      'e.p12: CN=ec-p256',
      '  e/berweisung-1.key.pem',
      '  e/berweisung-1.crt.pem',
    ]);
    expect(folder.text('e/berweisung-1.key.pem')).toMatch(/^-----BEGIN ENCRYPTED/);
    expect(readKey(folder.text('e/berweisung-1.key.pem'), 'changeit').asymmetricKeyType).toBe('ec');
  });

  test('files that are there stay as they are', async () => {
    await folder.good('import', 'e.p12', '--out', 'kept', '--name', 'a', ...PASS);
    const before = folder.text('kept/a.key.pem');
    expect(await folder.certs('import', 'e.p12', '--out', 'kept', '--name', 'a', ...PASS)).toMatchObject({
      code: 2,
      err: [
        'the command was called wrongly: kept/a.key.pem is there already; --force replaces it [GW_ERR_USAGE]',
      ],
    });
    expect(folder.text('kept/a.key.pem')).toBe(before);
  });

  test('any passphrase and any alias, both ways of encrypting', () => {
    const pair = made({ cn: 'x', dns: ['x.test'] });
    const chain = [new X509Certificate(pair.certPem)];
    const privateKey = readKey(pair.keyPem, undefined);
    // One line without control characters is what a passphrase file gives.
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((s) => s.isWellFormed() && !/\p{Cc}/u.test(s));
    fc.assert(
      fc.property(text, text, fc.boolean(), (passphrase, friendlyName, legacy) => {
        const bytes = writePkcs12({ key: privateKey, chain, friendlyName }, { passphrase, legacy });
        const { keys, certificates } = readPkcs12(bytes, passphrase);
        expect(keys.map(({ alias, key: one }) => [alias, one.equals(privateKey)])).toEqual([
          [friendlyName, true],
        ]);
        expect(certificates.map(({ certificate }) => certificate.fingerprint256)).toEqual([
          chain[0]?.fingerprint256,
        ]);
        expect(() => readPkcs12(bytes, `${passphrase}x`)).toThrow('wrong passphrase');
      }),
      { numRuns: 8 },
    );
  }, 60_000);
});

describe('a damaged keystore', () => {
  test('one that asks for hours of hashing is refused at once', () => {
    const salt = octets(Buffer.alloc(8));
    const derivation = (count: number): Asn1 =>
      sequence(oid('1.2.840.113549.1.5.12'), sequence(salt, integer(count)));
    const scheme = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(Buffer.alloc(16)));
    const sealed = (count: number) => ({
      algorithm: sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation(count), scheme)),
      data: Buffer.alloc(16),
    });
    expect(() => decrypt(sealed(5_000_001), 'p')).toThrow('hashed more than 5000000 times');
    expect(() => decrypt(sealed(1), 'p')).toThrow('wrong passphrase');
  });

  test('any byte that is changed, any place where it is cut off: refused, never half read', () => {
    const pair = made({ cn: 'x', dns: ['x.test'] });
    const content = {
      key: readKey(pair.keyPem, undefined),
      chain: [new X509Certificate(pair.certPem)],
      friendlyName: 'x',
    };
    const bytes = writePkcs12(content, { passphrase: 'p', legacy: false });
    fc.assert(
      fc.property(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, mask, cut) => {
          const damaged = Buffer.from(cut ? bytes.subarray(0, at) : bytes);
          if (!cut) damaged.writeUInt8(damaged.readUInt8(at) ^ mask, at);
          try {
            const { keys } = readPkcs12(damaged, 'p');
            // What the MAC does not cover: its own framing. The contents are then as they were.
            expect(keys.map(({ key: one }) => one.equals(content.key))).toEqual([true]);
          } catch (error) {
            expect(['NotDer', 'NotOpened']).toContain((error as Error).name);
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
