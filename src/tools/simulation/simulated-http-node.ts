// A simulated Mirth node over HTTP: its HTTP Listener, which answers HL7 with an acknowledgement and everything with 200,
// and a small web server to try a proxy on. Promises the bounds that stand below; nothing is kept of what it is sent.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import type tls from 'node:tls';
import { LONGEST_MS } from '../../config/formats.ts';
import { listen } from '../../listen.ts';
import { closeGracefully } from '../../mllp/graceful-close.ts';
import { platform } from '../../platform/current.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import { answerHl7, requestPathOf, respondSimulated, stream } from './http-reply.ts';
import { type ChannelOptions, MirthChannel } from './mirth-channel.ts';
import { BodyBudget } from './request-body.ts';
import type { OnMessage } from './simulated-node.ts';
import { errorPage, page, SCRIPT, Sessions, STYLE } from './web-page.ts';
import { acceptWebSocket, type WebSocketEcho } from './web-socket-echo.ts';

export interface SimulatedHttpNodeOptions extends ChannelOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly tls?: tls.TlsOptions | undefined;
  /** On its page and in every response's X-Simulated-Node; undefined: by its port. */
  readonly name?: string | undefined;
  /** Those above are accepted and closed, as over MLLP; WebSockets count. As many TLS handshakes again. */
  readonly maxConnections: number;
  /** Of an HL7 message; more is answered 413. Other bodies are not kept and may have any length. */
  readonly maxBodyBytes: number;
  /** A connection without a request is closed after this long, without notice. */
  readonly idleMs: number;
  /** A Mirth channel takes `application/…` for binary unless its list of binary types is emptied: see `answerHl7`. */
  readonly binaryTypes: boolean;
  /** AE has status 500, as a Mirth channel answers unless it has a "Response Status Code". */
  readonly httpErrorAcks?: boolean | undefined;
  /** Messages are answered with status 500 and the web server's page: no acknowledgement. */
  readonly status500?: boolean | undefined;
  /** It closes behind each acknowledgement, and does not say so in the response. */
  readonly closeAfterAnswer?: boolean | undefined;
}

/** As many of the largest messages at once. */
const LARGEST_AT_ONCE = 4;
/** What Jetty allows a request's line and headers; more is 431. */
const MAX_HEADER_BYTES = 16 * 1024;
/** A proxy opens connections ahead of need: longer than its own limit, shorter than a test's patience. */
const HEADERS_MS = 60_000;
/** 2 GiB at 600 kB/s. */
const REQUEST_MS = 3_600_000;
/** Bytes neither come nor go in the middle of a request: longer than what may be asked of `/slow`. */
const STALL_MS = 600_000;
const MAX_SLOW_MS = 300_000;
/** `/bytes/N` up to 10 TB. */
const BYTES = /^\/bytes\/(\d{1,13})$/;

export class SimulatedHttpNode {
  readonly #options: SimulatedHttpNodeOptions;
  readonly #onMessage: OnMessage;
  readonly #channel: MirthChannel;
  readonly #server: http.Server | https.Server;
  /** What listens: the server itself, where it can. */
  readonly #front: net.Server;
  readonly #sessions: Sessions;
  readonly #room: BodyBudget;
  readonly #sockets = new Set<net.Socket>();
  /** TCP connections in their TLS handshake, by the client's port. */
  readonly #handshakes = new Map<string, net.Socket>();
  readonly #refused = new WeakSet<net.Socket>();
  readonly #webSockets = new Map<net.Socket, WebSocketEcho>();
  #received = 0;
  #port: number;

  constructor(options: SimulatedHttpNodeOptions, onMessage: OnMessage = () => {}) {
    const { maxBodyBytes, idleMs, tls: secured, delayMs } = options;
    this.#options = options;
    this.#port = options.port;
    this.#onMessage = onMessage;
    this.#channel = new MirthChannel(options);
    this.#sessions = new Sessions(secured !== undefined);
    this.#room = new BodyBudget(maxBodyBytes, LARGEST_AT_ONCE * maxBodyBytes);
    const serverOptions: http.ServerOptions = {
      keepAliveTimeout: idleMs,
      keepAliveTimeoutBuffer: 0,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      shouldUpgradeCallback: isWebSocket,
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response);
    if (secured === undefined) {
      this.#server = http.createServer(serverOptions, serve);
      this.#server.on('connection', (socket: net.Socket) => this.#accept(socket));
    } else {
      // Jetty asks nothing of ALPN: old clients name HTTP/1.0 there, and must not be turned away for it.
      const ALPNProtocols = ['http/1.1', 'http/1.0'];
      const server = https.createServer({ ...serverOptions, ALPNProtocols, ...secured }, serve);
      server.on('connection', (socket: net.Socket) => this.#startHandshake(socket));
      server.on('secureConnection', (socket) => {
        this.#handshakes.delete(clientOf(socket));
        this.#accept(socket);
      });
      this.#server = server;
    }
    this.#front =
      secured === undefined && platform.hasOnlyPlainServers
        ? platform.createServer({ allowHalfOpen: true }, (socket) => this.#server.emit('connection', socket))
        : this.#server;
    this.#server.setTimeout(Math.max(STALL_MS, Math.min(2 * delayMs, LONGEST_MS)));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as net.Socket, head));
  }

  /** That which the system picked stays, also while it is closed. */
  get port(): number {
    return this.#port;
  }

  get name(): string {
    return this.#options.name ?? `simulated-node-${this.port}`;
  }

  /** HL7 messages so far. */
  get messages(): number {
    return this.#channel.messages;
  }

  /** Requests of any kind so far, handshakes of WebSockets too. */
  get received(): number {
    return this.#received;
  }

  /** Also again, after `suspend`. @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    this.#port = await listen(this.#front, 'simulated node on', this.#options.host, this.#port);
  }

  /** Closes the port and ends every connection; what is under way stays unanswered, as when Mirth is halted. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#front.close(() => resolve()));
    for (const webSocket of this.#webSockets.values()) webSocket.goAway();
    for (const socket of this.#sockets) closeGracefully(socket);
    for (const socket of this.#handshakes.values()) socket.destroy();
    await closed;
  }

  /** The same, for as long as the channel is stopped. */
  suspend(): void {
    void this.stop();
  }

  #accept(socket: net.Socket): void {
    socket.on('error', () => {});
    if (this.#sockets.size >= this.#options.maxConnections) {
      this.#refused.add(socket);
      closeGracefully(socket);
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #startHandshake(socket: net.Socket): void {
    if (this.#handshakes.size >= this.#options.maxConnections) {
      socket.destroy();
      return;
    }
    const client = clientOf(socket);
    this.#handshakes.set(client, socket);
    socket.once('close', () => this.#handshakes.delete(client));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {});
    response.on('error', () => {});
    if (this.#refused.has(request.socket)) {
      request.resume();
      return;
    }
    this.#received++;
    // Jetty does not say how long it keeps a connection: the client has to find out.
    if (response.shouldKeepAlive && request.httpVersionMinor > 0) response.removeHeader('connection');
    response.setHeader('x-simulated-node', this.name);
    const [path, query] = requestPathOf(request);
    const { method } = request;
    if (method === 'POST' || method === 'PUT' || path === '/echo') {
      // Rejects if the client goes away; then there is nobody to answer.
      this.#take(request, response, method === 'POST' && path !== '/echo').catch(() => {});
      return;
    }
    request.resume();
    const bytes = BYTES.exec(path)?.[1];
    if (path === '/assets/app.css') respondSimulated(response, 'text/css;charset=utf-8', STYLE);
    else if (path === '/assets/app.js') respondSimulated(response, 'text/javascript;charset=utf-8', SCRIPT);
    else if (bytes !== undefined) stream(request, response, Number(bytes));
    else if (path === '/slow') {
      const ms = Math.min(Number(query.get('ms')) || 0, MAX_SLOW_MS);
      const timer = setTimeout(() => this.#page(request, response), Math.max(ms, 0));
      response.once('close', () => clearTimeout(timer));
    } else this.#page(request, response);
  }

  #page(request: IncomingMessage, response: ServerResponse): void {
    const { setCookie, count } = this.#sessions.visit(request.headers.cookie);
    if (setCookie !== undefined) response.setHeader('set-cookie', setCookie);
    respondSimulated(response, 'text/html;charset=utf-8', page(this.name, count));
  }

  async #take(request: IncomingMessage, response: ServerResponse, mayBeHl7: boolean): Promise<void> {
    const { bytes, sha256, hl7 } = await this.#room.read(request, mayBeHl7);
    if (hl7 === 'too large') {
      response.statusCode = 413;
      respondSimulated(response, 'text/plain;charset=utf-8', 'larger than this node takes\n');
    } else if (hl7 === undefined) {
      const { method, url, headers } = request;
      const seen = { node: this.name, method, url, bytes, sha256, headers };
      respondSimulated(response, 'application/json', `${JSON.stringify(seen)}\n`);
    } else {
      this.#channel.take(hl7, (header, verdict) => {
        if (verdict === 'close') {
          this.#onMessage(hl7, header, verdict);
          closeGracefully(request.socket);
          return;
        }
        if (this.#options.status500 === true) {
          this.#onMessage(hl7, header, 'HTTP 500');
          response.statusCode = 500;
          respondSimulated(response, 'text/html;charset=iso-8859-1', errorPage(requestPathOf(request)[0]));
          return;
        }
        const type = request.headers['content-type'];
        if (this.#options.httpErrorAcks === true && verdict === 'AE') response.statusCode = 500;
        const { answer, body } = answerHl7(hl7, header, verdict, type, this.#options.binaryTypes);
        this.#onMessage(hl7, header, answer);
        if (this.#options.closeAfterAnswer === true)
          response.once('finish', () => closeGracefully(request.socket));
        respondSimulated(response, 'text/plain;charset=UTF-8', body);
      });
    }
  }

  #upgrade(request: IncomingMessage, socket: net.Socket, head: Buffer): void {
    if (this.#refused.has(socket)) return;
    this.#received++;
    const webSocket = acceptWebSocket(request, socket, head, `X-Simulated-Node: ${this.name}\r\n`);
    if (webSocket === undefined) return;
    this.#webSockets.set(socket, webSocket);
    socket.once('close', () => this.#webSockets.delete(socket));
  }
}

function clientOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Other upgrades are not known, so such a request is served as if it had asked for none (RFC 9110 7.8). */
function isWebSocket(request: IncomingMessage): boolean {
  return requestPathOf(request)[0] === '/ws' && /^websocket$/i.test(request.headers.upgrade ?? '');
}
