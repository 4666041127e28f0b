// A handshake with a live peer: what it shows, what is agreed on, and why it would fail.
// Promises to send nothing but the handshake: no byte of any message, nothing that a channel could run on.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { causeCode } from '../../src/errors.ts';
import { anchorsOf } from '../anchors.ts';
import { codeOf } from './handshake.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** For SNI, and the name that the certificate must have. Default: the host. */
  readonly servername: string | undefined;
  /** Undefined: Node.js's own list of public authorities. */
  readonly ca: readonly X509Certificate[] | undefined;
  readonly own: { readonly cert: string; readonly key: string } | undefined;
  readonly crls: readonly string[];
  readonly timeoutMs: number;
}

export interface ConnectResult {
  /** undefined: it succeeded, and the peer's certificate is good. */
  readonly code: string | undefined;
  readonly protocol: string | undefined;
  readonly cipher: string | undefined;
  /** What the peer showed, and above it what is trusted. */
  readonly chain: readonly X509Certificate[];
}

/**
 * In TLS 1.3 a client is through before the server has looked at its certificate (RFC 8446 2), and Node.js says no by
 * closing, without an alert. A refusal takes one round trip, so this is how far away a peer may be. One that accepts
 * waits for the first byte meanwhile.
 */
const SETTLE_MS = 500;

/** Not OpenSSL's: the peer closed after the handshake. */
export const CLOSED_AFTER_HANDSHAKE = 'CLOSED_AFTER_HANDSHAKE';

export function connectTls(options: ConnectOptions): Promise<ConnectResult> {
  const name = options.servername ?? options.host;
  const { promise, resolve } = Promise.withResolvers<ConnectResult>();
  let shown: Omit<ConnectResult, 'code'> = { protocol: undefined, cipher: undefined, chain: [] };
  let refused: string | undefined;
  const end = (code: string | undefined): void => resolve({ code: refused ?? code, ...shown });

  const socket = tls.connect({
    host: options.host,
    port: options.port,
    // Node.js sends no server name for an address, and checks the certificate's IP names then.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
    ...(options.ca === undefined ? {} : anchorsOf(options.ca)),
    ...(options.crls.length === 0 ? {} : { crl: [...options.crls] }),
    ...options.own,
    minVersion: 'TLSv1.2',
    // The verdict is reported, with everything else that can still be seen.
    rejectUnauthorized: false,
  });
  const deadline = setTimeout(() => end('NO_ANSWER'), options.timeoutMs);
  let settle: NodeJS.Timeout | undefined;
  socket.once('secureConnect', () => {
    shown = {
      protocol: socket.getProtocol() ?? undefined,
      cipher: socket.getCipher().standardName,
      chain: chainShown(socket),
    };
    if (!socket.authorized) refused = codeOf(socket.authorizationError);
    clearTimeout(deadline);
    settle = setTimeout(() => end(undefined), SETTLE_MS);
    // A peer's greeting is read and dropped, so that its end is seen.
    socket.resume();
  });
  socket.on('error', (error) => end(causeCode(error)));
  socket.on('end', () => end(shown.protocol === undefined ? 'ECONNRESET' : CLOSED_AFTER_HANDSHAKE));
  socket.on('close', () => end(shown.protocol === undefined ? 'ECONNRESET' : CLOSED_AFTER_HANDSHAKE));
  return promise.finally(() => {
    clearTimeout(deadline);
    clearTimeout(settle);
    socket.destroy();
  });
}

function chainShown(socket: tls.TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let at: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // A root is its own issuer there.
  while (at?.raw !== undefined && !seen.has(at.fingerprint256)) {
    seen.add(at.fingerprint256);
    chain.push(new X509Certificate(at.raw));
    at = at.issuerCertificate;
  }
  return chain;
}
