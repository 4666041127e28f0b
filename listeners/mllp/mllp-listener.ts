// A TCP or TLS port that takes MLLP: one session for each sender's connection, never more than the limit.

import type net from 'node:net';
import type { ServerTls } from '../../certs/server-tls.ts';
import type { Peer } from '../../routing/message-view.ts';
import type { ListenerConfig } from '../../src/config/config.ts';
import type { GatewayError } from '../../src/errors.ts';
import type { Header } from '../../src/hl7/header.ts';
import { frameMemory } from '../../src/mllp/frame-memory.ts';
import { SocketTransport } from '../../src/mllp/socket-transport.ts';
import type { Observers } from '../../src/observe/observer.ts';
import { TraceContext } from '../../src/observe/traces/trace-context.ts';
import type { Pipeline } from '../../src/relay/pipeline.ts';
import type { Admission } from '../../src/relay/route-resolver.ts';
import type { BufferBudget } from '../accept/buffer-budget.ts';
import { ConnectionAcceptor } from '../accept/connection-acceptor.ts';
import type { ConnectionSource } from '../accept/connection-source.ts';
import { createHalfOpenServer } from '../accept/half-open-server.ts';
import { admissionOf, type ConnectedSender, type Listener, type StrayCounts } from '../listener.ts';
import { MllpSession, type SessionWatcher } from './mllp-session.ts';

export class MllpListener implements Listener {
  readonly name: string;
  #config: ListenerConfig;
  readonly #acceptor: ConnectionAcceptor;
  #admission: Admission;
  readonly #relay: Pipeline;
  readonly #budget: BufferBudget;
  readonly #observers: Observers;
  readonly #sessions = new Set<MllpSession>();
  /** Of all of them. */
  readonly #watcher: SessionWatcher = {
    onMessage: (message) => this.#observers.onMessage(message),
    onOver: (message, isDelivered) => {
      message.endReply(isDelivered);
      this.#observers.onReply(message, isDelivered);
      message.giveBackMemory(frameMemory);
    },
    onFault: (error, from, header) => this.#fault(error, from, header),
    onFraming: (from, framing) => this.#observers.onFraming(this.name, from, framing),
    onClosed: (session) => this.#onClosed(session),
  };
  /** Of connections that have ended. */
  readonly #strays: StrayCounts = { skippedBytes: 0, emptyFrames: 0 };
  #draining = false;
  #drained: (() => void) | undefined;

  /** `tls` exactly where the config has it. `source`: another process accepts the connections. */
  constructor(
    config: ListenerConfig,
    tls: ServerTls | undefined,
    relay: Pipeline,
    budget: BufferBudget,
    observers: Observers,
    source?: ConnectionSource,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#admission = admissionOf(config);
    this.#relay = relay;
    this.#budget = budget;
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

  answerAfterMove(): boolean {
    return this.#acceptor.answerAfterMove();
  }

  reconfigure(config: ListenerConfig): void {
    this.#config = config;
    this.#admission = admissionOf(config);
    for (const session of this.#sessions) session.reconfigure(config, this.#admission);
  }

  start(): Promise<void> {
    return this.#acceptor.listen();
  }

  get strays(): StrayCounts {
    const strays = { ...this.#strays };
    for (const session of this.#sessions) add(strays, session);
    return strays;
  }

  senders(): readonly ConnectedSender[] {
    return [...this.#sessions];
  }

  close(): void {
    this.#acceptor.close();
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#acceptor.close();
    for (const session of [...this.#sessions]) session.drain();
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  stop(): void {
    this.#acceptor.close();
    for (const session of [...this.#sessions]) session.destroy();
    this.#acceptor.destroyPending();
  }

  #serve(socket: net.Socket): void {
    // The acceptor has refused it.
    if (socket.destroyed) return;
    const session = new MllpSession(
      new SocketTransport(socket),
      this.#acceptor.peerOf(socket),
      this.#config,
      this.#admission,
      this.#relay,
      this.#budget,
      this.#watcher,
    );
    this.#sessions.add(session);
    if (this.#draining) session.drain();
  }

  #onClosed(session: MllpSession): void {
    if (this.#sessions.delete(session)) add(this.#strays, session);
    if (this.#sessions.size === 0) this.#drained?.();
  }

  #fault(error: GatewayError, peer?: Peer, header?: Header): void {
    this.#observers.onFault({
      listener: this.name,
      protocol: 'mllp',
      error,
      peer,
      header,
      trace: new TraceContext(),
    });
  }
}

function add(sum: StrayCounts, { skippedBytes, emptyFrames }: StrayCounts): void {
  sum.skippedBytes += skippedBytes;
  sum.emptyFrames += emptyFrames;
}
