// A TCP or TLS port whose connections are passed on as they are: a session for each, never more than the limit.
import type net from 'node:net';
import type { ServerTls } from '../../certs/server-tls.ts';
import type { Peer } from '../../routing/message-view.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import type { GatewayError } from '../../src/errors.ts';
import type { Observers } from '../../src/observe/observer.ts';
import { TraceContext } from '../../src/observe/traces/trace-context.ts';
import type { Admission, RouteResolver } from '../../src/relay/route-resolver.ts';
import { TcpConnection } from '../../src/relay/tcp-scheduler.ts';
import { ConnectionAcceptor } from '../accept/connection-acceptor.ts';
import type { ConnectionSource } from '../accept/connection-source.ts';
import { createHalfOpenServer } from '../accept/half-open-server.ts';
import { admissionOf, type ConnectedSender, type Listener, type StrayCounts } from '../listener.ts';
import { TcpSession } from './tcp-session.ts';

export class TcpListener implements Listener {
  readonly name: string;
  readonly strays: Readonly<StrayCounts> = { skippedBytes: 0, emptyFrames: 0 };
  #config: ListenerConfig;
  #admission: Admission;
  readonly #routes: RouteResolver;
  readonly #observers: Observers;
  readonly #acceptor: ConnectionAcceptor;
  readonly #sessions = new Set<TcpSession>();
  #drained: (() => void) | undefined;

  /** `tls` exactly where the config has it. `source`: another process accepts the connections. */
  constructor(
    config: ListenerConfig,
    tls: ServerTls | undefined,
    routes: RouteResolver,
    observers: Observers,
    source?: ConnectionSource,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#admission = admissionOf(config);
    this.#routes = routes;
    this.#observers = observers;
    this.#acceptor = new ConnectionAcceptor(
      config,
      createHalfOpenServer(tls, (socket) => this.#serve(socket)),
      (error, peer) => this.#fault(error, peer),
      0,
      source,
    );
  }

  get port(): number {
    return this.#acceptor.port;
  }

  get address(): string {
    return this.#acceptor.address;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  get admission(): Admission {
    return this.#admission;
  }

  senders(): readonly ConnectedSender[] {
    return [...this.#sessions];
  }

  answerAfterMove(): boolean {
    return this.#acceptor.answerAfterMove();
  }

  /** For connections to come. */
  reconfigure(config: ListenerConfig): void {
    this.#config = config;
    this.#admission = admissionOf(config);
  }

  start(): Promise<void> {
    return this.#acceptor.listen();
  }

  close(): void {
    this.#acceptor.close();
  }

  /** Nothing tells where a connection may be ended: each goes on until one of its sides ends it, or `stop` does. */
  async drain(): Promise<void> {
    this.#acceptor.close();
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  stop(): void {
    this.#acceptor.close();
    for (const session of [...this.#sessions]) session.cut();
    this.#acceptor.destroyPending();
  }

  #serve(socket: net.Socket): void {
    // The acceptor has refused it.
    if (socket.destroyed) return;
    const record = new TcpConnection(this.name, this.#acceptor.peerOf(socket));
    const session = new TcpSession(socket, record, {
      config: this.#config,
      admission: this.#admission,
      routes: this.#routes,
      onCarried: (one) => this.#observers.onCarried(one),
      onOver: (one) => this.#onOver(one),
    });
    this.#sessions.add(session);
    session.start();
  }

  #onOver(session: TcpSession): void {
    this.#sessions.delete(session);
    this.#observers.onConnection(session.record);
    if (this.#sessions.size === 0) this.#drained?.();
  }

  #fault(error: GatewayError, peer?: Peer): void {
    this.#observers.onFault({
      listener: this.name,
      protocol: 'tcp',
      error,
      peer,
      header: undefined,
      trace: new TraceContext(),
    });
  }
}
