// Says what is in a certificate, a request or a key, and what about it will make trouble.
// Promises to judge by what TLS peers of today do, and to say nothing of a private key but its type and size.
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import { isIssuedBy, isSelfSigned, partsOf } from './x509/certificate.ts';
import { PURPOSE, purposeName } from './x509/extensions.ts';
import { isWeakKey, keyText, LEAST_RSA_BITS } from './x509/keys.ts';
import { type AltName, subjectText } from './x509/names.ts';
import type { CertificateRequest } from './x509/request.ts';
import type { RevocationList } from './x509/revocation-list.ts';
import { isPair, isWeakSignature, signatureName } from './x509/sign.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** As long as a hospital's change process may take; the first of the gateway's own warnings comes then too. */
const SOON_DAYS = 30;

export interface CertificateReport {
  /** As a route's `tls.subject` sees it. */
  readonly subject: string;
  /** `DNS:vip.test`, `IP:10.0.0.1`. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whole days; negative once it has ended. */
  readonly daysLeft: number;
  readonly key: string;
  readonly signature: string;
  readonly keyUsage: readonly string[];
  /** Undefined: every purpose. */
  readonly purposes: readonly string[] | undefined;
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  readonly selfSigned: boolean;
  /** Where its revocation list is. */
  readonly crlUrls: readonly string[];
  readonly sha256: string;
  readonly sha1: string;
  readonly warnings: readonly string[];
}

export function inspectCertificate(certificate: X509Certificate, now = new Date()): CertificateReport {
  const { signatureId, extensions } = partsOf(certificate);
  const { validFromDate: from, validToDate: to, publicKey } = certificate;
  const daysLeft = Math.floor((to.getTime() - now.getTime()) / DAY_MS);
  const warnings: string[] = [];
  if (to < now) warnings.push(`it has expired ${-daysLeft} ${-daysLeft === 1 ? 'day' : 'days'} ago`);
  else if (daysLeft < SOON_DAYS) warnings.push(`it ends in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`);
  if (from > now) warnings.push('it is not valid yet');
  if (isWeakSignature(signatureId) && !isSelfSigned(certificate))
    warnings.push(`it is signed with ${signatureName(signatureId)}, which can be forged`);
  if (isWeakKey(publicKey))
    warnings.push(`its key, ${keyText(publicKey)}, is too short: ${LEAST_RSA_BITS} bits at least`);
  const forServers = extensions.purposes?.includes(PURPOSE.server) ?? true;
  if (
    !extensions.ca &&
    forServers &&
    !extensions.altNames.some(({ type }) => type === 'dns' || type === 'ip')
  )
    warnings.push('it has no host name or IP address as a SAN; peers do not look at the common name');
  if (extensions.ca && (extensions.altNames.length > 0 || extensions.purposes?.includes(PURPOSE.server)))
    warnings.push('it is an authority’s (CA:TRUE) though it names a server: its key could sign for any name');
  return {
    subject: certificate.subject.split('\n').join(', '),
    names: extensions.altNames.map(nameText),
    issuer: certificate.issuer.split('\n').join(', '),
    serial: certificate.serialNumber,
    notBefore: from.toISOString(),
    notAfter: to.toISOString(),
    daysLeft,
    key: keyText(publicKey),
    signature: signatureName(signatureId),
    keyUsage: extensions.keyUsages,
    purposes: extensions.purposes?.map(purposeName),
    ca: extensions.ca,
    pathLength: extensions.pathLength,
    selfSigned: isSelfSigned(certificate),
    crlUrls: extensions.crlUrls,
    sha256: certificate.fingerprint256,
    sha1: certificate.fingerprint,
    warnings,
  };
}

function nameText({ type, value }: AltName): string {
  return type === 'email' || type === 'other' ? `${type}:${value}` : `${type.toUpperCase()}:${value}`;
}

export interface RequestReport {
  readonly subject: string;
  readonly names: readonly string[];
  readonly key: string;
  readonly signature: string;
  readonly signatureFits: boolean | undefined;
  readonly warnings: readonly string[];
}

export function inspectRequest(request: CertificateRequest): RequestReport {
  const { subject, publicKey, extensions, signatureId, signatureFits } = request;
  const warnings: string[] = [];
  if (signatureFits === false) warnings.push('its signature does not fit its key: nobody should sign it');
  if (isWeakKey(publicKey))
    warnings.push(`its key, ${keyText(publicKey)}, is too short: ${LEAST_RSA_BITS} bits at least`);
  return {
    subject: subjectText(subject),
    names: extensions.altNames.map(nameText),
    key: keyText(publicKey),
    signature: signatureName(signatureId),
    signatureFits,
    warnings,
  };
}

export interface CrlReport {
  readonly issuer: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string | undefined;
  readonly revoked: number;
  readonly sha256: string;
  readonly warnings: readonly string[];
}

export function inspectCrl(crl: RevocationList, now = new Date()): CrlReport {
  const over = crl.nextUpdate !== undefined && crl.nextUpdate < now;
  return {
    issuer: crl.issuer,
    thisUpdate: crl.thisUpdate.toISOString(),
    nextUpdate: crl.nextUpdate?.toISOString(),
    revoked: crl.revoked.size,
    sha256: createHash('sha256')
      .update(crl.der)
      .digest('hex')
      .toUpperCase()
      .replace(/..(?=.)/g, '$&:'),
    warnings: over ? ['it has expired: peers that check it refuse every certificate'] : [],
  };
}

/** For each certificate but the last: is it signed by the one after it? TLS wants them so (RFC 8446 4.4.2). */
export function chainLinks(certificates: readonly X509Certificate[]): boolean[] {
  return certificates.slice(0, -1).map((certificate, at) => {
    const next = certificates[at + 1];
    return next !== undefined && isIssuedBy(certificate, next);
  });
}

/** Which certificate is the key's? Undefined: none. */
export function ownerOf(key: KeyObject, certificates: readonly X509Certificate[]): number | undefined {
  const at = certificates.findIndex((certificate) => isPair(key, certificate.publicKey));
  return at < 0 ? undefined : at;
}
