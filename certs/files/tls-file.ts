// Reads whatever a certificate authority, Java, Windows or OpenSSL hands out: PEM, DER, PKCS#7, PKCS#12; certificates,
// keys, requests and revocation lists. Promises that what cannot be used is named, with file and reason.
import { type KeyObject, X509Certificate } from 'node:crypto';
import { causeCode, GatewayError } from '../../src/errors.ts';
import { isPkcs12, type Pkcs12, readPkcs12 } from '../pkcs12/read.ts';
import { decode, encode, isTagged, itemsOf, NotDer, oidOf } from '../x509/der.ts';
import { NotOpened } from '../x509/encryption.ts';
import { isEncrypted, readKey } from '../x509/keys.ts';
import { type CertificateRequest, readRequest } from '../x509/request.ts';
import { type RevocationList, readCrl } from '../x509/revocation-list.ts';
import { type PemBlock, pemBlocks } from './pem-blocks.ts';
import { readBytes } from './read-bytes.ts';

export interface TlsFile {
  readonly format: 'PEM' | 'DER' | 'PKCS#7' | 'PKCS#12';
  readonly certificates: readonly X509Certificate[];
  readonly keys: readonly KeyObject[];
  readonly requests: readonly CertificateRequest[];
  readonly crls: readonly RevocationList[];
  /** Keys that stand in it encrypted and could be read, PKCS#12's included. */
  readonly encryptedKeys: boolean;
  /** With the names of its entries, where it is PKCS#12. */
  readonly pkcs12: Pkcs12 | undefined;
}

/** JKS and JCEKS (Mirth before 4.0): Java's own formats, which nothing but Java reads. */
const JAVA_KEYSTORES = new Map([
  ['feedfeed', 'JKS'],
  ['cececece', 'JCEKS'],
]);

/** @throws GatewayError GW_ERR_TLS_FILE */
export function readTlsFile(file: string, passphrase?: string): TlsFile {
  const bytes = readBytes(file);
  try {
    return parse(bytes, passphrase);
  } catch (cause) {
    throw new GatewayError('GW_ERR_TLS_FILE', { detail: `${file}: ${reasonOf(cause)}`, cause });
  }
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof GatewayError && thrown.detail !== undefined) return thrown.detail;
  if (thrown instanceof NotOpened || thrown instanceof NotDer) return thrown.message;
  return causeCode(thrown);
}

function parse(bytes: Buffer, passphrase: string | undefined): TlsFile {
  const java = JAVA_KEYSTORES.get(bytes.toString('hex', 0, 4));
  if (java !== undefined)
    throw new NotDer(
      `a Java keystore (${java}); keytool -importkeystore -deststoretype PKCS12 makes PKCS#12 of it`,
    );
  if (bytes.includes('-----BEGIN ')) return parsePem(bytes, passphrase);
  if (isPkcs12(bytes)) {
    if (passphrase === undefined) throw new NotDer('PKCS#12, and no passphrase was given');
    const pkcs12 = readPkcs12(bytes, passphrase);
    const certificates = pkcs12.certificates.map(({ certificate }) => certificate);
    const keys = pkcs12.keys.map(({ key }) => key);
    return { ...NOTHING, format: 'PKCS#12', certificates, keys, encryptedKeys: keys.length > 0, pkcs12 };
  }
  const found = parseDer(bytes, passphrase);
  if (found === undefined) throw new NotDer('neither PEM nor DER nor PKCS#12');
  return found;
}

const NOTHING: TlsFile = {
  format: 'DER',
  certificates: [],
  keys: [],
  requests: [],
  crls: [],
  encryptedKeys: false,
  pkcs12: undefined,
};

function parsePem(bytes: Buffer, passphrase: string | undefined): TlsFile {
  const certificates: X509Certificate[] = [];
  const keys: KeyObject[] = [];
  const requests: CertificateRequest[] = [];
  const crls: RevocationList[] = [];
  let encryptedKeys = false;
  let format: TlsFile['format'] = 'PEM';
  for (const block of pemBlocks(bytes.toString('latin1'))) {
    const { label, der } = block;
    if (/^(X509 |TRUSTED )?CERTIFICATE$/.test(label)) certificates.push(must(block, () => toX509(der)));
    else if (/^(NEW )?CERTIFICATE REQUEST$/.test(label)) requests.push(must(block, () => readRequest(der)));
    else if (label === 'X509 CRL') crls.push(must(block, () => readCrl(der)));
    else if (label === 'PKCS7') {
      format = 'PKCS#7';
      certificates.push(...must(block, () => readCertificateBundle(der)));
    } else if (/PRIVATE KEY$/.test(label)) {
      keys.push(readKey(block.text, passphrase));
      encryptedKeys ||= isEncrypted(block.text);
    }
  }
  if (certificates.length + keys.length + requests.length + crls.length === 0)
    throw new NotDer('no certificate, key or request in it');
  return { ...NOTHING, format, certificates, keys, requests, crls, encryptedKeys };
}

/** A block that says what it is must be it. */
function must<T>({ label, line }: PemBlock, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new NotDer(`the ${label} block in line ${line} cannot be read`, { cause });
  }
}

/** One value of DER says by its shape what it is. */
function parseDer(bytes: Buffer, passphrase: string | undefined): TlsFile | undefined {
  const parsers: readonly (() => Partial<TlsFile>)[] = [
    () => ({ certificates: [toX509(bytes)] }),
    () => ({ requests: [readRequest(bytes)] }),
    () => ({ crls: [readCrl(bytes)] }),
    () => ({ format: 'PKCS#7', certificates: readCertificateBundle(bytes) }),
  ];
  for (const parser of parsers) {
    try {
      return { ...NOTHING, ...parser() };
    } catch {
      // Then it is something else.
    }
  }
  return looksLikeKey(bytes)
    ? { ...NOTHING, keys: [readKey(bytes, passphrase)], encryptedKeys: isEncrypted(bytes) }
    : undefined;
}

/** A version number, or the algorithm of encrypted PKCS#8 (RFC 5958 3): its object identifier, then its parameters. */
function looksLikeKey(bytes: Buffer): boolean {
  try {
    const [first, second] = itemsOf(decode(bytes));
    if (first?.type === 2) return second !== undefined;
    return second?.type === 4 && oidOf(itemsOf(first)[0]).startsWith('1.2.840.113549.1.');
  } catch {
    return false;
  }
}

/** Node.js takes PEM and DER alike, and what stands behind the end too; so the end has to be looked at first. */
function toX509(der: Buffer): X509Certificate {
  decode(der);
  return new X509Certificate(der);
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';

/**
 * The certificates of a PKCS#7 file (RFC 5652 5.1), as Windows' certificate authority hands them out: `.p7b`.
 *
 * @throws NotDer
 */
function readCertificateBundle(der: Buffer): X509Certificate[] {
  const [type, content] = itemsOf(decode(der));
  if (oidOf(type) !== SIGNED_DATA) throw new NotDer('no signed data');
  const certificates = itemsOf(itemsOf(content)[0]).find((item) => isTagged(item, 0));
  if (certificates === undefined) throw new NotDer('no certificates');
  return itemsOf(certificates).map((item) => new X509Certificate(encode(item)));
}
