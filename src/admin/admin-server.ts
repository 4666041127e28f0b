// The HTTP server of the admin API and the console: few and small requests, one at a time for each connection. Promises that all but the
// open endpoints and the console's files need the token or a log-in (F76), and that a wrong request is told what is wrong.
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
import type { OperatorAction } from '../observe/observer.ts';
import { clearTimeout, setImmediate, setTimeout } from '../platform/time.ts';
import {
  Access,
  type AccessConfig,
  forbidden,
  type Identity,
  misdirected,
  reportOf,
} from './access/access.ts';
import { isKnownHost } from './access/origin.ts';
import { type AdminAnswer, type Lines, NOT_ALLOWED, refusal, respond, withTag } from './answer.ts';
import { ConsoleFiles } from './console/console-files.ts';
import type { By, Control } from './control.ts';
import { findEndpoint, type MatchedEndpoint, type SessionDesk, whyNone } from './endpoints.ts';
import { reasonIn } from './queries.ts';
import { MAX_BODY_BYTES, readRequestBody } from './request-body.ts';
import { RequestQueue } from './request-queue.ts';
import { TokenFailures } from './token-failures.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly tls: ServerTls | undefined;
  readonly users?: AccessConfig['users'];
  readonly sessions?: AccessConfig['sessions'];
  readonly hosts?: AccessConfig['hosts'];
  readonly times?: AdminTimes;
  readonly console?: ConsoleFiles;
}

/** For the log. */
export interface AdminWatcher {
  /** Somebody came with a wrong token. Not called for one without any, as a browser or a scanner comes. */
  onRefused(by: By): void;
  /** What somebody did who has logged in, or tried to do. */
  onOperator?(by: By, action: OperatorAction): void;
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
/** Some dozens of browsers, each with a stream and a few more while a page loads; a monitoring system or two. */
const MAX_CONNECTIONS = 250;
const MAX_HEADER_BYTES = 16 * 1024;

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #control: Control;
  readonly #watcher: AdminWatcher;
  readonly #server: http.Server | https.Server;
  readonly #sockets = new Set<Socket>();
  readonly #turns = new RequestQueue();
  readonly #failures = new TokenFailures();
  readonly #access: Access;
  readonly #console: ConsoleFiles;
  #port: number;

  constructor(options: AdminServerOptions, control: Control, watcher: AdminWatcher) {
    this.#options = options;
    this.#control = control;
    this.#watcher = watcher;
    this.#port = options.port;
    this.#access = new Access(accessIn(options));
    this.#console = options.console ?? new ConsoleFiles();
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

  /** For the next request: who may ask, and by which names. */
  configure(config: Pick<AdminServerOptions, 'token' | 'users' | 'sessions' | 'hosts'>): void {
    this.#access.configure(accessIn(config));
  }

  /** What somebody may log in by, once and soon. */
  issueCode(): string {
    return this.#access.logIns.issueCode();
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

  async #answer(request: IncomingMessage, response: ServerResponse, from: By): Promise<void> {
    const target = targetOf(request);
    const found = this.#admit(request, target, from);
    if ('status' in found) {
      // F119: whoever guesses is slowed down, by address, whatever certificate it shows.
      const isGuess = found === NOT_ALLOWED && request.headers.authorization !== undefined;
      if (isGuess && !(await this.#failures.failed(sourceOf(request)))) request.socket.destroy();
      else this.#closeWith(response, found);
      return;
    }
    if (!('endpoint' in found)) {
      await this.#console.respond(response, found.path);
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
    const { endpoint, parts, identity } = found;
    // The config says so too, but a reload changes no address that is listened on already.
    if (endpoint.ofPatients && this.#options.tls === undefined && !isOwnHost(this.#options.host))
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', {
        detail: 'messages are not sent without TLS to other machines',
      });
    const query = new URLSearchParams(target instanceof GatewayError ? '' : target.query);
    const reason = endpoint.operates ? reasonIn(query) : undefined;
    const { accept = '', 'if-none-match': known } = request.headers;
    const by = identity?.user === undefined ? from : namedBy(from, identity.user);
    const session = this.#desk(request, body, from, identity);
    const asked = { parts, query, body, accept, by, reason, session };
    const answer = await endpoint.answer(this.#control, asked);
    const isTagged = endpoint.method === 'GET' && !endpoint.open;
    this.#respond(response, this.#whileLoggedIn(isTagged ? withTag(answer, known) : answer, identity));
  }

  /** What comes as it comes ends with the log-in that it was asked for by. */
  #whileLoggedIn(answer: AdminAnswer, identity: Identity | undefined): AdminAnswer {
    const { lines } = answer;
    const session = identity?.session?.session;
    if (lines === undefined || session === undefined) return answer;
    const bounded: Lines = (sink) => {
      const forget = this.#access.sessions.onEnd(session, () => sink.end(''));
      sink.onClosed(forget);
      lines(sink);
    };
    return { ...answer, lines: bounded };
  }

  #desk(request: IncomingMessage, body: Buffer, from: By, identity: Identity | undefined): SessionDesk {
    const cookie = this.#cookie;
    return {
      report: () => identity && reportOf(identity),
      logOut: () => {
        if (identity?.session !== undefined)
          this.#watcher.onOperator?.(namedBy(from, identity.user), { kind: 'log-out' });
        return this.#access.logOut(identity ?? { user: undefined, role: 'view' }, cookie);
      },
      logIn: async () => {
        const done = await this.#access.logIn({ request, body, source: sourceOf(request), cookie });
        if (done.kind === 'wrong') this.#watcher.onOperator?.(from, { kind: 'wrong log-in' });
        if (done.kind === 'done') this.#watcher.onOperator?.(namedBy(from, done.user), { kind: 'log-in' });
        return done.answer;
      },
    };
  }

  get #cookie(): { secure: boolean; port: number } {
    return { secure: this.#options.tls !== undefined, port: this.port };
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
  ): Admitted | { readonly path: string } | AdminAnswer {
    const method = request.method ?? '';
    const path = target instanceof GatewayError ? undefined : target.path;
    const found = path === undefined ? undefined : findEndpoint(method, path);
    const known = {
      host: this.#options.host,
      hosts: this.#access.hosts,
      hasCertificateFor: (name: string) => this.#options.tls?.hasName(name) === true,
    };
    // Whoever has the token is no page of somebody else; probes and Prometheus come by whatever name leads here, from other machines.
    const isForAll = found?.endpoint.open === true && method !== 'POST' && !isOwnHost(known.host);
    const isProgram = request.headers.authorization !== undefined || isForAll;
    if (!isProgram && !isKnownHost(request.headers.host, known)) return misdirected(known);
    if (found?.endpoint.open === true) return { ...found, identity: undefined };
    if (path !== undefined && (method === 'GET' || method === 'HEAD') && this.#console.has(path))
      return { path };
    const changes = method !== 'GET' && method !== 'HEAD';
    const identity = this.#access.identify(request, this.#cookie, changes);
    if (identity === undefined) {
      if (request.headers.authorization !== undefined) this.#watcher.onRefused(by);
      // Whoever may not see what there is learns nothing of it.
      return NOT_ALLOWED;
    }
    if ('status' in identity) return this.#refuse(namedBy(by, undefined), method, path, identity);
    if (target instanceof GatewayError) return refusal(target);
    if (found === undefined) return whyNone(method, target.path);
    if (found.endpoint.operates && identity.role !== 'operate')
      return this.#refuse(namedBy(by, identity.user), method, path, NEEDS_OPERATE);
    return { ...found, identity };
  }

  #refuse(by: By, method: string, path: string | undefined, answer: AdminAnswer): AdminAnswer {
    this.#watcher.onOperator?.(by, { kind: 'refused', what: `${method} ${path ?? ''}` });
    return answer;
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

interface Admitted extends MatchedEndpoint {
  /** Undefined: nobody was asked. */
  readonly identity: Identity | undefined;
}

const NEEDS_OPERATE = forbidden('it needs the role operate');

/** Of a config without them. */
const SESSIONS = { idleMs: 30 * 60_000, absoluteMs: 12 * 3_600_000 };

function accessIn({
  token,
  users = new Map(),
  sessions = SESSIONS,
  hosts = [],
}: Pick<AdminServerOptions, 'token' | 'users' | 'sessions' | 'hosts'>): AccessConfig {
  return { token, users, sessions, hosts };
}

function sourceOf({ socket }: IncomingMessage): string {
  return sourceKey(sourceAddress(socket.remoteAddress ?? ''));
}

/** Behind the address stands who it is: a log-in says it better than a certificate. */
function namedBy(from: By, user: string | undefined): By {
  return user === undefined ? from : `${from.split(' ')[0]} (${user})`;
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
