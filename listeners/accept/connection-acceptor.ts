// What every listener has in front of its protocol's server: the port, how many may come in, TLS handshakes, and PROXY
// headers. Promises that each connection is counted from its first packet, and to say whose it is.
import net from 'node:net';
import type tls from 'node:tls';
import { identityOf } from '../../certs/identity.ts';
import type { Peer } from '../../routing/message-view.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import { causeCode, GatewayError } from '../../src/errors.ts';
import { listenError } from '../../src/listen-error.ts';
import { answerFromLostAddress } from '../../src/platform/client-source.ts';
import { platform } from '../../src/platform/current.ts';
import { isTlsServer } from '../../src/tls-kinds.ts';
import type { ConnectionSource } from './connection-source.ts';
import { FirstByte } from './first-byte.ts';
import { ProxyProtocolAcceptor, reportedBy } from './proxy-protocol-acceptor.ts';
import { SourceConnections } from './source-connections.ts';

/** The kernel's own cap on half-accepted connections is usually 4096; Node.js asks for 511 by default. */
export const LISTEN_BACKLOG = 4096;
/** Firewalls forget a silent connection after minutes, some after one; a dead sender is found out before that. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Node.js has a default of its own only from where a handshake begins. */
const HANDSHAKE_MS = 120_000;

/** Not the balancer's, which could pass for a sender's. No range holds it. */
const NOBODY: Peer = { address: '', port: 0 };

export class ConnectionAcceptor {
  readonly #config: ListenerConfig;
  readonly #server: net.Server;
  /** The server itself, or the one that takes connections for it which begin with a PROXY header or a handshake. */
  readonly #front: net.Server;
  readonly #entrance: ProxyProtocolAcceptor | undefined;
  readonly #onFault: (error: GatewayError, peer: Peer | undefined) => void;
  readonly #source: ConnectionSource | undefined;
  #leaveSource: (() => void) | undefined;
  /** Before TLS. */
  readonly #firstByte: FirstByte | undefined;
  readonly #bySource: SourceConnections | undefined;
  readonly #handshaking = new Set<net.Socket>();
  /** By TCP socket; only where there is more to say than the socket does, or does once it is closed. */
  readonly #peers = new WeakMap<net.Socket, Peer>();

  /**
   * `server`: the protocol's own (net.Server, tls.Server, http.Server, http2's secure server), which nobody else listens
   * with. What comes out of it may be destroyed already, if it was refused. With PROXY headers and TLS it counts no
   * connections, so its 'close' does not tell that the last has ended. `surplus`: connections beyond `maxConnections` that the
   * protocol takes to tell them so (F103). `source`: another process accepts the connections, and counts them.
   */
  constructor(
    config: ListenerConfig,
    server: net.Server,
    onFault: (error: GatewayError, peer: Peer | undefined) => void,
    surplus = 0,
    source?: ConnectionSource,
  ) {
    this.#source = source;
    this.#config = config;
    this.#server = server;
    this.#onFault = onFault;
    const { maxConnectionsPerSource } = config.limits;
    // Who accepts connections counts them.
    if (maxConnectionsPerSource !== undefined && source === undefined)
      this.#bySource = new SourceConnections(maxConnectionsPerSource);
    if (isTlsServer(server))
      this.#firstByte = new FirstByte(config.tls?.handshakeTimeoutMs ?? HANDSHAKE_MS, {
        onFirstByte: (socket) => server.emit('connection', socket),
        onSilence: (socket) => {
          const error = new GatewayError('GW_ERR_SENDER_TLS', { detail: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
          onFault(error, this.peerOf(socket));
        },
      });
    const goOn = (socket: net.Socket): void => {
      if (this.#firstByte !== undefined) this.#firstByte.await(socket);
      else server.emit('connection', socket);
    };
    if (config.proxyProtocol)
      this.#entrance = new ProxyProtocolAcceptor(config, {
        onHeader: (socket, peer) => {
          this.#peers.set(socket, peer);
          if (this.#isWithinLimit(socket, peer)) goOn(socket);
        },
        onFault,
      });
    const entrance = this.#entrance;
    const admit = entrance === undefined ? goOn : (socket: net.Socket) => entrance.admit(socket);
    // As the server itself would have them: half-open (F25; http.Server always), but not below TLS.
    const allowHalfOpen = this.#firstByte === undefined;
    const isBefore =
      config.proxyProtocol ||
      this.#firstByte !== undefined ||
      (platform.hasOnlyPlainServers && config.protocol === 'http');
    this.#front = isBefore
      ? platform.createServer({ allowHalfOpen }, (socket) => {
          if (!socket.destroyed) admit(socket);
        })
      : server;
    if (!config.proxyProtocol)
      this.#front.prependListener('connection', (socket) => this.#isWithinLimit(socket, reportedBy(socket)));
    this.#front.prependListener('connection', (socket) => {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    });
    this.#front.maxConnections = config.limits.maxConnections + surplus;
    // F28: Node.js has accepted and closed it; it is never left unread.
    this.#front.on('drop', (dropped) =>
      onFault(new GatewayError('GW_ERR_SENDER_LIMIT'), reportedBy(dropped ?? {})),
    );
    if (isTlsServer(server)) this.#guardHandshakes(server);
  }

  get port(): number {
    const told = this.#source?.portOf(this.#config.name);
    if (told !== undefined) return told;
    const bound = this.#front.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.#config.bind.port;
  }

  get address(): string {
    const { host } = this.#config.bind;
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /**
   * Binds.
   *
   * @throws GatewayError GW_ERR_LISTEN
   */
  async listen(): Promise<void> {
    const front = this.#front;
    if (this.#source !== undefined) {
      this.#leaveSource = this.#source.register(this.#config.name, (socket) => {
        socket.allowHalfOpen = Reflect.get(front, 'allowHalfOpen') === true;
        front.emit('connection', socket);
      });
      this.#server.emit('listening');
      return;
    }
    const { name, bind, reusePort } = this.#config;
    const { host, port } = bind;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void => reject(listenError(`listener ${name} on`, host, port, cause));
      front.once('error', refuse);
      front.listen({ host, port, backlog: LISTEN_BACKLOG, reusePort }, () => {
        front.off('error', refuse);
        front.on('error', (cause) =>
          this.#onFault(new GatewayError('GW_ERR_LISTEN', { detail: causeCode(cause), cause }), undefined),
        );
        resolve();
      });
    });
    // HTTP servers of Node.js begin to watch their deadlines at this event.
    if (front !== this.#server) this.#server.emit('listening');
  }

  /** See `Listener`. */
  answerAfterMove(): boolean {
    return this.#source === undefined && answerFromLostAddress(this.#front);
  }

  /** Accepts no more. */
  close(): void {
    this.#leaveSource?.();
    this.#front.close();
    // HTTP servers of Node.js end idle connections with it.
    if (this.#front !== this.#server) this.#server.close();
  }

  /** Ends every connection that is not yet the protocol's: those that wait for a PROXY header, or for a handshake. */
  destroyPending(): void {
    this.#entrance?.destroy();
    this.#firstByte?.destroy();
    for (const socket of this.#handshaking) socket.destroy();
  }

  /**
   * Whose a connection is, by its TCP or TLS socket: as the PROXY header says, else as the socket reports it; with the
   * TLS identity of who showed a certificate.
   */
  peerOf(socket: net.Socket): Peer {
    const known = this.#peers.get(tcpBelow(socket));
    if (known !== undefined) return known;
    return this.#entrance === undefined ? reportedBy(socket) : NOBODY;
  }

  /** F119: one address must not take every place. False: it is closed. */
  #isWithinLimit(socket: net.Socket, peer: Peer): boolean {
    if (this.#bySource === undefined) return true;
    const release = this.#bySource.take(peer.address);
    if (release !== undefined) {
      socket.once('close', release);
      return true;
    }
    this.#onFault(
      new GatewayError('GW_ERR_SENDER_LIMIT', { detail: 'limits.maxConnectionsPerSource' }),
      peer,
    );
    socket.destroy();
    return false;
  }

  #guardHandshakes(server: tls.Server): void {
    const { maxHandshakes, requireClientCert } = this.#config.tls ?? {
      maxHandshakes: Number.POSITIVE_INFINITY,
      requireClientCert: false,
    };
    server.on('connection', (socket) => {
      const peer = this.peerOf(socket);
      // A handshake costs more than a hundred messages: a flood of them must not take the core from those who send.
      if (this.#handshaking.size >= maxHandshakes) {
        this.#onFault(new GatewayError('GW_ERR_SENDER_HANDSHAKES'), peer);
        socket.destroy();
        return;
      }
      // When a client certificate is refused, Node.js says so only after the socket is gone and knows its address no more.
      this.#peers.set(socket, peer);
      this.#handshaking.add(socket);
      socket.once('close', () => this.#handshaking.delete(socket));
    });
    // Before the protocol's own listener, which could read from it.
    server.prependListener('secureConnection', (socket) => {
      const below = tcpBelow(socket);
      this.#handshaking.delete(below);
      const peer = this.peerOf(socket);
      const identity = identityOf(socket);
      if (identity === undefined && requireClientCert) {
        this.#onFault(new GatewayError('GW_ERR_SENDER_TLS', { detail: 'CERT_HAS_EXPIRED' }), peer);
        socket.destroy();
      } else this.#peers.set(below, { ...peer, tls: identity });
    });
    server.on('tlsClientError', (cause, socket) => {
      const peer = this.peerOf(socket);
      // A client certificate that is refused comes as ECONNRESET too; why, Node.js leaves on the socket.
      const refused: unknown = socket.authorizationError;
      const detail = typeof refused === 'string' ? refused : causeCode(cause);
      // F27: a balancer's probe connects and closes; that is no failed handshake.
      if (detail !== 'ECONNRESET')
        this.#onFault(new GatewayError('GW_ERR_SENDER_TLS', { detail, cause }), peer);
      // After a handshake timeout Node.js leaves the connection open, and with it a place under maxConnections.
      socket.destroy();
    });
  }
}

/**
 * The TCP socket below a TLS one, which Node.js knows under a name without documentation, and which http2's stand-ins for
 * sockets pass on; itself where there is none.
 */
function tcpBelow(socket: net.Socket): net.Socket {
  const below: unknown = Reflect.get(socket, '_parent');
  return below instanceof net.Socket ? below : socket;
}
