// Certification requests, PKCS#10 (RFC 2986): a key's owner asks an authority for a certificate.
// Promises that a request whose signature does not fit its own key is never taken for one.
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  type Asn1,
  decode,
  encode,
  explicit,
  integer,
  isTagged,
  itemsOf,
  NotDer,
  oid,
  oidOf,
  sequence,
  setOf,
} from './der.ts';
import { EXTENSION, type Extensions, extension, readExtensions } from './extensions.ts';
import { pem } from './keys.ts';
import { isSignedBy, signed } from './sign.ts';

/** RFC 2985 5.4.2, extensionRequest. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

export interface CertificateRequest {
  readonly subject: Asn1;
  readonly publicKey: KeyObject;
  readonly extensions: Extensions;
  readonly signatureId: string;
  /** Undefined: signed with an algorithm that is not known here. */
  readonly signatureFits: boolean | undefined;
  readonly der: Buffer;
}

/** Alternative names are the only thing asked for: purpose and dates are the authority's to decide. */
export function createRequest(subject: Asn1, altNames: Asn1 | undefined, key: KeyObject): string {
  const extensions = altNames === undefined ? [] : [extension(EXTENSION.subjectAltName, altNames)];
  const attributes =
    extensions.length === 0 ? [] : [sequence(oid(EXTENSION_REQUEST), setOf(sequence(...extensions)))];
  const body = sequence(
    integer(0),
    subject,
    decode(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    // The list of attributes must stand there, be it empty (RFC 2986 4.1).
    explicit(0, ...attributes),
  );
  return pem('CERTIFICATE REQUEST', signed(body, key));
}

/** @throws NotDer */
export function readRequest(der: Buffer): CertificateRequest {
  const whole = decode(der);
  const [body, algorithm] = itemsOf(whole);
  const [, subject, spki, attributes] = itemsOf(body);
  if (subject === undefined || spki === undefined || !isTagged(attributes, 0))
    throw new NotDer('no certificate request');
  const asked = itemsOf(attributes).find((one) => oidOf(itemsOf(one)[0]) === EXTENSION_REQUEST);
  const publicKey = publicKeyOf(spki);
  return {
    subject,
    publicKey,
    extensions: readExtensions(asked === undefined ? [] : itemsOf(itemsOf(itemsOf(asked)[1])[0])),
    signatureId: oidOf(itemsOf(algorithm)[0]),
    signatureFits: isSignedBy(whole, publicKey),
    der,
  };
}

function publicKeyOf(spki: Asn1): KeyObject {
  try {
    return createPublicKey({ key: encode(spki), type: 'spki', format: 'der' });
  } catch (cause) {
    throw new NotDer('a public key that is not known here', { cause });
  }
}
