// Reads PKCS#12 (RFC 7292) as Java's keytool, Mirth, OpenSSL and Windows write it: PBES2 and the older 3DES and RC2.
// Promises the certificates byte for byte, and a named reason for a file that is damaged or locked. node-forge's own
// reader is not used: it re-encodes certificates, and gives up on EC keys and on bags that it does not know.
import { createHmac, type KeyObject, timingSafeEqual, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { type Asn1, decode, derText, encode, itemsOf, NotDer, octetsOf, oidOf } from '../x509/der.ts';
import { iterations, NotOpened, opened } from '../x509/encryption.ts';
import { readKey } from '../x509/keys.ts';
import { CERT_BAG, DATA, ENCRYPTED_DATA, FRIENDLY_NAME, SHROUDED_KEY_BAG } from './oids.ts';

const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const NESTED_BAG = '1.2.840.113549.1.12.10.1.6';

const MAC_DIGESTS: Readonly<Record<string, 'sha1' | 'sha256' | 'sha384' | 'sha512'>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

interface Attributes {
  readonly alias: string | undefined;
}

export interface KeyBag extends Attributes {
  readonly key: KeyObject;
}

export interface CertificateBag extends Attributes {
  readonly certificate: X509Certificate;
}

export interface Pkcs12 {
  readonly keys: readonly KeyBag[];
  readonly certificates: readonly CertificateBag[];
}

/** Version 3 and a ContentInfo: nothing else that is met in files begins so. */
export function isPkcs12(bytes: Buffer): boolean {
  try {
    const [version, safe] = itemsOf(decode(bytes));
    return octetsOf(version).equals(Buffer.from([3])) && oidOf(itemsOf(safe)[0]) === DATA;
  } catch {
    return false;
  }
}

/** @throws NotOpened, NotDer */
export function readPkcs12(bytes: Buffer, passphrase: string): Pkcs12 {
  const [, safe, mac] = itemsOf(decode(bytes));
  const [, content] = itemsOf(safe);
  const contents = octetsOf(itemsOf(content)[0]);
  if (mac !== undefined) checkMac(mac, contents, passphrase);
  const keys: KeyBag[] = [];
  const certificates: CertificateBag[] = [];
  for (const bag of itemsOf(decode(contents)).flatMap((info) => bagsOf(info, passphrase))) {
    const attributes = attributesOf(bag[2]);
    const id = oidOf(bag[0]);
    const [value] = itemsOf(bag[1]);
    if (value === undefined) throw new NotDer('an empty bag');
    if (id === KEY_BAG) keys.push({ ...attributes, key: readKey(encode(value), undefined) });
    else if (id === SHROUDED_KEY_BAG) keys.push({ ...attributes, key: openKey(value, passphrase) });
    else if (id === CERT_BAG) {
      const [, wrapped] = itemsOf(value);
      certificates.push({ ...attributes, certificate: new X509Certificate(octetsOf(itemsOf(wrapped)[0])) });
    }
    // CRLs and Java's secret keys are nothing that TLS needs.
  }
  return { keys, certificates };
}

function openKey(value: Asn1, passphrase: string): KeyObject {
  const [algorithm, data] = itemsOf(value);
  if (algorithm === undefined) throw new NotDer('no algorithm');
  return readKey(encode(opened({ algorithm, data: octetsOf(data) }, passphrase)), undefined);
}

/** The bags of one ContentInfo, each as its parts. */
function bagsOf(info: Asn1, passphrase: string): (readonly Asn1[])[] {
  const [type, content] = itemsOf(info);
  const [value] = itemsOf(content);
  let list: Asn1;
  if (oidOf(type) === DATA) list = decode(octetsOf(value));
  else if (oidOf(type) === ENCRYPTED_DATA) {
    const [, encrypted] = itemsOf(value);
    const [, algorithm, data] = itemsOf(encrypted);
    if (algorithm === undefined) throw new NotDer('no algorithm');
    list = opened({ algorithm, data: octetsOf(data) }, passphrase);
  } else throw new NotDer('contents of a kind that is not known here');
  return unnested(list);
}

function unnested(list: Asn1): (readonly Asn1[])[] {
  return itemsOf(list)
    .map(itemsOf)
    .flatMap((bag) => {
      const [inner] = oidOf(bag[0]) === NESTED_BAG ? itemsOf(bag[1]) : [];
      return inner === undefined ? [bag] : unnested(inner);
    });
}

function attributesOf(list: Asn1 | undefined): Attributes {
  const values = new Map<string, Asn1>();
  for (const attribute of list === undefined ? [] : itemsOf(list)) {
    const [id, set] = itemsOf(attribute);
    const [value] = itemsOf(set);
    if (value !== undefined) values.set(oidOf(id), value);
  }
  const name = values.get(FRIENDLY_NAME);
  return { alias: name === undefined ? undefined : derText(name) };
}

/** RFC 7292 5.1: proves the passphrase, and that nobody without it has changed the contents. */
function checkMac(mac: Asn1, contents: Buffer, passphrase: string): void {
  const [info, salt, count] = itemsOf(mac);
  const [algorithm, expected] = itemsOf(info);
  const digest = MAC_DIGESTS[oidOf(itemsOf(algorithm)[0])];
  if (digest === undefined) throw new NotDer('a checksum (MAC) of a kind that is not known here');
  const made = macOf(contents, passphrase, {
    digest,
    salt: octetsOf(salt),
    // DEFAULT 1
    iterations: count === undefined ? 1 : iterations(count),
  });
  const wanted = octetsOf(expected);
  if (made.length !== wanted.length || !timingSafeEqual(made, wanted))
    throw new NotOpened('wrong passphrase');
}

export interface MacOptions {
  readonly digest: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly salt: Buffer;
  readonly iterations: number;
}

/** RFC 7292 appendix B; identifier 3 makes keys for this. */
export function macOf(contents: Buffer, passphrase: string, options: MacOptions): Buffer {
  const md = forge.md[options.digest].create();
  const salt = forge.util.createBuffer(options.salt.toString('latin1'));
  const key = forge.pkcs12.generateKey(passphrase, salt, 3, options.iterations, md.digestLength, md);
  return createHmac(options.digest, Buffer.from(key.getBytes(), 'latin1')).update(contents).digest();
}
