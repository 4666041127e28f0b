// A TCP or TLS port that takes MLLP: one session for each sender's connection, never more than the limit.
import net from 'node:net';
import tls from 'node:tls';
import { identityOf } from '../certs/identity.ts';
import type { ServerTls } from '../certs/server-tls.ts';
import { Allowance } from '../routing/allowance.ts';
import type { Peer } from '../routing/message-view.ts';
import type { ListenerConfig } from '../src/config/config.ts';
import { causeCode, GatewayError } from '../src/errors.ts';
import type { Header } from '../src/hl7/header.ts';
import { listenError } from '../src/listen-error.ts';
import type { Exchange } from '../src/relay/exchange.ts';
import type { Admission, Relay } from '../src/relay/relay.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Listener } from './listener.ts';
import { MllpSession, type SessionWatcher } from './mllp-session.ts';

/** Told of everything that happens on a listener. */
export interface ListenerWatcher {
  onExchange(exchange: Exchange, reply: string): void;
  /** `header`: of the message that it happened to, where one could be read. */
  onFault(listener: string, error: GatewayError, peer: Peer | undefined, header: Header | undefined): void;
}

/** The kernel's own cap on half-accepted connections is usually 4096; Node.js asks for 511 by default. */
const BACKLOG = 4096;

export class MllpListener implements Listener {
  readonly name: string;
  readonly #config: ListenerConfig;
  readonly #tls: ServerTls | undefined;
  readonly #admission: Admission;
  readonly #relay: Relay;
  readonly #budget: BufferBudget;
  readonly #watcher: ListenerWatcher;
  readonly #sessions = new Set<MllpSession>();
  /** TCP connections below TLS, also those whose handshake is not done, and whose they are. */
  readonly #raw = new Map<net.Socket, Peer>();
  #server: net.Server | undefined;
  #draining = false;
  #drained: (() => void) | undefined;

  /** `tls` exactly where the config has it. */
  constructor(
    config: ListenerConfig,
    tls: ServerTls | undefined,
    relay: Relay,
    budget: BufferBudget,
    watcher: ListenerWatcher,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#tls = tls;
    const { batch, missingControlId, allow } = config;
    this.#admission = { batch, missingControlId, allowance: allow && new Allowance(allow) };
    this.#relay = relay;
    this.#budget = budget;
    this.#watcher = watcher;
  }

  get port(): number {
    const bound = this.#server?.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.#config.bind.port;
  }

  get address(): string {
    const { host } = this.#config.bind;
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  async start(): Promise<void> {
    const server = this.#createServer();
    server.maxConnections = this.#config.limits.maxConnections;
    // F28: Node.js has accepted and closed it; it is never left unread.
    server.on('drop', (dropped) => {
      this.#fault(
        new GatewayError('GW_ERR_SENDER_LIMIT'),
        peerOf(dropped?.remoteAddress, dropped?.remotePort),
      );
    });
    this.#server = server;
    const { host, port } = this.#config.bind;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void =>
        reject(listenError(`listener ${this.name} on`, host, port, cause));
      server.once('error', refuse);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', refuse);
        server.on('error', (cause) =>
          this.#fault(new GatewayError('GW_ERR_LISTEN', { detail: causeCode(cause), cause })),
        );
        resolve();
      });
    });
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#server?.close();
    for (const session of [...this.#sessions]) session.drain();
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  stop(): void {
    this.#server?.close();
    for (const session of [...this.#sessions]) session.destroy();
    for (const socket of this.#raw.keys()) socket.destroy();
  }

  #createServer(): net.Server {
    // F25: a sender may close its side and still wait for its answers.
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
    const secure = this.#tls;
    if (secure === undefined) {
      return net.createServer(options, (socket) =>
        this.#serve(socket, peerOf(socket.remoteAddress, socket.remotePort)),
      );
    }
    const server = tls.createServer({ ...options, ...secure.options }, (socket) => {
      const peer = peerOf(socket.remoteAddress, socket.remotePort);
      const identity = identityOf(socket);
      if (identity === undefined && this.#config.tls?.requireClientCert === true) {
        this.#fault(new GatewayError('GW_ERR_SENDER_TLS', { detail: 'CERT_HAS_EXPIRED' }), peer);
        socket.destroy();
      } else this.#serve(socket, { ...peer, tls: identity });
    });
    secure.attach(server);
    server.on('connection', (socket: net.Socket) => {
      this.#raw.set(socket, peerOf(socket.remoteAddress, socket.remotePort));
      // Later than the events of the TLS connection that is closed with it, which need the peer.
      socket.once('close', () => setImmediate(() => this.#raw.delete(socket)));
    });
    this.#limitHandshakes(server, this.#config.tls?.maxHandshakes ?? Number.POSITIVE_INFINITY);
    server.on('tlsClientError', (cause, socket) => {
      const peer = this.#peerBelow(socket);
      // A client certificate that is refused comes as ECONNRESET too; why, Node.js leaves on the socket.
      const refused: unknown = socket.authorizationError;
      const detail = typeof refused === 'string' ? refused : causeCode(cause);
      // F27: a balancer's probe connects and closes; that is no failed handshake.
      if (detail !== 'ECONNRESET')
        this.#fault(new GatewayError('GW_ERR_SENDER_TLS', { detail, cause }), peer);
      // After a handshake timeout Node.js leaves the connection open, and with it a place under maxConnections.
      socket.destroy();
    });
    return server;
  }

  /**
   * When a client certificate is refused, Node.js says so only after the socket is gone and knows its address no more.
   * The TCP connection below is known to Node.js under a name without documentation; should it go, so does the address.
   */
  #peerBelow(socket: tls.TLSSocket): Peer {
    const below: unknown = Reflect.get(socket, '_parent');
    const peer = below instanceof net.Socket ? this.#raw.get(below) : undefined;
    return peer ?? peerOf(socket.remoteAddress, socket.remotePort);
  }

  /** A handshake costs more than a hundred messages: a flood of them must not take the core from those who send. */
  #limitHandshakes(server: tls.Server, maxHandshakes: number): void {
    const inProgress = new Set<string>();
    server.on('connection', (socket: net.Socket) => {
      const from = `${socket.remoteAddress} ${socket.remotePort}`;
      if (inProgress.size >= maxHandshakes) {
        this.#fault(
          new GatewayError('GW_ERR_SENDER_HANDSHAKES'),
          peerOf(socket.remoteAddress, socket.remotePort),
        );
        socket.destroy();
        return;
      }
      inProgress.add(from);
      socket.once('close', () => inProgress.delete(from));
    });
    server.on('secureConnection', (socket) =>
      inProgress.delete(`${socket.remoteAddress} ${socket.remotePort}`),
    );
  }

  #serve(socket: net.Socket, peer: Peer): void {
    const watcher: SessionWatcher = {
      onExchange: (exchange, reply) => this.#watcher.onExchange(exchange, reply),
      onFault: (error, from, header) => this.#fault(error, from, header),
      onClosed: (session) => this.#onClosed(session),
    };
    const session = new MllpSession(
      socket,
      peer,
      this.#config,
      this.#admission,
      this.#relay,
      this.#budget,
      watcher,
    );
    this.#sessions.add(session);
    if (this.#draining) session.drain();
  }

  #onClosed(session: MllpSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#drained?.();
  }

  #fault(error: GatewayError, peer?: Peer, header?: Header): void {
    this.#watcher.onFault(this.name, error, peer, header);
  }
}

function peerOf(address: string | undefined, port: number | undefined): Peer {
  return { address: address ?? '', port: port ?? 0 };
}
