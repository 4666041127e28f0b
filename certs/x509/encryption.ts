// Encryption by passphrase, of keys and of PKCS#12's contents: PBES2 (RFC 8018 6.2) written by Node.js's crypto, and
// everything older by node-forge. Promises that a file cannot make it work for hours.
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import forge from 'node-forge';
import {
  type Asn1,
  decode,
  encode,
  integer,
  isType,
  itemsOf,
  NotDer,
  nothing,
  octets,
  octetsOf,
  oid,
  oidOf,
  sequence,
} from './der.ts';

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const HMAC_SHA256 = '1.2.840.113549.2.9';
const AES256_CBC = '2.16.840.1.101.3.4.1.42';

/** Ten times keytool's count. A listener derives the key as it loads it: 30 ms once, in which no message moves. */
const ITERATIONS = 100_000;
/** What Java writes for old Java; more would only be slow there. */
const LEGACY_ITERATIONS = 50_000;
/** RFC 8018 4.1 asks for 8 bytes at least; NIST SP 800-132 for 16. */
const SALT_BYTES = 16;
/** Java's own limit. A file that asks for more is broken, or meant to keep its reader busy. */
const MAX_ITERATIONS = 5_000_000;

const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  [HMAC_SHA256]: 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const CIPHERS: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  [AES256_CBC]: { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/** The passphrase does not fit, or the data is damaged: padding and contents cannot tell the two apart. */
export class NotOpened extends Error {
  override readonly name = 'NotOpened';
}

export interface Sealed {
  readonly algorithm: Asn1;
  readonly data: Buffer;
}

/** An EncryptedPrivateKeyInfo (RFC 5958 3). */
export function seal(plain: Buffer, passphrase: string): Buffer {
  const { algorithm, data } = encrypt(plain, passphrase);
  return encode(sequence(algorithm, octets(data)));
}

/** PBES2: PBKDF2 with HMAC-SHA-256, then AES-256-CBC; what OpenSSL 3 and Java 17 write themselves. */
export function encrypt(plain: Buffer, passphrase: string): Sealed {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(16);
  const key = pbkdf2Sync(passphrase, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const derivation = sequence(
    oid(PBKDF2),
    sequence(octets(salt), integer(ITERATIONS), sequence(oid(HMAC_SHA256), nothing())),
  );
  return {
    algorithm: sequence(oid(PBES2), sequence(derivation, sequence(oid(AES256_CBC), octets(iv)))),
    data: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

/** PKCS#12's own 3DES (RFC 7292 appendix C), for Java before 8u301 and Windows before 2019: they know nothing better. */
export function encryptLegacy(plain: Asn1, passphrase: string): Sealed {
  const sealed = forge.pki.encryptPrivateKeyInfo(plain, passphrase, {
    algorithm: '3des',
    count: LEGACY_ITERATIONS,
    saltSize: SALT_BYTES,
  });
  const [algorithm, data] = itemsOf(sealed as Asn1);
  if (algorithm === undefined) throw new NotDer('no algorithm');
  return { algorithm, data: octetsOf(data) };
}

/** @throws NotOpened, NotDer */
export function decrypt({ algorithm, data }: Sealed, passphrase: string): Buffer {
  const [id, parameters] = itemsOf(algorithm);
  return oidOf(id) === PBES2
    ? decryptPbes2(parameters, data, passphrase)
    : decryptLegacy(algorithm, data, passphrase);
}

function decryptPbes2(parameters: Asn1 | undefined, data: Buffer, passphrase: string): Buffer {
  const [derivation, scheme] = itemsOf(parameters).map(itemsOf);
  const [derivationId, derivationParameters] = derivation ?? [];
  const [schemeId, iv] = scheme ?? [];
  const [salt, count, ...more] = itemsOf(derivationParameters);
  // keyLength may stand before it; without a PRF it is HMAC-SHA-1 (RFC 8018 A.2).
  const prf = more.find((item) => isType(item, 16));
  const digest = prf === undefined ? 'sha1' : PRFS[oidOf(itemsOf(prf)[0])];
  const cipher = CIPHERS[oidOf(schemeId)];
  if (oidOf(derivationId) !== PBKDF2 || digest === undefined || cipher === undefined)
    throw new NotDer('encrypted in a way that is not known here');
  const key = pbkdf2Sync(passphrase, octetsOf(salt), iterations(count), cipher.keyBytes, digest);
  try {
    const decipher = createDecipheriv(cipher.name, key, octetsOf(iv));
    return Buffer.concat([decipher.update(data), decipher.final()]);
  } catch (cause) {
    throw new NotOpened('wrong passphrase', { cause });
  }
}

/** 3DES and RC2-40 of PKCS#12 by node-forge: OpenSSL 3 has RC2 only in a provider that Node.js does not load. */
function decryptLegacy(algorithm: Asn1, data: Buffer, passphrase: string): Buffer {
  const [, parameters] = itemsOf(algorithm);
  iterations(itemsOf(parameters)[1]);
  let plain: Asn1 | null;
  try {
    plain = forge.pki.decryptPrivateKeyInfo(sequence(algorithm, octets(data)), passphrase);
  } catch (cause) {
    if (cause instanceof Error && /Unsupported OID/.test(cause.message))
      throw new NotDer('encrypted in a way that is not known here', { cause });
    throw new NotOpened('wrong passphrase', { cause });
  }
  if (plain === null) throw new NotOpened('wrong passphrase');
  return encode(plain);
}

/** @throws NotDer if there are too many */
export function iterations(count: Asn1 | undefined): number {
  const bytes = octetsOf(count);
  const number = bytes.length > 0 && bytes.length <= 4 ? bytes.readUIntBE(0, bytes.length) : 0;
  if (number < 1 || number > MAX_ITERATIONS)
    throw new NotDer(`the passphrase is to be hashed more than ${MAX_ITERATIONS} times`);
  return number;
}

/** DER of whatever was encrypted. A wrong passphrase that left good padding shows here. */
export function opened(sealed: Sealed, passphrase: string): Asn1 {
  const plain = decrypt(sealed, passphrase);
  try {
    return decode(plain);
  } catch (cause) {
    throw new NotOpened('wrong passphrase', { cause });
  }
}
