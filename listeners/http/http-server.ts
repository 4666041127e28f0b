// The server of Node.js behind an HTTP listener: HTTP/1, and over TLS HTTP/2 too, by ALPN. Promises the strict parser,
// and the same limits for HTTP/1 whichever of Node.js's three servers it is.
import http, { type IncomingMessage, ServerResponse } from 'node:http';
import http2, { Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ServerTls } from '../../certs/server-tls.ts';
import type { HttpListenerConfig } from '../../src/config/config.ts';
import { causeCode, GatewayError } from '../../src/errors.ts';
import type { Incoming } from './client-request.ts';
import { type AnyServerResponse, endBehind } from './client-response.ts';

/** Node.js looks for late headers at this interval, so a deadline may be exceeded by as much. */
const CHECK_MS = 1_000;
/** As many as browsers use; each holds a request's state. */
export const MAX_STREAMS = 100;
/** RFC 7301 6: clients of HTTP/1.0 may name that alone, and would else be refused in the handshake. */
const V1 = ['http/1.1', 'http/1.0'];
/** `:method` and so on count among HTTP/2's headers. */
const PSEUDO_HEADERS = 5;

export interface HttpServerEvents {
  /** May a request that asks for another protocol have its connection for it? Otherwise it is the last one there. */
  readonly mayUpgrade: (incoming: IncomingMessage) => boolean;
  readonly onRequest: (incoming: Incoming, response: AnyServerResponse) => void;
  readonly onUpgrade: (incoming: IncomingMessage, socket: net.Socket, head: Buffer) => void;
  /** Of HTTP/1: what came is no request, or came too late. */
  readonly onError: (error: Error, socket: net.Socket) => void;
  /** Nothing came or went on a connection for as long as it was given; it is still open. */
  readonly onTimeout: (socket: net.Socket) => void;
  /** A connection is there, its handshake done. */
  readonly onSocket: (socket: net.Socket) => void;
  readonly onSession: (session: ServerHttp2Session) => void;
}

export function createHttpServer(
  config: HttpListenerConfig,
  tls: ServerTls | undefined,
  events: HttpServerEvents,
): net.Server {
  const { headersTimeoutMs, keepAliveMs, maxHeaderBytes, maxHeaders } = config;
  const declined = new WeakSet<Incoming>();
  const shouldUpgradeCallback = (incoming: IncomingMessage): boolean => {
    if (events.mayUpgrade(incoming)) return true;
    declined.add(incoming);
    return false;
  };
  const onRequest = (incoming: Incoming, response: AnyServerResponse): void => {
    // Node.js's parser has stopped behind it, and forgets the rest of what it was reading: what it would make of the next
    // packet may be the middle of a request.
    if (response instanceof ServerResponse && declined.has(incoming)) endBehind(response);
    events.onRequest(incoming, response);
  };
  const options = {
    insecureHTTPParser: false,
    // Checked with the rest of the request, so that it is told like the rest (F49).
    requireHostHeader: false,
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    // Bodies have deadlines of their own, and a long upload is no fault.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: CHECK_MS,
    noDelay: true,
    shouldUpgradeCallback,
  };
  const server: net.Server =
    tls === undefined ? http.createServer(options) : createSecure(config, tls, options);
  // One more than is taken, so that too many can be told from enough (F60): Node.js drops what is beyond without a word.
  // F102: a client may end its side behind its last request, and its connection ends behind the last response.
  Object.assign(server, { maxHeadersCount: maxHeaders + 1, shouldUpgradeCallback, httpAllowHalfOpen: true });
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (incoming: IncomingMessage, socket: net.Socket, head: Buffer) => {
    // Node.js before 24.9 does not ask.
    if (events.mayUpgrade(incoming)) events.onUpgrade(incoming, socket, head);
    else socket.destroy();
  });
  server.on('connect', (incoming: Incoming, other: net.Socket | Http2ServerResponse) => {
    if (other instanceof Http2ServerResponse) events.onRequest(incoming, other);
    else events.onError(new GatewayError('GW_ERR_HTTP_REQUEST', { detail: 'CONNECT' }), other);
  });
  server.on('clientError', events.onError);
  server.on('timeout', events.onTimeout);
  // Before HTTP's own, which makes a session of it.
  server.prependListener(tls === undefined ? 'connection' : 'secureConnection', (socket: net.Socket) => {
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') socket.allowHalfOpen = true;
    events.onSocket(socket);
  });
  server.on('session', events.onSession);
  server.on('sessionError', () => {});
  return server;
}

function createSecure(
  { http2: withV2, maxHeaders, maxHeaderBytes }: HttpListenerConfig,
  tls: ServerTls,
  options: https.ServerOptions,
): https.Server | http2.Http2SecureServer {
  const known = withV2 ? ['h2', ...V1] : V1;
  const secure = {
    ...tls.options,
    // A list of protocols is replaced by Node.js's own where HTTP/2 is one of them.
    ALPNCallback: ({ protocols }: { readonly protocols: readonly string[] }) =>
      known.find((protocol) => protocols.includes(protocol)),
  };
  const server = withV2
    ? http2.createSecureServer({
        ...secure,
        allowHTTP1: true,
        // But for the upgrade's callback, which Node.js puts its own in the place of: see above.
        http1Options: options,
        // A request with one too many is still answered; with more its stream is reset.
        maxHeaderListPairs: 2 * maxHeaders + PSEUDO_HEADERS,
        settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeaderBytes },
      })
    : https.createServer({ ...secure, ...options });
  // Node.js's server for both versions takes whatever is not `http/1.1` for HTTP/2.
  server.prependListener('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'http/1.0') socket.alpnProtocol = 'http/1.1';
  });
  tls.attach(server);
  return server;
}

/** Whatever else is asked for is an ordinary request: HTTP/2 in clear text would bypass every check behind it. */
export function asksForTunnel({ method, headers, httpVersion }: IncomingMessage): boolean {
  const token = headers.upgrade?.toLowerCase() ?? '';
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    !hasBody &&
    /^[a-z0-9.-]+(\/[a-z0-9.]+)?$/.test(token) &&
    !/^(h2c?|tls)\b/.test(token)
  );
}

/** What the parser, or the watch over deadlines, says of a request. */
export function requestError(thrown: Error): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const detail = causeCode(thrown);
  if (detail === 'HPE_HEADER_OVERFLOW') return new GatewayError('GW_ERR_HTTP_HEADERS');
  if (detail === 'ERR_HTTP_REQUEST_TIMEOUT') return new GatewayError('GW_ERR_HTTP_TIMEOUT');
  return new GatewayError('GW_ERR_HTTP_REQUEST', { detail });
}
