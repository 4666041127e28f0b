// A real handshake of TLS with given certificates, both ends within this process.
// Promises OpenSSL's own verdict: nothing here decides whether a certificate is good.
import type { KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { duplexPair } from 'node:stream';
import tls from 'node:tls';
import { causeCode } from '../../src/errors.ts';
import { type Authority, createAuthority } from '../authority.ts';
import { pemOf } from '../x509/certificate.ts';
import { keyPemOf } from '../x509/keys.ts';

export interface HandshakeInput {
  /** The one to be tried first, then those that are shown with it. */
  readonly certificates: readonly X509Certificate[];
  readonly key: KeyObject;
  readonly trusted: readonly X509Certificate[];
  /** PEM. */
  readonly crls: readonly string[];
  readonly usage: 'server' | 'client';
  readonly host: string | undefined;
}

export interface HandshakeResult {
  /** undefined: it succeeded. */
  readonly code: string | undefined;
  readonly protocol: string | undefined;
  readonly cipher: string | undefined;
}

export async function handshake(input: HandshakeInput): Promise<HandshakeResult> {
  try {
    return await (input.usage === 'server' ? asServer(input) : asClient(input));
  } catch (cause) {
    // OpenSSL refused the files themselves.
    return { code: causeCode(cause), protocol: undefined, cipher: undefined };
  }
}

/** The client looks at the certificate, as a sender or the gateway before a node does. */
function asServer(input: HandshakeInput): Promise<HandshakeResult> {
  const { host } = input;
  const serverOptions = own(input);
  const clientOptions: tls.ConnectionOptions = {
    ...trust(input),
    servername: host === undefined || isIP(host) !== 0 ? '' : host,
    checkServerIdentity: (_, certificate) =>
      host === undefined ? undefined : tls.checkServerIdentity(host, certificate),
  };
  return meet(serverOptions, clientOptions, 'client');
}

/** The server looks at the certificate, as a listener that requires one does. */
function asClient(input: HandshakeInput): Promise<HandshakeResult> {
  const authority: Authority = createAuthority({ commonName: 'for one handshake', days: 1, key: 'ec-p256' });
  const { certPem, keyPem } = authority.issue({
    commonName: 'server',
    dns: ['server.invalid'],
    usage: 'server',
    key: 'ec-p256',
  });
  const serverOptions: tls.TlsOptions = { ...trust(input), cert: certPem, key: keyPem, requestCert: true };
  return meet(
    serverOptions,
    { ...own(input), ca: authority.certPem, servername: 'server.invalid' },
    'server',
  );
}

function own({ certificates, key }: HandshakeInput): tls.SecureContextOptions {
  return { cert: certificates.map(pemOf).join(''), key: keyPemOf(key) };
}

function trust({ trusted, crls }: HandshakeInput): tls.SecureContextOptions {
  return { ca: trusted.map(pemOf), ...(crls.length === 0 ? {} : { crl: [...crls] }) };
}

/** Ends with the verdict of the side that looks: in TLS 1.3 the other one is done before (RFC 8446 2). */
function meet(
  serverOptions: tls.TlsOptions,
  clientOptions: tls.ConnectionOptions,
  judge: 'server' | 'client',
): Promise<HandshakeResult> {
  const [serverEnd, clientEnd] = duplexPair();
  // The judge of a server refuses as it does in earnest; rejectUnauthorized on the server would only hide its reason.
  const server = tls.createServer({ ...serverOptions, rejectUnauthorized: false });
  const { promise, resolve } = Promise.withResolvers<HandshakeResult>();
  const failed = (error: unknown): void =>
    resolve({ code: causeCode(error), protocol: undefined, cipher: undefined });
  const succeeded = (socket: tls.TLSSocket): void =>
    resolve({
      code: socket.authorized ? undefined : codeOf(socket.authorizationError),
      protocol: socket.getProtocol() ?? undefined,
      cipher: socket.getCipher().standardName,
    });
  server.on('secureConnection', (socket) => {
    socket.on('error', failed);
    if (judge === 'server') succeeded(socket);
  });
  server.on('tlsClientError', (error) => {
    // Where the client judges, its own error says more than the server's about it.
    if (judge === 'server') failed(error);
  });
  server.emit('connection', serverEnd);
  const client = tls.connect({ ...clientOptions, socket: clientEnd });
  client.on('secureConnect', () => {
    if (judge === 'client') succeeded(client);
  });
  client.on('error', failed);
  client.on('close', () => failed(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  return promise.finally(() => {
    client.destroy();
    serverEnd.destroy();
  });
}

/** Node.js puts the code there, or an error; its types say error. */
export function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : causeCode(error);
}
