// What OpenSSL's and Node.js's codes mean, for a person who has to repair it.
// Promises words for every code that a certificate, a key or a peer of TLS brings about in practice, and else the code.

const NO_ISSUER = 'no authority that signed it is among the trusted ones, or one in between is missing';
const WEAK_DIGEST = 'a certificate is signed with a weak digest (SHA-1 or MD5)';
const NO_TLS = 'what the peer sends is not TLS: a plaintext listener';

const REASONS: Readonly<Record<string, string>> = {
  // X509_verify_cert(3), as Node.js names its results
  CERT_HAS_EXPIRED: 'a certificate has expired',
  CERT_NOT_YET_VALID: 'a certificate is not valid yet',
  CERT_REVOKED: 'the certificate is revoked',
  CERT_REJECTED: 'the authority is not trusted for this purpose',
  CERT_UNTRUSTED: 'the authority is not trusted',
  CERT_CHAIN_TOO_LONG: 'the chain is longer than peers follow it',
  CERT_SIGNATURE_FAILURE: 'a signature in the chain does not fit',
  CRL_HAS_EXPIRED: 'the revocation list has expired; its authority has a newer one',
  CRL_NOT_YET_VALID: 'the revocation list is not valid yet',
  CRL_SIGNATURE_FAILURE: 'the signature of the revocation list does not fit',
  UNABLE_TO_GET_CRL: 'there is no revocation list of an authority in the chain',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed, and is not itself among the trusted ones',
  SELF_SIGNED_CERT_IN_CHAIN: 'the chain ends in an authority that is not among the trusted ones',
  UNABLE_TO_GET_ISSUER_CERT: 'an authority further up is missing: trust needs the root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NO_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NO_ISSUER,
  INVALID_CA: 'a certificate in the chain signs others but is not an authority’s',
  UNSPECIFIED: 'OpenSSL refuses the chain, for a reason that Node.js has no name for',
  INVALID_PURPOSE: 'the certificate is not for this side of TLS (extended key usage)',
  PATH_LENGTH_EXCEEDED: 'an authority may not have an authority below it (path length)',
  HOSTNAME_MISMATCH: 'the certificate is for another host',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'the names in the certificate are malformed',
  CA_KEY_TOO_SMALL: 'an authority’s key is too short',
  EE_KEY_TOO_SMALL: 'the key is too short',
  CA_MD_TOO_WEAK: WEAK_DIGEST,
  // Before a byte is sent
  ERR_SSL_EE_KEY_TOO_SMALL: 'the key is too short',
  ERR_SSL_CA_KEY_TOO_SMALL: 'an authority’s key is too short',
  ERR_SSL_CA_MD_TOO_WEAK: WEAK_DIGEST,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key does not belong to the certificate',
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: 'the key does not belong to the certificate',
  // A peer
  NO_ANSWER: 'no answer to the handshake in time; a plaintext listener waits for the client to speak',
  CLOSED_AFTER_HANDSHAKE:
    'the peer closed right after the handshake: it does not take the client certificate or misses one, or is full',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET:
    'the peer closed during the handshake: it does not speak TLS there, or does not want this client',
  ETIMEDOUT: 'no answer; a firewall, or the machine is down',
  EHOSTUNREACH: 'no way to that machine',
  ENETUNREACH: 'no way to that network',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the host name could not be looked up just now',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer knows no TLS version above 1.1',
  ERR_SSL_VERSION_TOO_LOW: 'the peer knows no TLS version above 1.1',
  ERR_SSL_DH_KEY_TOO_SMALL: 'the peer’s Diffie-Hellman parameters are too short',
  ERR_SSL_NO_SHARED_CIPHER: 'no cipher in common',
};

/** What the other side says as it refuses (RFC 8446 6.2). OpenSSL puts the version in front, and that varies. */
const ALERTS: Readonly<Record<string, string>> = {
  HANDSHAKE_FAILURE: 'no cipher in common, or it wants a client certificate (--cert, --key)',
  CERTIFICATE_REQUIRED: 'it wants a client certificate (--cert, --key)',
  NO_CERTIFICATE: 'it wants a client certificate (--cert, --key)',
  BAD_CERTIFICATE: 'it finds the client certificate bad, or misses one (--cert, --key)',
  UNSUPPORTED_CERTIFICATE: 'the client certificate is of a kind or for a purpose that it does not take',
  CERTIFICATE_REVOKED: 'the client certificate is revoked',
  CERTIFICATE_EXPIRED: 'the client certificate has expired',
  CERTIFICATE_UNKNOWN: 'it does not take the client certificate',
  UNKNOWN_CA: 'it does not know the authority of the client certificate',
  ACCESS_DENIED: 'the client certificate is good, but has no access',
  DECRYPT_ERROR: 'a signature in the handshake does not fit',
  PROTOCOL_VERSION: 'no TLS version in common',
  INSUFFICIENT_SECURITY: 'its ciphers must be stronger',
  UNRECOGNIZED_NAME: 'it has no certificate for that name (--servername)',
  NO_APPLICATION_PROTOCOL: 'no application protocol in common (ALPN)',
  INTERNAL_ERROR: 'it failed itself',
};

/** `CERT_HAS_EXPIRED` → words; the code alone where there are none. */
export function reasonInWords(code: string): string {
  const words = REASONS[code];
  if (words !== undefined) return words;
  const alert = ALERTS[/^ERR_SSL_.*(?:ALERT|TLSV\d+)_([A-Z_]+)$/.exec(code)?.[1] ?? ''];
  return alert === undefined ? code : `the peer refused: ${alert}`;
}

/** Judged by the clock of now, whatever date was asked about. */
export const BY_THE_CLOCK: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
]);
