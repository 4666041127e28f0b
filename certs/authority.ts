// A certificate authority: makes its own root, and issues certificates for servers (VIP, node) and clients.
// Promises: certificates as RFC 5280 profiles them; keys exist in memory only, until the caller writes them somewhere.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { GatewayError } from '../src/errors.ts';

export interface AuthorityOptions {
  readonly commonName: string;
  /** How long the authority itself is valid, from now. */
  readonly days: number;
}

export type Usage = 'server' | 'client' | 'both';

export interface IssueOptions {
  readonly commonName: string;
  /** Host names, `*.example` included. International names in their `xn--` form. */
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly usage: Usage;
  /** Default: now, less the allowance for clocks that are slow. */
  readonly notBefore?: Date;
  /** Default: in 397 days, or with the authority if that ends earlier. */
  readonly notAfter?: Date;
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
/** A year and a month, to renew yearly; the CA/Browser Forum allowed 398 days until March 2026. */
const LEAF_DAYS = 397;
/** RFC 5280 4.1.2.2 allows 20 octets; 16 random ones do not meet twice. */
const SERIAL_BYTES = 16;
/** RFC 5280 appendix A.1, ub-common-name. */
const MAX_COMMON_NAME = 64;
/** NIST SP 800-57: 112 bits of security, and what every node of the last fifteen years can check. */
const RSA_BITS = 2048;

/** The types of GeneralName in RFC 5280 4.2.1.6. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

const CERTIFICATE_USAGES = {
  server: { serverAuth: true },
  client: { clientAuth: true },
  both: { serverAuth: true, clientAuth: true },
} as const;

export class Authority {
  /** The root, for those who shall trust it. */
  readonly certPem: string;
  readonly #cert: forge.pki.Certificate;
  readonly #keyPem: string;
  readonly #key: forge.pki.rsa.PrivateKey;

  constructor({ certPem, keyPem }: Issued) {
    this.certPem = certPem;
    this.#cert = forge.pki.certificateFromPem(certPem);
    this.#keyPem = keyPem;
    this.#key = forge.pki.privateKeyFromPem(keyPem);
  }

  /** For keeping the authority; behind a getter, so that a logged object does not show it. */
  get keyPem(): string {
    return this.#keyPem;
  }

  issue(options: IssueOptions): Issued {
    const { notBefore, notAfter } = this.#validity(options);
    const altNames = altNamesOf(options);
    const { cert, keyPem } = blank(options.commonName, notBefore, notAfter);
    cert.setIssuer(this.#cert.subject.attributes);
    cert.setExtensions([
      { name: 'basicConstraints', cA: false },
      // RFC 5280 4.2.1.3; keyEncipherment is for the RSA key exchange of TLS 1.2 peers that know nothing better.
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      // RFC 5280 4.2.1.12
      { name: 'extKeyUsage', ...CERTIFICATE_USAGES[options.usage] },
      { name: 'subjectKeyIdentifier' },
      { name: 'authorityKeyIdentifier', keyIdentifier: this.#cert.generateSubjectKeyIdentifier().getBytes() },
      ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
    ]);
    cert.sign(this.#key, forge.md.sha256.create());
    return { certPem: pemOf(cert), keyPem };
  }

  #validity({ notBefore: from, notAfter: to }: IssueOptions): { notBefore: Date; notAfter: Date } {
    const now = Date.now();
    const last = this.#cert.validity.notAfter;
    const notBefore = from ?? new Date(now - CLOCK_SKEW_MS);
    const notAfter = to ?? new Date(Math.min(now + LEAF_DAYS * DAY_MS, last.getTime()));
    if (!(notBefore < notAfter)) throw wrong('a certificate must end after it begins');
    if (notAfter > last) throw wrong('a certificate must not outlive its authority');
    return { notBefore, notAfter };
  }
}

export function createAuthority({ commonName, days }: AuthorityOptions): Authority {
  if (!(days > 0)) throw wrong('an authority must be valid for more than 0 days');
  const now = Date.now();
  const { cert, keyPem } = blank(commonName, new Date(now - CLOCK_SKEW_MS), new Date(now + days * DAY_MS));
  cert.setIssuer(cert.subject.attributes);
  cert.setExtensions([
    // RFC 5280 4.2.1.9: critical in an authority. No authority below this one.
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    // RFC 5280 4.2.1.2; 4.2.1.1 lets a self-signed certificate do without the authority's.
    { name: 'subjectKeyIdentifier' },
  ]);
  cert.sign(forge.pki.privateKeyFromPem(keyPem), forge.md.sha256.create());
  return new Authority({ certPem: pemOf(cert), keyPem });
}

/** A certificate with a key pair, a serial number, a subject and dates, not yet signed. */
function blank(
  commonName: string,
  notBefore: Date,
  notAfter: Date,
): { cert: forge.pki.Certificate; keyPem: string } {
  if (commonName.length === 0 || commonName.length > MAX_COMMON_NAME) {
    throw wrong(`a common name must have 1 to ${MAX_COMMON_NAME} characters`);
  }
  const { publicKey, privateKey } = newKeyPair();
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(publicKey);
  cert.serialNumber = newSerial();
  cert.validity.notBefore = notBefore;
  cert.validity.notAfter = notAfter;
  // RFC 5280 4.1.2.4: PrintableString or UTF8String; the latter takes every name. node-forge's types know only its own
  // enumeration of classes here, though it is the tag's type that it writes.
  const utf8 = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class;
  cert.setSubject([{ name: 'commonName', value: commonName, valueTagClass: utf8 }]);
  return { cert, keyPem: privateKey };
}

/** By Node.js, whose OpenSSL needs a tenth of what node-forge needs in JavaScript. */
function newKeyPair(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** RFC 5280 4.1.2.2: positive. The first octet is 40 to 7F: no sign bit, and no leading zero that DER would drop. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
}

/** RFC 5280 4.2.1.6. Peers compare a server's host with these only, never with the common name (RFC 9525 6.3). */
function altNamesOf({ usage, dns = [], ip = [] }: IssueOptions): object[] {
  if (usage !== 'client' && dns.length + ip.length === 0) {
    throw wrong('a server certificate needs at least one host name or IP address');
  }
  for (const name of dns) {
    // The name is an IA5String, and an address in it would never be matched.
    if (!/^[\x21-\x7e]+$/.test(name) || isIP(name) !== 0) throw wrong(`"${name}" is no host name`);
  }
  for (const address of ip) if (isIP(address) === 0) throw wrong(`"${address}" is no IP address`);
  return [
    ...dns.map((value) => ({ type: DNS_NAME, value })),
    ...ip.map((address) => ({ type: IP_ADDRESS, ip: address })),
  ];
}

/** PEM with LF, as openssl writes it; node-forge writes CRLF. */
function pemOf(cert: forge.pki.Certificate): string {
  return forge.pki.certificateToPem(cert).replaceAll('\r\n', '\n');
}

function wrong(detail: string): GatewayError {
  return new GatewayError('GW_ERR_USAGE', { detail });
}
