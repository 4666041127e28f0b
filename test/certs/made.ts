// Certificates that the tool itself does not make, for tests: authorities below others, and whatever is wrong.
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { Issued } from '../../certs/authority.ts';
import { partsOf, pemOf, signCertificate } from '../../certs/x509/certificate.ts';
import type { Asn1 } from '../../certs/x509/der.ts';
import {
  authorityConstraints,
  EXTENSION,
  extension,
  keyUsage,
  leafConstraints,
} from '../../certs/x509/extensions.ts';
import { keyPemOf, newKey } from '../../certs/x509/keys.ts';
import { altNames, subjectOf } from '../../certs/x509/names.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface MadeOptions {
  readonly cn: string;
  readonly ca?: boolean;
  readonly dns?: readonly string[];
  readonly fromDays?: number;
  readonly toDays?: number;
  readonly extensions?: readonly Asn1[];
}

/** Signed by that authority, or by itself. */
export function made(options: MadeOptions, issuer?: Issued): Issued {
  const { cn, ca = false, dns = [], fromDays = -1, toDays = 100, extensions = [] } = options;
  const key = newKey('ec-p256');
  const subject = subjectOf(cn);
  const names = altNames(dns, []);
  const certificate = signCertificate(
    {
      subject,
      issuer: issuer === undefined ? subject : partsOf(new X509Certificate(issuer.certPem)).subject,
      notBefore: new Date(Date.now() + fromDays * DAY_MS),
      notAfter: new Date(Date.now() + toDays * DAY_MS),
      publicKey: createPublicKey(key),
      extensions: [
        ca ? authorityConstraints(9) : leafConstraints(),
        ca ? keyUsage('keyCertSign', 'cRLSign') : keyUsage('digitalSignature'),
        ...(names === undefined ? [] : [extension(EXTENSION.subjectAltName, names)]),
        ...extensions,
      ],
    },
    issuer === undefined ? key : createPrivateKey(issuer.keyPem),
  );
  return { certPem: pemOf(certificate), keyPem: keyPemOf(key) };
}
