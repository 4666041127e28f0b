// The certificate of a simulated node's port: from files, or one that is made for this run.
// Promises that the key of the latter is in memory only.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { createAuthority } from '../../../certs/authority.ts';
import { CIPHERS, ServerTls } from '../../../certs/server-tls.ts';

export interface NodeCommandTls {
  readonly options: TlsOptions;
  /** SHA-256 of a certificate that was made for this run, for `tls.pins`, or to compare with what a client shows. */
  readonly throwAway: string | undefined;
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** `files` undefined: a throw-away certificate. @throws GatewayError GW_ERR_TLS_FILE */
export function tlsOf(host: string, files: CertificateFiles | undefined): NodeCommandTls {
  if (files === undefined) return throwAway(host);
  const { cert, key } = files;
  const { options } = new ServerTls({
    keyPairs: [{ kind: 'pem', certFile: cert, keyFile: key, passphrase: undefined }],
    minVersion: 'TLSv1.2',
    groups: [],
    clientCaFiles: [],
    requireClientCert: false,
    crlFiles: [],
    handshakeTimeoutMs: HANDSHAKE_MS,
    maxHandshakes: Number.POSITIVE_INFINITY,
  });
  return { options, throwAway: undefined };
}

const HANDSHAKE_MS = 10_000;

/** Nobody trusts it, as nobody trusts the one that Mirth makes when it is installed. Its key is in memory only. */
function throwAway(host: string): NodeCommandTls {
  const own = isIP(host) === 0 ? { dns: ['localhost', host], ip: [] } : { dns: ['localhost'], ip: [host] };
  const { certPem, keyPem } = createAuthority({
    commonName: 'simulated node',
    days: THROW_AWAY_DAYS,
    key: 'ec-p256',
  }).issue({
    commonName: 'simulated node',
    dns: [...new Set(own.dns)],
    ip: [...new Set(['127.0.0.1', ...own.ip])],
    usage: 'server',
    key: 'ec-p256',
  });
  const options: TlsOptions = {
    cert: certPem,
    key: keyPem,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    handshakeTimeout: HANDSHAKE_MS,
  };
  return { options, throwAway: new X509Certificate(certPem).fingerprint256 };
}

/** Longer than a simulated node stays up. */
const THROW_AWAY_DAYS = 60;
