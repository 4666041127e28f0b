// Who a TLS peer is, by the certificate that it showed and that was verified.
import type { TLSSocket } from 'node:tls';

export interface TlsIdentity {
  /** `CN=sender-a, O=Hospital`, in the order of the certificate. */
  readonly subject: string;
  /** Subject alternative names without their types. */
  readonly san: readonly string[];
  /** SHA-256, upper-case hex with colons. */
  readonly fingerprint: string;
}

/** The sender's certificate, as conditions and sticky keys see it; undefined if it showed none that holds. */
export function identityOf(socket: TLSSocket): TlsIdentity | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  // A resumed session is not verified again, and each one can be the origin of the next: it must not outlive the certificate.
  if (certificate === undefined || certificate.validToDate.getTime() < Date.now()) return undefined;
  return {
    // One name a line, as X.500 orders them: CN=sender-a, O=Hospital.
    subject: certificate.subject.split('\n').join(', '),
    san: splitNames(certificate.subjectAltName),
    fingerprint: certificate.fingerprint256,
  };
}

/** `DNS:a.example, IP Address:10.0.0.1` → `a.example`, `10.0.0.1`. Values with commas are quoted by Node.js. */
function splitNames(names: string | undefined): readonly string[] {
  if (names === undefined) return [];
  const found = names.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found].map(([, type, value = '']) => {
    if (value.startsWith('"')) return JSON.parse(value) as string;
    return type === 'IP Address' && value.includes(':') ? shortened(value) : value;
  });
}

/** `2001:DB8:0:0:0:0:0:1` → `2001:db8::1`, as people write it (RFC 5952). */
function shortened(address: string): string {
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address;
}
