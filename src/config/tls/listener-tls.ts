// TLS towards senders and towards those who ask the admin API: the `tls` sections of a listener and of `admin`.
// Promises that whoever may be refused, or checked for revocation, is asked for a certificate in the first place.
import type { ListenerTlsConfig } from '../config.ts';
import type { Section } from '../section.ts';
import { namedFiles } from '../source/named-files.ts';
import type { ReadContext } from '../source/value.ts';
import { readGroups } from './groups.ts';
import { readKeyPairs } from './key-pairs.ts';

export function buildListenerTls(tls: Section, reading: ReadContext): ListenerTlsConfig {
  return {
    ...certificatesOf(tls, 'listeners.NAME.tls.cert', reading),
    handshakeTimeoutMs: tls.number('handshakeTimeout'),
    maxHandshakes: tls.number('maxHandshakes'),
  };
}

/** The defaults of a listener's own: nobody opens so many connections to the admin API that a limit could matter. */
const ADMIN_HANDSHAKES = { handshakeTimeoutMs: 10_000, maxHandshakes: 200 } as const;

export function buildAdminTls(tls: Section, reading: ReadContext): ListenerTlsConfig {
  return { ...certificatesOf(tls, 'admin.tls.cert', reading), ...ADMIN_HANDSHAKES };
}

function certificatesOf(
  tls: Section,
  pattern: 'listeners.NAME.tls.cert' | 'admin.tls.cert',
  reading: ReadContext,
): Omit<ListenerTlsConfig, keyof typeof ADMIN_HANDSHAKES> {
  if (!tls.has('clientCa')) {
    if (tls.flag('requireClientCert')) {
      tls.error('requireClientCert', 'needs clientCa, which says whose certificates are good');
    }
    if (tls.has('crl')) tls.error('crl', 'needs clientCa, whose certificates it revokes');
  }
  return {
    keyPairs: readKeyPairs(tls, pattern, reading),
    minVersion: tls.word('minVersion'),
    groups: readGroups(tls, reading),
    clientCaFiles: namedFiles(tls.scalars('clientCa'), `${tls.key}.clientCa`, reading),
    requireClientCert: tls.flag('requireClientCert'),
    crlFiles: namedFiles(tls.scalars('crl'), `${tls.key}.crl`, reading),
  };
}
