// `certs inspect`: what is in files of certificates, keys and requests, and what about them will make trouble.
// Good unless a key that was asked about belongs to no certificate of the file.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { isReadableByOthers } from '../../../certs/files/read-bytes.ts';
import { readTlsFile, type TlsFile } from '../../../certs/files/tls-file.ts';
import {
  type CertificateReport,
  type CrlReport,
  chainLinks,
  inspectCertificate,
  inspectCrl,
  inspectRequest,
  ownerOf,
  type RequestReport,
} from '../../../certs/inspect.ts';
import { isWeakKey, keyText, LEAST_RSA_BITS } from '../../../certs/x509/keys.ts';
import { isPair } from '../../../certs/x509/sign.ts';
import { printable } from '../../config/source/problem.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { onlyKey, passphraseOf, type Secret } from './certs-folder.ts';

export interface InspectOptions {
  readonly key: string | undefined;
  readonly secret: Secret;
  readonly json: boolean;
}

interface KeyReport {
  readonly key: string;
  readonly encrypted: boolean;
  /** Of the public half (SubjectPublicKeyInfo); the same for a key and its certificate. */
  readonly publicKeySha256: string;
  readonly warnings: readonly string[];
}

interface FileReport {
  readonly file: string;
  readonly format: TlsFile['format'];
  readonly certificates: readonly (CertificateReport & { readonly alias?: string })[];
  readonly requests: readonly RequestReport[];
  readonly keys: readonly KeyReport[];
  readonly crls: readonly CrlReport[];
  /** For each certificate but the last: is it signed by the next? Left out where they are no chain (a list of roots). */
  readonly signedByNext?: readonly boolean[];
  /** Left out where there is no key to ask about. */
  readonly keyMatches?: boolean;
  readonly warnings: readonly string[];
}

export function inspect(files: readonly string[], options: InspectOptions, terminal: Terminal): number {
  const passphrase = passphraseOf(options.secret, terminal);
  const asked =
    options.key === undefined ? undefined : onlyKey(readTlsFile(options.key, passphrase), options.key);
  let good = true;
  for (const file of files) {
    const report = inspectFile(file, readTlsFile(file, passphrase), asked);
    if (asked !== undefined && report.keyMatches !== true) good = false;
    if (options.json) terminal.out(JSON.stringify(report));
    else for (const line of inWords(report)) terminal.out(printable(line));
  }
  return good ? EXIT.good : EXIT.failed;
}

function inspectFile(file: string, content: TlsFile, asked: KeyObject | undefined): FileReport {
  const { format, certificates, requests, keys, crls, encryptedKeys, pkcs12 } = content;
  const key = asked ?? (pkcs12 === undefined ? keys[0] : undefined);
  const warnings: string[] = [];
  const links = chainLinks(certificates);
  // Roots one after the other are a list of whom to trust; so is a keystore's list of entries.
  const isChain = certificates[0]?.ca === false && pkcs12 === undefined && links.length > 0;
  if (isChain)
    links.forEach((fits, at) => {
      if (!fits)
        warnings.push(
          `certificate ${at + 1} is not signed by certificate ${at + 2}: peers want them in that order`,
        );
    });
  const owner = key === undefined ? undefined : ownerOf(key, certificates);
  if (owner !== undefined && owner > 0 && pkcs12 === undefined)
    warnings.push(`the key belongs to certificate ${owner + 1}, not to the first`);
  if (keys.length > 0 && !encryptedKeys && isReadableByOthers(file))
    warnings.push('every user of this machine can read the key');
  const matches =
    owner !== undefined || (key !== undefined && requests.some(({ publicKey }) => isPair(key, publicKey)));
  return {
    file,
    format,
    certificates: certificates.map((certificate, at) => ({
      ...aliasOf(content, at),
      ...inspectCertificate(certificate),
    })),
    requests: requests.map(inspectRequest),
    keys: keys.map((one) => inspectKey(one, encryptedKeys)),
    crls: crls.map((crl) => inspectCrl(crl)),
    ...(isChain ? { signedByNext: links } : {}),
    ...(key !== undefined && certificates.length + requests.length > 0 ? { keyMatches: matches } : {}),
    warnings,
  };
}

function aliasOf({ pkcs12 }: TlsFile, at: number): { alias?: string } {
  const alias = pkcs12?.certificates[at]?.alias;
  return alias === undefined ? {} : { alias };
}

function inspectKey(key: KeyObject, encrypted: boolean): KeyReport {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    key: keyText(key),
    encrypted,
    publicKeySha256: createHash('sha256')
      .update(der)
      .digest('hex')
      .toUpperCase()
      .replace(/..(?=.)/g, '$&:'),
    warnings: isWeakKey(key) ? [`it is too short: ${LEAST_RSA_BITS} bits at least`] : [],
  };
}

function inWords(report: FileReport): string[] {
  const parts = [
    ...report.certificates.map((one) => certificateRows(one)),
    ...report.requests.map(
      (one): Rows => [
        ['request for', one.subject],
        ['names', one.names.join(', ')],
        ['key', one.key],
        ['signature', `${one.signature}${one.signatureFits === true ? ', fits its key' : ''}`],
        ...warningRows(one.warnings),
      ],
    ),
    ...report.keys.map(
      (one): Rows => [
        ['private key', `${one.key}${one.encrypted ? ', encrypted' : ''}`],
        ['SHA-256', `${one.publicKeySha256} (of its public half)`],
        ...warningRows(one.warnings),
      ],
    ),
    ...report.crls.map(
      (one): Rows => [
        ['revoked by', one.issuer],
        ['certificates', `${one.revoked}`],
        ['valid', `${one.thisUpdate.slice(0, 10)} to ${one.nextUpdate?.slice(0, 10) ?? 'the next one'}`],
        ['SHA-256', one.sha256],
        ...warningRows(one.warnings),
      ],
    ),
  ];
  const whole: Rows = [
    ...(report.signedByNext === undefined
      ? []
      : [['chain', report.signedByNext.every(Boolean) ? 'each is signed by the next' : 'broken'] as const]),
    ...(report.keyMatches === undefined
      ? []
      : [['key matches', report.keyMatches ? 'yes' : 'NO: it belongs to none of these'] as const]),
    ...warningRows(report.warnings),
  ];
  return [`${report.file} (${report.format})`, ...parts.flatMap(shown), ...shown(whole)];
}

type Rows = readonly (readonly [string, string])[];

function certificateRows(one: CertificateReport & { readonly alias?: string }): Rows {
  const left = one.daysLeft < 0 ? `expired ${-one.daysLeft} days ago` : `${one.daysLeft} days left`;
  return [
    ...(one.alias === undefined ? [] : [['alias', one.alias] as const]),
    ['subject', one.subject],
    ['names', one.names.join(', ')],
    ['issuer', one.selfSigned ? 'itself (self-signed)' : one.issuer],
    ['serial', one.serial],
    ['valid', `${one.notBefore.slice(0, 10)} to ${one.notAfter.slice(0, 10)}, ${left}`],
    ['key', one.key],
    ['signature', one.signature],
    [
      'authority',
      one.ca ? `yes${one.pathLength === undefined ? '' : `, path length ${one.pathLength}`}` : 'no',
    ],
    ['purpose', one.purposes === undefined ? 'any' : one.purposes.join(', ')],
    ['key usage', one.keyUsage.join(', ')],
    ['revocation', one.crlUrls.join(', ')],
    ['SHA-256', one.sha256],
    ['SHA-1', one.sha1],
    ...warningRows(one.warnings),
  ];
}

function warningRows(warnings: readonly string[]): Rows {
  return warnings.map((text) => ['warning', text] as const);
}

/** An empty line sets one certificate apart from the next. */
function shown(rows: Rows): string[] {
  const lines = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `  ${name.padEnd(13)}${value}`);
  return lines.length === 0 ? [] : [...lines, ''];
}
