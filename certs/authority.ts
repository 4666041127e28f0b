// A certificate authority: makes its own root, and issues certificates for servers (VIP, node) and clients.
// Promises certificates as RFC 5280 profiles them; keys exist in memory only, until the caller writes them somewhere.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { GatewayError } from '../src/errors.ts';
import { isSelfSigned, partsOf, pemOf, signCertificate } from './x509/certificate.ts';
import type { Asn1 } from './x509/der.ts';
import {
  authorityConstraints,
  authorityKeyId,
  crlPoints,
  EXTENSION,
  extension,
  keyId,
  keyUsage,
  leafConstraints,
  PURPOSE,
  purposes,
  subjectKeyId,
} from './x509/extensions.ts';
import { isWeakKey, type KeyKind, keyPemOf, keyText, LEAST_RSA_BITS, newKey, readKey } from './x509/keys.ts';
import { altNames, subjectOf } from './x509/names.ts';
import { isPair } from './x509/sign.ts';

export interface AuthorityOptions {
  readonly commonName: string;
  /** How long the authority itself is valid, from now. */
  readonly days: number;
  readonly key?: KeyKind;
}

export type Usage = 'server' | 'client' | 'both';

export interface Validity {
  /** Default: now, less the allowance for clocks that are slow. */
  readonly notBefore?: Date;
  /** Default: after the days that suit the usage, or with the authority if that ends earlier. */
  readonly notAfter?: Date;
}

export interface IssueOptions extends Validity {
  readonly commonName: string;
  /** Host names, `*.example` included. International names in their `xn--` form. */
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly usage: Usage;
  readonly key?: KeyKind;
  /** Where the authority's revocation list is. */
  readonly crlUrls?: readonly string[];
}

/** A certificate for a key that exists: of a request, or of a certificate that is renewed. */
export interface CertifyOptions extends Validity {
  readonly subject: Asn1;
  readonly altNames: Asn1 | undefined;
  readonly publicKey: KeyObject;
  readonly usage: Usage;
  readonly crlPoints?: Asn1 | undefined;
}

export interface Issued {
  readonly certPem: string;
  /** PKCS#8, not encrypted. */
  readonly keyPem: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A peer whose clock is a little behind must not see a fresh certificate as not yet valid. */
const CLOCK_SKEW_MS = 5 * MINUTE_MS;
/**
 * Servers: a year and a month, to renew yearly; the CA/Browser Forum allowed 398 days until March 2026. Clients: two
 * years and a quarter, because each one has to be carried to a sender by hand.
 */
const LEAF_DAYS = { server: 397, both: 397, client: 825 } as const;

const PURPOSES = {
  server: [PURPOSE.server],
  client: [PURPOSE.client],
  both: [PURPOSE.server, PURPOSE.client],
} as const;

export class Authority {
  /** The authority's certificate, for those who shall trust it. */
  readonly certPem: string;
  readonly #certificate: X509Certificate;
  readonly #key: KeyObject;

  /** @throws GatewayError GW_ERR_TLS_FILE */
  constructor({ certPem, keyPem, passphrase }: Issued & { readonly passphrase?: string | undefined }) {
    this.certPem = certPem;
    this.#certificate = new X509Certificate(certPem);
    this.#key = readKey(keyPem, passphrase);
    if (!this.#certificate.ca) throw unusable('the certificate is not an authority’s');
    if (!isPair(this.#key, this.#certificate.publicKey))
      throw unusable('the key does not belong to the certificate');
  }

  /** For keeping the authority; behind a getter, so that a logged object does not show it. */
  get keyPem(): string {
    return keyPemOf(this.#key);
  }

  get certificate(): X509Certificate {
    return this.#certificate;
  }

  issue(options: IssueOptions): Issued {
    const { commonName, usage, dns = [], ip = [], key: kind = 'rsa-2048' } = options;
    // Before the key: a wrong name must not cost the time that an RSA key takes.
    const names = {
      subject: subjectOf(commonName),
      altNames: altNames(dns, ip),
      crlPoints: crlPoints(options.crlUrls ?? []),
    };
    requireNames(usage, names.altNames);
    this.#dates(options);
    const key = newKey(kind);
    const certificate = this.certify({ ...options, ...names, publicKey: createPublicKey(key) });
    return { certPem: pemOf(certificate), keyPem: keyPemOf(key) };
  }

  certify(options: CertifyOptions): X509Certificate {
    const { subject, altNames: names, publicKey, usage, crlPoints: points } = options;
    requireNames(usage, names);
    if (isWeakKey(publicKey))
      throw unusable(`the key is ${keyText(publicKey)}; it takes RSA ${LEAST_RSA_BITS} at least`);
    const issuer = partsOf(this.#certificate);
    const draft = {
      ...this.#dates(options),
      subject,
      issuer: issuer.subject,
      publicKey,
      extensions: [
        leafConstraints(),
        // RFC 5280 4.2.1.3; keyEncipherment is for the RSA key exchange of TLS 1.2 peers that know nothing better, and
        // RFC 5480 3 forbids it with EC keys.
        publicKey.asymmetricKeyType === 'rsa'
          ? keyUsage('digitalSignature', 'keyEncipherment')
          : keyUsage('digitalSignature'),
        // RFC 5280 4.2.1.12
        purposes(...PURPOSES[usage]),
        subjectKeyId(keyId(publicKey)),
        authorityKeyId(issuer.extensions.keyId ?? keyId(this.#certificate.publicKey)),
        ...(names === undefined ? [] : [extension(EXTENSION.subjectAltName, names)]),
        ...(points === undefined ? [] : [extension(EXTENSION.crlDistributionPoints, points)]),
      ],
    };
    return signCertificate(draft, this.#key);
  }

  /** The same name and key with new dates: certificates that were issued stay good, and trust has to be given anew. */
  renewed(days: number): X509Certificate {
    if (!isSelfSigned(this.#certificate))
      throw unusable('another authority has signed this one; only that one can renew it');
    return selfSigned(partsOf(this.#certificate).subject, days, this.#key);
  }

  #dates({ notBefore: from, notAfter: to, usage }: Validity & { readonly usage: Usage }) {
    const now = Date.now();
    const last = this.#certificate.validToDate;
    const notBefore = from ?? new Date(now - CLOCK_SKEW_MS);
    const notAfter = to ?? new Date(Math.min(now + LEAF_DAYS[usage] * DAY_MS, last.getTime()));
    if (!(notBefore < notAfter)) throw wrong('a certificate must end after it begins');
    if (notAfter > last) throw wrong('a certificate must not outlive its authority');
    return { notBefore, notAfter };
  }
}

export function createAuthority({ commonName, days, key: kind = 'rsa-2048' }: AuthorityOptions): Authority {
  const subject = subjectOf(commonName);
  const key = newKey(kind);
  return new Authority({ certPem: pemOf(selfSigned(subject, days, key)), keyPem: keyPemOf(key) });
}

function selfSigned(subject: Asn1, days: number, key: KeyObject): X509Certificate {
  if (!(days > 0)) throw wrong('an authority must be valid for more than 0 days');
  const now = Date.now();
  const publicKey = createPublicKey(key);
  const draft = {
    subject,
    issuer: subject,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + days * DAY_MS),
    publicKey,
    extensions: [
      authorityConstraints(0),
      keyUsage('keyCertSign', 'cRLSign'),
      // RFC 5280 4.2.1.2; 4.2.1.1 lets a self-signed certificate do without the authority's.
      subjectKeyId(keyId(publicKey)),
    ],
  };
  return signCertificate(draft, key);
}

/** Peers compare a server's host with its alternative names only, never with the common name (RFC 9525 6.3). */
function requireNames(usage: Usage, names: Asn1 | undefined): void {
  if (usage !== 'client' && names === undefined)
    throw wrong('a server certificate needs at least one host name or IP address');
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_USAGE', { detail });
}

function unusable(detail: string): GatewayError {
  return new GatewayError('GW_ERR_TLS_FILE', { detail });
}
