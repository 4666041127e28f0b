// What the certs commands share: where files lie and how they are called, passphrases, and the authority of a folder.
// Promises that a passphrase is never an argument, where every user of the machine could read it.
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Authority } from '../../../certs/authority.ts';
import { readPassphrase } from '../../../certs/files/read-bytes.ts';
import { readTlsFile, type TlsFile } from '../../../certs/files/tls-file.ts';
import { isSelfSigned, pemOf } from '../../../certs/x509/certificate.ts';
import { keyPemOf } from '../../../certs/x509/keys.ts';
import { hostName } from '../../../certs/x509/names.ts';
import { isHost } from '../../config/formats.ts';
import { quoted } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import type { Terminal } from '../terminal.ts';
import { unusable, usage, warnIfOpen } from '../usage.ts';

export interface Secret {
  readonly file?: string | undefined;
  /** The name of an environment variable. */
  readonly env?: string | undefined;
}

/** @throws GatewayError GW_ERR_USAGE, GW_ERR_FILE */
export function passphraseOf({ file, env }: Secret, terminal: Terminal): string | undefined {
  if (file !== undefined && env !== undefined)
    throw usage('a passphrase comes from a file or from the environment, not from both');
  if (file !== undefined) {
    warnIfOpen(file, terminal);
    return readPassphrase(file);
  }
  if (env === undefined) return undefined;
  const value = process.env[env];
  if (value === undefined || value === '') throw usage(`the environment has no ${env}`);
  return value;
}

export interface Paths {
  readonly cert: string;
  readonly key: string;
  /** The certificates above it. */
  readonly chain: string;
  readonly csr: string;
}

/** @throws GatewayError GW_ERR_USAGE for a name that is no plain file name */
export function pathsOf(folder: string, name: string): Paths {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name))
    throw usage(`NAME takes letters, digits, ".", "_" and "-", not ${quoted(name)}; --cn takes any name`);
  return {
    cert: join(folder, `${name}.crt.pem`),
    key: join(folder, `${name}.key.pem`),
    chain: join(folder, `${name}.chain.pem`),
    csr: join(folder, `${name}.csr.pem`),
  };
}

/** `vip.crt.pem` → `vip.key.pem`; undefined for a file that is called otherwise. */
export function keyBeside(certFile: string): string | undefined {
  return /\.crt\.pem$/.test(certFile) ? certFile.replace(/\.crt\.pem$/, '.key.pem') : undefined;
}

/** Not `ca`: its files are the authority's. */
export function leafPaths(folder: string, name: string): Paths {
  if (name === 'ca') throw usage('"ca" is the authority’s own name; take another');
  return pathsOf(folder, name);
}

export interface CertificateNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
}

/** What was asked for; else, for a server, its own name if that can be a host's. */
export function namesOf({ dns, ip }: CertificateNames, name: string, forServer: boolean): CertificateNames {
  if (dns.length + ip.length > 0 || !forServer) return { dns: dns.map(hostName), ip };
  if (isIP(name) !== 0) return { dns: [], ip: [name] };
  return { dns: isHost(name) ? [name] : [], ip: [] };
}

export interface OpenAuthority {
  readonly authority: Authority;
  /** PEM of the authority's certificate and those above it, as far as a peer with the root alone misses them. */
  readonly chain: readonly string[];
}

/** @throws GatewayError that names the file */
export function openAuthority(
  folder: string,
  passphrase: string | undefined,
  terminal: Terminal,
): OpenAuthority {
  const { cert, key } = pathsOf(folder, 'ca');
  const { certificates } = hinted(() => readTlsFile(cert), 'certs init makes an authority');
  const keyOf = onlyKey(readTlsFile(key, passphrase), key);
  const [first] = certificates;
  if (first === undefined) throw unusable(`${cert}: no certificate in it`);
  warnIfOpen(key, terminal);
  let authority: Authority;
  try {
    authority = new Authority({ certPem: pemOf(first), keyPem: keyPemOf(keyOf) });
  } catch (cause) {
    throw cause instanceof GatewayError ? unusable(`${cert}, ${key}: ${cause.detail}`, cause) : cause;
  }
  const chain = certificates.filter((certificate) => !isSelfSigned(certificate)).map(pemOf);
  return { authority, chain };
}

/** The key of a file that must hold one. */
export function onlyKey({ keys }: TlsFile, file: string) {
  const [key] = keys;
  if (key === undefined) throw unusable(`${file}: no private key in it`);
  return key;
}

function hinted<T>(read: () => T, hint: string): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof GatewayError && cause.detail?.endsWith('no such file') === true)
      throw unusable(`${cause.detail}; ${hint}`, cause);
    throw cause;
  }
}
