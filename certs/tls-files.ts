// TLS settings from certificate and key files, for listeners and for nodes. A file that cannot be used is named, with
// the reason, before anything listens or dials.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls';
import type { ListenerTlsConfig, NodeTlsConfig } from '../src/config/config.ts';
import { causeCode, GatewayError } from '../src/errors.ts';

/** @throws GatewayError GW_ERR_TLS_FILE */
export function serverTlsOptions(config: ListenerTlsConfig): TlsOptions {
  const options: TlsOptions = {
    cert: config.certFiles.map(readCertificates),
    key: config.keyFiles.map(readPem),
    minVersion: config.minVersion,
    honorCipherOrder: true,
  };
  if (config.clientCaFiles.length > 0) {
    options.ca = config.clientCaFiles.map(readCertificates);
    options.requestCert = true;
    options.rejectUnauthorized = config.requireClientCert;
  }
  prove(options, [...config.certFiles, ...config.keyFiles]);
  return options;
}

/** @throws GatewayError GW_ERR_TLS_FILE */
export function nodeTlsOptions(config: NodeTlsConfig, host: string): ConnectionOptions {
  const options: ConnectionOptions = {
    minVersion: config.minVersion,
    rejectUnauthorized: !config.insecure,
    // Node.js sends no server name for an address, and checks the certificate's IP names then.
    servername: config.servername ?? (/^[\d.]+$|:/.test(host) ? '' : host),
  };
  if (config.caFiles.length > 0) options.ca = config.caFiles.map(readCertificates);
  if (config.certFile !== undefined) options.cert = readCertificates(config.certFile);
  if (config.keyFile !== undefined) options.key = readPem(config.keyFile);
  prove(
    options,
    [config.certFile, config.keyFile].filter((file) => file !== undefined),
  );
  return options;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (cause) {
    throw new GatewayError('GW_ERR_TLS_FILE', { detail: `${file}: ${causeCode(cause)}`, cause });
  }
}

function readPem(file: string): string {
  const text = readFile(file);
  if (!text.includes('-----BEGIN '))
    throw new GatewayError('GW_ERR_TLS_FILE', { detail: `${file}: no PEM block in it` });
  return text;
}

function readCertificates(file: string): string {
  const text = readPem(file);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0)
    throw new GatewayError('GW_ERR_TLS_FILE', { detail: `${file}: no certificate in it` });
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new GatewayError('GW_ERR_TLS_FILE', {
        detail: `${file}: a certificate in it cannot be read`,
        cause,
      });
    }
  }
  return text;
}

/** Makes OpenSSL look at it now, so that a key that does not match is found at start and not at the first handshake. */
function prove(options: SecureContextOptions, files: readonly string[]): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    const code = causeCode(cause);
    const why =
      code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'
        ? 'the key does not belong to the certificate'
        : code === 'ERR_MISSING_PASSPHRASE' || code.includes('BAD_PASSWORD') || code.includes('BAD_DECRYPT')
          ? 'the key is encrypted; keys with a passphrase are not supported in this version'
          : code;
    throw new GatewayError('GW_ERR_TLS_FILE', { detail: `${files.join(', ')}: ${why}`, cause });
  }
}
