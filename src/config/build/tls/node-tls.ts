// TLS towards a node: the `tls` section of a node or of its health check, or their defaults.
// Promises that a node that is not checked, or by its pins alone, is warned about.
import type { NodeTlsConfig } from '../../config.ts';
import type { NODE_TLS_KEYS } from '../../keys/tls.ts';
import type { Section } from '../../read/section.ts';
import { namedFiles } from '../../source/named-files.ts';
import type { ReadContext } from '../../source/value.ts';
import { NO_FINGERPRINT, parseFingerprint } from './fingerprint.ts';
import { readKeyPairs } from './key-pairs.ts';

export function buildNodeTls(tls: Section<typeof NODE_TLS_KEYS>, reading: ReadContext): NodeTlsConfig {
  const { passphrase, ...values } = tls.values;
  if (!tls.has('cert')) {
    for (const key of ['key', 'passphrase']) if (tls.has(key)) tls.error(key, 'needs cert as well');
  }
  if (values.insecure) {
    tls.warn(
      'insecure',
      tls.has('pin')
        ? "the node's certificate is checked by its pin alone: not its issuer, names and dates"
        : "the node's certificate is not checked, so anyone may pose as the node",
    );
  }
  return {
    ...values,
    caFiles: namedFiles(tls.scalars('ca'), `${tls.key}.ca`, reading),
    keyPair: readKeyPairs(tls, passphrase, reading)[0],
    crlFiles: namedFiles(tls.scalars('crl'), `${tls.key}.crl`, reading),
    pins: readPins(tls, reading),
  };
}

function readPins(tls: Section, { problems }: ReadContext): readonly string[] {
  const scalars = tls.scalars('pin');
  // An empty list would read as "no pin", which is the opposite of what it looks like.
  if (tls.tree('pin') !== undefined && scalars.length === 0)
    tls.error('pin', 'needs at least one fingerprint');
  return scalars.flatMap(({ text, place }) => {
    const pin = parseFingerprint(text);
    if (pin === undefined) problems.error(place, `${tls.key}.pin`, NO_FINGERPRINT);
    return pin ?? [];
  });
}
