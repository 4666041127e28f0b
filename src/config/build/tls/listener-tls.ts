// TLS towards senders and towards those who ask the admin API: the `tls` sections of a listener and of `admin`.
// Promises that whoever may be refused, or checked for revocation, is asked for a certificate in the first place.
import type { ListenerTlsConfig } from '../../config.ts';
import type { ADMIN_TLS_KEYS, LISTENER_TLS_KEYS } from '../../keys/tls.ts';
import type { Section } from '../../read/section.ts';
import { namedFiles } from '../../source/named-files.ts';
import type { ReadContext } from '../../source/value.ts';
import { readGroups } from './groups.ts';
import { readKeyPairs } from './key-pairs.ts';

export function buildListenerTls(
  tls: Section<typeof LISTENER_TLS_KEYS>,
  reading: ReadContext,
): ListenerTlsConfig {
  return {
    ...certificatesOf(tls, reading),
    handshakeTimeoutMs: tls.values.handshakeTimeoutMs,
    maxHandshakes: tls.values.maxHandshakes,
  };
}

/** The defaults of a listener's own: nobody opens so many connections to the admin API that a limit could matter. */
const ADMIN_HANDSHAKES = { handshakeTimeoutMs: 10_000, maxHandshakes: 200 } as const;

export function buildAdminTls(tls: Section<typeof ADMIN_TLS_KEYS>, reading: ReadContext): ListenerTlsConfig {
  return { ...certificatesOf(tls, reading), ...ADMIN_HANDSHAKES };
}

function certificatesOf(
  tls: Section<typeof ADMIN_TLS_KEYS>,
  reading: ReadContext,
): Omit<ListenerTlsConfig, keyof typeof ADMIN_HANDSHAKES> {
  const { requireClientCert, minVersion } = tls.values;
  if (!tls.has('clientCa')) {
    if (requireClientCert) {
      tls.error('requireClientCert', 'needs clientCa, which says whose certificates are good');
    }
    if (tls.has('crl')) tls.error('crl', 'needs clientCa, whose certificates it revokes');
  }
  return {
    keyPairs: readKeyPairs(tls, tls.values.passphrase, reading),
    minVersion,
    groups: readGroups(tls, minVersion, reading),
    clientCaFiles: namedFiles(tls.scalars('clientCa'), `${tls.key}.clientCa`, reading),
    requireClientCert,
    crlFiles: namedFiles(tls.scalars('crl'), `${tls.key}.crl`, reading),
  };
}
