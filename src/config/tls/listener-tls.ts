// TLS towards senders: the `tls` section of a listener.
// Promises that whoever may be refused, or checked for revocation, is asked for a certificate in the first place.
import type { ListenerTlsConfig } from '../config.ts';
import type { Section } from '../section.ts';
import { namedFiles } from '../source/named-files.ts';
import type { Reading } from '../source/value.ts';
import { readKeyPairs } from './key-pairs.ts';

export function buildListenerTls(tls: Section, reading: Reading): ListenerTlsConfig {
  if (!tls.has('clientCa')) {
    if (tls.flag('requireClientCert')) {
      tls.error('requireClientCert', 'needs clientCa, which says whose certificates are good');
    }
    if (tls.has('crl')) tls.error('crl', 'needs clientCa, whose certificates it revokes');
  }
  return {
    keyPairs: readKeyPairs(tls, 'listeners.NAME.tls.cert', reading),
    minVersion: tls.word('minVersion'),
    clientCaFiles: namedFiles(tls.scalars('clientCa'), `${tls.key}.clientCa`, reading),
    requireClientCert: tls.flag('requireClientCert'),
    crlFiles: namedFiles(tls.scalars('crl'), `${tls.key}.crl`, reading),
    handshakeTimeoutMs: tls.number('handshakeTimeout'),
    maxHandshakes: tls.number('maxHandshakes'),
  };
}
