// Writes PKCS#12 (RFC 7292) that Java, Mirth, OpenSSL and Windows read; keys of every kind, where node-forge writes RSA.
// Promises that both the key and the certificates are encrypted, and that the whole carries a MAC.
import { createHash, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import {
  type Asn1,
  bmp,
  decode,
  encode,
  explicit,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  sequence,
  setOf,
} from '../x509/der.ts';
import { encrypt, encryptLegacy, type Sealed } from '../x509/encryption.ts';
import {
  CERT_BAG,
  DATA,
  ENCRYPTED_DATA,
  FRIENDLY_NAME,
  LOCAL_KEY_ID,
  SHROUDED_KEY_BAG,
  X509,
} from './oids.ts';
import { macOf } from './read.ts';

const SHA1 = '1.3.14.3.2.26';
const SHA256 = '2.16.840.1.101.3.4.2.1';

/** keytool's own; node-forge's derivation in JavaScript takes 30 ms for it. */
const MAC_ITERATIONS = 10_000;

export interface Pkcs12Content {
  readonly key: KeyObject;
  /** The key's own first, then those that sign one another. */
  readonly chain: readonly X509Certificate[];
  /** What Java calls the alias. */
  readonly friendlyName: string;
}

export interface Pkcs12Options {
  readonly passphrase: string;
  /** 3DES and SHA-1, for Java before 8u301. */
  readonly legacy: boolean;
}

export function writePkcs12({ key, chain, friendlyName }: Pkcs12Content, options: Pkcs12Options): Buffer {
  const [own] = chain;
  const keyId = createHash('sha1')
    .update(own?.raw ?? Buffer.alloc(0))
    .digest();
  const attributes = setOf(
    sequence(oid(FRIENDLY_NAME), setOf(bmp(friendlyName))),
    sequence(oid(LOCAL_KEY_ID), setOf(octets(keyId))),
  );
  const pkcs8 = sealed(decode(key.export({ type: 'pkcs8', format: 'der' })), options);
  const keyBag = sequence(
    oid(SHROUDED_KEY_BAG),
    explicit(0, sequence(pkcs8.algorithm, octets(pkcs8.data))),
    attributes,
  );
  const certificateBags = chain.map((certificate, at) =>
    sequence(
      oid(CERT_BAG),
      explicit(0, sequence(oid(X509), explicit(0, octets(certificate.raw)))),
      ...(at === 0 ? [attributes] : []),
    ),
  );
  const certificates = sealed(sequence(...certificateBags), options);
  const contents = encode(
    sequence(
      sequence(
        oid(ENCRYPTED_DATA),
        explicit(
          0,
          sequence(integer(0), sequence(oid(DATA), certificates.algorithm, implicit(0, certificates.data))),
        ),
      ),
      data(encode(sequence(keyBag))),
    ),
  );
  return encode(sequence(integer(3), data(contents), mac(contents, options)));
}

function data(bytes: Buffer): Asn1 {
  return sequence(oid(DATA), explicit(0, octets(bytes)));
}

function sealed(plain: Asn1, { passphrase, legacy }: Pkcs12Options): Sealed {
  return legacy ? encryptLegacy(plain, passphrase) : encrypt(encode(plain), passphrase);
}

function mac(contents: Buffer, { passphrase, legacy }: Pkcs12Options): Asn1 {
  const salt = randomBytes(legacy ? 20 : 32);
  const digest = legacy ? 'sha1' : 'sha256';
  const value = macOf(contents, passphrase, { digest, salt, iterations: MAC_ITERATIONS });
  const algorithm = sequence(oid(legacy ? SHA1 : SHA256), nothing());
  return sequence(sequence(algorithm, octets(value)), octets(salt), integer(MAC_ITERATIONS));
}
