// `certs verify`: would a handshake with these files succeed, or does one with a live peer, and why not.
// Good only if every check is. A live peer gets the handshake and nothing else.
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readTlsFile, type TlsFile } from '../../../certs/files/tls-file.ts';
import { type CertificateReport, inspectCertificate } from '../../../certs/inspect.ts';
import { type CertificateCheck, checksOf } from '../../../certs/verify/checks.ts';
import { connectTls } from '../../../certs/verify/connect.ts';
import { handshake } from '../../../certs/verify/handshake.ts';
import { BY_THE_CLOCK, reasonInWords } from '../../../certs/verify/reasons.ts';
import { pemOf } from '../../../certs/x509/certificate.ts';
import { keyPemOf, pem } from '../../../certs/x509/keys.ts';
import { isPair } from '../../../certs/x509/sign.ts';
import { parseNodeUrl } from '../../config/formats.ts';
import { printable, quoted } from '../../config/source/problem.ts';
import { EXIT, type Terminal, table } from '../terminal.ts';
import { unusable, usage } from '../usage.ts';
import { keyBeside, onlyKey, passphraseOf, type Secret } from './certs-folder.ts';

export interface VerifyOptions {
  readonly ca: readonly string[];
  readonly key: string | undefined;
  readonly host: string | undefined;
  readonly usage: 'server' | 'client';
  readonly crl: readonly string[];
  readonly at: Date | undefined;
  readonly connect: string | undefined;
  readonly servername: string | undefined;
  readonly cert: string | undefined;
  readonly timeoutMs: number;
  readonly secret: Secret;
  readonly json: boolean;
}

export function verify(
  file: string | undefined,
  options: VerifyOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.connect !== undefined && file === undefined)
    return verifyPeer(options.connect, options, terminal);
  if (file === undefined || options.connect !== undefined)
    throw usage('verify takes either a file or --connect HOST:PORT');
  for (const name of ['servername', 'cert'] as const)
    if (options[name] !== undefined) throw usage(`--${name} goes with --connect only`);
  return verifyFile(file, options, terminal);
}

async function verifyFile(file: string, options: VerifyOptions, terminal: Terminal): Promise<number> {
  if (options.ca.length === 0) throw usage('verify needs --ca FILE: whom the other side trusts');
  const passphrase = passphraseOf(options.secret, terminal);
  const content = readTlsFile(file, passphrase);
  const key = keyFor(file, content, options.key, passphrase);
  const certificates = ownFirst(content, key);
  const [leaf] = certificates;
  if (leaf === undefined) throw unusable(`${file}: no certificate in it`);
  const trusted = trustedBy(options.ca);
  const crls = options.crl.flatMap(crlsOf);
  const at = options.at ?? new Date();
  const checks: CertificateCheck[] = [
    ...checksOf({ ...options, certificates, trusted, crls, at }),
    keyCheck(key, key !== undefined && isPair(key, leaf.publicKey)),
  ];
  let agreed: { protocol?: string | undefined; cipher?: string | undefined } = {};
  if (key === undefined)
    checks.push({ name: 'handshake', good: undefined, text: 'not tried: it takes the key (--key)' });
  else {
    const crlPems = crls.map(({ der }) => pem('X509 CRL', der));
    const { code, ...rest } = await handshake({ ...options, certificates, key, trusted, crls: crlPems });
    agreed = rest;
    checks.push(handshakeCheck(code, options.at));
  }
  const good = checks.every((check) => check.good !== false);
  if (options.json) terminal.out(JSON.stringify({ file, good, ...agreed, checks }));
  else {
    const lacking = key === undefined ? ' (as far as it can be seen without the key)' : '';
    terminal.out(`${file}: the handshake would ${good ? 'succeed' : 'fail'}${lacking}`);
    for (const line of rowsOf(checks)) terminal.out(line);
  }
  return good ? EXIT.good : EXIT.failed;
}

/** Given, or in the file itself, or where `certs issue` puts it. */
function keyFor(
  file: string,
  content: TlsFile,
  given: string | undefined,
  passphrase: string | undefined,
): KeyObject | undefined {
  if (given !== undefined) return onlyKey(readTlsFile(given, passphrase), given);
  if (content.keys[0] !== undefined) return content.keys[0];
  const beside = keyBeside(file);
  if (beside === undefined || !existsSync(beside)) return undefined;
  return onlyKey(readTlsFile(beside, passphrase), beside);
}

/** A keystore has its certificates in any order; in PEM files the order counts, and peers get it as it is. */
function ownFirst({ pkcs12, certificates }: TlsFile, key: KeyObject | undefined) {
  if (pkcs12 === undefined || key === undefined) return certificates;
  const own = certificates.filter(({ publicKey }) => isPair(key, publicKey));
  return [...own, ...certificates.filter((certificate) => !own.includes(certificate))];
}

function trustedBy(files: readonly string[]) {
  return files.flatMap((file) => {
    const { certificates } = readTlsFile(file);
    if (certificates.length === 0) throw unusable(`${file}: no certificate in it`);
    return certificates;
  });
}

function crlsOf(file: string) {
  const { crls } = readTlsFile(file);
  if (crls.length === 0) throw unusable(`${file}: no revocation list in it`);
  return crls;
}

function keyCheck(key: KeyObject | undefined, matches: boolean): CertificateCheck {
  if (key === undefined) return { name: 'key', good: undefined, text: 'not checked: no --key' };
  return {
    name: 'key',
    good: matches,
    text: matches ? 'belongs to the certificate' : 'does not belong to the certificate',
  };
}

function handshakeCheck(code: string | undefined, at: Date | undefined): CertificateCheck {
  if (code === undefined) return { name: 'handshake', good: true, text: 'done, both ends in this process' };
  // OpenSSL knows no other date than today's.
  if (at !== undefined && BY_THE_CLOCK.has(code))
    return {
      name: 'handshake',
      good: undefined,
      text: `not counted, it goes by today: ${reasonInWords(code)}`,
      code,
    };
  return { name: 'handshake', good: false, text: reasonInWords(code), code };
}

function rowsOf(checks: readonly CertificateCheck[]): string[] {
  return table(
    checks.map(({ name, good, text, code }) => [
      `  ${name}`,
      good === undefined ? '-' : good ? 'good' : 'BAD',
      printable(code === undefined ? text : `${text} [${code}]`),
    ]),
  );
}

async function verifyPeer(target: string, options: VerifyOptions, terminal: Terminal): Promise<number> {
  const peer = parseNodeUrl(target.includes('://') ? target : `mllps://${target}`);
  if (peer === undefined) throw usage(`--connect takes HOST:PORT, not ${quoted(target)}`);
  if (options.host !== undefined || options.at !== undefined)
    throw usage('--host and --at go with a file only; --connect takes --servername');
  if (options.key !== undefined && options.cert === undefined) throw usage('--key needs --cert');
  const passphrase = passphraseOf(options.secret, terminal);
  const { code, protocol, cipher, chain } = await connectTls({
    ...peer,
    servername: options.servername,
    ca: options.ca.length === 0 ? undefined : trustedBy(options.ca),
    own: options.cert === undefined ? undefined : ownOf(options.cert, options.key, passphrase),
    crls: options.crl.flatMap(crlsOf).map(({ der }) => pem('X509 CRL', der)),
    timeoutMs: options.timeoutMs,
  });
  const good = code === undefined;
  const reason = good ? undefined : reasonInWords(code);
  const reports = chain.map((certificate) => inspectCertificate(certificate));
  if (options.json)
    terminal.out(JSON.stringify({ peer: target, good, code, reason, protocol, cipher, chain: reports }));
  else {
    const verdict = good ? 'the handshake succeeds' : `the handshake fails: ${reason} [${code}]`;
    terminal.out(`${printable(target)}: ${verdict}`);
    if (protocol !== undefined) terminal.out(`  ${protocol}, ${cipher}`);
    for (const line of table(reports.map(chainRow))) terminal.out(line);
  }
  return good ? EXIT.good : EXIT.failed;
}

function ownOf(cert: string, keyFile: string | undefined, passphrase: string | undefined) {
  const content = readTlsFile(cert, passphrase);
  const key = keyFor(cert, content, keyFile, passphrase);
  if (key === undefined) throw usage('--cert needs --key');
  const certificates = ownFirst(content, key);
  if (certificates[0] === undefined) throw unusable(`${cert}: no certificate in it`);
  if (!isPair(key, certificates[0].publicKey))
    throw unusable(`${cert}, ${keyFile ?? cert}: the key does not belong to the certificate`);
  return { cert: certificates.map(pemOf).join(''), key: keyPemOf(key) };
}

function chainRow(one: CertificateReport, at: number): string[] {
  const names = one.names.length > 0 ? ` (${one.names.join(', ')})` : '';
  const left = one.daysLeft < 0 ? `expired ${-one.daysLeft} days ago` : `${one.daysLeft} days left`;
  const by = one.selfSigned ? 'self-signed' : `by ${one.issuer}`;
  return [`  ${at}`, printable(`${one.subject}${names}`), printable(by), left, one.key];
}
