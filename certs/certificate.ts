// A certificate in use, as status, metrics and warnings need it: whose, from which file, until when.
import type { X509Certificate } from 'node:crypto';

export interface Certificate {
  readonly file: string;
  readonly subject: string;
  /** SHA-256, upper-case hex with colons. */
  readonly fingerprint: string;
  readonly notAfter: Date;
}

export function certificatesOf(file: string, chain: readonly X509Certificate[]): readonly Certificate[] {
  return chain.map((certificate) => ({
    file,
    subject: certificate.subject.split('\n').join(', '),
    fingerprint: certificate.fingerprint256,
    notAfter: certificate.validToDate,
  }));
}

const DAY_MS = 86_400_000;

/** Whole days until the certificate ends; negative when it has ended. */
export function daysLeft(certificate: Certificate, now: Date): number {
  return Math.floor((certificate.notAfter.getTime() - now.getTime()) / DAY_MS);
}
