// The way from a certificate up to one that is trusted, as OpenSSL looks for it: by name and by signature.
// Promises to say where the way ends, and what is missing there.
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, isSelfSigned } from '../x509/certificate.ts';

export interface ChainResult {
  /** From the certificate upwards, as far as it goes. */
  readonly path: readonly X509Certificate[];
  /** undefined: it ends in a trusted root. */
  readonly problem: string | undefined;
}

/** Longer ones do not exist; it ends a circle of authorities that sign each other. */
const MAX_LENGTH = 10;

export function chainOf(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): ChainResult {
  const path = [leaf];
  while (path.length < MAX_LENGTH) {
    const last = path.at(-1) ?? leaf;
    // OpenSSL looks among the trusted ones first (X509_V_FLAG_TRUSTED_FIRST).
    if (isSelfSigned(last)) {
      const isTrusted = trusted.some(({ fingerprint256 }) => fingerprint256 === last.fingerprint256);
      return { path, problem: isTrusted ? undefined : notTrusted(last, path.length === 1) };
    }
    const issuer = [...trusted, ...others].find((candidate) => isIssuedBy(last, candidate));
    if (issuer === undefined) return { path, problem: missing(last, [...trusted, ...others]) };
    path.push(issuer);
    if (!issuer.ca)
      return { path, problem: `${nameOf(issuer)} has signed ${nameOf(last)}, but is no authority (CA:TRUE)` };
  }
  return { path, problem: `it is longer than ${MAX_LENGTH} certificates` };
}

function notTrusted(last: X509Certificate, alone: boolean): string {
  return alone
    ? `${nameOf(last)} is self-signed, and not among the trusted ones`
    : `it ends in ${nameOf(last)}, which is not among the trusted ones`;
}

function missing(last: X509Certificate, known: readonly X509Certificate[]): string {
  const issuer = oneLine(last.issuer);
  const sameName = known.some(({ subject }) => subject === last.issuer);
  return sameName
    ? `${nameOf(last)} names ${issuer} as its issuer, but not the one given here has signed it: another key`
    : `the certificate of ${issuer}, which has signed ${nameOf(last)}, is missing`;
}

export function nameOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject) || 'a certificate without a name';
}

function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
