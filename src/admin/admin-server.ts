// The admin API's own HTTP server: few and small requests, one at a time for each connection. Promises that all but the
// open endpoints need the token, which is compared in constant time (F76), and that a wrong request is told what is wrong.
import { createHash, timingSafeEqual } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ServerTls } from '../../certs/server-tls.ts';
import { lingerBehind } from '../../listeners/http/lingering-close.ts';
import { sourceAddress } from '../../routing/message-view.ts';
import { isOwnHost, sourceKey } from '../addresses.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { type RequestTarget, readTarget } from '../http/request-target.ts';
import { listen } from '../listen.ts';
import { loggable } from '../observe/log/loggable.ts';
import { metricsText } from '../observe/metrics/text.ts';
import { clearTimeout, setImmediate, setTimeout } from '../platform/time.ts';
import { type AdminAnswer, NOT_ALLOWED, refusal, respond, withTag } from './answer.ts';
import type { By, Control } from './control.ts';
import { findEndpoint, type MatchedEndpoint, whyNone } from './endpoints.ts';
import { MAX_BODY_BYTES, readRequestBody } from './request-body.ts';
import { RequestQueue } from './request-queue.ts';
import { TokenFailures } from './token-failures.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly tls: ServerTls | undefined;
  readonly times?: AdminTimes;
}

/** For the log. */
export interface AdminWatcher {
  /** Somebody came with a wrong token. Not called for one without any, as a browser or a scanner comes. */
  onRefused(by: By): void;
  /** A defect of the gateway: the cause stands in the error, and not in the answer. */
  onFailed(error: GatewayError): void;
}

export interface AdminTimes {
  /** From a connection's or a request's beginning to the end of its headers. */
  readonly headersMs: number;
  /** To the end of its body. */
  readonly requestMs: number;
  /** Without a byte in either direction: for a client that does not read, and for an answer that does not come. */
  readonly silenceMs: number;
  readonly keepAliveMs: number;
}

/** Requests have a few hundred bytes. A reload that waits for its nodes' names and files takes seconds. */
const TIMES: AdminTimes = { headersMs: 5_000, requestMs: 10_000, silenceMs: 60_000, keepAliveMs: 5_000 };
/** How long answers that are under way have when the server stops. */
const STOP_MS = 1_000;
/** A handful of operators, a monitoring system or two. */
const MAX_CONNECTIONS = 100;
const MAX_HEADER_BYTES = 16 * 1024;

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #control: Control;
  readonly #watcher: AdminWatcher;
  readonly #server: http.Server | https.Server;
  readonly #sockets = new Set<Socket>();
  readonly #turns = new RequestQueue();
  readonly #failures = new TokenFailures();
  #tokenHash: Buffer | undefined;
  #port: number;

  constructor(options: AdminServerOptions, control: Control, watcher: AdminWatcher) {
    this.#options = options;
    this.#control = control;
    this.#watcher = watcher;
    this.#port = options.port;
    this.token = options.token;
    const { headersMs, requestMs, silenceMs, keepAliveMs } = options.times ?? TIMES;
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response);
    if (options.tls === undefined) this.#server = http.createServer(limits, serve);
    else {
      const server = https.createServer({ ...options.tls.options, ...limits }, serve);
      options.tls.attach(server);
      this.#server = server;
    }
    this.#server.timeout = silenceMs;
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** For the next request. */
  set token(token: string | undefined) {
    this.#tokenHash = token === undefined ? undefined : hashOf(token);
  }

  /** That which the system picked stays, also while it is closed. */
  get port(): number {
    return this.#port;
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  get address(): string {
    const { host } = this.#options;
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** May be called again where it failed, and after `closePort`. @throws GatewayError GW_ERR_LISTEN */
  async start(): Promise<void> {
    this.#port = await listen(this.#server, 'admin on', this.#options.host, this.#port);
    // Loads what metrics are written by, once the listeners are there: at the first scrape it would be a pause between messages.
    setImmediate(() => metricsText([], 'prometheus'));
  }

  /** Takes no new connection, so that another can have the port. Those that are open end with their next answer. */
  closePort(): void {
    this.#server.close();
  }

  /**
   * Takes no new connection; what is being answered has a second to get there. A reload that was asked for here must
   * not wait for it: its own answer is one of those.
   */
  async stop(): Promise<void> {
    this.closePort();
    const closed = [...this.#sockets].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, STOP_MS);
    await Promise.all(closed);
    clearTimeout(late);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', ignore);
    response.on('error', ignore);
    const by = askedBy(request.socket);
    const taken = this.#turns.take(request.socket, async () => {
      try {
        await this.#answer(request, response, by);
      } catch (thrown) {
        this.#respond(response, this.#troubleOf(thrown));
      }
    });
    if (!taken) request.socket.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse, by: By): Promise<void> {
    const target = targetOf(request);
    const found = this.#admit(request, target, by);
    if ('status' in found) {
      // F119: whoever guesses is slowed down, by address, whatever certificate it shows.
      const isGuess = found === NOT_ALLOWED && request.headers.authorization !== undefined;
      const source = sourceKey(sourceAddress(request.socket.remoteAddress ?? ''));
      if (isGuess && !(await this.#failures.failed(source))) request.socket.destroy();
      else this.#closeWith(response, found);
      return;
    }
    const body = await readRequestBody(request);
    if (body === undefined) {
      const tooLarge = new GatewayError('GW_ERR_ADMIN_REQUEST', {
        detail: `at most ${MAX_BODY_BYTES} bytes`,
      });
      this.#closeWith(response, refusal(tooLarge, 413));
      return;
    }
    const { endpoint, parts } = found;
    // The config says so too, but a reload changes no address that is listened on already.
    if (endpoint.ofPatients && this.#options.tls === undefined && !isOwnHost(this.#options.host))
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', {
        detail: 'messages are not sent without TLS to other machines',
      });
    const query = new URLSearchParams(target instanceof GatewayError ? '' : target.query);
    const { accept = '', 'if-none-match': known } = request.headers;
    const answer = await endpoint.answer(this.#control, { parts, query, body, accept, by });
    const isTagged = endpoint.method === 'GET' && !endpoint.open;
    this.#respond(response, isTagged ? withTag(answer, known) : answer);
  }

  #respond(response: ServerResponse, answer: AdminAnswer): void {
    // Whoever stays connected would keep a server up that is to stop.
    if (!this.#server.listening || answer.lines !== undefined) this.#closeWith(response, answer);
    else respond(response, answer);
  }

  /** What to do, or what to say instead. */
  #admit(
    request: IncomingMessage,
    target: RequestTarget | GatewayError,
    by: By,
  ): MatchedEndpoint | AdminAnswer {
    const method = request.method ?? '';
    const found = target instanceof GatewayError ? undefined : findEndpoint(method, target.path);
    if (found?.endpoint.open === true) return found;
    // Whoever may not see what there is learns nothing of it.
    if (!this.#isAllowed(request, by)) return NOT_ALLOWED;
    if (target instanceof GatewayError) return refusal(target);
    return found ?? whyNone(method, target.path);
  }

  #isAllowed({ headers: { authorization } }: IncomingMessage, by: By): boolean {
    if (authorization === undefined) return false;
    const [, token = ''] = /^Bearer +([!-~]+) *$/i.exec(authorization) ?? [];
    // Hashes are of one length, whatever was sent; and one is made and compared even where no token would do.
    const right = timingSafeEqual(hashOf(token), this.#tokenHash ?? NO_HASH);
    if (!right) this.#watcher.onRefused(by);
    return right;
  }

  #troubleOf(thrown: unknown): AdminAnswer {
    const error = asGatewayError(thrown);
    const answer = refusal(error);
    if (answer.status >= 500) this.#watcher.onFailed(error);
    return answer;
  }

  /** What the client still sends is neither read nor done. */
  #closeWith(response: ServerResponse, answer: AdminAnswer): void {
    const { socket } = response.req;
    this.#turns.end(socket);
    lingerBehind(socket);
    respond(response, { ...answer, headers: { ...answer.headers, connection: 'close' } });
  }
}

/** No token has it. */
const NO_HASH = Buffer.alloc(32);

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function ignore(): void {}

/** Or why what was asked for is none. */
function targetOf({ url = '' }: IncomingMessage): RequestTarget | GatewayError {
  try {
    return readTarget(url);
  } catch (thrown) {
    return asGatewayError(thrown);
  }
}

function askedBy(socket: Socket): By {
  const address = sourceAddress(socket.remoteAddress ?? 'unknown');
  const certificate =
    socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return address;
  return `${address} (${loggable(certificate.subject.split('\n').join(', '))})`;
}
