// `certs init`, `issue`, `csr` and `renew`: whatever makes certificates, keys and requests, and writes them to files.
// Promises that nothing is written unless everything that was asked for is good.
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Authority, createAuthority, type Usage } from '../../../certs/authority.ts';
import { type IfThere, type NewFile, writeNewFiles } from '../../../certs/files/new-files.ts';
import { readTlsFile } from '../../../certs/files/tls-file.ts';
import { inspectCertificate } from '../../../certs/inspect.ts';
import { isIssuedBy, partsOf, pemOf } from '../../../certs/x509/certificate.ts';
import { crlPoints, PURPOSE } from '../../../certs/x509/extensions.ts';
import {
  isWeakKey,
  type KeyKind,
  keyPemOf,
  keyText,
  kindOf,
  LEAST_RSA_BITS,
  newKey,
  readKey,
} from '../../../certs/x509/keys.ts';
import { altNames, subjectOf, subjectText } from '../../../certs/x509/names.ts';
import { createRequest } from '../../../certs/x509/request.ts';
import { printable } from '../../config/source/problem.ts';
import { AUTHORITY_DAYS } from '../defaults.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { unusable, usage } from '../usage.ts';
import {
  type CertificateNames,
  leafPaths,
  namesOf,
  openAuthority,
  passphraseOf,
  pathsOf,
  type Secret,
} from './certs-folder.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface MakeOptions {
  /** Encrypts the key that is made. */
  readonly secret: Secret;
  readonly key: KeyKind;
  readonly force: boolean;
  readonly json: boolean;
}

export interface InitOptions extends MakeOptions {
  readonly out: string;
  readonly cn: string;
  readonly days: number;
}

export function init(options: InitOptions, terminal: Terminal): number {
  const paths = pathsOf(options.out, 'ca');
  const passphrase = passphraseOf(options.secret, terminal);
  const authority = createAuthority({ commonName: options.cn, days: options.days, key: options.key });
  const files: NewFile[] = [
    { path: paths.key, content: keyPemOf(readKey(authority.keyPem, undefined), passphrase), secret: true },
    { path: paths.cert, content: authority.certPem, secret: false },
  ];
  return written(files, ifThere(options), authority.certificate, options, terminal);
}

export interface IssueCommandOptions extends MakeOptions, CertificateNames {
  readonly dir: string;
  readonly cn: string | undefined;
  readonly usage: Usage;
  readonly days: number | undefined;
  readonly csr: string | undefined;
  readonly crlUrl: readonly string[];
  readonly trustCsrNames: boolean;
  readonly caSecret: Secret;
}

export function issue(name: string, options: IssueCommandOptions, terminal: Terminal): number {
  const paths = leafPaths(options.dir, name);
  const request = options.csr === undefined ? undefined : requestOf(options.csr);
  if (options.trustCsrNames && request === undefined) throw usage('--trust-csr-names needs --csr');
  const passphrase = passphraseOf(options.secret, terminal);
  if (request !== undefined && passphrase !== undefined)
    throw usage(
      'with --csr there is no key to encrypt: --passphrase-file and --passphrase-env do not go with it',
    );
  const { authority, chain } = openAuthority(options.dir, passphraseOf(options.caSecret, terminal), terminal);
  const trusted = options.trustCsrNames ? request : undefined;
  const { dns, ip } = namesOf(options, name, options.usage !== 'client');
  const subject =
    options.cn !== undefined || trusted === undefined ? subjectOf(options.cn ?? name) : trusted.subject;
  const names = trusted?.extensions.altNamesDer ?? altNames(dns, ip);
  const points = crlPoints(options.crlUrl);
  const key = request === undefined ? newKey(options.key) : undefined;
  const certificate = authority.certify({
    subject,
    altNames: names,
    publicKey: request?.publicKey ?? createPublicKey(key as KeyObject),
    usage: options.usage,
    crlPoints: points,
    ...ending(options.days, authority),
  });
  const files = [
    ...(key === undefined ? [] : [{ path: paths.key, content: keyPemOf(key, passphrase), secret: true }]),
    ...certificateFiles(paths, certificate, chain),
  ];
  return written(files, ifThere(options), certificate, options, terminal);
}

/** What is asked for must be signed by the key itself, or anybody could have a certificate for another's key. */
function requestOf(file: string) {
  const [request] = readTlsFile(file).requests;
  if (request === undefined) throw unusable(`${file}: no certificate request in it`);
  if (request.signatureFits !== true) throw unusable(`${file}: its signature does not fit its key`);
  const { publicKey } = request;
  if (isWeakKey(publicKey))
    throw unusable(`${file}: its key, ${keyText(publicKey)}, is too short: ${LEAST_RSA_BITS} bits at least`);
  return request;
}

export interface CsrOptions extends MakeOptions, CertificateNames {
  readonly out: string;
  readonly cn: string | undefined;
}

export function csr(name: string, options: CsrOptions, terminal: Terminal): number {
  const paths = leafPaths(options.out, name);
  const { dns, ip } = namesOf(options, name, false);
  const subject = subjectOf(options.cn ?? name);
  const names = altNames(dns, ip);
  const passphrase = passphraseOf(options.secret, terminal);
  const key = newKey(options.key);
  const files: NewFile[] = [
    { path: paths.key, content: keyPemOf(key, passphrase), secret: true },
    { path: paths.csr, content: createRequest(subject, names, key), secret: false },
  ];
  writeNewFiles(files, ifThere(options));
  const written = files.map(({ path }) => path);
  const shown = { subject: subjectText(subject), names: [...dns, ...ip], key: keyText(key) };
  if (options.json) terminal.out(JSON.stringify({ ...shown, written }));
  else {
    terminal.out(
      `request for ${shown.subject}${shown.names.length > 0 ? ` (${shown.names.join(', ')})` : ''}, ${shown.key}`,
    );
    for (const path of written) terminal.out(`  ${path}`);
  }
  return EXIT.good;
}

export interface RenewOptions {
  readonly dir: string;
  readonly days: number | undefined;
  readonly keepKey: boolean;
  /** Empty: as it was. */
  readonly crlUrl: readonly string[];
  readonly secret: Secret;
  readonly caSecret: Secret;
  readonly json: boolean;
}

export function renew(name: string, options: RenewOptions, terminal: Terminal): number {
  const paths = pathsOf(options.dir, name);
  const { authority, chain } = openAuthority(options.dir, passphraseOf(options.caSecret, terminal), terminal);
  if (name === 'ca') {
    if (options.crlUrl.length > 0)
      throw usage('a root names no revocation list: --crl-url is for what it issues');
    const root = authority.renewed(options.days ?? AUTHORITY_DAYS);
    const files = [{ path: paths.cert, content: pemOf(root), secret: false }];
    return written(files, 'keep-backup', root, options, terminal);
  }
  const [old] = readTlsFile(paths.cert).certificates;
  if (old === undefined) throw unusable(`${paths.cert}: no certificate in it`);
  if (!isIssuedBy(old, authority.certificate))
    throw unusable(`${paths.cert}: the authority in ${options.dir} has not issued it`);
  const passphrase = passphraseOf(options.secret, terminal);
  const key = options.keepKey ? undefined : replacementKey(paths.key, old, passphrase);
  const { subject, extensions } = partsOf(old);
  const points = crlPoints(options.crlUrl) ?? extensions.crlPointsDer;
  const certificate = authority.certify({
    subject,
    altNames: extensions.altNamesDer,
    publicKey: key === undefined ? old.publicKey : createPublicKey(key),
    usage: usageOf(extensions.purposes),
    crlPoints: points,
    ...ending(options.days, authority),
  });
  const files = [
    // Before the certificate: who looks in between finds a pair that does not match, and keeps what it has.
    ...(key === undefined ? [] : [{ path: paths.key, content: keyPemOf(key, passphrase), secret: true }]),
    ...certificateFiles(paths, certificate, chain),
  ];
  return written(files, 'keep-backup', certificate, options, terminal);
}

function replacementKey(file: string, old: X509Certificate, passphrase: string | undefined): KeyObject {
  if (!existsSync(file))
    throw unusable(`${file}: no such file; --keep-key renews the certificate for the key that it has`);
  // An encrypted key must not silently become one in the clear.
  if (readTlsFile(file, passphrase).encryptedKeys !== (passphrase !== undefined))
    throw usage(`${file} is not encrypted; renew it without a passphrase`);
  return newKey(kindOf(old.publicKey) ?? 'rsa-2048');
}

function usageOf(purposes: readonly string[] | undefined): Usage {
  const server = purposes?.includes(PURPOSE.server) ?? true;
  const client = purposes?.includes(PURPOSE.client) ?? true;
  return server && client ? 'both' : client ? 'client' : 'server';
}

function ending(days: number | undefined, authority: Authority): { notAfter?: Date } {
  if (authority.certificate.validToDate < new Date()) throw unusable('the authority has expired');
  return days === undefined ? {} : { notAfter: new Date(Date.now() + days * DAY_MS) };
}

/** A server has to show what lies between itself and the root, so that stands in its file too. */
function certificateFiles(
  paths: { readonly cert: string; readonly chain: string },
  certificate: X509Certificate,
  chain: readonly string[],
): NewFile[] {
  return [
    { path: paths.cert, content: [pemOf(certificate), ...chain].join(''), secret: false },
    ...(chain.length === 0 ? [] : [{ path: paths.chain, content: chain.join(''), secret: false }]),
  ];
}

function ifThere({ force }: { readonly force: boolean }): IfThere {
  return force ? 'replace' : 'refuse';
}

function written(
  files: readonly NewFile[],
  there: IfThere,
  certificate: X509Certificate,
  { json }: { readonly json: boolean },
  terminal: Terminal,
): number {
  writeNewFiles(files, there);
  const { subject, names, purposes, key, ca, notAfter, sha256 } = inspectCertificate(certificate);
  const paths = files.map(({ path }) => path);
  if (json) {
    terminal.out(JSON.stringify({ subject, names, purposes, key, ca, notAfter, sha256, written: paths }));
    return EXIT.good;
  }
  const whose = ca ? 'authority' : (purposes ?? []).join(' and ');
  const known = names.length > 0 ? ` (${names.join(', ')})` : '';
  terminal.out(printable(`${whose} ${subject}${known}, ${key}, until ${notAfter.slice(0, 10)}`));
  for (const path of paths) terminal.out(`  ${path}`);
  return EXIT.good;
}
