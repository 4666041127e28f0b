// Names of every kind, in certificates and requests: what was asked for is what Node.js and openssl read back.
import { createPublicKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../certs/authority.ts';
import { partsOf } from '../../certs/x509/certificate.ts';
import { type Asn1, derText, itemsOf, oidOf } from '../../certs/x509/der.ts';
import { keyText, newKey } from '../../certs/x509/keys.ts';
import { altNames, hostName, readAltNames, subjectOf, subjectText } from '../../certs/x509/names.ts';
import { createRequest, readRequest } from '../../certs/x509/request.ts';
import { CertsFolder, hasOpenssl } from './certs-command.ts';

const authority = createAuthority({ commonName: 'CA', days: 400, key: 'ec-p256' });
const key = newKey('ec-p256');
const publicKey = createPublicKey(key);
const folder = new CertsFolder();
afterAll(() => folder.remove());

/** The first common name of a subject. */
function commonNameOf(subject: Asn1): string | undefined {
  const attributes = itemsOf(subject).flatMap((relative) => itemsOf(relative).map(itemsOf));
  const value = attributes.find(([type]) => oidOf(type) === '2.5.4.3')?.[1];
  return value && derText(value);
}

const certify = (commonName: string): X509Certificate =>
  authority.certify({ subject: subjectOf(commonName), altNames: undefined, publicKey, usage: 'client' });

/** Everything but control characters and line separators, special characters of names often. */
const commonNames = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ',',
        '+',
        '"',
        '\\',
        '<',
        '>',
        ';',
        '=',
        '#',
        ' ',
        '/',
        'ß',
        'Ü',
        '検',
        '😀',
        '*',
        "'",
        '%',
      ),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    { minLength: 1, maxLength: 20 },
  )
  .map((parts) => [...parts.join('')].slice(0, 64).join(''))
  .filter((name) => name.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name));

describe('common names', () => {
  test('Node.js reads what was asked for, and a subject reads here as there', () => {
    fc.assert(
      fc.property(commonNames, (name) => {
        const certificate = certify(name);
        expect(certificate.toLegacyObject().subject.CN).toBe(name);
        const { subject } = partsOf(certificate);
        expect(commonNameOf(subject)).toBe(name);
        expect(subjectText(subject)).toBe(certificate.subject);
      }),
      { numRuns: 200, examples: [['#'], ['#a'], [' '], [' a '], ['a\\'], ['"'], ['\\ '], ['=,+']] },
    );
  });

  test('a request carries them too', () => {
    fc.assert(
      fc.property(commonNames, (name) => {
        const der = Buffer.from(
          createRequest(subjectOf(name), undefined, key).replace(/-----.*/g, ''),
          'base64',
        );
        const request = readRequest(der);
        expect(commonNameOf(request.subject)).toBe(name);
        expect(request.signatureFits).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test.skipIf(!hasOpenssl)('openssl reads what was typed (skipped where there is no openssl)', async () => {
    for (const [at, name] of ['Müller, Söhne & Co. "KG"', 'a/b=c+d;e<f>#', '検査室 😀'].entries()) {
      await folder.good(
        'csr',
        `n${at}`,
        '--out',
        '.',
        '--cn',
        name,
        '--dns',
        'münchen.test',
        '--ip',
        '::1',
        '--key',
        'ec-p256',
      );
      const { output } = folder.tool(
        'openssl',
        'req',
        '-in',
        `n${at}.csr.pem`,
        '-noout',
        '-verify',
        '-text',
        '-nameopt',
        'utf8,sep_multiline,lname',
      );
      expect(output).toContain('verify OK');
      expect(output).toContain(`commonName=${name}`);
      expect(output).toContain('DNS:xn--mnchen-3ya.test, IP Address:0:0:0:0:0:0:0:1');
    }
  });
});

describe('host names', () => {
  test.each([
    ['vip.test', 'vip.test'],
    ['*.pool.test', '*.pool.test'],
    ['my_container', 'my_container'],
    ['münchen.test', 'xn--mnchen-3ya.test'],
    ['*.münchen.test', '*.xn--mnchen-3ya.test'],
    ['検査.test', 'xn--5vvzy.test'],
  ])('%s', (typed, written) => {
    expect(hostName(typed)).toBe(written);
  });

  test.each([
    '',
    '.',
    '*',
    '*.',
    'a b',
    'a/b',
    'ü/b',
    'ü@b',
    'a:1',
    'ü%41',
    '10.0.0.1',
    '::1',
    'a..b',
    '-a',
    'a.*',
    'x'.repeat(64),
  ])('refused: %s', (typed) => {
    expect(() => hostName(typed)).toThrow(/is no host name/);
  });
});

describe('alternative names', () => {
  test('addresses and names come back as they went in', () => {
    const dns = fc.domain();
    const ip = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(fc.array(dns, { maxLength: 5 }), fc.array(ip, { maxLength: 5 }), (names, addresses) => {
        const made = altNames(names, addresses);
        if (made === undefined) return void expect(names.length + addresses.length).toBe(0);
        const certificate = authority.certify({
          subject: subjectOf('x'),
          altNames: made,
          publicKey,
          usage: 'both',
        });
        for (const name of names) expect(certificate.checkHost(name)).toBe(name);
        for (const address of addresses) expect(certificate.checkIP(address)).toBe(address);
        const read = readAltNames(made);
        expect(read.filter(({ type }) => type === 'dns').map(({ value }) => value)).toEqual(names);
        expect(read.filter(({ type }) => type === 'ip')).toHaveLength(addresses.length);
      }),
      { numRuns: 100, examples: [[[], ['::1.2.3.4', '::ffff:1.2.3.4', '1::1.2.3.4']]] },
    );
  });
});

describe('dates and keys', () => {
  test('dates after 2049 are GeneralizedTime, and read back to the second (RFC 5280 4.1.2.5)', () => {
    const old = createAuthority({ commonName: 'long', days: 36_500, key: 'ec-p256' });
    for (const end of ['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '2099-02-28T12:34:56Z']) {
      const notAfter = new Date(end);
      const made = old.certify({
        subject: subjectOf('x'),
        altNames: undefined,
        publicKey,
        usage: 'client',
        notAfter,
      });
      expect(made.validToDate).toEqual(notAfter);
    }
  });

  test.each(['rsa-2048', 'rsa-3072', 'ec-p256', 'ec-p384'] as const)(
    'an authority of %s certifies keys of every kind',
    (kind) => {
      const signer = createAuthority({ commonName: kind, days: 400, key: kind });
      for (const leaf of ['rsa-2048', 'ec-p256', 'ec-p384'] as const) {
        const issued = new X509Certificate(
          signer.issue({ commonName: 'x', usage: 'client', key: leaf }).certPem,
        );
        expect(issued.verify(signer.certificate.publicKey)).toBe(true);
        expect(keyText(issued.publicKey).replace(/ P?-?/, '-').toLowerCase()).toContain(
          leaf.replace('p', '').replace('ec-', 'ec-'),
        );
        expect(partsOf(issued).extensions.keyUsages).toEqual(
          leaf === 'rsa-2048' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'],
        );
      }
    },
  );
});

describe.skipIf(!hasOpenssl)('openssl finds no fault with them (skipped where there is no openssl)', () => {
  test.each(['rsa-2048', 'ec-p384'])('verify -x509_strict: %s', async (kind) => {
    await folder.good('init', '--out', kind, '--key', kind);
    for (const [name, purpose] of [
      ['server', 'sslserver'],
      ['client', 'sslclient'],
    ] as const) {
      await folder.good('issue', name, '--dir', kind, `--${name}`, '--key', 'ec-p256');
      const { status, output } = folder.tool(
        'openssl',
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        `${kind}/ca.crt.pem`,
        `${kind}/${name}.crt.pem`,
      );
      expect({ status, output }).toEqual({ status: 0, output: `${kind}/${name}.crt.pem: OK\n` });
    }
  });
});
