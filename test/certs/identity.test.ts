// A sender's identity, off its certificate: every name whole and apart from the others, whatever is in it.
import { createPublicKey, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityOf } from '../../certs/identity.ts';
import { signCertificate } from '../../certs/x509/certificate.ts';
import { type Asn1, explicit, implicit, oid, sequence, setOf, utf8 } from '../../certs/x509/der.ts';
import { EXTENSION, extension } from '../../certs/x509/extensions.ts';
import { newKey } from '../../certs/x509/keys.ts';
import { made } from './made.ts';

function socket(certPem: string | undefined, authorized = true): TLSSocket {
  const certificate = certPem === undefined ? undefined : new X509Certificate(certPem);
  return { authorized, getPeerX509Certificate: () => certificate } as unknown as TLSSocket;
}

const named = (...names: readonly Asn1[]): string =>
  made({ cn: 'x', extensions: [extension(EXTENSION.subjectAltName, sequence(...names))] }).certPem;

/** RFC 5280 4.2.1.6. */
const NAME = { email: 1, dns: 2, uri: 6, ip: 7, oid: 8 } as const;
const name = (kind: keyof typeof NAME, text: string | Buffer): Asn1 =>
  implicit(NAME[kind], Buffer.from(text as string, 'latin1'));

const san = (...names: readonly Asn1[]): readonly string[] | undefined =>
  identityOf(socket(named(...names)))?.san;

describe('alternative names', () => {
  test('each kind, without its type', () => {
    const ip6 = Buffer.from('20010db8000000000000000000000001', 'hex');
    expect(
      san(
        name('dns', 'a.example'),
        name('email', 'lab@b.example'),
        name('uri', 'urn:oid:1.2.3'),
        name('ip', Buffer.from([10, 0, 0, 1])),
        name('ip', ip6),
        name('dns', '*.c.example'),
      ),
    ).toEqual(['a.example', 'lab@b.example', 'urn:oid:1.2.3', '10.0.0.1', '2001:db8::1', '*.c.example']);
  });

  test.each([
    'http://x/, DNS:lab.example',
    'a,b',
    ', DNS:lab.example',
    'x", DNS:lab.example, URI:"y',
    'x\\", DNS:lab.example, URI:\\"y',
    'line\nDNS:lab.example',
    'nul\0.lab.example',
    '"quoted"',
    'ü.example',
    '',
  ])('a name cannot pass for two: %j', (text) => {
    const names = san(name('dns', 'first.example'), name('uri', text), name('dns', 'last.example'));
    expect(names).toEqual(['first.example', text, 'last.example']);
  });

  test('whatever is in it, as many names come out as went in, and none but those', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
        expect(san(...texts.map((one) => name('uri', one)))).toEqual(texts);
      }),
      { numRuns: 60 },
    );
  });

  test('kinds that have no text are there, and do not move the others', () => {
    const other = explicit(0, oid('1.3.6.1.4.1.311.20.2.3'), explicit(0, utf8('lab@upn')));
    const directory = explicit(4, sequence());
    expect(san(other, directory, name('oid', Buffer.from([0x2a, 3])), name('dns', 'a.example'))).toContain(
      'a.example',
    );
  });
});

test('a subject’s value cannot pass for two', () => {
  const subject = (cn: string) => identityOf(socket(made({ cn }).certPem))?.subject;
  expect(subject('sender-a')).toBe('CN=sender-a');
  expect(subject('a, O=Hospital')).toBe('CN=a\\, O=Hospital');
  const key = newKey('ec-p256');
  const lines = sequence(setOf(sequence(oid('2.5.4.3'), utf8('a\nO=Hospital'))));
  const dates = { notBefore: new Date(0), notAfter: new Date(2 ** 41) };
  const draft = { ...dates, subject: lines, issuer: lines, publicKey: createPublicKey(key), extensions: [] };
  expect(identityOf(socket(signCertificate(draft, key).toString()))?.subject).toBe('CN=a\\0AO=Hospital');
  expect(subject('Krankenhaus Süd')).toBe('CN=Krankenhaus Süd');
});

test('no alternative names: none', () => {
  expect(identityOf(socket(made({ cn: 'x' }).certPem))?.san).toEqual([]);
});

test('no certificate, or one that was not verified: nobody', () => {
  const { certPem } = made({ cn: 'x' });
  expect(identityOf(socket(undefined))).toBeUndefined();
  expect(identityOf(socket(certPem, false))).toBeUndefined();
  expect(identityOf(socket(certPem))?.fingerprint).toBe(new X509Certificate(certPem).fingerprint256);
});
