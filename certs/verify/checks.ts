// What OpenSSL checks within a handshake, taken apart: each with a verdict and words, for any date.
// Promises not to be milder than OpenSSL; where it is stricter (no common name as host name) the words say so.

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { partsOf } from '../x509/certificate.ts';
import { PURPOSE, purposeName } from '../x509/extensions.ts';
import type { RevocationList } from '../x509/revocation-list.ts';
import { chainOf, nameOf } from './chain.ts';

export interface CertificateCheck {
  readonly name: 'chain' | 'dates' | 'purpose' | 'host' | 'key' | 'revocation' | 'handshake';
  /** undefined: not checked, and the text says why. */
  readonly good: boolean | undefined;
  readonly text: string;
  /** OpenSSL's or Node.js's, where there is one. */
  readonly code?: string;
}

export interface CheckInput {
  /** The one that is shown first, then those that are shown with it. */
  readonly certificates: readonly X509Certificate[];
  readonly trusted: readonly X509Certificate[];
  readonly usage: 'server' | 'client';
  readonly host: string | undefined;
  readonly crls: readonly RevocationList[];
  readonly at: Date;
}

export function checksOf(input: CheckInput): CertificateCheck[] {
  const [leaf, ...others] = input.certificates;
  if (leaf === undefined) return [{ name: 'chain', good: false, text: 'there is no certificate' }];
  const { path, problem } = chainOf(leaf, others, input.trusted);
  return [
    { name: 'chain', good: problem === undefined, text: problem ?? path.map(nameOf).join(' ← ') },
    datesCheck(path, input.at),
    purposeCheck(leaf, input.usage),
    hostCheck(leaf, input),
    revocationCheck(path, input),
  ];
}

function datesCheck(path: readonly X509Certificate[], at: Date): CertificateCheck {
  for (const certificate of path) {
    const { validFromDate: from, validToDate: to } = certificate;
    if (at < from)
      return { name: 'dates', good: false, text: `${nameOf(certificate)} is not valid before ${day(from)}` };
    if (at > to)
      return { name: 'dates', good: false, text: `${nameOf(certificate)} has expired on ${day(to)}` };
  }
  const ends = path.reduce(
    (first, one) => (one.validToDate < first.validToDate ? one : first),
    path[0] as X509Certificate,
  );
  return { name: 'dates', good: true, text: `valid until ${day(ends.validToDate)}` };
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function purposeCheck(leaf: X509Certificate, usage: 'server' | 'client'): CertificateCheck {
  const { purposes } = partsOf(leaf).extensions;
  if (purposes === undefined) return { name: 'purpose', good: true, text: 'any (it names none)' };
  const good = purposes.includes(PURPOSE[usage]);
  const named = purposes.map(purposeName).join(', ');
  return { name: 'purpose', good, text: good ? usage : `it is for ${named}, not for a ${usage}` };
}

function hostCheck(leaf: X509Certificate, { host, usage }: CheckInput): CertificateCheck {
  if (usage === 'client')
    return {
      name: 'host',
      good: undefined,
      text: 'not checked: nobody compares a client’s name with a host',
    };
  if (host === undefined) return { name: 'host', good: undefined, text: 'not checked: no --host' };
  const names = partsOf(leaf).extensions.altNames;
  // RFC 9525 6.3: the common name is not looked at. Node.js still does, Java and browsers do not.
  const good =
    isIP(host) === 0
      ? leaf.checkHost(host, { subject: 'never' }) !== undefined
      : leaf.checkIP(host) !== undefined;
  if (good) return { name: 'host', good, text: host };
  const listed = names.filter(({ type }) => type === 'dns' || type === 'ip').map(({ value }) => value);
  const text =
    listed.length > 0
      ? `it is for ${listed.join(', ')}, not for ${host}`
      : `it has no host name or IP address as a SAN, and peers do not look at the common name (RFC 9525)`;
  return { name: 'host', good, text };
}

function revocationCheck(path: readonly X509Certificate[], { crls, at }: CheckInput): CertificateCheck {
  if (crls.length === 0) return { name: 'revocation', good: undefined, text: 'not checked: no --crl' };
  const bad = (text: string): CertificateCheck => ({ name: 'revocation', good: false, text });
  // A root is trusted because it is there; nobody above it could revoke it.
  for (const [below, certificate] of path.slice(0, -1).entries()) {
    const authority = path[below + 1] as X509Certificate;
    const crl = crls.find((one) => one.isIssuedBy(authority) !== false);
    if (crl === undefined) return bad(`no revocation list given here is signed by ${nameOf(authority)}`);
    if (at < crl.thisUpdate)
      return bad(`the list of ${nameOf(authority)} is not valid before ${day(crl.thisUpdate)}`);
    if (crl.nextUpdate !== undefined && at > crl.nextUpdate)
      return bad(`the list of ${nameOf(authority)} has expired on ${day(crl.nextUpdate)}`);
    const since = crl.revoked.get(certificate.serialNumber.replace(/^(00)+(?=.)/, ''));
    if (since !== undefined && since <= at)
      return bad(`${nameOf(certificate)} is revoked since ${day(since)}`);
  }
  return { name: 'revocation', good: true, text: 'not revoked' };
}
