// Whom a side of TLS trusts, as Node.js wants it. A certificate that is named for itself is trusted as it is (F98): the
// authority of Mirth's first one was thrown away. Otherwise trust ends in a root, so that revocation is looked at on all the way.
import type { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { isIssuedBy, isSelfSigned } from './x509/certificate.ts';

export function anchorsOf(
  certificates: readonly X509Certificate[],
): Pick<SecureContextOptions, 'ca' | 'allowPartialTrustChain'> {
  const alone = (one: X509Certificate): boolean =>
    !isSelfSigned(one) && !certificates.some((other) => isIssuedBy(one, other));
  return {
    ca: certificates.map((one) => one.toString()),
    ...(certificates.some(alone) && { allowPartialTrustChain: true }),
  };
}
