// A certificate with its chain and its key, as a listener or a node's connection uses them, from PEM or PKCS#12 files.
// Whatever is wrong with a file is named with the reason, before anything listens or dials with it.
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { KeyPairFiles } from '../src/config/config.ts';
import { GatewayError } from '../src/errors.ts';
import { readTlsFile } from './files/tls-file.ts';
import { chainOf } from './verify/chain.ts';
import { pem } from './x509/keys.ts';

export interface KeyPair {
  /** Leaf first, then its chain: as a PEM file gives it, or what a keystore has of it. */
  readonly chain: readonly X509Certificate[];
  /** The same, PEM. */
  readonly certPem: string;
  /** PKCS#8, not encrypted; PEM. In memory only. */
  readonly keyPem: string;
  /** Where the certificate came from. */
  readonly file: string;
}

/** @throws GatewayError GW_ERR_TLS_FILE */
export function readKeyPair(files: KeyPairFiles): KeyPair {
  const file = files.kind === 'p12' ? files.file : files.certFile;
  // A keystore without a passphrase has an empty one.
  const found = readTlsFile(file, files.kind === 'p12' ? (files.passphrase ?? '') : files.passphrase);
  const keyFile = files.kind === 'p12' ? file : files.keyFile;
  const keys = files.kind === 'p12' ? found.keys : readTlsFile(keyFile, files.passphrase).keys;
  if (found.certificates.length === 0) throw tlsFileError(file, 'no certificate in it');
  if (keys.length === 0) throw tlsFileError(keyFile, 'no private key in it');
  for (const key of keys) {
    const leaf = found.certificates.find((certificate) => certificate.checkPrivateKey(key));
    // The first certificate of a PEM file is the one that is meant; a keystore may hold them in any order.
    if (leaf === undefined || (files.kind === 'pem' && leaf !== found.certificates[0])) continue;
    // A keystore may hold the certificates of others, too, which peers have no use for (RFC 5246 7.4.2).
    const chain =
      files.kind === 'pem' ? found.certificates : chainOf(leaf, found.certificates, NONE_TRUSTED).path;
    return keyPair(file, key, chain);
  }
  const other = keyFile === file ? 'the certificate in it' : `the certificate in ${file}`;
  const what = found.certificates[0]?.ca === true ? `${other}, which is an authority’s` : other;
  throw tlsFileError(keyFile, `the key does not belong to ${what}`);
}

const NONE_TRUSTED: readonly X509Certificate[] = [];

/** The certificates in a file of authorities, in their order; at least one. */
export function readCertificates(file: string): readonly X509Certificate[] {
  const { certificates } = readTlsFile(file);
  if (certificates.length === 0) throw tlsFileError(file, 'no certificate in it');
  return certificates;
}

/** The revocation lists in a file, each as PEM; at least one. */
export function readRevocationLists(file: string): readonly string[] {
  const { crls } = readTlsFile(file);
  if (crls.length === 0) throw tlsFileError(file, 'no certificate revocation list in it');
  return crls.map(({ der }) => pem('X509 CRL', der));
}

export function tlsFileError(file: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError('GW_ERR_TLS_FILE', { detail: `${file}: ${why}`, cause });
}

function keyPair(file: string, key: KeyObject, chain: readonly X509Certificate[]): KeyPair {
  return {
    chain,
    certPem: chain.map((certificate) => certificate.toString()).join(''),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    file,
  };
}
