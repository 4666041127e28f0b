// Revocation lists for tests, as an authority would publish them; the tool itself makes none.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Issued } from '../../certs/authority.ts';
import { partsOf } from '../../certs/x509/certificate.ts';
import { integer, sequence, time } from '../../certs/x509/der.ts';
import { pem } from '../../certs/x509/keys.ts';
import { algorithmOf, signed } from '../../certs/x509/sign.ts';

const DAY_MS = 86_400_000;

/** RFC 5280 5.1, PEM, good for a day from an hour ago. */
export function revocationList(authority: Issued, revoked: readonly Pick<Issued, 'certPem'>[]): string {
  const key = createPrivateKey(authority.keyPem);
  const now = Date.now();
  const entries = revoked.map(({ certPem }) => {
    const serial = Buffer.from(new X509Certificate(certPem).serialNumber, 'hex');
    return sequence(integer(serial), time(new Date(now - DAY_MS)));
  });
  const body = sequence(
    integer(1),
    algorithmOf(key),
    partsOf(new X509Certificate(authority.certPem)).subject,
    time(new Date(now - DAY_MS / 24)),
    time(new Date(now + DAY_MS)),
    // An empty list must be absent (RFC 5280 5.1.2.6).
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return pem('X509 CRL', signed(body, key));
}
