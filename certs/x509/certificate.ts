// A certificate taken apart as DER, and put together for signing (RFC 5280 4.1).
// Promises that what is copied from one certificate to another (subject, names) is copied byte for byte.
import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import {
  type Asn1,
  decode,
  explicit,
  integer,
  isTagged,
  itemsOf,
  NotDer,
  oidOf,
  sequence,
  time,
} from './der.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { pem } from './keys.ts';
import { algorithmOf, signed } from './sign.ts';

/** RFC 5280 4.1.2.2 allows 20 octets; 16 random ones do not meet twice. */
const SERIAL_BYTES = 16;

export interface Parts {
  readonly issuer: Asn1;
  readonly subject: Asn1;
  readonly signatureId: string;
  readonly extensions: Extensions;
}

/** @throws NotDer */
export function partsOf(certificate: X509Certificate): Parts {
  const [body, algorithm] = itemsOf(decode(certificate.raw));
  const fields = itemsOf(body);
  // A certificate of version 1 has no version field.
  const from = isTagged(fields[0], 0) ? 1 : 0;
  const [, , issuer, , subject] = fields.slice(from);
  if (issuer === undefined || subject === undefined) throw new NotDer('no certificate');
  const list = fields.find((field, at) => at > from + 5 && isTagged(field, 3));
  return {
    issuer,
    subject,
    signatureId: oidOf(itemsOf(algorithm)[0]),
    extensions: readExtensions(list === undefined ? [] : itemsOf(itemsOf(list)[0])),
  };
}

export interface Draft {
  readonly subject: Asn1;
  readonly issuer: Asn1;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Asn1[];
}

/** With a new serial number. */
export function signCertificate(draft: Draft, issuerKey: KeyObject): X509Certificate {
  const body = sequence(
    explicit(0, integer(2)),
    integer(newSerial()),
    algorithmOf(issuerKey),
    draft.issuer,
    sequence(time(draft.notBefore), time(draft.notAfter)),
    draft.subject,
    decode(draft.publicKey.export({ type: 'spki', format: 'der' })),
    explicit(3, sequence(...draft.extensions)),
  );
  return new X509Certificate(signed(body, issuerKey));
}

/** RFC 5280 4.1.2.2: positive. The first octet is 40 to 7F: no sign bit, and no leading zero that DER would drop. */
function newSerial(): Buffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes;
}

export function pemOf(certificate: X509Certificate): string {
  return pem('CERTIFICATE', certificate.raw);
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate);
}

/**
 * By name, and by the signature itself; whether it had the right to sign is another question. checkIssued alone would
 * answer that one too, and no to a self-signed server certificate, whose key usage says nothing of certificates.
 */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  const named = certificate.issuer === issuer.subject || certificate.checkIssued(issuer);
  return named && isSigned(certificate, issuer);
}

function isSigned(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A key of a type that Node.js does not know.
    return false;
  }
}
