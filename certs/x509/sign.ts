// Signs what certificates and requests are made of: one way for RSA and EC keys, where node-forge knows RSA alone.
// Promises SHA-2 and the algorithm identifiers of RFC 4055, RFC 5758 and RFC 8410.
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { GatewayError } from '../../src/errors.ts';
import { type Asn1, bits, bitsOf, encode, itemsOf, nothing, oid, oidOf, sequence } from './der.ts';

interface Algorithm {
  readonly id: string;
  /** OpenSSL's name. */
  readonly name: string;
  /** null: the key's type fixes it (Ed25519). */
  readonly digest: string | null;
}

const RSA_SHA256: Algorithm = {
  id: '1.2.840.113549.1.1.11',
  name: 'sha256WithRSAEncryption',
  digest: 'sha256',
};
const EC_SHA256: Algorithm = { id: '1.2.840.10045.4.3.2', name: 'ecdsa-with-SHA256', digest: 'sha256' };
const EC_SHA384: Algorithm = { id: '1.2.840.10045.4.3.3', name: 'ecdsa-with-SHA384', digest: 'sha384' };
const EC_SHA512: Algorithm = { id: '1.2.840.10045.4.3.4', name: 'ecdsa-with-SHA512', digest: 'sha512' };
const ED25519: Algorithm = { id: '1.3.101.112', name: 'ED25519', digest: null };

/** Those that are met, the weak ones too: they are read and warned about, never written. */
const KNOWN = new Map<string, Algorithm>(
  [
    RSA_SHA256,
    EC_SHA256,
    EC_SHA384,
    EC_SHA512,
    ED25519,
    { id: '1.2.840.113549.1.1.12', name: 'sha384WithRSAEncryption', digest: 'sha384' },
    { id: '1.2.840.113549.1.1.13', name: 'sha512WithRSAEncryption', digest: 'sha512' },
    { id: '1.2.840.113549.1.1.5', name: 'sha1WithRSAEncryption', digest: 'sha1' },
    { id: '1.2.840.113549.1.1.4', name: 'md5WithRSAEncryption', digest: 'md5' },
    { id: '1.2.840.10045.4.1', name: 'ecdsa-with-SHA1', digest: 'sha1' },
  ].map((algorithm) => [algorithm.id, algorithm]),
);
/** Its digest is in its parameters, which nothing here has to know: Node.js verifies certificates with it. */
const RSA_PSS = '1.2.840.113549.1.1.10';

export function signatureName(id: string): string {
  return id === RSA_PSS ? 'rsassaPss' : (KNOWN.get(id)?.name ?? id);
}

/** SHA-1 collides since 2017, MD5 since 2004: whoever signs with them may have signed another certificate too. */
export function isWeakSignature(id: string): boolean {
  const digest = KNOWN.get(id)?.digest;
  return digest === 'sha1' || digest === 'md5';
}

/** The AlgorithmIdentifier that stands both inside and beside what is signed (RFC 5280 4.1.1.2). */
export function algorithmOf(key: KeyObject): Asn1 {
  const algorithm = forKey(key);
  // RFC 4055 5: NULL with RSA; RFC 5758 3.2 and RFC 8410 3: nothing with EC and Ed25519.
  return algorithm === RSA_SHA256 ? sequence(oid(algorithm.id), nothing()) : sequence(oid(algorithm.id));
}

/** `SEQUENCE { body, algorithm, signature }`: certificate (RFC 5280 4.1) and request (RFC 2986 4.2) alike. */
export function signed(body: Asn1, key: KeyObject): Buffer {
  const signature = sign(forKey(key).digest, encode(body), key);
  return encode(sequence(body, algorithmOf(key), bits(signature)));
}

/** Was this signed by the key's owner? Undefined where the algorithm is not known here. */
export function isSignedBy(whole: Asn1, key: KeyObject): boolean | undefined {
  const [body, algorithm, signature] = itemsOf(whole);
  const known = KNOWN.get(oidOf(itemsOf(algorithm)[0]));
  if (body === undefined || known === undefined) return undefined;
  try {
    return verify(known.digest, encode(body), key, bitsOf(signature));
  } catch {
    // A key of another type than the algorithm's.
    return false;
  }
}

export function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  return createPublicKey(privateKey).equals(publicKey);
}

function forKey(key: KeyObject): Algorithm {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return RSA_SHA256;
    case 'ed25519':
      return ED25519;
    case 'ec':
      // The digest as long as the curve: FIPS 186-5 6.1.1 asks for no shorter one.
      switch (key.asymmetricKeyDetails?.namedCurve) {
        case 'secp384r1':
          return EC_SHA384;
        case 'secp521r1':
          return EC_SHA512;
        default:
          return EC_SHA256;
      }
    default:
      throw new GatewayError('GW_ERR_TLS_FILE', {
        detail: `keys of type ${key.asymmetricKeyType} cannot sign certificates here`,
      });
  }
}
