// Certificates for the proxies under test: an authority and one certificate for 127.0.0.1, of each kind of key.
// Promises: the gateway and HAProxy show the same certificate and take the same ciphers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../certs/authority.ts';
import { CIPHERS } from '../certs/server-tls.ts';

export interface TlsFiles {
  readonly caPem: string;
  readonly cert: string;
  readonly key: string;
  /** Both in one file, as HAProxy takes them. */
  readonly both: string;
}

export function makeTlsFiles(key: 'ec-p256' | 'rsa-2048', folder: string): TlsFiles {
  const authority = createAuthority({ commonName: 'hl7-gateway bench', days: 2, key });
  const { certPem, keyPem } = authority.issue({
    commonName: 'localhost',
    ip: ['127.0.0.1'],
    usage: 'server',
    key,
  });
  const write = (name: string, text: string): string => {
    const file = join(folder, `${key}.${name}.pem`);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    caPem: authority.certPem,
    cert: write('crt', certPem),
    key: write('key', keyPem),
    both: write('both', `${certPem}\n${keyPem}`),
  };
}

const isTls13 = (name: string): boolean => name.startsWith('TLS_');
const names = CIPHERS.split(':');

/** HAProxy's form of the gateway's ciphers, in the same order. */
export const HAPROXY_BIND_OPTIONS = [
  'ssl-min-ver TLSv1.2',
  `ciphersuites ${names.filter(isTls13).join(':')}`,
  `ciphers ${names.filter((name) => !isTls13(name)).join(':')}`,
].join(' ');

/** nginx's, the same. */
export const NGINX_TLS_OPTIONS = [
  'ssl_protocols TLSv1.2 TLSv1.3;',
  'ssl_prefer_server_ciphers on;',
  `ssl_ciphers ${names.filter((name) => !isTls13(name)).join(':')};`,
  `ssl_conf_command Ciphersuites ${names.filter(isTls13).join(':')};`,
].join(' ');

/** What every client of the benchmark asks for, so that both proxies do the same sums whatever OpenSSL they have. */
export const CLIENT = {
  host: '127.0.0.1',
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_256_GCM_SHA384',
  ecdhCurve: 'X25519',
} as const;
